"""Divide a target's alerts into stories, and report each: an incident, an unstable spell, or a notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from heartline.common.text import sanitize
from heartline.messages.context import AlertContext
from heartline.messages.details import commands, last_hours
from heartline.messages.notice_reports import NOTICES
from heartline.messages.outage_reports import OUTAGES
from heartline.messages.report import Report
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind
from heartline.model.target import Target

# A tick sends what it decides within seconds; what is older than a tick and a bit has waited for a later one.
_LATE = timedelta(seconds=90)
_MOST_VALUE = 700
_REPORTS = {**OUTAGES, **NOTICES}


def bundles(alerts: Sequence[Alert]) -> list[tuple[Alert, ...]]:
    """Group a target's alerts, oldest first, into what one report each tells: neighbours of the same story."""
    groups: list[list[Alert]] = []
    for alert in alerts:
        if groups and _story(groups[-1][-1]) == _story(alert):
            groups[-1].append(alert)
        else:
            groups.append([alert])
    return [tuple(group) for group in groups]


def _story(alert: Alert) -> str:
    if alert.flapping:
        return alert.flapping.id
    return alert.incident.id if alert.incident else alert.id


def report(bundle: Sequence[Alert], target: Target, context: AlertContext, now: datetime) -> Report:
    """Say what the alerts of one story tell.

    Parameters
    ----------
    bundle
        The alerts, oldest first; at least one, of one incident or one spell.
    target
        Whose alerts they are, and in which language and time zone its readers are.
    fleet
        What is known beside them.
    now
        When the mail leaves, to say how late it is.
    """
    wording, last = Wording.of(target), bundle[-1]
    made = _REPORTS[last.kind](bundle, wording)
    if last.kind is AlertKind.TEST:
        return made
    drawn, lately = last_hours(last, context, wording)
    incident = ((wording.say("row.incident"), last.incident.id),) if last.incident else ()
    return replace(
        made,
        sentences=(*_late(bundle[0], now, wording), *made.sentences),
        rows=tuple((label, sanitize(value, _MOST_VALUE)) for label, value in (*made.rows, *lately, *incident)),
        strip=drawn,
        legend=wording.say("value.lately", at=wording.when(last.at)) if drawn else "",
        commands=commands(last, context, wording) if last.failure else (),
    )


def _late(first: Alert, now: datetime, wording: Wording) -> tuple[str, ...]:
    """Say how late a mail is, and why as far as that is known."""
    late = now - first.at
    if late < _LATE:
        return ()
    words = {"length": wording.length(late), "at": wording.when(first.at)}
    if first.refused:
        return (wording.say("sentence.late_refused", reason=first.refused, **words),)
    return (wording.say("sentence.late", **words),)
