"""How near a database really is to its limits, and what each probe of it measures."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulation.world import DAY

if TYPE_CHECKING:
    from simulation.dice import Dice
    from simulation.truth import Server

SLOW, FILLING, LAGGING, WRAPAROUND, EXPIRING = "slow", "filling", "lagging", "wraparound", "expiring"
# What a probe measured, each in the unit in which people read it: milliseconds, percent, seconds, transactions, and
# days, below 0 before the end. What the server did not say is missing.
Readings = Mapping[str, float]


@dataclass(slots=True)
class Curve:
    """A value that goes from one to another in each of its pieces, seen with some noise, now and then not at all."""

    starts: list[float] = field(default_factory=list)
    pieces: list[tuple[float, float]] = field(default_factory=list)
    noise: float = 0.0
    silent: float = 0.0

    @classmethod
    def of(cls, pieces: Iterable[tuple[float, float, float]], begins: float, ends: float, **given: float) -> Curve:
        """Lay pieces of so many seconds end to end, until an end."""
        curve = cls(**given)  # type: ignore[arg-type]
        for seconds, first, last in pieces:
            curve.starts.append(begins)
            curve.pieces.append((first, last))
            begins += seconds
            if begins > ends:
                break
        curve.starts.append(begins)
        return curve

    def at(self, instant: float, chance: Dice) -> float | None:
        place = min(max(0, bisect_right(self.starts, instant) - 1), len(self.pieces) - 1)
        (first, last), begins, ends = self.pieces[place], self.starts[place], self.starts[place + 1]
        if self.silent and chance.random() < self.silent:
            return None
        share = min(1.0, max(0.0, (instant - begins) / (ends - begins)))
        value = first + (last - first) * share
        return max(0.0, value + (chance.uniform(-self.noise, self.noise) if self.noise else 0.0))

    def same_until(self, instant: float) -> float:
        """Return until when each probe measures the same, from an instant on; that itself where none does."""
        place = min(max(0, bisect_right(self.starts, instant) - 1), len(self.pieces) - 1)
        first, last = self.pieces[place]
        same = first == last and not self.noise and not self.silent
        return instant if not same else self.starts[place + 1] if place + 1 < len(self.pieces) else float("inf")


def measured(curves: Mapping[str, Curve], begins: float, ends: float, server: Server, chance: Dice) -> Readings:
    """Return what a good probe of a server measures; its own length is given."""
    readings = {SLOW: (ends - begins) * 1000}
    if not server.standby:
        readings[LAGGING] = 0.0
    for kind, digits in ((FILLING, 1), (LAGGING, 3) if server.standby else (WRAPAROUND, 0)):
        value = curves[kind].at(begins, chance) if kind in curves else None
        if value is not None:
            readings[kind] = round(value, digits)
    if server.expires is not None:
        readings[EXPIRING] = (ends - server.expires) / DAY
    return readings
