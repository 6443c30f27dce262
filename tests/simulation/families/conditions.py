"""Databases that become slow, fill up, lag, age, and whose certificates end."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from simulation import truth
from simulation.families.making import BEGINS, UP, Spans, family, laid, length, outages_of, server, settings
from simulation.families.monitors import doubled_ticks, missed_ticks
from simulation.gauges import FILLING, LAGGING, SLOW, WRAPAROUND, Curve
from simulation.truth import Event, Flaky
from simulation.world import DAY, HOUR, MINUTE, Action, Care, Plan, Window, World

_SLOW_AFTER = 1.0  # seconds
# About which values each moves.
_ABOUT = {
    SLOW: (50.0, 790.0, 900.0, 1010.0, 3000.0),
    FILLING: (10.0, 74.0, 76.0, 84.0, 86.0, 99.0),
    LAGGING: (0.0, 140.0, 160.0, 290.0, 310.0, 5000.0),
    WRAPAROUND: (2e8, 1.05e9, 1.15e9, 1.25e9, 1.45e9, 1.55e9, 1.65e9, 1.75e9, 1.85e9, 1.95e9),
}


def _curve(chance: Random, kind: str, begins: float, ends: float) -> Curve:
    """Draw how a value moves: still for a while, or slowly to another, or to and fro about a threshold."""
    about, usual = _ABOUT[kind], _ABOUT[kind][0]
    noise = chance.choice([0.0, 0.0, 0.02, 0.2]) * chance.choice(about)
    longest = chance.choice([5 * MINUTE, 2 * HOUR, DAY])

    def pieces() -> Iterator[tuple[float, float, float]]:
        value = usual
        while True:
            if chance.random() < 0.1:
                for _ in range(chance.randint(3, 40)):
                    yield length(chance, 30, 10 * MINUTE), *[chance.choice(about)] * 2
            other = chance.choice(about) if chance.random() < 0.7 else usual
            if chance.random() < 0.5:
                yield length(chance, MINUTE, longest), value, other
            value = other
            yield length(chance, MINUTE, longest), value, value

    return Curve.of(pieces(), begins, ends, noise=noise, silent=chance.choice([0.0, 0.0, 0.1]))


def _gauges(chance: Random, made: World) -> World:
    """Let some of a world's values move."""
    kinds = [kind for kind in _ABOUT if chance.random() < 0.5] or [chance.choice([*_ABOUT])]
    made.gauges = {kind: _curve(chance, kind, made.begins, made.ends) for kind in kinds}
    if SLOW in made.gauges:
        made.gauges[SLOW].silent, made.slow = 0.0, 0.0
    made.care = _looking(made.care)
    made.about += f"; {', '.join(kinds)} move"
    return made


def _looking(care: Care) -> Care:
    return Care(
        care.confirmations,
        care.confirm_after,
        care.recover_after,
        care.remind_every,
        care.settle_after,
        care.timeout,
        care.windows,
        _SLOW_AFTER,
    )


def _quiet(chance: Random, plan: Plan, days: float) -> tuple[Spans, list[Action]]:
    """Draw few outages, and mutes."""
    actions = []
    for _ in range(chance.randint(0, 4)):
        at = plan.begins + chance.uniform(0, days) * DAY
        actions.append(Action(at, "mute", at + length(chance, MINUTE, 12 * HOUR)))
    return outages_of(chance, (2 * HOUR, 9 * DAY), (MINUTE, 2 * HOUR)), actions


@family
def conditions(chance: Random) -> World:
    """With few outages, some mutes, and a certificate that ends."""
    care, plan = settings(chance, usual=0.7)
    days = 2 * min(5, plan.interval / 60)
    spans, actions = _quiet(chance, plan, days)
    if chance.random() < 0.3:
        care = Care(windows=(Window(tuple(range(7)), (chance.randint(0, 23), 30), (chance.randint(0, 23), 0), "UTC"),))
    made = laid(care, plan, spans, days, "few outages", actions=actions)
    expires = BEGINS + chance.choice([30, 7, 1, 40]) * DAY + chance.uniform(-1, 2) * DAY
    first = server(standby=chance.random() < 0.4, expires=expires if chance.random() < 0.5 else None)
    made.events = [Event(0, "first", (first,))]
    if chance.random() < 0.15:
        both = first, server(address="10.0.0.2", started=BEGINS - 3 * DAY, standby=first.standby)
        made.events.append(Event(BEGINS + HOUR, "several", both))
    return _gauges(chance, made)


@family
def conditions_amid_trouble(chance: Random) -> World:
    """Outages of every rhythm, ticks that are lost or doubled, and a document that changes."""
    made = chance.choice([missed_ticks, doubled_ticks])(chance)
    made.events = [Event(0, "first", (server(standby=chance.random() < 0.4),))]
    made.days = min(made.days, 2 * made.plan.interval / 60)
    changes = chance.choice([["mute"], ["remove", "rename", "readers"]])
    for _ in range(chance.randint(0, 4)):
        at = BEGINS + chance.uniform(0, made.days) * DAY
        match chance.choice(changes):
            case "mute":
                made.actions.append(Action(at, "mute", at + length(chance, MINUTE, 12 * HOUR)))
            case "remove":
                made.actions += [Action(at, "remove"), Action(at + length(chance, MINUTE, 6 * HOUR), "restore")]
            case "rename":
                made.actions.append(Action(at, "rename"))
            case _:
                team = tuple(f"{one}@example.com" for one in chance.sample(["ops", "dba", "lead"], 2))
                made.actions.append(Action(at, "readers", team))
    return _gauges(chance, made)


@family
def conditions_and_then_an_outage(chance: Random) -> World:
    """A value that crosses its threshold to and fro, until the database is down for once."""
    care, plan = settings(chance, usual=0.8)
    days = min(5, plan.interval / 60)
    spans = [(length(chance, 2 * HOUR, days * DAY), UP), (length(chance, 2 * MINUTE, 5 * HOUR), truth.REFUSED)]
    if chance.random() < 0.2:
        spans = [(length(chance, HOUR, 6 * HOUR), UP), (DAY, Flaky(0.2)), *spans]
    made = _gauges(chance, laid(care, plan, spans, days * 1.5, "an outage"))
    for kind in made.gauges:
        about = [one for one in _ABOUT[kind] if kind != WRAPAROUND or one < 1.5e9]
        turns = [(length(chance, MINUTE, HOUR), value, value) for _ in range(900) for value in (about[0], about[-1])]
        made.gauges[kind] = Curve.of(turns, made.begins, made.ends)
    return made
