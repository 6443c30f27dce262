"""Say what the alerts of an outage, or of one outage after the other, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from heartline.messages.details import meanwhile, phase_bars, server, trouble, when_back, when_failed
from heartline.messages.report import Report
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Flapping, Incident
from heartline.model.kinds import AlertKind, Kind
from heartline.model.observation import Failure

# Of an incident through which Heartline was stopped again and again, the last times are told.
_MOST_GAPS = 3
# To the contract these are outages, and yet the server answers and refuses.
_NO_OUTAGE = frozenset({"no-connect", "client-certificate"})


def _down(bundle: Sequence[Alert], wording: Wording) -> Report:
    first, last, failure, incident = bundle[0], bundle[-1], _failure(bundle[-1]), _incident(bundle[-1])
    words = {
        "short": wording.short(failure),
        "at": _clock(incident.began, last.at),
        "length": wording.length(last.at - incident.began),
        "before": wording.short(first.previous) if first.previous else "",
    }
    headline = wording.say(
        f"headline.{first.kind}{'' if first.kind is AlertKind.DOWN else _apart(failure)}",
        target=last.target,
        cause=wording.cause(failure),
        length=words["length"],
    )
    changed = first.previous if first.kind is AlertKind.CHANGED else None
    before = ((wording.say("row.before"), wording.short(changed)),) if changed else ()
    return Report(
        last,
        f"STILL {_label(failure)}" if first.kind is AlertKind.REMINDER else _label(failure),
        wording.say(f"subject.{first.kind}", **words),
        headline,
        _status(failure),
        (_verdict(failure, wording), *_gaps(incident, wording), _advice(failure, wording)),
        (
            *server(last, wording),
            *when_failed(incident, wording),
            *trouble(failure, wording),
            *before,
            _reminder(last, wording),
        ),
        brief=wording.short(failure),
        phase_bars=phase_bars(last, wording),
    )


def _clock(at: datetime, now: datetime) -> str:
    day = "" if at.date() == now.date() else "%m-%d "
    return f"{at.strftime(f'{day}%H:%M')} UTC"


def _recovered(bundle: Sequence[Alert], wording: Wording) -> Report:
    last, incident = bundle[-1], _incident(bundle[-1])
    lasted = _lasted(incident, incident.ended or last.at, wording)
    unheard = bundle[0].kind is AlertKind.DOWN
    # In a time of quiet it may have gone down again before its recovery could be told.
    again = "_again" if last.failure else _apart(last.previous)
    words = {"target": last.target, "length": lasted, "at": wording.when(incident.ended or last.at)}
    rows: list[tuple[str, str]] = [
        *server(last, wording),
        *when_failed(incident, wording),
        *when_back(incident, wording),
    ]
    rows += [meanwhile(change, wording) for change in incident.changes]
    if last.previous:
        rows += [(wording.say("row.before"), wording.cause(last.previous)), *trouble(last.previous, wording)]
    return Report(
        last,
        "RECOVERED",
        wording.say(
            f"subject.late_recovered{_apart(last.previous)}" if unheard else f"subject.recovered{again}", **words
        ),
        wording.say(f"headline.recovered{again}", **words),
        "up",
        (*((wording.say("sentence.unheard_down"),) if unheard else ()), *_gaps(incident, wording)),
        tuple(rows),
        brief=wording.say("subject.recovered", **words),
        phase_bars=() if last.failure else phase_bars(last, wording),
    )


def _unstable(bundle: Sequence[Alert], wording: Wording) -> Report:
    last, failure, flapping = bundle[-1], _failure(bundle[-1]), _spell(bundle[-1])
    words = {"outages": flapping.outages, "length": wording.length(last.at - flapping.began)}
    calm = wording.length(timedelta(seconds=last.settle_seconds or 0))
    return Report(
        last,
        "UNSTABLE",
        wording.say("subject.unstable", short=wording.short(failure), **words),
        wording.say("headline.unstable", target=last.target, cause=wording.cause(failure), **words),
        "unstable",
        (
            _verdict(failure, wording),
            wording.say("sentence.silence", length=calm),
            *_gaps(_incident(last), wording),
            _advice(failure, wording),
        ),
        (
            *server(last, wording),
            *when_failed(_incident(last), wording),
            (wording.say("row.outages"), wording.say("value.outages_so_far", **words)),
            *trouble(failure, wording),
        ),
        brief=wording.short(failure),
        phase_bars=phase_bars(last, wording),
    )


def _settled(bundle: Sequence[Alert], wording: Wording) -> Report:
    last, flapping, failure = bundle[-1], _spell(bundle[-1]), bundle[-1].failure
    unheard = (wording.say("sentence.unheard_unstable"),) if len(bundle) > 1 else ()
    words = {
        "target": last.target,
        "length": wording.length(last.at - flapping.stable_since),
        "outages": flapping.outages,
    }
    sums = {
        "total": wording.length(timedelta(seconds=flapping.total)),
        "longest": wording.length(timedelta(seconds=flapping.longest)),
    }
    gaps = _gaps(last.incident, wording) if last.incident else ()
    since = (wording.say("row.unstable_since"), wording.when(flapping.began))
    if failure is None:
        outages = (wording.say("row.outages"), wording.say("value.outages", outages=flapping.outages, **sums))
        rows = (
            *server(last, wording),
            since,
            outages,
            (wording.say("row.up_since"), wording.when(flapping.stable_since)),
        )
        headline, gist = wording.say("headline.settled", **words), wording.say("subject.settled", **words)
        return Report(
            last, "SETTLED", gist, headline, "up", (*unheard, *gaps), rows, phase_bars=phase_bars(last, wording)
        )
    words |= {"short": wording.short(failure), "cause": wording.cause(failure)}
    outages = (wording.say("row.outages"), wording.say("value.outages_before", outages=flapping.outages - 1, **sums))
    down = (since, outages, (wording.say("row.down_since"), wording.when(flapping.stable_since)))
    return Report(
        last,
        f"STILL {_label(failure)}",
        wording.say("subject.settled_down", **words),
        wording.say(f"headline.settled_down{_apart(failure)}", **words),
        _status(failure),
        (*unheard, _verdict(failure, wording), *gaps, _advice(failure, wording)),
        (*server(last, wording), *down, *trouble(failure, wording), _reminder(last, wording)),
        brief=wording.short(failure),
        phase_bars=phase_bars(last, wording),
    )


def _failure(alert: Alert) -> Failure:
    assert alert.failure is not None  # noqa: S101 - decide gives one to each alert of what is down
    return alert.failure


def _incident(alert: Alert) -> Incident:
    assert alert.incident is not None  # noqa: S101 - decide gives one to each but a test
    return alert.incident


def _spell(alert: Alert) -> Flapping:
    assert alert.flapping is not None  # noqa: S101 - decide gives one to each of these kinds
    return alert.flapping


def _label(failure: Failure) -> str:
    return "CANNOT LOG IN" if failure.kind.misconfigured else "DOWN"


def _apart(failure: Failure | None) -> str:
    """Name the texts for what is no outage: nobody may be told that a database is down which answers."""
    return "_misconfigured" if failure and failure.kind.misconfigured else ""


def _status(failure: Failure) -> str:
    return "misconfigured" if failure.kind.misconfigured else "down"


def _verdict(failure: Failure, wording: Wording) -> str:
    if failure.advice in _NO_OUTAGE:
        return wording.say("verdict.misconfigured")
    if failure.kind is Kind.CREDENTIALS:
        return wording.say("verdict.credentials")
    return wording.say("verdict.misconfigured" if failure.kind.misconfigured else "verdict.outage")


def _advice(failure: Failure, wording: Wording) -> str:
    return wording.say("sentence.advice", next_step=wording.next_step(failure))


def _reminder(alert: Alert, wording: Wording) -> tuple[str, str]:
    due = wording.when(alert.remind_at) if alert.remind_at else wording.say("value.acknowledged")
    return wording.say("row.reminder"), due


def _lasted(incident: Incident, ended: datetime, wording: Wording) -> str:
    """Give the length of an incident; where part of it was not observed, it is the most that it can be."""
    lasted = wording.length(ended - incident.began)
    unsure = any(gap.ended > incident.began for gap in incident.unobserved)
    return wording.say("length.at_most", length=lasted) if unsure else lasted


def _gaps(incident: Incident, wording: Wording) -> tuple[str, ...]:
    """Say when Heartline itself did not run: nothing is known of that time."""
    return tuple(
        wording.say(
            "sentence.gap",
            began=wording.when(gap.began),
            ended=wording.when(gap.ended),
            length=wording.length(gap.ended - gap.began),
        )
        for gap in incident.unobserved[-_MOST_GAPS:]
    )


OUTAGES: Mapping[AlertKind, Callable[[Sequence[Alert], Wording], Report]] = {
    AlertKind.DOWN: _down,
    AlertKind.CHANGED: _down,
    AlertKind.REMINDER: _down,
    AlertKind.RECOVERED: _recovered,
    AlertKind.UNSTABLE: _unstable,
    AlertKind.SETTLED: _settled,
}
