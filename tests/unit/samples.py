"""The contract's table of failures, and the values that the unit tests make of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from hypothesis import strategies as st

from heartline.model.alert import Alert
from heartline.model.belief import Believed, Counts, Flapping, Mark, Tally
from heartline.model.condition import Condition, ConditionKind
from heartline.model.incident import Change, Evidence, Incident
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.observation import Failure, Gauges, Observation, Server
from heartline.model.target import Endpoint, Target
from heartline.probe.failures import Advice, advise, explained

NOW = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)
ENDPOINT = Endpoint("orders.example.com", 5432, "orders", "heartline")
TARGET = Target("orders", "orders.example.com", 5432, "orders", "heartline", recipients=("oncall@example.com",))
# A target that is right, and all that one may say.
US = ("oncall@example.com",)
GOOD: dict[str, Any] = {"name": "orders", "host": "orders.example.com", "user": "heartline"}
KEYS = [
    *("name", "host", "port", "database", "user", "secret", "auth", "query", "tls", "timeout", "recipients"),
    *("confirmations", "confirm_after", "recover_after", "remind_every", "settle_after", "maintenance"),
    *("language", "time_zone", "report", "expect", "tags", "tls_negotiation", "client_certificate"),
    *("expect_rows", "expect_value", "slow_after", "lag_after"),
]
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

# The agreed table of failures, written down once more as the oracle; (m) is misconfigured, all else an outage.
AGREED = {
    "credentials": "credentials (m)",
    "resolve": "unresolvable, timeout",
    "connect": "refused, unreachable, timeout",
    "tls": "tls-refused (m), certificate (m), client-certificate (m), tls, closed, timeout",
    "login": "auth (m), no-database (m), denied (m), client-certificate (m), saturated, starting, stopping, protocol, "
    "server-error, closed, timeout",
    "query": "denied (m), bad-query (m), wrong-role, unexpected, server-error, stopping, protocol, closed, timeout",
}
_WORDS = {phase: [entry.split() for entry in entries.split(", ")] for phase, entries in AGREED.items()}
CONTRACT: dict[Phase, frozenset[Kind]] = {
    Phase(phase): frozenset(Kind(word) for word, *_ in entries) for phase, entries in _WORDS.items()
}
CASES = [(phase, kind) for phase, kinds in CONTRACT.items() for kind in sorted(kinds)]
MISCONFIGURED = {Kind(word) for entries in _WORDS.values() for word, *mark in entries if mark == ["(m)"]}


def failure(
    kind: Kind = Kind.REFUSED, phase: Phase | None = None, sqlstate: str | None = None, said: str | None = None
) -> Failure:
    """Return a failure in the words that a probe would use."""
    phase = phase or next(phase for phase, kinds in CONTRACT.items() if kind in kinds)
    if kind is Kind.CREDENTIALS:
        return explained(phase, kind, Advice("secret-missing", {"secret": "heartline/orders"}), sqlstate, said)
    return explained(phase, kind, advise([kind], phase, TARGET, ENDPOINT), sqlstate, said)


def seen(at: datetime = NOW, failed: Failure | None = None) -> Observation:
    """Return an observation, healthy or not."""
    return Observation(at, ENDPOINT, {Phase.RESOLVE: 0.4, Phase.CONNECT: 1.5}, failed)


CHANGES = {
    *(AlertKind.RESTARTED, AlertKind.CRASHED, AlertKind.FAILED_OVER),
    *(AlertKind.REPLACED, AlertKind.UPGRADED),
}


# What is measured of each condition when it begins, and from which value on it does.
CONDITIONS: dict[AlertKind, tuple[float, float]] = {
    AlertKind.EXPIRING: (-6.0, -7.0),
    AlertKind.SLOW: (1250.0, 1000.0),
    AlertKind.FILLING: (86.6, 85.0),
    AlertKind.LAGGING: (660.0, 300.0),
    AlertKind.WRAPAROUND: (1_234_567_890.0, 1.2e9),
}


def alert(kind: AlertKind = AlertKind.DOWN, number: int = 1, **changes: object) -> Alert:
    """Return an alert of an incident that began a minute before it, as `decide` would make it."""
    at = cast("datetime", changes.get("at", NOW))
    incident = Incident("orders-20261123T021400Z", at - MINUTE, at - 2 * MINUTE)
    fields: dict[str, Any] = {
        "id": f"{number:08d}",
        "kind": kind,
        "target": "orders",
        "at": at,
        "endpoint": ENDPOINT,
        "incident": incident,
        "failure": failure(),
        "phases": {Phase.RESOLVE: 0.4, Phase.CONNECT: 1.5},
        "remind_at": at + HOUR,
        "waiting": ("email",),
    }
    if kind is AlertKind.RECOVERED:
        ended = Incident(incident.id, incident.began, incident.last_ok, at)
        fields |= {"incident": ended, "failure": None, "previous": failure(), "remind_at": None}
    if kind is AlertKind.REMINDER:
        fields |= {"previous": failure(), "tally": tally(at - MINUTE, at, down=60.0)}
    if kind is AlertKind.FLAPPING:
        fields |= known_to_flap(at) | {"failure": None, "previous": failure(), "believed": Believed.FLAPPING}
    if kind is AlertKind.STABLE:
        fields |= known_to_flap(at - 5 * MINUTE, at) | {"failure": None, "previous": failure(), "remind_at": None}
        fields |= {"incident": Incident(incident.id, at - 6 * MINUTE, at - 7 * MINUTE, ended=at - 5 * MINUTE)}
    if kind is AlertKind.WATCHED:
        fields |= {"incident": None, "failure": None, "remind_at": None, "discovered": True}
    if kind is AlertKind.UNWATCHED:
        fields |= {"failure": None, "previous": failure(), "remind_at": None, "endpoint": Endpoint()}
    if kind in CHANGES:
        happened = Incident(incident.id, at, at - MINUTE, ended=at)
        change = Change(kind, at, at - MINUTE, at - 20 * SECOND, (Evidence("version", "16.4", "16.6"),))
        fields |= {"incident": happened, "failure": None, "remind_at": None, "change": change}
    if kind in CONDITIONS:
        value, threshold = CONDITIONS[kind]
        held = Condition(ConditionKind(kind), at - MINUTE, value, threshold, level=1, notified=1)
        fields |= {"incident": None, "failure": None, "remind_at": None, "condition": held}
        fields |= {"gauges": Gauges(slots=97, slots_used=84), "expires": at + timedelta(days=6)}
    if kind is AlertKind.TEST:
        fields |= {"incident": None, "failure": None}
    return Alert(**fields | changes)


def tally(since: datetime, until: datetime = NOW, **counts: float) -> Tally:
    """Return what was found between two moments."""
    return Tally(since, until, Counts(**counts))  # type: ignore[arg-type]


def flapping(at: datetime = NOW) -> Flapping:
    """Return four minutes of flapping of which people know, and that rests since a moment."""
    return Flapping("orders-20261123T021200Z-flapping", Mark(at - 4 * MINUTE, Counts()), at, 60.0, notified=True)


def known_to_flap(at: datetime, until: datetime | None = None) -> dict[str, Any]:
    """Return what an alert says while its target flaps: two outages of 12 seconds, and a failed probe."""
    began, until = at - 4 * MINUTE, until or at
    counts = {"outages": 2, "down": 24.0, "failed_probes": 1}
    found = {"tally": tally(at - MINUTE, until, outages=1, down=12.0), "total": tally(began, until, **counts)}
    return {"flapping": flapping(at), "settle_seconds": 300.0} | found


# A healthy primary that says all of itself.
SERVER = Server(
    version="18.0",
    started=NOW - 24 * HOUR,
    standby=False,
    read_only=False,
    system="7577777777777777777",
    timeline=1,
    resets=(NOW - 48 * HOUR,) * 4,
)


def answered(server: Server | None, at: datetime = NOW, address: str | None = "192.0.2.7") -> Observation:
    """Return a healthy observation of a server."""
    return Observation(at, ENDPOINT, {Phase.RESOLVE: 0.4, Phase.CONNECT: 1.5}, server=server, address=address)


failures = st.sampled_from(CASES).map(lambda case: failure(case[1], case[0]))
# What a hostile or broken server may say: markup, terminal and header tricks, marks that turn the text around.
hostile = st.one_of(
    st.text(st.characters(codec=None), max_size=400),
    st.sampled_from(
        [
            "<script>alert('x')</script><img src=x onerror=y>&amp;",
            "a\r\nBcc: everybody@example.com\r\n\r\nnew body",
            "\x1b[2J\x1b]0;owned\x07\x00\x08\x7f\x85\u2028\u2029",
            "\u202eevil\u202c \u200f\u2066\ufeff\u200b",
            "\ud800\udfff\udc80",
            "wide \uff21\u3000 and \U0001f4a5 \U000e0041",
        ]
    ),
    st.sampled_from(["A", "line\n", "\x00"]).map(lambda part: part * (1_000_000 // len(part))),
)
