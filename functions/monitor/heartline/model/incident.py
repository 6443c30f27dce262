"""What happened to a target, bounded in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from heartline.model.kinds import AlertKind, Kind


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
    notified: tuple[AlertKind, ...] = ()
    changes: tuple[Change, ...] = ()
    unobserved: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Flapping:
    """Sum up the outages of a target that goes down and up again and again; lengths are in seconds.

    `steady` is since when it has been observed as it is now, `told` whether people know of the spell.
    """

    id: str
    began: datetime
    stable_since: datetime
    outages: int = 1
    total: float = 0
    longest: float = 0
    notified: bool = False


# A spell is named after the incident that it began with, and this.
FLAPPING_SUFFIX = "-unstable"
