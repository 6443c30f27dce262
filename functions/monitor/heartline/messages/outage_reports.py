"""Report the alerts of one outage: down, a reminder, recovered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from heartline.messages.details import (
    Rows,
    change_row,
    endpoint_rows,
    failed_rows,
    failure_rows,
    recovered_rows,
    reminder_row,
)
from heartline.messages.phase_bars import phase_bars
from heartline.messages.report import Report
from heartline.messages.sentences import gaps, settle, tally_sentence, verdict
from heartline.messages.severity import severity_words
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Incident
from heartline.model.kinds import AlertKind
from heartline.model.observation import Failure


def down(thread: Sequence[Alert], failure: Failure, incident: Incident, wording: Wording) -> Report:
    """Report that a target is down, for the first time or still."""
    first, last = thread[0], thread[-1]
    severity, form = severity_words(failure), _form(first)
    raised, since = first.previous if form == "raised" else None, incident.severity_since or incident.began
    words = {
        "target": last.target,
        "cause": wording.cause(failure),
        "short": wording.short(failure),
        "length": wording.length(last.at - since),
        "before": wording.short(raised) if raised else "",
        "outages": last.total.counts.outages if last.total else 1,
        "flapping": wording.length(last.at - last.total.since) if last.total else "",
    }
    rows = [*endpoint_rows(last, wording), *failed_rows(incident, wording), *failure_rows(failure, wording)]
    if raised or (last.previous and last.previous.kind is not failure.kind):
        rows.append((wording.text("row.before"), wording.short(raised or last.previous or failure)))
    label = f"STILL {severity.label}" if form == "reminder" else severity.label
    return Report(
        last,
        label,
        severity.status,
        *_said(form, severity.suffix, failure, words, wording),
        wording.clock(since, last.at),
        _details(form, wording.state(label), failure, words, wording),
        first_step=wording.next_step(failure),
        sentences=(verdict(failure, wording), *_summed_up(last, wording), *gaps(incident, wording)),
        rows=(*rows, reminder_row(last, wording)),
        phase_bars=phase_bars(last, wording),
    )


def _said(form: str, suffix: str, failure: Failure, words: Mapping[str, object], wording: Wording) -> tuple[str, str]:
    """Return what is wrong in a sentence, and in a few words."""
    if form == "down":
        return wording.cause(failure), wording.short(failure)
    # The one speaks of an outage alone.
    headline = f"headline.{form}{'' if form == 'raised' else suffix}"
    return wording.text(headline, **words), wording.text(f"gist.{form}", **words)


def _form(alert: Alert) -> str:
    """Return the name of the texts: down, down again while it flaps, an outage after all, or a reminder."""
    if alert.kind is AlertKind.REMINDER:
        again = alert.flapping and alert.tally and alert.incident and alert.incident.began > alert.tally.since
        return "down_again" if again else "reminder"
    if alert.flapping:
        return "down_again" if alert.total and alert.total.counts.outages > 1 else "down"
    return "raised" if alert.previous else "down"


def _details(form: str, state: str, failure: Failure, words: Mapping[str, object], wording: Wording) -> tuple[str, ...]:
    """Return what the subject's bracket may say: how long, how often, or else why."""
    if form == "reminder":
        return (wording.text("subject.lasting", label=state, length=words["length"]),)
    again = {"label": state, "outages": words["outages"], "length": words["flapping"]}
    often = (wording.text("subject.again", **again),) if form == "down_again" else ()
    return (*often, *(wording.text("subject.down", label=state, short=short) for short in wording.shorts(failure)))


def _summed_up(alert: Alert, wording: Wording) -> tuple[str, ...]:
    found = alert.tally if alert.kind is AlertKind.REMINDER else alert.total
    tally = (tally_sentence(found, alert.failure, wording),) if found else ()
    return (*tally, settle(alert, wording)) if alert.flapping else tally


def recovered(thread: Sequence[Alert], incident: Incident, wording: Wording) -> Report:
    """Report that an outage is over."""
    last, ended = thread[-1], incident.ended or thread[-1].at
    suffix = severity_words(last.previous).suffix if last.previous else ""
    unheard = (wording.text(f"sentence.unheard_down{suffix}"),) if thread[0].kind is AlertKind.DOWN else ()
    # In a quiet time it may have gone down again before its recovery could be sent.
    form = "_again" if last.failure else suffix
    length = _duration(last, incident, ended, wording)
    words = {"target": last.target, "length": length, "at": wording.when(ended)}
    return Report(
        last,
        "RECOVERED",
        "up",
        wording.text(f"headline.recovered{form}", **words),
        wording.text(f"gist.recovered{form}", **words),
        wording.clock(ended, last.at),
        (wording.text("subject.after", length=length),),
        sentences=(*unheard, *gaps(incident, wording)),
        rows=_recovered_rows(last, incident, wording),
        phase_bars=() if last.failure else phase_bars(last, wording),
    )


def _recovered_rows(last: Alert, incident: Incident, wording: Wording) -> Rows:
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
