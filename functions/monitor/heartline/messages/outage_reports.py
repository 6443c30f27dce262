"""Say what the alerts of an outage, or of one outage after the other, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from heartline.messages.details import meanwhile, server, steps, trouble, when_back, when_failed
from heartline.messages.report import Report
from heartline.messages.wording import Voice
from heartline.model.alert import Alert
from heartline.model.incident import Incident, Spell
from heartline.model.kinds import AlertKind, Kind
from heartline.model.observation import Failure

# Of an incident through which Heartline was stopped again and again, the last times are told.
_MOST_GAPS = 3
# To the contract these are outages, and yet the server answers and refuses.
_NO_OUTAGE = frozenset({"no-connect", "client-certificate"})


def _down(bundle: Sequence[Alert], voice: Voice) -> Report:
    first, last, failure, incident = bundle[0], bundle[-1], _failure(bundle[-1]), _incident(bundle[-1])
    words = {
        "short": voice.short(failure),
        "at": _clock(incident.began, last.at),
        "length": voice.length(last.at - incident.began),
        "before": voice.short(first.previous) if first.previous else "",
    }
    headline = voice.say(
        f"headline.{first.kind}{'' if first.kind is AlertKind.DOWN else _apart(failure)}",
        target=last.target,
        cause=voice.cause(failure),
        length=words["length"],
    )
    changed = first.previous if first.kind is AlertKind.CHANGED else None
    before = ((voice.say("row.before"), voice.short(changed)),) if changed else ()
    return Report(
        last,
        f"STILL {_label(failure)}" if first.kind is AlertKind.REMINDER else _label(failure),
        voice.say(f"subject.{first.kind}", **words),
        headline,
        _status(failure),
        (_verdict(failure, voice), *_gaps(incident, voice), _advice(failure, voice)),
        (
            *server(last, voice),
            *when_failed(incident, voice),
            *trouble(failure, voice),
            *before,
            _reminder(last, voice),
        ),
        brief=voice.short(failure),
        steps=steps(last, voice),
    )


def _clock(at: datetime, now: datetime) -> str:
    day = "" if at.date() == now.date() else "%m-%d "
    return f"{at.strftime(f'{day}%H:%M')} UTC"


def _recovered(bundle: Sequence[Alert], voice: Voice) -> Report:
    last, incident = bundle[-1], _incident(bundle[-1])
    lasted = _lasted(incident, incident.ended or last.at, voice)
    unheard = bundle[0].kind is AlertKind.DOWN
    # In a time of quiet it may have gone down again before its recovery could be told.
    again = "_again" if last.failure else _apart(last.previous)
    words = {"target": last.target, "length": lasted, "at": voice.when(incident.ended or last.at)}
    rows: list[tuple[str, str]] = [*server(last, voice), *when_failed(incident, voice), *when_back(incident, voice)]
    rows += [meanwhile(change, voice) for change in incident.changes]
    if last.previous:
        rows += [(voice.say("row.before"), voice.cause(last.previous)), *trouble(last.previous, voice)]
    return Report(
        last,
        "RECOVERED",
        voice.say(
            f"subject.late_recovered{_apart(last.previous)}" if unheard else f"subject.recovered{again}", **words
        ),
        voice.say(f"headline.recovered{again}", **words),
        "up",
        (*((voice.say("sentence.unheard_down"),) if unheard else ()), *_gaps(incident, voice)),
        tuple(rows),
        brief=voice.say("subject.recovered", **words),
        steps=() if last.failure else steps(last, voice),
    )


def _unstable(bundle: Sequence[Alert], voice: Voice) -> Report:
    last, failure, spell = bundle[-1], _failure(bundle[-1]), _spell(bundle[-1])
    words = {"outages": spell.outages, "length": voice.length(last.at - spell.began)}
    calm = voice.length(timedelta(seconds=last.calm or 0))
    return Report(
        last,
        "UNSTABLE",
        voice.say("subject.unstable", short=voice.short(failure), **words),
        voice.say("headline.unstable", target=last.target, cause=voice.cause(failure), **words),
        "unstable",
        (
            _verdict(failure, voice),
            voice.say("sentence.silence", length=calm),
            *_gaps(_incident(last), voice),
            _advice(failure, voice),
        ),
        (
            *server(last, voice),
            *when_failed(_incident(last), voice),
            (voice.say("row.outages"), voice.say("value.outages_so_far", **words)),
            *trouble(failure, voice),
        ),
        brief=voice.short(failure),
        steps=steps(last, voice),
    )


def _settled(bundle: Sequence[Alert], voice: Voice) -> Report:
    last, spell, failure = bundle[-1], _spell(bundle[-1]), bundle[-1].failure
    unheard = (voice.say("sentence.unheard_unstable"),) if len(bundle) > 1 else ()
    words = {"target": last.target, "length": voice.length(last.at - spell.steady), "outages": spell.outages}
    sums = {
        "total": voice.length(timedelta(seconds=spell.total)),
        "longest": voice.length(timedelta(seconds=spell.longest)),
    }
    gaps = _gaps(last.incident, voice) if last.incident else ()
    since = (voice.say("row.unstable_since"), voice.when(spell.began))
    if failure is None:
        outages = (voice.say("row.outages"), voice.say("value.outages", outages=spell.outages, **sums))
        rows = (*server(last, voice), since, outages, (voice.say("row.up_since"), voice.when(spell.steady)))
        headline, gist = voice.say("headline.settled", **words), voice.say("subject.settled", **words)
        return Report(last, "SETTLED", gist, headline, "up", (*unheard, *gaps), rows, steps=steps(last, voice))
    words |= {"short": voice.short(failure), "cause": voice.cause(failure)}
    outages = (voice.say("row.outages"), voice.say("value.outages_before", outages=spell.outages - 1, **sums))
    down = (since, outages, (voice.say("row.down_since"), voice.when(spell.steady)))
    return Report(
        last,
        f"STILL {_label(failure)}",
        voice.say("subject.settled_down", **words),
        voice.say(f"headline.settled_down{_apart(failure)}", **words),
        _status(failure),
        (*unheard, _verdict(failure, voice), *gaps, _advice(failure, voice)),
        (*server(last, voice), *down, *trouble(failure, voice), _reminder(last, voice)),
        brief=voice.short(failure),
        steps=steps(last, voice),
    )


def _failure(alert: Alert) -> Failure:
    assert alert.failure is not None  # noqa: S101 - decide gives one to each alert of what is down
    return alert.failure


def _incident(alert: Alert) -> Incident:
    assert alert.incident is not None  # noqa: S101 - decide gives one to each but a test
    return alert.incident


def _spell(alert: Alert) -> Spell:
    assert alert.spell is not None  # noqa: S101 - decide gives one to each of these kinds
    return alert.spell


def _label(failure: Failure) -> str:
    return "CANNOT LOG IN" if failure.kind.misconfigured else "DOWN"


def _apart(failure: Failure | None) -> str:
    """Name the texts for what is no outage: nobody may be told that a database is down which answers."""
    return "_misconfigured" if failure and failure.kind.misconfigured else ""


def _status(failure: Failure) -> str:
    return "misconfigured" if failure.kind.misconfigured else "down"


def _verdict(failure: Failure, voice: Voice) -> str:
    if failure.advice in _NO_OUTAGE:
        return voice.say("verdict.misconfigured")
    if failure.kind is Kind.CREDENTIALS:
        return voice.say("verdict.credentials")
    return voice.say("verdict.misconfigured" if failure.kind.misconfigured else "verdict.outage")


def _advice(failure: Failure, voice: Voice) -> str:
    return voice.say("sentence.advice", next_step=voice.next_step(failure))


def _reminder(alert: Alert, voice: Voice) -> tuple[str, str]:
    due = voice.when(alert.remind_at) if alert.remind_at else voice.say("value.acknowledged")
    return voice.say("row.reminder"), due


def _lasted(incident: Incident, ended: datetime, voice: Voice) -> str:
    """Give the length of an incident; where part of it was not observed, it is the most that it can be."""
    lasted = voice.length(ended - incident.began)
    unsure = any(gap.ended > incident.began for gap in incident.unobserved)
    return voice.say("length.at_most", length=lasted) if unsure else lasted


def _gaps(incident: Incident, voice: Voice) -> tuple[str, ...]:
    """Say when Heartline itself did not run: nothing is known of that time."""
    return tuple(
        voice.say(
            "sentence.gap",
            began=voice.when(gap.began),
            ended=voice.when(gap.ended),
            length=voice.length(gap.ended - gap.began),
        )
        for gap in incident.unobserved[-_MOST_GAPS:]
    )


OUTAGES: Mapping[AlertKind, Callable[[Sequence[Alert], Voice], Report]] = {
    AlertKind.DOWN: _down,
    AlertKind.CHANGED: _down,
    AlertKind.REMINDER: _down,
    AlertKind.RECOVERED: _recovered,
    AlertKind.UNSTABLE: _unstable,
    AlertKind.SETTLED: _settled,
}
