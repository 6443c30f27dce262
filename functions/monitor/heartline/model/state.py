"""The words of Heartline as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from heartline.model.alert import Alert
from heartline.model.incident import Flapping, Incident
from heartline.model.kinds import Status
from heartline.model.observation import Failure, Server


@dataclass(frozen=True, slots=True)
class Warned:
    """Remember of which certificate's end people were told, and how many days before."""

    expires: datetime
    days: int


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
    quiet_interval: float | None = None
    flapping: Flapping | None = None
    failure: Failure | None = None
    notified: Incident | None = None
    notified_at: datetime | None = None
    notified_failure: Failure | None = None
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
