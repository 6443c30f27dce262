"""Say what the alerts of one incident, or of one unstable spell, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from heartline.model import Alert, AlertKind, Failure, Incident, Kind, Phase, Span, Spell
from heartline.text import length, moment, tame

# A tick sends what it decides within seconds; what is older than a tick and a bit has waited for a later one.
_LATE = timedelta(seconds=90)

_SHORT = {
    Kind.CREDENTIALS: "no credential",
    Kind.UNRESOLVABLE: "name not found",
    Kind.REFUSED: "connection refused",
    Kind.UNREACHABLE: "no route to host",
    Kind.TLS_REFUSED: "server offers no TLS",
    Kind.CERTIFICATE: "certificate not valid",
    Kind.TLS: "TLS handshake fails",
    Kind.AUTH: "login rejected",
    Kind.NO_DATABASE: "no such database",
    Kind.SATURATED: "too many connections",
    Kind.STARTING: "starting up",
    Kind.STOPPING: "shutting down",
    Kind.DENIED: "query not permitted",
    Kind.WRONG_ROLE: "read-only",
    Kind.SERVER_ERROR: "server error",
    Kind.PROTOCOL: "no PostgreSQL protocol",
    Kind.CLOSED: "connection closed",
    Kind.TIMEOUT: "timeout",
}
_TIMEOUT = {
    Phase.RESOLVE: "timeout while resolving the name",
    Phase.CONNECT: "timeout while connecting",
    Phase.TLS: "timeout in the TLS handshake",
    Phase.LOGIN: "timeout while logging in",
    Phase.QUERY: "timeout while querying",
}


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what is told of one target, before it is written as text or HTML.

    `label` and `gist` make its subject, `rows` are pairs of a label and a value, `status` is for people's filters.
    """

    target: str
    label: str
    gist: str
    headline: str
    sentences: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    status: str
    alert: Alert

    @property
    def subject(self) -> str:
        """Give what decides whether to get up."""
        return f"[{self.label}] {self.target}: {self.gist}" if self.target else f"[{self.label}] {self.gist}"


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


def report(bundle: Sequence[Alert], now: datetime) -> Report:
    """Say what the alerts of one story tell.

    Parameters
    ----------
    bundle
        The alerts, oldest first; at least one, of one incident or one spell.
    now
        When the mail leaves, to say how late it is.
    """
    return _REPORTS[bundle[-1].kind](bundle, _lateness(bundle[0], now))


def _down(bundle: Sequence[Alert], late: tuple[str, ...]) -> Report:
    first, last, failure, incident = bundle[0], bundle[-1], _failure(bundle[-1]), _incident(bundle[-1])
    label, gist = _state(failure), f"{short(failure)} since {incident.began:%H:%M} UTC"
    if first.kind is AlertKind.CHANGED and first.previous:
        gist = f"now {short(failure)}, before {short(first.previous)}"
    elif first.kind is AlertKind.REMINDER:
        label, gist = f"STILL {label}", f"{short(failure)} for {length(last.at - incident.began)}"
    sentences = (*late, _verdict(failure), *_gaps(incident), f"What to look at first: {failure.next_step}")
    rows = (*_where(last), *_bounds(incident), *_what(failure, last), _next(last), ("Incident", incident.id))
    return Report(last.target, label, gist, f"{last.target}: {failure.cause}", sentences, rows, _status(failure), last)


def _recovered(bundle: Sequence[Alert], late: tuple[str, ...]) -> Report:
    last, incident = bundle[-1], _incident(bundle[-1])
    ended = incident.ended or last.at
    lasted = _lasted(incident, ended)
    told = bundle[0].kind is not AlertKind.DOWN
    gist = f"down {lasted}" if told else f"was down {lasted}, over before this mail could leave"
    headline = f"{last.target} answers again; it was down for {lasted}."
    unheard = () if told else ("You have had no mail of its going down: this one tells both.",)
    cause = (("It was", last.previous.cause), *_what(last.previous, None)) if last.previous else ()
    rows = (*_where(last), *_bounds(incident), *_end(incident, ended), *cause, ("Incident", incident.id))
    return Report(last.target, "RECOVERED", gist, headline, (*late, *unheard, *_gaps(incident)), rows, "up", last)


def _unstable(bundle: Sequence[Alert], late: tuple[str, ...]) -> Report:
    last, failure, spell = bundle[-1], _failure(bundle[-1]), _spell(bundle[-1])
    since = length(last.at - spell.began)
    silence = (
        f"It goes down and up again and again. From now on Heartline is silent about it until it has been up for "
        f"{length(timedelta(seconds=last.calm or 0))} without a break, or has stayed down for some minutes: then it "
        "sends one summary."
    )
    sentences = (*late, _verdict(failure), silence, f"What to look at first: {failure.next_step}")
    rows = (*_where(last), ("Outages", f"{spell.outages} in {since}"), *_what(failure, last), *_tail(last, spell))
    headline = f"{last.target} is down again, for the {_nth(spell.outages)} time in {since}: {failure.cause}"
    gist = f"{short(failure)} again, outage {spell.outages} in {since}"
    return Report(last.target, "UNSTABLE", gist, headline, sentences, rows, "unstable", last)


def _settled(bundle: Sequence[Alert], late: tuple[str, ...]) -> Report:
    last, spell, failure = bundle[-1], _spell(bundle[-1]), bundle[-1].failure
    unheard = ("You have had no mail of its being unstable: this one tells both.",) if len(bundle) > 1 else ()
    outages = f"{spell.outages} outages, {_seconds(spell.total)} in all, the longest {_seconds(spell.longest)}"
    steady = length(last.at - spell.steady)
    if failure is None:
        headline = f"{last.target} has been up for {steady} without a break. It was unstable: {outages}."
        rows = (*_where(last), ("Up since", moment(spell.steady)), *_sum(spell, outages), *_tail(last, spell))
        gist = f"up for {steady}, after {spell.outages} outages"
        return Report(last.target, "SETTLED", gist, headline, (*late, *unheard), rows, "up", last)
    headline = f"{last.target} was unstable and is still down, for {steady} without a break: {failure.cause}"
    sentences = (*late, *unheard, _verdict(failure), f"What to look at first: {failure.next_step}")
    told = (*_sum(spell, f"{outages}, before this one"), *_what(failure, last), _next(last), *_tail(last, spell))
    rows = (*_where(last), ("Down since", moment(spell.steady)), *told)
    gist = f"{short(failure)} for {steady} without a break"
    return Report(last.target, f"STILL {_state(failure)}", gist, headline, sentences, rows, _status(failure), last)


def _test(bundle: Sequence[Alert], _: tuple[str, ...]) -> Report:
    alert = bundle[-1]
    sentences = ("This is a test that somebody asked for. No database is down because of it.",)
    rows = (("Asked at", moment(alert.at)),)
    return Report("", "TEST", _REACHED, _REACHED, sentences, rows, "test", alert)


_REACHED = "Heartline's alerts reach you"
_REPORTS: Mapping[AlertKind, Callable[[Sequence[Alert], tuple[str, ...]], Report]] = {
    AlertKind.DOWN: _down,
    AlertKind.CHANGED: _down,
    AlertKind.REMINDER: _down,
    AlertKind.RECOVERED: _recovered,
    AlertKind.UNSTABLE: _unstable,
    AlertKind.SETTLED: _settled,
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


def _state(failure: Failure) -> str:
    return "CANNOT LOG IN" if failure.kind.misconfigured else "DOWN"


def _status(failure: Failure) -> str:
    return "misconfigured" if failure.kind.misconfigured else "down"


def _nth(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in {11, 12, 13} else endings.get(number % 10, 'th')}"


def _seconds(seconds: float) -> str:
    return length(timedelta(seconds=seconds))


def _lasted(incident: Incident, ended: datetime) -> str:
    """Give the length of an incident; where part of it was not observed, it is the most that it can be."""
    lasted = length(ended - incident.began)
    return f"up to {lasted}" if any(gap.ended > incident.began for gap in incident.unobserved) else lasted


def _gaps(incident: Incident) -> tuple[str, ...]:
    """Say when Heartline itself did not run: nothing is known of that time."""
    return tuple(
        f"Heartline itself did not run between {moment(gap.began)} and {moment(gap.ended)} ({_span(gap)}): "
        "whether the database answered in that time is not known."
        for gap in incident.unobserved[-3:]
    )


def _span(gap: Span) -> str:
    return length(gap.ended - gap.began)


def _verdict(failure: Failure) -> str:
    if failure.kind is Kind.CREDENTIALS:
        return "This is no outage that the monitor could see: it is misconfigured and has no password to ask with."
    if failure.kind.misconfigured:
        return "This is no outage: the database is reachable, but the monitor is misconfigured or not let in."
    return "This is an outage: applications are likely to see the same."


def _lateness(first: Alert, now: datetime) -> tuple[str, ...]:
    late = now - first.at
    if late < _LATE:
        return ()
    return (f"This mail is {length(late)} late: it was due at {moment(first.at)} and could not be sent before.",)


def _where(alert: Alert) -> tuple[tuple[str, str], ...]:
    endpoint = alert.endpoint
    return (
        ("Target", alert.target),
        ("Host", f"{endpoint.host or '(in the secret)'} port {endpoint.port}"),
        ("Database", tame(endpoint.database, 100)),
        ("User", tame(endpoint.user, 100) or "(in the secret)"),
    )


def _bounds(incident: Incident) -> tuple[tuple[str, str], ...]:
    good = moment(incident.last_ok) if incident.last_ok else "never seen"
    return (("Last good probe", good), ("First failed probe", moment(incident.began)))


def _end(incident: Incident, ended: datetime) -> tuple[tuple[str, str], ...]:
    failed = (("Last failed probe", moment(incident.last_failed)),) if incident.last_failed else ()
    return (*failed, ("Up since", moment(ended)))


def _sum(spell: Spell, outages: str) -> tuple[tuple[str, str], ...]:
    return (("Unstable since", moment(spell.began)), ("Outages", outages))


def _tail(alert: Alert, spell: Spell) -> tuple[tuple[str, str], ...]:
    incident = (("Incident", alert.incident.id),) if alert.incident else ()
    return (*incident, ("Unstable spell", spell.id))


def _next(alert: Alert) -> tuple[str, str]:
    return ("Next reminder", moment(alert.remind_at) if alert.remind_at else "none: it is acknowledged")


def _what(failure: Failure, alert: Alert | None) -> tuple[tuple[str, str], ...]:
    rows = [("Failed in phase", failure.phase.value), ("Kind", failure.kind.value)]
    if failure.sqlstate:
        rows.append(("SQLSTATE", failure.sqlstate))
    if failure.said:
        rows.append(("The server said", f'"{tame(failure.said)}"'))
    if alert and alert.phases:
        rows.append(("Phases", ", ".join(f"{phase} {spent:g} ms" for phase, spent in alert.phases.items())))
    return tuple(rows)


def short(failure: Failure) -> str:
    """Name a failure in the few words that a subject has room for."""
    if failure.kind is Kind.TIMEOUT:
        return _TIMEOUT.get(failure.phase, _SHORT[failure.kind])
    words = "password rejected" if failure.sqlstate == "28P01" else _SHORT[failure.kind]
    return f"{words} ({failure.sqlstate})" if failure.sqlstate else words
