"""What is known of one target between two ticks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from heartline.model.alert import Alert
from heartline.model.incident import Flapping, Incident, Outage
from heartline.model.kinds import Status
from heartline.model.observation import Failure, Server


@dataclass(frozen=True, slots=True)
class Warned:
    """Remember that people were notified of a certificate's end, and how many days before."""

    expires: datetime
    days: int


@dataclass(frozen=True, slots=True)
class State:
    """Keep what is known of one target between two ticks.

    Each incident is held once: the open one in `outage`, the others in `recent`.

    Attributes
    ----------
    first_seen
        Since when the target is watched; None while no tick came to a verdict.
    up_since
        When it was first seen up, or came up last; None where it was never seen up.
    last_ok, last_failed
        The last good and the last failed probe that are known of.
    outage
        What is wrong now; None while the target is up or unknown.
    recent
        The incidents that are over and still matter, oldest first: the last one, and the one that people believe in.
    quiet_interval
        The seconds between the last two incidents.
    notified
        The id of the incident that people believe to be open: notified as down, not yet as recovered.
    notified_at, notified_failure
        When the last alert was made, and the failure that it named.
    server, address
        Who answered last, and where.
    known, several
        The names of the servers that answered, the latest last; True once one of them has come back.
    blips
        The number of ticks that saw a failure which was none by their end.
    alerts_made
        The number of alerts so far, from which their ids are made.
    """

    target: str
    first_seen: datetime | None = None
    up_since: datetime | None = None
    last_ok: datetime | None = None
    last_failed: datetime | None = None
    outage: Outage | None = None
    recent: tuple[Incident, ...] = ()
    quiet_interval: float | None = None
    flapping: Flapping | None = None
    notified: str | None = None
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

    @property
    def status(self) -> Status:
        """Return down with an outage, up once it was seen up, else unknown."""
        if self.outage:
            return Status.DOWN
        return Status.UP if self.up_since else Status.UNKNOWN

    @property
    def since(self) -> datetime | None:
        """Return since when it has that status."""
        return self.outage.incident.began if self.outage else self.up_since

    @property
    def incident(self) -> Incident | None:
        """Return the open incident."""
        return self.outage.incident if self.outage else None

    @property
    def failure(self) -> Failure | None:
        """Return what is wrong now."""
        return self.outage.failure if self.outage else None

    @property
    def previous(self) -> Incident | None:
        """Return the last incident that is over."""
        return self.recent[-1] if self.recent else None

    def find(self, incident: str | None) -> Incident | None:
        """Return the incident of that id, open or over; None where it is not held."""
        held = (*self.recent, *((self.outage.incident,) if self.outage else ()))
        return next((one for one in held if one.id == incident), None)

    def holding(self, incident: Incident) -> State:
        """Return the state with an incident in place of the one of the same id."""
        if self.outage and self.outage.incident.id == incident.id:
            return replace(self, outage=replace(self.outage, incident=incident))
        return replace(self, recent=tuple(incident if one.id == incident.id else one for one in self.recent))


@dataclass(frozen=True, slots=True)
class Stored:
    """Pair a state with its outbox, oldest alert first, as read at `version`; 0 was never written."""

    state: State
    outbox: tuple[Alert, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stand for a stored item that this version cannot read and leaves unchanged."""

    reason: str
