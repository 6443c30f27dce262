"""What is really so of a database, second by second: the ground truth that mails are held to."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulation.dice import Dice


@dataclass(frozen=True, slots=True)
class Fault:
    """What a probe runs into, and for how many seconds.

    `outage` is False where the database answers and the monitor may not enter.
    """

    phase: str
    kind: str
    outage: bool = True
    seconds: tuple[float, float] = (0.001, 0.05)


REFUSED = Fault("connect", "refused")
SILENT = Fault("connect", "timeout", seconds=(5, 5))
UNREACHABLE = Fault("connect", "unreachable", seconds=(0.5, 3))
FULL = Fault("login", "saturated")
STARTING = Fault("login", "starting")
PASSWORD = Fault("login", "auth", outage=False)
DATABASE = Fault("login", "no-database", outage=False)
CERTIFICATE = Fault("tls", "certificate", outage=False)
OUTAGES = (REFUSED, SILENT, UNREACHABLE, FULL, STARTING)
MISCONFIGURED = (PASSWORD, DATABASE, CERTIFICATE)


@dataclass(frozen=True, slots=True)
class Flaky:
    """Let each probe fail with a probability of its own."""

    share: float
    fault: Fault = REFUSED


@dataclass(frozen=True, slots=True)
class OnlyGood:
    """Let all probes of a tick fail but the one of that number, counted from 0."""

    number: int
    fault: Fault = REFUSED


Condition: TypeAlias = Fault | Flaky | OnlyGood | None


@dataclass(slots=True)
class Timeline:
    """Conditions one after the other, each from its start on; healthy before the first."""

    starts: list[float] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    @classmethod
    def of(cls, spans: Iterable[tuple[float, Condition]], begins: float) -> Timeline:
        """Lay spans of so many seconds end to end."""
        timeline = cls()
        for seconds, condition in spans:
            timeline.then(begins, condition)
            begins += seconds
        timeline.then(begins, None)
        return timeline

    def then(self, start: float, condition: Condition) -> None:
        """Let that be so from then on."""
        if not self.conditions or self.conditions[-1] != condition:
            self.starts.append(start)
            self.conditions.append(condition)

    def at(self, instant: float) -> Condition:
        place = bisect_right(self.starts, instant) - 1
        return self.conditions[place] if place >= 0 else None

    def fault(self, instant: float, number: int, chance: Dice) -> Fault | None:
        """Return what a probe, the tick's own of that number, runs into at an instant."""
        condition = self.at(instant)
        if isinstance(condition, Flaky):
            return condition.fault if chance.random() < condition.share else None
        if isinstance(condition, OnlyGood):
            return None if number == condition.number else condition.fault
        return condition

    def healthy_until(self, instant: float) -> float:
        """Return until when nothing can fail, from an instant on; that itself where something can."""
        place = bisect_right(self.starts, instant) - 1
        if place >= 0 and self.conditions[place] is not None:
            return instant
        return self.starts[place + 1] if place + 1 < len(self.starts) else float("inf")

    def changes(self, begins: float | None, ends: float, *, failing: bool) -> bool:
        """Return True if it began to fail, or else to be good, within these bounds, or may have.

        Where probes fail by chance or by number, each may be where it begins.
        """
        first = 0 if begins is None else max(0, bisect_left(self.starts, begins) - 1)
        for place in range(first, bisect_right(self.starts, ends)):
            condition, start = self.conditions[place], self.starts[place]
            ends_at = self.starts[place + 1] if place + 1 < len(self.starts) else float("inf")
            if isinstance(condition, Flaky | OnlyGood) and (begins is None or ends_at >= begins):
                return True
            before = self.conditions[place - 1] if place else None
            turned = (before is None) == failing and (condition is not None) == failing
            if turned and (begins is None or start >= begins):
                return True
        return False

    def seconds_failing(self, begins: float, ends: float) -> float:
        """Add up for how long it failed for sure within these bounds."""
        total, place = 0.0, max(0, bisect_right(self.starts, begins) - 1)
        while place < len(self.starts) and self.starts[place] < ends:
            ends_at = self.starts[place + 1] if place + 1 < len(self.starts) else ends
            if isinstance(self.conditions[place], Fault):
                total += max(0.0, min(ends, ends_at) - max(begins, self.starts[place]))
            place += 1
        return total


@dataclass(frozen=True, slots=True)
class Server:
    """Who answers: what a fingerprint of it would show. Times are seconds since 1970."""

    started: float
    began: tuple[float, ...]  # since when each of its statistics is kept
    system: str = "7301"
    timeline: int = 1
    version: str = "16.4"
    standby: bool = False
    address: str = "10.0.0.1"
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a server at an instant, in the word of the mail that would tell of it."""

    at: float
    word: str
    servers: tuple[Server, ...]  # who answers under the name from then on, in turn
