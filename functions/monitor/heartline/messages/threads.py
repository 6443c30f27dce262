"""Divide a target's alerts by what they are about (an incident, a flapping period, a notice), and report each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from heartline.common.text import sanitize
from heartline.messages.condition_reports import condition_report, median_rows
from heartline.messages.context import AlertContext
from heartline.messages.details import command_rows, timeline_and_count
from heartline.messages.flapping_reports import flapping, stable
from heartline.messages.links import dashboard_link, links
from heartline.messages.notice_reports import changed, test, unwatched, watched
from heartline.messages.outage_reports import down, recovered
from heartline.messages.rds import rds_rows, rds_sentence
from heartline.messages.report import Report
from heartline.messages.subjects import topic
from heartline.messages.undelivered_report import not_delivered
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.belief import Believed, Flapping, Tally
from heartline.model.condition import Condition
from heartline.model.incident import Change, Incident
from heartline.model.kinds import AlertKind
from heartline.model.observation import Failure
from heartline.model.target import Target
from heartline.model.undelivered import NotDelivered

# A tick sends what it decides within seconds; what is older than a tick and a bit has waited for a later one.
_LATE = timedelta(seconds=90)
_MAX_VALUE = 700
# The values of X-Heartline-Status of what happened, and does not last.
_EVENTS = frozenset({"notice", "test"})
_NOTICES = {AlertKind.TEST: test, AlertKind.WATCHED: watched, AlertKind.UNWATCHED: unwatched}


def split_threads(alerts: Sequence[Alert]) -> list[tuple[Alert, ...]]:
    """Return a target's alerts, oldest first, in groups of neighbours that one report covers each."""
    return [tuple(group) for _, group in groupby(alerts, _thread_id)]


def _thread_id(alert: Alert) -> str:
    if alert.flapping:
        return alert.flapping.id
    return alert.incident.id if alert.incident else alert.id


def build_report(thread: Sequence[Alert], target: Target, context: AlertContext, now: datetime) -> Report:
    """Return the report of the alerts of one thread.

    Parameters
    ----------
    thread
        The alerts, oldest first; at least one, all of one incident or one flapping period.
    target
        The target that they are about; it has the language and the time zone.
    context
        What is known beside the alerts.
    now
        When the mail leaves, to say how late it is.
    """
    wording, last = Wording.of(target), thread[-1]
    report = _report(thread, wording)
    report = replace(
        report,
        details=(*report.details, wording.state(report.label)),
        topic=topic([report.name], thread_began(last), wording),
        when=when(report.gist, report.since, report.status, wording),
        dashboard=dashboard_link(context, wording),
        links=links(last.endpoint.host, context, wording),
    )
    if last.kind is AlertKind.TEST:
        return report
    timeline, count = timeline_and_count(last, context, wording)
    facts = context.rds.get(last.target)
    rows = (*(rds_rows(facts, wording) if facts else ()), *median_rows(last, context, wording))
    said = rds_sentence(last, facts, wording) if facts else ""
    incident = ((wording.text("row.incident"), last.incident.id),) if last.incident else ()
    return replace(
        report,
        late=_late(thread[0], now, wording),
        # What explains a change is a fact; what RDS says of a failure comes first.
        first_step=report.first_step if last.change else " ".join(filter(None, (said, report.first_step))),
        sentences=(said, *report.sentences) if last.change and said else report.sentences,
        rows=tuple((label, sanitize(value, _MAX_VALUE)) for label, value in (*report.rows, *rows, *count, *incident)),
        timeline=timeline,
        commands=command_rows(last, context, wording) if last.failure else (),
    )


def when(gist: str, since: str, status: str, wording: Wording) -> str:
    """Return what is wrong since when, or what happened when."""
    time = since if status in _EVENTS else wording.text("value.since", at=since)
    return f"{gist} · {time}" if gist else time


def thread_began(alert: Alert) -> datetime:
    """Return the moment that stands in the subject of each alert of a thread: it stays the same to the end."""
    if alert.flapping:
        return alert.flapping.start.at
    if alert.condition:
        return alert.condition.since
    return alert.incident.began if alert.incident else alert.at


def _report(thread: Sequence[Alert], wording: Wording) -> Report:
    """Return the report that fits what the last alert is about."""
    match last := thread[-1]:
        case NotDelivered():
            return not_delivered(last, wording)
        case Alert() if last.kind in _NOTICES:
            return _NOTICES[last.kind](last, wording)
        case Alert(condition=Condition() as condition):
            return condition_report(last, condition, wording)
        case Alert(change=Change() as change):
            return changed(last, change, wording)
    return _report_outage(thread, wording)


def _report_outage(thread: Sequence[Alert], wording: Wording) -> Report:
    match last := thread[-1]:
        case Alert(kind=AlertKind.STABLE, flapping=Flapping() as known, total=Tally() as total):
            return stable(thread, known, total, wording)
        case Alert(kind=AlertKind.FLAPPING, total=Tally() as total):
            return flapping(last, total, wording)
        case Alert(believed=Believed.FLAPPING, total=Tally() as total):
            return flapping(last, total, wording)
        case Alert(kind=AlertKind.RECOVERED, incident=Incident() as incident):
            return recovered(thread, incident, wording)
        case Alert(failure=Failure() as failure, incident=Incident() as incident):
            return down(thread, failure, incident, wording)
    raise ValueError(f"an alert of kind {last.kind} lacks what it is about")


def _late(first: Alert, now: datetime, wording: Wording) -> str:
    """Return how late a mail is, and why if that is known; empty if it is in time."""
    late = now - first.at
    if late < _LATE:
        return ""
    words = {"length": wording.length(late), "at": wording.when(first.at)}
    if first.refused:
        return wording.text("sentence.late_refused", reason=first.refused, **words)
    return wording.text("sentence.late", **words)
