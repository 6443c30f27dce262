"""The closed sets of words."""

from __future__ import annotations

from enum import StrEnum


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
    REMINDER = "reminder"
    RECOVERED = "recovered"
    FLAPPING = "flapping"
    STABLE = "stable"
    UNWATCHED = "unwatched"
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
