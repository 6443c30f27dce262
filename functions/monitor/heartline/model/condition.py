"""What is no outage and may become one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from heartline.common.frozen import frozen
from heartline.model.belief import Addressees


class ConditionKind(StrEnum):
    """The conditions; each is an alert's kind too.

    `expiring`: the server's certificate ends soon. `slow`: probes take long. `filling`: connection slots run out.
    `lagging`: a standby is behind. `wraparound`: transaction ids run out.
    """

    EXPIRING = "expiring"
    SLOW = "slow"
    FILLING = "filling"
    LAGGING = "lagging"
    WRAPAROUND = "wraparound"


@frozen
class Condition:
    """A condition of a target that holds, is about to, or is over and people are still to be notified of that.

    Attributes
    ----------
    level
        How many of its thresholds it has passed; 0 while it does not hold.
    notified
        The level that people know of.
    value, threshold
        What was measured when its level changed last, and the threshold of that level, in the unit of its kind: days
        before the end (below 0), milliseconds, percent, seconds, transactions.
    since
        When what was measured first passed it.
    sightings
        When it was seen beyond its threshold while it does not hold yet.
    calm_since
        Since when it has been seen below its level all the time.
    ended
        When it was over.
    addressees
        The people who know; they are notified of its end.
    calm_level
        The highest level that was seen since `calm_since`.
    """

    kind: ConditionKind
    since: datetime
    value: float
    threshold: float
    level: int = 0
    notified: int = 0
    sightings: tuple[datetime, ...] = ()
    calm_since: datetime | None = None
    ended: datetime | None = None
    addressees: Addressees | None = None
    calm_level: int = 0
