"""Run many worlds, on all cores where it is worth it, and add up what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from os import cpu_count

from simulation.cases import CASES
from simulation.families import FAMILIES, world
from simulation.loop import Making, Run
from simulation.oracle import Oracle, Violation
from simulation.subject import Heartline
from simulation.world import World


@dataclass(slots=True)
class Tally:
    """What came of some worlds."""

    worlds: int = 0
    days: float = 0
    ticks: int = 0
    mails: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    hour: tuple[int, str] = (0, "")
    day: tuple[int, str] = (0, "")
    unknown: tuple[float, str] = (0, "")
    unmentioned: tuple[float, str] = (0, "")

    def add(self, other: Tally) -> None:
        self.worlds, self.days, self.ticks = (
            self.worlds + other.worlds,
            self.days + other.days,
            self.ticks + other.ticks,
        )
        for name in ("mails", "checks", "broken"):
            getattr(self, name).update(getattr(other, name))
        self.violations += other.violations
        for name in ("hour", "day", "unknown", "unmentioned"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))

    def report(self, most: int = 6) -> str:
        """Write what is broken, with one timeline for each check."""
        first = {violation.check: violation for violation in reversed(self.violations)}
        lines = [f"{number:7} x {title}" for title, number in self.broken.most_common()]
        return "\n".join([f"{sum(self.broken.values())} violations", *lines, *map(str, list(first.values())[:most])])


def lived(one: World, making: Making = Heartline) -> Tally:
    """Run one world."""
    oracle = Oracle(one)
    run = Run(one, oracle, making)
    run.go()
    where = f"{one.family}, seed {one.seed}: {one.about}"
    return Tally(
        1,
        one.days,
        run.ticks,
        oracle.mails,
        oracle.checks,
        oracle.broken,
        oracle.violations,
        (oracle.hour, where),
        (oracle.day, where),
        (oracle.unknown, where),
        (oracle.unmentioned, where),
    )


def tallied(worlds: Iterable[World]) -> Tally:
    total = Tally()
    for one in worlds:
        total.add(lived(one))
    return total


def numbered(seed: int) -> Iterator[tuple[str, int]]:
    """Name worlds without end: one of each family, and again with the next seed."""
    while True:
        yield from ((name, seed) for name in FAMILIES)
        seed += 1


def _one(named: tuple[str, int]) -> Tally:
    return lived(world(*named))


def _case(name: str) -> Tally:
    return lived(CASES[name]())


def years(number: float, seed: int, processes: int | None = None) -> Iterator[tuple[str, Tally]]:
    """Run worlds until so many years of a target have passed; give each with its family."""
    left, worlds = number * 365, numbered(seed)
    with get_context("spawn").Pool(processes or min(2, cpu_count() or 1)) as pool:
        while left > 0:
            batch = [next(worlds) for _ in range(2 * len(FAMILIES))]
            for named, tally in zip(batch, pool.imap(_one, batch, chunksize=1), strict=True):
                left -= tally.days
                yield named[0], tally


def all_cases() -> Iterator[tuple[str, Tally]]:
    """Run the worlds that broke a rule once."""
    for name in CASES:
        yield name, _case(name)
