"""What happened to a target, bounded in time."""

from __future__ import annotations

from datetime import datetime

from heartline.common.frozen import frozen
from heartline.model.kinds import AlertKind, Kind
from heartline.model.observation import Failure


@frozen
class Span:
    """Bound a time."""

    began: datetime
    ended: datetime


@frozen
class Evidence:
    """Name a part of a server's fingerprint that changed, with its two values as text."""

    what: str
    was: str
    now: str


@frozen
class Change:
    """Describe what happened to a server between two good probes.

    Attributes
    ----------
    kind
        What happened.
    before, after
        When the probe that found it had ended, and when the last good one before it began.
    started
        When the server began, by its own clock.
    evidence
        What of the fingerprint changed.
    several
        True where the name leads to several servers in turn.
    """

    kind: AlertKind
    before: datetime
    after: datetime | None = None
    started: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    several: bool = False


@frozen
class Incident:
    """Bound the time from the first failed probe to the first of those that confirmed recovery.

    The true instants lie within the bounds: it failed after `last_ok` and by `began`, and came back after
    `last_failed` and by `ended`. A change between two good probes is an incident without a length.

    Attributes
    ----------
    began, ended
        When the first failed probe had failed, and the first good one had succeeded.
    last_ok, last_failed
        When the last good probe before it, and the last failed one in it, began, where they are known.
    kinds
        The kinds of failure that were seen, in their order.
    notified
        The kinds of the alerts that were made of it, in their order.
    changes
        What happened to the server meanwhile.
    unobserved
        The times within these bounds in which Heartline itself did not run.
    severity_since
        Since when it is as severe as it is now, or was at its end; None where it always was.
    outage_seconds
        How long it was an outage before then, and, once it is over, in all.
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
    severity_since: datetime | None = None
    outage_seconds: float = 0


@frozen
class Outage:
    """Pair the incident that is open with the failure that it consists of now."""

    incident: Incident
    failure: Failure

    def outage_seconds(self, until: datetime) -> float:
        """Return how long it was an outage until a moment, and not a misconfiguration."""
        present = (until - (self.incident.severity_since or self.incident.began)).total_seconds()
        return self.incident.outage_seconds + (0 if self.failure.kind.misconfigured else max(0.0, present))
