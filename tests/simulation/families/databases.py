"""Databases that fail in one way or another."""

from __future__ import annotations

from random import Random

from simulation import truth
from simulation.families.making import (
    BEGINS,
    UP,
    Spans,
    by_ticks,
    family,
    laid,
    length,
    made_of,
    outages_of,
    repeated,
    settings,
    some_fault,
)
from simulation.truth import Condition, Flaky, OnlyGood
from simulation.world import DAY, HOUR, MINUTE, Action, World


@family
def health(chance: Random) -> World:
    return made_of(chance, outages_of(chance, (6 * HOUR, 9 * DAY), (0.5, 2 * HOUR)), 20, "rare outages")


@family
def outages(chance: Random) -> World:
    return made_of(chance, outages_of(chance, (1, 12 * HOUR), (0.5, DAY)), 3, "outages from 0.5 s to a day")


@family
def rhythms(chance: Random) -> World:
    up, down, fault = length(chance, 5, 2 * HOUR), length(chance, 5, 2 * HOUR), some_fault(chance)
    return made_of(chance, repeated([(up, UP), (down, fault)]), 2, f"up {up} s, down {down} s ({fault.kind})")


@family
def crash_loops(chance: Random) -> World:
    up, down = chance.choice(
        [(20.0, 90.0), (60.0, 300.0), (10.0, 30.0), (length(chance, 1, 120), length(chance, 30, 900))]
    )
    ends = chance.choice([0.3, 2]) * DAY
    spans = [(up, UP), (down, truth.REFUSED)] * int(ends / (up + down))
    spans += chance.choice([[(9 * DAY, UP)], [(9 * DAY, truth.REFUSED)], []])
    return made_of(
        chance, spans, 2.5, f"a crash loop: up {up} s, down {down} s, for {ends / DAY} days, then {spans[-1][1]}"
    )


@family
def mostly_down(chance: Random) -> World:
    period, up = chance.choice([300.0, 600.0, 180.0, 60.0, 3600.0]), chance.choice([3.0, 10.0, 30.0, 58.0])
    shift = chance.uniform(0, period)
    spans = repeated([(up, UP), (period + chance.choice([0, 0, 0.7]), truth.SILENT)])
    return made_of(chance, _after(shift, spans), 3, f"up {up} s of each {period} s")


def _after(seconds: float, spans: Spans) -> Spans:
    yield seconds, UP
    yield from spans


@family
def tick_patterns(chance: Random) -> World:
    care, plan = settings(chance)
    pattern = chance.choice(["DUDDDDDDU", "DU", "DDUU", "DDDDU", "DUUUU", "DDDDDDUU", ""])
    pattern = pattern or "".join(chance.choice("UUDDDDFm") for _ in range(chance.randint(2, 14)))
    days = 2 * min(5, plan.interval / 60)
    return laid(care, plan, by_ticks(pattern, plan), days, f"ticks {pattern}")


@family
def partial_failures(chance: Random) -> World:
    share = chance.choice([0.02, 0.1, 1 / 3, 0.5, 0.8, 0.97])
    spans = [(length(chance, 60, 6 * HOUR), UP), (DAY, Flaky(share)), (6 * HOUR, UP), (DAY, Flaky(share)), (DAY, UP)]
    return made_of(chance, spans, 3.5, f"each probe fails with probability {share:.2f} for days")


@family
def one_good_probe(chance: Random) -> World:
    number = chance.choice([1, 2, 2])
    spans = [(length(chance, 60, HOUR), UP), (2 * DAY, OnlyGood(number)), (DAY, UP)]
    return made_of(chance, spans, 3, f"of each tick only probe {number + 1} is good")


@family
def kinds_in_turn(chance: Random) -> World:
    kinds = [chance.choice(truth.OUTAGES + truth.MISCONFIGURED) for _ in range(chance.randint(2, 4))]
    each = chance.choice([60.0, 120.0, 75.0, 600.0, length(chance, 20, HOUR)])
    ends = chance.choice([HOUR, DAY, 2 * DAY])
    rounds = [(each, kind) for kind in kinds] * int(ends / each / len(kinds) + 1)
    spans = [(HOUR, UP), *rounds, (HOUR, UP), (2 * HOUR, kinds[-1]), (DAY, UP)]
    return made_of(chance, spans, 2.5, f"{', '.join(kind.kind for kind in kinds)} in turn, {each} s each, for {ends} s")


@family
def severity(chance: Random) -> World:
    turns, at = chance.randint(1, 6), BEGINS + HOUR
    spans: list[tuple[float, Condition]] = [(HOUR, UP)]
    actions = []
    for turn in range(turns):
        for kind in (chance.choice(truth.MISCONFIGURED), chance.choice(truth.OUTAGES)):
            seconds = length(chance, 5 * MINUTE, 3 * HOUR)
            spans.append((seconds, kind))
            if chance.random() < (0.7 if turn == 0 else 0.2):
                actions.append(Action(at + seconds * chance.uniform(0.3, 0.9), "acknowledge"))
            at += seconds
    spans += [(length(chance, MINUTE, DAY), truth.REFUSED), (DAY, UP)]
    return made_of(chance, spans, 2, f"misconfigured and outage {turns} times in turn, acknowledged", actions=actions)


def forever_after_flapping(chance: Random) -> World:
    up, down = length(chance, 70, 200), length(chance, 70, 200)
    spans = [(HOUR, UP), *[(down, truth.REFUSED), (up, UP)] * chance.randint(2, 6), (9 * DAY, truth.REFUSED)]
    return made_of(chance, spans, 2, f"some outages of {down} s, {up} s apart, then down for good")
