"""The oracle's own account of conditions: what probes measured, and what people know of it.

Its thresholds are those of docs/alerts.md, "Conditions". Where a rule leaves room, it is kept twice: what must be
told by now, and what may be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from simulation.gauges import EXPIRING, FILLING, LAGGING, SLOW, WRAPAROUND
from simulation.mail import GONE, Mail, Told
from simulation.world import DAY, HOUR, Care, World

if TYPE_CHECKING:
    from simulation.loop import Tick

_TICKS = 5  # of which some must have seen it, or none any more
_BILLION = 1e9


@dataclass(frozen=True, slots=True)
class Limits:
    """Where each level begins and ends, in how many of five ticks it must be seen, and for how long not any more.

    It may be over after the `least` time, and is over after the `rest`.
    """

    begins: tuple[float, ...]
    ends: tuple[float, ...]
    seen: int = 1
    rest: float = 0.0
    least: float = 0.0

    def level(self, value: float) -> int:
        """Return the level that begins at a value."""
        return sum(value >= one for one in self.begins)

    def left(self, value: float) -> int:
        """Return the highest level that does not end at a value."""
        return sum(value >= one for one in self.ends)


@lru_cache(maxsize=100)
def limits_of(care: Care, interval: float, *, several: bool, known: bool) -> Mapping[str, Limits]:
    """Return those of all conditions; of several servers under one name, which may be known, for an hour more."""
    rest, least = HOUR if several else 0.0, HOUR if known else 0.0
    levels = (1.2 * _BILLION, 1.6 * _BILLION, 1.9 * _BILLION)
    limits = {
        EXPIRING: Limits((-30, -7, -1), (-31, -8, -2), rest=HOUR, least=HOUR),
        FILLING: Limits((85,), (75,), 1, rest, least),
        LAGGING: Limits((care.lag_after,), (care.lag_after / 2,), 2, rest, least),
        WRAPAROUND: Limits(levels, tuple(one - 0.1 * _BILLION for one in levels), 1, rest, least),
    }
    if care.slow_after is None:
        return limits
    slow, ticks = care.slow_after * 1000, (_TICKS - 1) * interval
    return limits | {SLOW: Limits((slow,), (slow * 0.8,), 3, max(rest, ticks), max(least, ticks))}


@dataclass(slots=True)
class Followed:
    """One condition; `told` is the level that people know of, `readers` who they are.

    `may` is the highest level that can be told, `must` the one that has to be by now. `low` is since when it is below
    its lowest end in each tick, for sure, and `high` when it last was not. `dropped` is the highest level
    that was not left since it was told, `over` whether it can be told to have ended. `places` are when it was seen
    beyond its first beginning, and whether for sure, `begun` all of them.
    """

    told: int = 0
    readers: frozenset[str] = frozenset()
    may: int = 0
    must: int = 0
    low: float | None = None
    high: float = float("-inf")
    dropped: int = 0
    value: float | None = None
    over: bool = False
    places: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=12))
    begun: deque[float] = field(default_factory=lambda: deque(maxlen=400))

    def take(self, value: float, at: float, limits: Limits, interval: float, *, sure: bool) -> None:
        """Take in what a probe measured; `sure` is whether the monitor judged it up for sure."""
        self.value, level, left = value, limits.level(value), limits.left(value)
        if level:
            self.places.append((at, sure))
            self.begun.append(at)
        if left:
            self.low, self.high = None, at if sure else self.high
        elif sure and self.low is None:
            self.low = at
        often = sum(at - one < (_TICKS + 0.5) * interval for one, _ in self.places)
        surely = sum(at - one < (_TICKS - 0.7) * interval for one, one_sure in self.places if one_sure)
        if level and (self.may or often >= limits.seen):
            self.may = max(self.may, level)
        if left == 0 and at - self.high > limits.least - 0.7 * interval:
            self.over = True
        if level and often >= limits.seen:
            self.over = False
        if left < self.may and (not limits.rest or (left == 0 and self.calm(at) > limits.rest + 1.5 * interval)):
            self.may = left
            if not left:  # it begins anew with what is seen from now on
                self.places = deque(((one, False) for one, _ in self.places), self.places.maxlen)
        self.must = level if sure and surely >= limits.seen else 0
        self.dropped = min(self.dropped, left)

    def calm(self, now: float) -> float:
        """Return for how long it is below its lowest end for sure."""
        return -1.0 if self.low is None else now - self.low


@dataclass(slots=True)
class Conditions:
    """All conditions of one target; `before` is what people knew of each before the mails of this tick."""

    world: World
    known: dict[str, Followed] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    mails: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=64))  # and whether it need not wait
    before: dict[str, tuple[int, int, frozenset[str]]] = field(default_factory=dict)

    @property
    def worries(self) -> bool:
        return any(one.told for one in self.known.values())

    @property
    def settled(self) -> bool:
        """Return True if nobody waits for a mail of one."""
        return all(one.must <= one.told and not (one.told and one.low) for one in self.known.values())

    def take(self, tick: Tick, care: Care, interval: float, *, sure: bool, down: bool) -> None:
        """Take in what the last probe of a tick measured, where the tick found the target up."""
        several = self.world.several
        known = several and len(self.world.servers(tick.begins - 2 * HOUR)) > 1
        self.limits, last = limits_of(care, interval, several=several, known=known), tick.probes[-1]
        for kind in [kind for kind in self.known if kind not in self.limits]:
            del self.known[kind]  # nobody looks for it any more
        for one in self.known.values():
            one.value, one.must = None, 0
        for kind, value in last.readings.items():
            if kind in self.limits and not down:
                self.known.setdefault(kind, Followed()).take(value, last.ends, self.limits[kind], interval, sure=sure)
        self.before = {kind: (one.told, one.dropped, one.readers) for kind, one in self.known.items()}

    def hear(self, mail: Mail, now: float, readers: frozenset[str], *, flapping: bool) -> None:
        """Let people read a mail."""
        if mail.word == GONE:
            self.known = {kind: Followed(readers=one.readers - readers) for kind, one in self.known.items() if one.told}
        if mail.told is None or mail.told.kind not in self.known:
            return
        self.mails.append((now, now - mail.told.since > 0.99 * DAY or flapping))
        one = self.known[mail.told.kind]
        if mail.told.over:
            one.told, one.dropped, one.readers = 0, 0, one.readers - readers
        else:
            one.told = one.dropped = max(1, self.level(mail.told))
            one.readers |= readers

    def level(self, told: Told) -> int:
        """Return the level that is said; 0 where it has no such threshold."""
        begins = self.limits[told.kind].begins if told.kind in self.limits else ()
        return next((n for n, one in enumerate(begins, 1) if abs(one - told.threshold) < 1e-6 * abs(one)), 0)
