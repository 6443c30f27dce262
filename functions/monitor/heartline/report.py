"""Say what the alerts of one incident, or of one unstable spell, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from heartline.facts import (
    Step,
    commands,
    happened,
    last_hours,
    meanwhile,
    server,
    steps,
    trouble,
    when_back,
    when_failed,
)
from heartline.fleet import Fleet
from heartline.model import Alert, AlertKind, Failure, Incident, Kind, Spell, Target
from heartline.text import columns, tame
from heartline.voice import Voice

# A tick sends what it decides within seconds; what is older than a tick and a bit has waited for a later one.
_LATE = timedelta(seconds=90)
# Of an incident through which Heartline was stopped again and again, the last times are told.
_MOST_GAPS = 3
_MOST_VALUE = 700
# To the contract these are outages, and yet the server answers and refuses.
_NO_OUTAGE = frozenset({"no-connect", "client-certificate"})
# RFC 5322, 2.1.1: what a line should not exceed.
MOST_COLUMNS = 78
Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what is told of one target, before it is written as text or HTML.

    `label` and `gist` make its subject, or `brief` where that would be too long; `rows` are pairs of a label and a
    value, `status` is for people's filters.
    """

    alert: Alert
    label: str
    gist: str
    headline: str
    status: str
    sentences: tuple[str, ...] = ()
    rows: Rows = ()
    brief: str = ""
    steps: tuple[Step, ...] = ()
    strip: str = ""
    legend: str = ""
    commands: Rows = field(default=())

    @property
    def subject(self) -> str:
        """Give what decides whether to get up."""
        if self.alert.kind is AlertKind.TEST:
            return f"[{self.label}] {self.gist}"
        head = f"[{self.label}] {self.alert.target}: "
        return head + (self.brief if self.brief and columns(head + self.gist) > MOST_COLUMNS else self.gist)


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
    if alert.spell:
        return alert.spell.id
    return alert.incident.id if alert.incident else alert.id


def report(bundle: Sequence[Alert], target: Target, fleet: Fleet, now: datetime) -> Report:
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
    voice, last = Voice.of(target), bundle[-1]
    made = _REPORTS[last.kind](bundle, voice)
    if last.kind is AlertKind.TEST:
        return made
    drawn, lately = last_hours(last, fleet, voice)
    incident = ((voice.say("row.incident"), last.incident.id),) if last.incident else ()
    return replace(
        made,
        sentences=(*_late(bundle[0], now, voice), *made.sentences),
        rows=tuple((label, tame(value, _MOST_VALUE)) for label, value in (*made.rows, *lately, *incident)),
        strip=drawn,
        legend=voice.say("value.lately", at=voice.when(last.at)) if drawn else "",
        commands=commands(last, fleet, voice) if last.failure else (),
    )


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


def _happened(bundle: Sequence[Alert], voice: Voice) -> Report:
    last = bundle[-1]
    assert last.change is not None  # noqa: S101 - decide gives one to each of these kinds
    change, key = last.change, "several" if last.change.several else str(last.kind)
    version = next((one.now for one in change.evidence if one.what == "version"), "")
    sentences = (voice.say("sentence.several"),) if change.several else _told_of(last.kind, voice)
    return Report(
        last,
        "SEVERAL SERVERS" if change.several else last.kind.replace("-", " ").upper(),
        voice.say(f"subject.{key}", version=version),
        voice.say(f"headline.{key}", target=last.target),
        "notice",
        sentences,
        (*server(last, voice), *happened(change, voice)),
        steps=steps(last, voice),
    )


def _told_of(kind: AlertKind, voice: Voice) -> tuple[str, str]:
    return voice.say("sentence.happened"), voice.say(f"sentence.look_{kind}")


def _expiring(bundle: Sequence[Alert], voice: Voice) -> Report:
    last = bundle[-1]
    expires = last.expires or last.at
    length = voice.length(expires - last.at)
    return Report(
        last,
        "EXPIRING",
        voice.say("subject.expiring", length=length),
        voice.say("headline.expiring", target=last.target, length=length),
        "notice",
        (voice.say("sentence.expiring"),),
        (*server(last, voice), (voice.say("row.expires"), voice.when(expires))),
    )


def _test(bundle: Sequence[Alert], voice: Voice) -> Report:
    alert = bundle[-1]
    rows = ((voice.say("row.asked_at"), voice.when(alert.at)),)
    gist, headline = voice.say("subject.test"), voice.say("headline.test")
    return Report(alert, "TEST", gist, headline, "test", (voice.say("sentence.test"),), rows)


_REPORTS: Mapping[AlertKind, Callable[[Sequence[Alert], Voice], Report]] = {
    AlertKind.DOWN: _down,
    AlertKind.CHANGED: _down,
    AlertKind.REMINDER: _down,
    AlertKind.RECOVERED: _recovered,
    AlertKind.UNSTABLE: _unstable,
    AlertKind.SETTLED: _settled,
    AlertKind.RESTARTED: _happened,
    AlertKind.CRASHED: _happened,
    AlertKind.FAILED_OVER: _happened,
    AlertKind.REPLACED: _happened,
    AlertKind.UPGRADED: _happened,
    AlertKind.EXPIRING: _expiring,
    AlertKind.TEST: _test,
}


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


def _late(first: Alert, now: datetime, voice: Voice) -> tuple[str, ...]:
    """Say how late a mail is, and why as far as that is known."""
    late = now - first.at
    if late < _LATE:
        return ()
    words = {"length": voice.length(late), "at": voice.when(first.at)}
    if first.refused:
        return (voice.say("sentence.late_refused", reason=first.refused, **words),)
    return (voice.say("sentence.late", **words),)


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
