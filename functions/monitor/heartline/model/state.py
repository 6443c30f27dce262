"""What is known of one target between two ticks."""

from __future__ import annotations

from dataclasses import field, replace
from datetime import datetime

from heartline.common.frozen import frozen
from heartline.model.alert import Alert
from heartline.model.belief import Belief, Counts, Flapping, Mark
from heartline.model.condition import Condition
from heartline.model.incident import Change, Incident, Outage, Span
from heartline.model.kinds import Status
from heartline.model.observation import Failure, Server


@frozen
class BlipCount:
    """The number of ticks with failed probes and no outage, and of these probes, in an hour or in a day."""

    began: datetime
    ticks: int
    probes: int


@frozen
class State:
    """What is known of one target between two ticks: what probes say, and what people believe.

    Each incident is held once: the open one in `outage`, the others in `recent`.

    Attributes
    ----------
    first_seen
        Since when the target is watched; None while no tick came to a verdict.
    up_since
        When it was first seen up, or came up last; None where it was never seen up.
    last_ok, last_failed
        When the last good and the last failed probe began that are known of.
    outage
        What is wrong now; None while the target is up or unknown.
    recent
        The incidents that are over and still matter, oldest first: the last one, and the one that people believe in.
    stamp
        The time in the last incident's id; the next one is later, whatever the clock does.
    counts, mark
        What was found so far, and the same at the last alert.
    gap
        The last time without ticks that was counted.
    flapping
        The present times without rest, whether people were notified of it or not.
    belief
        What people know to be wrong; None where they know of nothing.
    alerted
        When alerts were made in the last day: what the budget is counted by.
    server, address
        Who answered last, and where.
    known, several
        The names of the servers that answered, the latest last; True once one of them has come back.
    pending_changes
        What happened to the server while there was no room to report it, oldest first.
    conditions
        Those that hold, are about to, or are over and people are still to be notified of that.
    blips
        The number of ticks that saw a failure which was none by their end.
    recent_blips, blip_counts
        When the last of them were, and how many there were by hour and day.
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
    stamp: datetime | None = None
    counts: Counts = field(default_factory=Counts)
    mark: Mark | None = None
    gap: Span | None = None
    flapping: Flapping | None = None
    belief: Belief | None = None
    alerted: tuple[datetime, ...] = ()
    muted_until: datetime | None = None
    mute_reason: str | None = None
    server: Server | None = None
    address: str | None = None
    known: tuple[str, ...] = ()
    several: bool = False
    pending_changes: tuple[Change, ...] = ()
    conditions: tuple[Condition, ...] = ()
    blips: int = 0
    recent_blips: tuple[datetime, ...] = ()
    blip_counts: tuple[BlipCount, ...] = ()
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
    def held(self) -> tuple[Condition, ...]:
        """Return the conditions that hold."""
        return tuple(one for one in self.conditions if one.level)

    @property
    def notified(self) -> bool:
        """Return True if people know of something that is to be told when it is over."""
        return self.belief is not None or any(one.notified for one in self.conditions)

    @property
    def known_flapping(self) -> Flapping | None:
        """Return the flapping that people know of."""
        return self.flapping if self.flapping and self.flapping.notified else None

    @property
    def previous(self) -> Incident | None:
        """Return the last incident that is over."""
        return self.recent[-1] if self.recent else None

    @property
    def last_outage(self) -> Incident | None:
        """Return the last incident that is over, where that was an outage."""
        return self.previous if self.previous and self.previous.kinds else None

    def find(self, incident: str | None) -> Incident | None:
        """Return the incident of that id, open or over; None where it is not held."""
        held = (*self.recent, *((self.outage.incident,) if self.outage else ()))
        return next((one for one in held if one.id == incident), None)

    def holding(self, incident: Incident) -> State:
        """Return the state with an incident in place of the one of the same id."""
        if self.outage and self.outage.incident.id == incident.id:
            return replace(self, outage=replace(self.outage, incident=incident))
        return replace(self, recent=tuple(incident if one.id == incident.id else one for one in self.recent))


@frozen
class Stored:
    """Pair a state with its outbox, oldest alert first, as read at `version`; 0 was never written."""

    state: State
    outbox: tuple[Alert, ...] = ()
    version: int = 0


@frozen
class Unreadable:
    """Stand for a stored item that this version cannot read and leaves unchanged."""

    reason: str
