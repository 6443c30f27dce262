"""The closed sets of words."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Phase(StrEnum):
    """The steps of a probe, in order; `credentials` comes before the probe itself."""

    CREDENTIALS = "credentials"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    LOGIN = "login"
    QUERY = "query"


class Severity(StrEnum):
    """How serious a failure is.

    `outage`: the database does not serve. `misconfigured`: the database answers and the monitor may not enter.
    """

    OUTAGE = "outage"
    MISCONFIGURED = "misconfigured"


_OUTAGE, _MISCONFIGURED = Severity.OUTAGE, Severity.MISCONFIGURED


class Kind(StrEnum):
    """The kinds of failure: the one table that every subject, header, mail and document reads.

    Each member is its word, its severity, and the phases in which it can occur. A pair of phase and kind that is not
    here does not exist.

    Attributes
    ----------
    severity
        Whether it is an outage, or the monitor is misconfigured or refused.
    phases
        Where it can occur.
    """

    severity: Severity
    phases: frozenset[Phase]

    CREDENTIALS = "credentials", _MISCONFIGURED, Phase.CREDENTIALS
    UNRESOLVABLE = "unresolvable", _OUTAGE, Phase.RESOLVE
    REFUSED = "refused", _OUTAGE, Phase.CONNECT
    UNREACHABLE = "unreachable", _OUTAGE, Phase.CONNECT
    TLS_REFUSED = "tls-refused", _MISCONFIGURED, Phase.TLS
    CERTIFICATE = "certificate", _MISCONFIGURED, Phase.TLS
    CLIENT_CERTIFICATE = "client-certificate", _MISCONFIGURED, Phase.TLS, Phase.LOGIN
    TLS = "tls", _OUTAGE, Phase.TLS
    AUTH = "auth", _MISCONFIGURED, Phase.LOGIN
    NO_DATABASE = "no-database", _MISCONFIGURED, Phase.LOGIN
    DENIED = "denied", _MISCONFIGURED, Phase.LOGIN, Phase.QUERY
    SATURATED = "saturated", _OUTAGE, Phase.LOGIN
    STARTING = "starting", _OUTAGE, Phase.LOGIN
    BAD_QUERY = "bad-query", _MISCONFIGURED, Phase.QUERY
    WRONG_ROLE = "wrong-role", _OUTAGE, Phase.QUERY
    UNEXPECTED = "unexpected", _OUTAGE, Phase.QUERY
    STOPPING = "stopping", _OUTAGE, Phase.LOGIN, Phase.QUERY
    PROTOCOL = "protocol", _OUTAGE, Phase.LOGIN, Phase.QUERY
    SERVER_ERROR = "server-error", _OUTAGE, Phase.LOGIN, Phase.QUERY
    CLOSED = "closed", _OUTAGE, Phase.TLS, Phase.LOGIN, Phase.QUERY
    TIMEOUT = "timeout", _OUTAGE, Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.LOGIN, Phase.QUERY

    def __new__(cls, word: str, severity: Severity, *phases: Phase) -> Self:
        """Make a member that is its word, with its row of the table."""
        kind = str.__new__(cls, word)
        kind._value_ = word
        kind.severity, kind.phases = severity, frozenset(phases)
        return kind

    @property
    def misconfigured(self) -> bool:
        """Return True if the database answers and the monitor may not enter."""
        return self.severity is Severity.MISCONFIGURED


class Status(StrEnum):
    """The states of a target; `unknown` is one never seen."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class AlertKind(StrEnum):
    """The reasons for an alert."""

    DOWN = "down"
    REMINDER = "reminder"
    RECOVERED = "recovered"
    FLAPPING = "flapping"
    STABLE = "stable"
    WATCHED = "watched"
    UNWATCHED = "unwatched"
    RESTARTED = "restarted"
    CRASHED = "crashed"
    FAILED_OVER = "failed-over"
    REPLACED = "replaced"
    UPGRADED = "upgraded"
    EXPIRING = "expiring"
    SLOW = "slow"
    FILLING = "filling"
    LAGGING = "lagging"
    WRAPAROUND = "wraparound"
    NOT_DELIVERED = "not-delivered"
    TEST = "test"


class Role(StrEnum):
    """The roles that a server can be expected to have."""

    PRIMARY = "primary"
    STANDBY = "standby"
    ANY = "any"


class Tls(StrEnum):
    """How far a server's certificate is checked, in libpq's words where they exist.

    https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
    """

    VERIFY_FULL = "verify-full"
    VERIFY_CA = "verify-ca"
    REQUIRE = "require"
    DISABLE = "disable"

    @property
    def verified(self) -> bool:
        """Return True if the server must prove its identity."""
        return self in {Tls.VERIFY_FULL, Tls.VERIFY_CA}


class TlsNegotiation(StrEnum):
    """How TLS begins, in libpq's words.

    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-SSLNEGOTIATION
    """

    POSTGRES = "postgres"
    DIRECT = "direct"
