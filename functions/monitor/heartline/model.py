"""The words of Heartline as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class Phase(StrEnum):
    """Name the steps of a probe in their order; `credentials` comes before it."""

    CREDENTIALS = "credentials"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    LOGIN = "login"
    QUERY = "query"


class Kind(StrEnum):
    """Name what can be wrong: a closed set."""

    CREDENTIALS = "credentials"
    UNRESOLVABLE = "unresolvable"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TLS_REFUSED = "tls-refused"
    CERTIFICATE = "certificate"
    TLS = "tls"
    AUTH = "auth"
    NO_DATABASE = "no-database"
    SATURATED = "saturated"
    STARTING = "starting"
    STOPPING = "stopping"
    DENIED = "denied"
    WRONG_ROLE = "wrong-role"
    SERVER_ERROR = "server-error"
    PROTOCOL = "protocol"
    CLOSED = "closed"
    TIMEOUT = "timeout"

    @property
    def misconfigured(self) -> bool:
        """Tell a database that answers but lets the monitor not in from an outage."""
        return self in _MISCONFIGURED


_MISCONFIGURED = frozenset(
    {Kind.CREDENTIALS, Kind.TLS_REFUSED, Kind.CERTIFICATE, Kind.AUTH, Kind.NO_DATABASE, Kind.DENIED}
)


class Status(StrEnum):
    """Name the states of a target; one never seen is `unknown`."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class AlertKind(StrEnum):
    """Name the reasons to tell a person something."""

    DOWN = "down"
    CHANGED = "changed"
    REMINDER = "reminder"
    RECOVERED = "recovered"
    UNSTABLE = "unstable"
    SETTLED = "settled"
    RESTARTED = "restarted"
    CRASHED = "crashed"
    FAILED_OVER = "failed-over"
    REPLACED = "replaced"
    UPGRADED = "upgraded"
    EXPIRING = "expiring"
    TEST = "test"


class Role(StrEnum):
    """Name what a server is expected to be."""

    PRIMARY = "primary"
    STANDBY = "standby"
    ANY = "any"


class Tls(StrEnum):
    """Name how far a server's certificate is checked, in libpq's words where they exist.

    https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
    """

    VERIFY_FULL = "verify-full"
    VERIFY_CA = "verify-ca"
    REQUIRE = "require"
    DISABLE = "disable"

    @property
    def verified(self) -> bool:
        """Tell whether the server must prove who it is."""
        return self in {Tls.VERIFY_FULL, Tls.VERIFY_CA}


@dataclass(frozen=True, slots=True)
class Window:
    """Recur on some days of the week, Monday being 0, by the clock of a place; past midnight where it ends early."""

    days: frozenset[int]
    begins: time
    ends: time
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Policy:
    """Say how many probes make a transition, how often it is brought to mind again, and when nobody is told.

    `settle_after` is how long a target must stay as it is to count as settled.
    """

    confirmations: int = 2
    confirm_after: timedelta = timedelta(seconds=3)
    recover_after: int = 2
    remind_every: timedelta = timedelta(hours=1)
    settle_after: timedelta = timedelta(minutes=5)
    maintenance: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Describe one database to watch; what is None comes from its secret."""

    name: str
    host: str | None = None
    port: int | None = None
    database: str | None = None
    user: str | None = None
    secret: str | None = None
    iam: bool = False
    query: str | None = None
    expect: Role = Role.ANY
    tls: Tls = Tls.VERIFY_FULL
    timeout: timedelta = timedelta(seconds=5)
    recipients: tuple[str, ...] = ()
    language: str = "en"
    time_zone: ZoneInfo | None = None
    policy: Policy = Policy()


# What libpq and every RDS instance have when nothing else is said.
DEFAULT_PORT = 5432
DEFAULT_DATABASE = "postgres"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Say where a probe goes and as whom; empty where it is not known."""

    host: str = ""
    port: int = DEFAULT_PORT
    database: str = DEFAULT_DATABASE
    user: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """Hold all that a login needs; the password is in no text that this makes."""

    endpoint: Endpoint
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Say what is wrong: where, what kind, in a plain sentence, and what to look at first.

    `said` is what the server itself said: capped and free of control characters, but not to be trusted. `advice`
    and `words` are what the two sentences were made of, to make them in another language.
    """

    phase: Phase
    kind: Kind
    cause: str
    next_step: str
    sqlstate: str | None = None
    said: str | None = None
    advice: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    """Fingerprint a healthy server; None where it does not say.

    `resets` are the times at which several of its statistics began, to tell a crash from a manual reset;
    `certificate_expires` is the end of what it showed to prove who it is.
    """

    version: str | None = None
    started: datetime | None = None
    standby: bool | None = None
    read_only: bool | None = None
    system: str | None = None
    timeline: int | None = None
    resets: tuple[datetime, ...] = ()
    certificate_expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """Record what one probe saw: healthy, or a failure. Phases are in milliseconds.

    `address` is where the name led to, where it led anywhere.
    """

    at: datetime
    endpoint: Endpoint
    phases: Mapping[Phase, float] = field(default_factory=dict)
    failure: Failure | None = None
    server: Server | None = None
    address: str | None = None

    @property
    def healthy(self) -> bool:
        """Tell whether all phases went well."""
        return self.failure is None


@dataclass(frozen=True, slots=True)
class Span:
    """Bound a time."""

    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Say what of a server's fingerprint was one thing and is now another, each as text."""

    what: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Change:
    """Say what happened to a server between two good probes, and by what that is known.

    `after` is the probe before it and `before` the one that found it; `started` is when the server began, by its
    own clock. `several` is so where a name leads to several servers in turn.
    """

    kind: AlertKind
    before: datetime
    after: datetime | None = None
    started: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    several: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """Bound the time from the first failed probe to the first of those that confirmed recovery.

    `last_ok` is the last good probe before it and `last_failed` the last failed one in it, where they are known;
    `unobserved` are the times within these bounds in which Heartline itself did not run. `kinds` are the kinds of
    failure that were seen, and `told` those of the alerts that were made, each in its order; `changes` are what
    happened to the server meanwhile. What happened between two good probes is an incident without a length.
    """

    id: str
    began: datetime
    last_ok: datetime | None = None
    last_failed: datetime | None = None
    ended: datetime | None = None
    kinds: tuple[Kind, ...] = ()
    told: tuple[AlertKind, ...] = ()
    changes: tuple[Change, ...] = ()
    unobserved: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Warned:
    """Remember of which certificate's end people were told, and how many days before."""

    expires: datetime
    days: int


@dataclass(frozen=True, slots=True)
class Spell:
    """Sum up the outages of a target that goes down and up again and again; lengths are in seconds.

    `steady` is since when it has been observed as it is now, `told` whether people know of the spell.
    """

    id: str
    began: datetime
    steady: datetime
    outages: int = 1
    total: float = 0
    longest: float = 0
    told: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """Keep what a person is to be told, as it was when it was decided.

    `id` counts up within its target; `first_seen` is since when that is watched; `waiting` names the channels
    that have not accepted it yet, and `refused` says why one of them did not when it was last tried.
    `previous` is the failure that was told before: what changed, or what is over. `remind_at` is when the
    next reminder is due, None where there will be none. `calm` is for how many seconds a spell must rest, and
    `expires` when the server's certificate ends.
    """

    id: str
    kind: AlertKind
    target: str
    at: datetime
    first_seen: datetime | None = None
    endpoint: Endpoint = Endpoint()
    address: str | None = None
    incident: Incident | None = None
    spell: Spell | None = None
    change: Change | None = None
    expires: datetime | None = None
    failure: Failure | None = None
    previous: Failure | None = None
    phases: Mapping[Phase, float] = field(default_factory=dict)
    remind_at: datetime | None = None
    calm: float | None = None
    waiting: tuple[str, ...] = ()
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Keep what is known of one target between two ticks.

    `incident` is the open one and `previous` the last that ended; `lull` is how many seconds lay between it and
    the one before. `told` is the incident that people believe to be open: told as down, not yet as recovered.
    `server` is who answered last, at `address`; `known` names the servers that have answered under this name, the
    latest last, and `several` is so once one of them has come back. `warned` are the ends of certificates that
    were told of, and at how many days before.
    """

    target: str
    status: Status = Status.UNKNOWN
    first_seen: datetime | None = None
    since: datetime | None = None
    last_ok: datetime | None = None
    last_failed: datetime | None = None
    incident: Incident | None = None
    previous: Incident | None = None
    lull: float | None = None
    spell: Spell | None = None
    failure: Failure | None = None
    told: Incident | None = None
    told_at: datetime | None = None
    told_failure: Failure | None = None
    reminders: int = 0
    changes: int = 0
    acknowledged: bool = False
    muted_until: datetime | None = None
    mute_reason: str | None = None
    server: Server | None = None
    address: str | None = None
    known: tuple[str, ...] = ()
    several: bool = False
    warned: tuple[Warned, ...] = ()
    blips: int = 0
    last_blip: datetime | None = None
    alerts_made: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """Pair a state with its outbox, oldest alert first, as read at `version`; 0 was never written."""

    state: State
    outbox: tuple[Alert, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stand for a stored item that this version cannot read and so leaves alone."""

    reason: str


class HeartlineError(Exception):
    """Report a fault of the monitor itself or of what it was told, never of a database."""


class ConfigurationError(HeartlineError):
    """Report every fault of a configuration at once, each with its place and mend."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        listed = "\n".join(f"- {fault}" for fault in self.faults)
        super().__init__(f"Heartline cannot start; mend its configuration:\n{listed}")


class CommandError(HeartlineError):
    """Report an event or command that cannot be carried out, and what would be right."""
