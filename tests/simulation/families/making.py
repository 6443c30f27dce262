"""What families make their worlds of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import TypeAlias

from simulation import truth
from simulation.truth import Condition, Event, Fault, Flaky, Server, Timeline
from simulation.world import DAY, HOUR, MINUTE, Care, Plan, World

BEGINS = datetime(2026, 5, 4, tzinfo=UTC).timestamp()
Spans: TypeAlias = Iterator[tuple[float, Condition]]
Maker: TypeAlias = Callable[[Random], World]
FAMILIES: dict[str, Maker] = {}
UP: Condition = None


def family(make: Maker) -> Maker:
    FAMILIES[make.__name__.replace("_", " ")] = make
    return make


def settings(chance: Random, *, usual: float = 0.5) -> tuple[Care, Plan]:
    """Draw what the user asked for, often the defaults."""
    if chance.random() < usual:
        return Care(), _plan(chance, 60)
    care = Care(
        confirmations=chance.choice([0, 1, 2, 2, 3]),
        confirm_after=chance.choice([0.0, 1.0, 3.0]),
        recover_after=chance.choice([1, 2, 2, 3]),
        remind_every=chance.choice([10 * MINUTE, HOUR, HOUR, 6 * HOUR]),
        settle_after=chance.choice([60.0, 300.0, 300.0, 900.0, HOUR, 6 * HOUR]),
    )
    return care, _plan(chance, chance.choice([60, 60, 120, 300, 900]))


def _plan(chance: Random, interval: float) -> Plan:
    jitter = tuple(round(chance.uniform(0, 0.8), 3) for _ in range(101))
    return Plan(BEGINS + round(chance.uniform(0, 60), 3), interval, jitter=jitter)


def server(begins: float = BEGINS, **given: object) -> Server:
    started = begins - 40 * DAY
    kept = {"started": started, "began": (started + 1,) * 4}
    return Server(**kept | given)  # type: ignore[arg-type]


def made_of(
    chance: Random, spans: Spans | list[tuple[float, Condition]], days: float, about: str, **given: object
) -> World:
    care, plan = settings(chance)
    days *= min(5.0, plan.interval / 60)
    return laid(care, plan, spans, days, about, **given)


def laid(
    care: Care, plan: Plan, spans: Spans | list[tuple[float, Condition]], days: float, about: str, **given: object
) -> World:
    """Return a world in which those spans follow each other from the first tick on."""
    ends = plan.begins + days * DAY
    timeline, at = Timeline(), plan.begins
    for seconds, condition in spans:
        if at > ends:
            break
        timeline.then(at, condition)
        at += seconds
    if not timeline.starts or at < ends:
        timeline.then(at, None)
    events = [Event(0, "first", (server(),))]
    return World("", 0, BEGINS, days, care, plan, timeline, events, about=about).but(**given)


def length(chance: Random, least: float, most: float) -> float:
    """Draw a length of time, each order of magnitude as likely as another."""
    return float(round(least * (most / least) ** chance.random(), 3))


def some_fault(chance: Random) -> Fault:
    return chance.choice(truth.OUTAGES + truth.MISCONFIGURED[:1])


def outages_of(chance: Random, up: tuple[float, float], down: tuple[float, float]) -> Spans:
    yield length(chance, *up), UP
    while True:
        yield length(chance, *down), some_fault(chance)
        yield length(chance, *up), UP


def repeated(spans: list[tuple[float, Condition]]) -> Spans:
    while True:
        yield from spans


TICKS = {"U": UP, "D": truth.REFUSED, "F": truth.FULL, "m": truth.PASSWORD, "n": truth.DATABASE, "p": Flaky(0.4)}


def by_ticks(pattern: str, plan: Plan) -> Spans:
    """Lay a pattern out so that each of its letters is so at one tick, with all of its probes."""
    yield plan.interval / 2 + plan.begins - BEGINS, TICKS[pattern[-1]]
    while True:
        for letter in pattern:
            yield plan.interval, TICKS[letter]
