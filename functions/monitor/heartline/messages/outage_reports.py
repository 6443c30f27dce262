"""Report the alerts of one outage: down, a reminder, recovered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from heartline.messages.details import (
    change_row,
    endpoint_rows,
    failed_rows,
    failure_rows,
    recovered_rows,
    reminder_row,
)
from heartline.messages.flapping_reports import flapping
from heartline.messages.phase_bars import phase_bars
from heartline.messages.report import Report
from heartline.messages.sentences import gaps, next_step, settle, tally_sentence, verdict
from heartline.messages.severity import severity_words
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.belief import Believed
from heartline.model.incident import Incident
from heartline.model.kinds import AlertKind
from heartline.model.observation import Failure


def _down(thread: Sequence[Alert], wording: Wording) -> Report:
    first, last, failure, incident = thread[0], thread[-1], failure_of(thread[-1]), incident_of(thread[-1])
    severity, form = severity_words(failure), _form(first)
    raised = first.previous if form == "raised" else None
    words = {
        "target": last.target,
        "cause": wording.cause(failure),
        "short": wording.short(failure),
        "at": _clock(incident.began, last.at),
        "length": wording.length(last.at - (incident.severity_since or incident.began)),
        "before": wording.short(raised) if raised else "",
        "outages": last.total.counts.outages if last.total else 1,
        "flapping": wording.length(last.at - last.total.since) if last.total else "",
    }
    rows = [*endpoint_rows(last, wording), *failed_rows(incident, wording), *failure_rows(failure, wording)]
    if raised or (last.previous and last.previous.kind is not failure.kind):
        rows.append((wording.text("row.before"), wording.short(raised or last.previous or failure)))
    return Report(
        last,
        f"STILL {severity.label}" if form == "reminder" else severity.label,
        wording.text(f"subject.{form}", **words),
        wording.text(f"headline.{form}{'' if form in _ALIKE else severity.suffix}", **words),
        severity.status,
        (verdict(failure, wording), *_summed_up(last, wording), *gaps(incident, wording), next_step(failure, wording)),
        (*rows, reminder_row(last, wording)),
        short_summary=wording.short(failure),
        phase_bars=phase_bars(last, wording),
    )


# These say the cause alone, or of an outage alone.
_ALIKE = frozenset({"down", "raised"})


def _form(alert: Alert) -> str:
    """Return the name of the texts: down, down again while it flaps, an outage after all, or a reminder."""
    if alert.kind is AlertKind.REMINDER:
        again = alert.flapping and alert.tally and alert.incident and alert.incident.began > alert.tally.since
        return "down_again" if again else "reminder"
    if alert.flapping:
        return "down_again" if alert.total and alert.total.counts.outages > 1 else "down"
    return "raised" if alert.previous else "down"


def _summed_up(alert: Alert, wording: Wording) -> tuple[str, ...]:
    found = alert.tally if alert.kind is AlertKind.REMINDER else alert.total
    tally = (tally_sentence(found, wording),) if found else ()
    return (*tally, settle(alert, wording)) if alert.flapping else tally


def _reminder(thread: Sequence[Alert], wording: Wording) -> Report:
    return flapping(thread, wording) if thread[-1].believed is Believed.FLAPPING else _down(thread, wording)


def _clock(at: datetime, now: datetime) -> str:
    day = "" if at.date() == now.date() else "%m-%d "
    return f"{at.strftime(f'{day}%H:%M')} UTC"


def _recovered(thread: Sequence[Alert], wording: Wording) -> Report:
    last, incident = thread[-1], incident_of(thread[-1])
    unheard = thread[0].kind is AlertKind.DOWN
    suffix = severity_words(last.previous).suffix if last.previous else ""
    # In a quiet time it may have gone down again before its recovery could be sent.
    again = "_again" if last.failure else suffix
    ended = incident.ended or last.at
    words = {
        "target": last.target,
        "length": _duration(last, incident, ended, wording),
        "at": wording.when(ended),
    }
    summary = wording.text(f"subject.late_recovered{suffix}" if unheard else f"subject.recovered{again}", **words)
    return Report(
        last,
        "RECOVERED",
        summary,
        wording.text(f"headline.recovered{again}", **words),
        "up",
        (*((wording.text("sentence.unheard_down"),) if unheard else ()), *gaps(incident, wording)),
        _recovered_rows(last, incident, wording),
        short_summary=wording.text("subject.recovered", **words),
        phase_bars=() if last.failure else phase_bars(last, wording),
    )


def _recovered_rows(last: Alert, incident: Incident, wording: Wording) -> tuple[tuple[str, str], ...]:
    rows = [*endpoint_rows(last, wording), *failed_rows(incident, wording), *recovered_rows(incident, wording)]
    rows += [change_row(change, wording) for change in incident.changes]
    if last.previous:
        rows += [(wording.text("row.before"), wording.cause(last.previous)), *failure_rows(last.previous, wording)]
    return tuple(rows)


def _duration(last: Alert, incident: Incident, ended: datetime, wording: Wording) -> str:
    """Return how long an incident, or the outage in it, lasted; an upper bound where part of it was not observed."""
    whole = incident.severity_since is None or (last.previous and last.previous.kind.misconfigured)
    lasted = wording.length(ended - incident.began if whole else timedelta(seconds=incident.outage_seconds))
    unsure = any(gap.ended > incident.began for gap in incident.unobserved)
    return wording.text("length.at_most", length=lasted) if unsure else lasted


def failure_of(alert: Alert) -> Failure:
    """Return the failure of an alert about a target that is down."""
    assert alert.failure is not None  # noqa: S101 - decide sets it in each alert of what is down
    return alert.failure


def incident_of(alert: Alert) -> Incident:
    """Return the incident of an alert about an outage."""
    assert alert.incident is not None  # noqa: S101 - decide sets it in each alert of an outage
    return alert.incident


OUTAGE_REPORTS: Mapping[AlertKind, Callable[[Sequence[Alert], Wording], Report]] = {
    AlertKind.DOWN: _down,
    AlertKind.REMINDER: _reminder,
    AlertKind.RECOVERED: _recovered,
}
