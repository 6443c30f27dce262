"""What people were notified of, as opposed to what probes say."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from heartline.common.frozen import frozen
from heartline.model.observation import Failure
from heartline.model.target import Target


class Believed(StrEnum):
    """The words in which people know that a target is not well; without one they know nothing, or that it is up."""

    DOWN = "down"
    MISCONFIGURED = "misconfigured"
    FLAPPING = "flapping"

    @classmethod
    def of(cls, failure: Failure | None) -> Self:
        """Return the word for what is wrong now; what has no failure can only flap."""
        if failure is None:
            return cls.FLAPPING
        return cls.MISCONFIGURED if failure.kind.misconfigured else cls.DOWN


@frozen
class Addressees:
    """The readers of an alert, and how it is written to them.

    Attributes
    ----------
    time_zone
        An IANA name; None for UTC alone.
    """

    recipients: tuple[str, ...] = ()
    language: str = "en"
    time_zone: str | None = None

    @classmethod
    def of(cls, target: Target) -> Self:
        """Return the readers of a target's alerts, as the document has them now."""
        return cls(target.recipients, target.language, target.time_zone.key if target.time_zone else None)


@frozen
class Belief:
    """What people were last notified of, of a target that is not well.

    Attributes
    ----------
    incident
        The id of the incident that they know to be open; None while they know only that it flaps.
    failure
        The failure that they know.
    notified_at
        When the last alert of it was made.
    reminders
        The number of reminders so far.
    acknowledged
        The id of the incident, or of the flapping, whose reminders were stopped.
    addressees
        The people who know; they are notified of its end.
    """

    kind: Believed
    notified_at: datetime
    incident: str | None = None
    failure: Failure | None = None
    reminders: int = 0
    acknowledged: str | None = None
    addressees: Addressees | None = None


@frozen
class Counts:
    """What was found of a target since it was first seen.

    Attributes
    ----------
    outages
        How many began.
    down
        The seconds of those that are over, and of the open one before the last gap.
    failed_probes
        Failed probes that made no outage.
    changes
        Restarts and the like, found between two good probes.
    unobserved
        The seconds in which Heartline did not run while the target was not well.
    """

    outages: int = 0
    down: float = 0
    failed_probes: int = 0
    changes: int = 0
    unobserved: float = 0


@frozen
class Mark:
    """The counts of a moment, with the open outage counted until then."""

    at: datetime
    counts: Counts


@frozen
class Tally:
    """What was found of a target between two moments.

    Attributes
    ----------
    failed_share
        The share of failed probes among all probes outside outages, from 0 to 1.
    """

    since: datetime
    until: datetime
    counts: Counts
    failed_share: float = 0

    @property
    def share(self) -> float:
        """Return the share of the observed time in which it was down, from 0 to 1."""
        observed = (self.until - self.since).total_seconds() - self.counts.unobserved
        return min(1.0, max(0.0, self.counts.down / observed)) if observed > 0 else 0.0


@frozen
class Flapping:
    """A target that does not rest: it goes down and up, fails now and then, or restarts.

    Attributes
    ----------
    start
        The counts before its first event.
    stable_since
        The last event: the end of an outage, a failed probe, a change; moved on by times that were not observed.
    rhythm
        The longest rest between two of its events, in seconds.
    notified
        True once people were notified of it.
    longest
        The longest outage that it summed up, in seconds.
    """

    id: str
    start: Mark
    stable_since: datetime
    rhythm: float = 0
    notified: bool = False
    longest: float = 0


# The id of a time of flapping is that of the incident that it began with, and this.
FLAPPING_SUFFIX = "-flapping"
