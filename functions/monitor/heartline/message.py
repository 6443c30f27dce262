"""Say in one mail what the alerts of one incident tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from heartline.model import Alert, AlertKind, Failure, Kind, Phase
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
    """Hold what a mail says, before it is written as text or HTML.

    `rows` are pairs of a label and a value; `status` is for people's filters.
    """

    subject: str
    headline: str
    sentences: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    status: str


def bundles(alerts: Sequence[Alert]) -> list[tuple[Alert, ...]]:
    """Group alerts, oldest first, into what one mail each tells: neighbours of the same incident."""
    groups: list[list[Alert]] = []
    for alert in alerts:
        if groups and _incident(groups[-1][-1]) == _incident(alert):
            groups[-1].append(alert)
        else:
            groups.append([alert])
    return [tuple(group) for group in groups]


def _incident(alert: Alert) -> str:
    return alert.incident.id if alert.incident else alert.id


def compose(bundle: Sequence[Alert], now: datetime) -> Report:
    """Say what the alerts of one incident tell, in one report.

    Parameters
    ----------
    bundle
        The alerts, oldest first; at least one, of one incident.
    now
        When the mail leaves, to say how late it is.
    """
    last = bundle[-1]
    late = _lateness(bundle[0], now)
    if last.kind is AlertKind.TEST:
        return _test(last)
    if last.kind is AlertKind.RECOVERED:
        return _recovered(bundle, late)
    return _down(bundle, late)


def _down(bundle: Sequence[Alert], late: tuple[str, ...]) -> Report:
    first, last, failure, incident = bundle[0], bundle[-1], bundle[-1].failure, bundle[-1].incident
    assert failure is not None  # noqa: S101 - decide gives each of these kinds both
    assert incident is not None  # noqa: S101
    label = "CANNOT LOG IN" if failure.kind.misconfigured else "DOWN"
    said = f"{_short(failure)} since {incident.began:%H:%M} UTC"
    if first.kind is AlertKind.CHANGED and first.previous:
        said = f"now {_short(failure)}, before {_short(first.previous)}"
    elif first.kind is AlertKind.REMINDER:
        label, said = f"STILL {label}", f"{_short(failure)} for {length(last.at - incident.began)}"
    sentences = (*late, _verdict(failure), f"What to look at first: {failure.next_step}")
    rows = (
        *_where(last),
        *_bounds(last),
        *_what(failure, last),
        ("Next reminder", moment(last.remind_at) if last.remind_at else "none: it is acknowledged"),
        ("Incident", incident.id),
    )
    subject = f"[{label}] {last.target}: {said}"
    headline = f"{last.target}: {failure.cause}"
    return Report(subject, headline, sentences, rows, "misconfigured" if failure.kind.misconfigured else "down")


def _recovered(bundle: Sequence[Alert], late: tuple[str, ...]) -> Report:
    last, incident = bundle[-1], bundle[-1].incident
    assert incident is not None  # noqa: S101 - decide gives it to each recovery
    ended = incident.ended or last.at
    lasted = length(ended - incident.began)
    told = bundle[0].kind is not AlertKind.DOWN
    what = f"down {lasted}" if told else f"was down {lasted}, over before this mail could leave"
    headline = f"{last.target} answers again; it was down for {lasted}."
    sentences = late if told else (*late, "You have had no mail of its going down: this one tells both.")
    cause = (("It was", last.previous.cause), *_what(last.previous, None)) if last.previous else ()
    rows = (*_where(last), *_bounds(last), ("Up since", moment(ended)), *cause, ("Incident", incident.id))
    return Report(f"[RECOVERED] {last.target}: {what}", headline, sentences, rows, "up")


def _test(alert: Alert) -> Report:
    sentences = ("This is a test that somebody asked for. No database is down because of it.",)
    rows = (("Asked at", moment(alert.at)),)
    return Report("[TEST] Heartline's alerts reach you", "Heartline's alerts reach you.", sentences, rows, "test")


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


def _bounds(alert: Alert) -> tuple[tuple[str, str], ...]:
    incident = alert.incident
    assert incident is not None  # noqa: S101 - only what has an incident has bounds
    good = moment(incident.last_ok) if incident.last_ok else "never seen"
    return (("Last good probe", good), ("First failed probe", moment(incident.began)))


def _what(failure: Failure, alert: Alert | None) -> tuple[tuple[str, str], ...]:
    rows = [("Failed in phase", failure.phase.value), ("Kind", failure.kind.value)]
    if failure.sqlstate:
        rows.append(("SQLSTATE", failure.sqlstate))
    if failure.said:
        rows.append(("The server said", f'"{tame(failure.said)}"'))
    if alert and alert.phases:
        rows.append(("Phases", ", ".join(f"{phase} {spent:g} ms" for phase, spent in alert.phases.items())))
    return tuple(rows)


def _short(failure: Failure) -> str:
    """Name a failure in the few words that a subject has room for."""
    if failure.kind is Kind.TIMEOUT:
        return _TIMEOUT.get(failure.phase, _SHORT[failure.kind])
    words = "password rejected" if failure.sqlstate == "28P01" else _SHORT[failure.kind]
    return f"{words} ({failure.sqlstate})" if failure.sqlstate else words
