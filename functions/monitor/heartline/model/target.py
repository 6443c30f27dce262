"""What to watch, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import time, timedelta
from typing import TYPE_CHECKING

from heartline.common.frozen import frozen
from heartline.model.expectation import Expectation
from heartline.model.kinds import Role, Tls, TlsNegotiation

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from heartline.model.recurrence import Recurrence


# As many as a fleet may have.
MOST_TARGETS = 10_000


@frozen
class Window:
    """Recur on some days of the week, Monday being 0, by the clock of a place; past midnight where it ends early."""

    days: frozenset[int]
    begins: time
    ends: time
    zone: ZoneInfo


@frozen
class Policy:
    """Say how many probes make a transition, how often a reminder follows, and when no alert is sent.

    Attributes
    ----------
    settle_after
        How long a flapping target must stay as it is to count as settled.
    slow_after, lag_after
        How long a probe must take to count as slow, never where that is None; and how far behind a standby must be.
    interval
        How often ticks come.
    """

    confirmations: int = 2
    confirm_after: timedelta = timedelta(seconds=3)
    recover_after: int = 2
    remind_every: timedelta = timedelta(hours=1)
    settle_after: timedelta = timedelta(minutes=5)
    maintenance: tuple[Window, ...] = ()
    slow_after: timedelta | None = None
    lag_after: timedelta = timedelta(minutes=5)
    interval: timedelta = timedelta(minutes=1)


@frozen
class Target:
    """Describe one database to watch; what is None comes from its secret.

    `secret` and `client_certificate` are the names of secrets; `expect_rows` and `expect_value` are about the result
    of `query`; one that is `discovered` was found in RDS by its tag. `report` says when its recipients get a report.
    """

    name: str
    host: str | None = None
    port: int | None = None
    database: str | None = None
    user: str | None = None
    secret: str | None = None
    iam: bool = False
    query: str | None = None
    expect_rows: Expectation | None = None
    expect_value: Expectation | None = None
    expect: Role = Role.ANY
    tls: Tls = Tls.VERIFY_FULL
    tls_negotiation: TlsNegotiation = TlsNegotiation.POSTGRES
    client_certificate: str | None = None
    timeout: timedelta = timedelta(seconds=5)
    recipients: tuple[str, ...] = ()
    language: str = "en"
    time_zone: ZoneInfo | None = None
    report: Recurrence | None = None
    policy: Policy = Policy()
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: bool = False
    discovered: bool = False

    @property
    def expectations(self) -> str:
        """Return what the result of its query must be, as the document has it; empty where that may be anything."""
        named = {"expect_rows": self.expect_rows, "expect_value": self.expect_value}
        return ", ".join(f'{key} = "{expected}"' for key, expected in named.items() if expected)


# What libpq and every RDS instance have when nothing else is said.
DEFAULT_PORT = 5432


DEFAULT_DATABASE = "postgres"


@frozen
class Endpoint:
    """Say where a probe goes and as whom; empty where it is not known."""

    host: str = ""
    port: int = DEFAULT_PORT
    database: str = DEFAULT_DATABASE
    user: str = ""


@frozen
class Credential:
    """Hold all that a login needs; no secret is in any text that this makes.

    `client_certificate` is a certificate and its private key, in PEM form.
    """

    endpoint: Endpoint
    password: str | None = field(default=None, repr=False)
    client_certificate: str | None = field(default=None, repr=False)
