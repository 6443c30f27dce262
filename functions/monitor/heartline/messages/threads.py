"""Divide a target's alerts by what they are about (an incident, a flapping period, a notice), and report each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from heartline.common.text import sanitize
from heartline.messages.context import AlertContext
from heartline.messages.details import command_rows, timeline_and_count
from heartline.messages.flapping_reports import FLAPPING_REPORTS
from heartline.messages.notice_reports import NOTICE_REPORTS
from heartline.messages.outage_reports import OUTAGE_REPORTS
from heartline.messages.rds import rds_rows, rds_sentences
from heartline.messages.report import Report
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind
from heartline.model.target import Target

# A tick sends what it decides within seconds; what is older than a tick and a bit has waited for a later one.
_LATE = timedelta(seconds=90)
_MAX_VALUE = 700
_REPORTS = {**OUTAGE_REPORTS, **FLAPPING_REPORTS, **NOTICE_REPORTS}


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
    report = _REPORTS[last.kind](thread, wording)
    if last.kind is AlertKind.TEST:
        return report
    timeline, count = timeline_and_count(last, context, wording)
    facts = context.rds.get(last.target)
    said, rows = (rds_sentences(last, facts, wording), rds_rows(facts, wording)) if facts else ((), ())
    incident = ((wording.text("row.incident"), last.incident.id),) if last.incident else ()
    return replace(
        report,
        sentences=(*_late(thread[0], now, wording), *said, *report.sentences),
        rows=tuple((label, sanitize(value, _MAX_VALUE)) for label, value in (*report.rows, *rows, *count, *incident)),
        timeline=timeline,
        timeline_legend=wording.text("value.lately", at=wording.when(last.at)) if timeline else "",
        commands=command_rows(last, context, wording) if last.failure else (),
    )


def _late(first: Alert, now: datetime, wording: Wording) -> tuple[str, ...]:
    """Return how late a mail is, and why if that is known; nothing if it is in time."""
    late = now - first.at
    if late < _LATE:
        return ()
    words = {"length": wording.length(late), "at": wording.when(first.at)}
    if first.refused:
        return (wording.text("sentence.late_refused", reason=first.refused, **words),)
    return (wording.text("sentence.late", **words),)
