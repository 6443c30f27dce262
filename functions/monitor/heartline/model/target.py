"""What to watch, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import TYPE_CHECKING

from heartline.model.kinds import Role, Tls

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


# As many as a fleet may have.
MOST_TARGETS = 10_000


@dataclass(frozen=True, slots=True)
class Window:
    """Recur on some days of the week, Monday being 0, by the clock of a place; past midnight where it ends early."""

    days: frozenset[int]
    begins: time
    ends: time
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Policy:
    """Say how many probes make a transition, how often a reminder follows, and when no alert is sent.

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
    tags: Mapping[str, str] = field(default_factory=dict)


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
