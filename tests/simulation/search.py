"""Climb towards the rhythm under which most is said, or least: what the rules are worst at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from simulation.families.making import BEGINS, TICKS, laid, length, repeated
from simulation.loop import Run
from simulation.oracle import Oracle
from simulation.world import MINUTE, MISSED, Care, Plan, World

DAYS = 1.5
_LETTERS = "UUDDDFmnp"
_MOST_SPANS = 14


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Spans of seconds, each with a letter of TICKS, again and again; each so-manieth tick is missed where `missed`."""

    spans: tuple[tuple[float, str], ...]
    missed: int = 0
    minutes: int = 1
    shift: float = 20.0

    def world(self) -> World:
        plan = Plan(BEGINS + self.shift, self.minutes * MINUTE)
        if self.missed:
            plan.odd = dict.fromkeys(range(self.missed, 5000, self.missed), MISSED)
        spans = [(seconds, TICKS[letter]) for seconds, letter in self.spans]
        return laid(Care(), plan, repeated([*spans]), DAYS * self.minutes, str(self))

    def __str__(self) -> str:
        written = " ".join(f"{letter}{seconds:g}s" for seconds, letter in self.spans)
        missed = f", tick {self.missed} of {self.missed} missed" if self.missed else ""
        return f"[{written}] a tick each {self.minutes} min, {self.shift:g} s into it{missed}"


Objective = Callable[[Oracle], float]
OBJECTIVES: dict[str, tuple[str, Objective]] = {
    "alerts in an hour": ("", lambda oracle: oracle.hour),
    "alerts in a day": ("", lambda oracle: oracle.day),
    "down in a row and not known": ("min", lambda oracle: oracle.unknown / MINUTE),
    "down since the last mail and not known": ("min", lambda oracle: oracle.unmentioned / MINUTE),
}


def worst(objective: Objective, seed: int, restarts: int = 4, steps: int = 30) -> tuple[float, Rhythm]:
    """Return the highest value found, and under which rhythm."""
    chance = Random(seed)  # noqa: S311 - a simulation
    best: tuple[float, Rhythm] = (-1.0, Rhythm(((60, "U"),)))
    for _ in range(restarts):
        rhythm = _any(chance)
        value, tired = measured(rhythm, objective), 0
        while tired < steps:
            other = _near(rhythm, chance)
            found = measured(other, objective)
            tired = 0 if found > value else tired + 1
            if found >= value:
                rhythm, value = other, found
        best = max(best, (value, rhythm), key=lambda one: one[0])
    return best


def measured(rhythm: Rhythm, objective: Objective) -> float:
    world = rhythm.world()
    oracle = Oracle(world, checking=False)
    Run(world, oracle).go()
    return objective(oracle)


def _any(chance: Random) -> Rhythm:
    if chance.random() < 0.4:
        spans = tuple((60.0, chance.choice(_LETTERS)) for _ in range(chance.randint(2, 9)))
    else:
        spans = tuple((length(chance, 2, 3600), chance.choice(_LETTERS)) for _ in range(chance.randint(2, 6)))
    return Rhythm(spans, chance.choice([0, 0, 3, 5]), chance.choice([1, 1, 1, 5]))


def _near(rhythm: Rhythm, chance: Random) -> Rhythm:
    """Change one thing."""
    spans = list(rhythm.spans)
    place = chance.randrange(len(spans))
    seconds, letter = spans[place]
    match chance.randrange(8):
        case 0 | 1:
            spans[place] = (max(1.0, round(seconds * chance.choice([0.5, 0.8, 0.95, 1.05, 1.25, 2]), 1)), letter)
        case 2:
            spans[place] = (max(1.0, round(seconds / 60) * 60.0), letter)
        case 3:
            spans[place] = (seconds, chance.choice(_LETTERS))
        case 4 if len(spans) < _MOST_SPANS:
            spans.insert(place, (length(chance, 2, 3600), chance.choice(_LETTERS)))
        case 5 if len(spans) > 1:
            spans.pop(place)
        case 6:
            return replace(rhythm, missed=chance.choice([0, 2, 3, 4, 5, 7]))
        case _:
            return replace(rhythm, shift=round(chance.uniform(0, 60), 1))
    return replace(rhythm, spans=tuple(spans))
