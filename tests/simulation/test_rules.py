"""Some thousand days of databases of every kind, and the eight rules of alerting in each of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulation.cases import CASES
from simulation.families import FAMILIES, world
from simulation.runs import tallied

# Worlds of each family: many where ticks go by fast, so that each takes about as long as another.
WORLDS = {
    "health": 7,
    "tick patterns": 6,
    "mostly down": 4,
    "severity": 16,
    "certificates": 5,
    "one good probe": 6,
    "doubled ticks": 6,
    "quiet times": 9,
    "documents": 9,
    "conditions": 4,
    "conditions amid trouble": 5,
    "conditions and then an outage": 5,
}
USUAL = 7


@pytest.mark.parametrize("name", FAMILIES)
def test_the_rules_of_alerting_hold(name: str, record_property: Callable[[str, object], None]) -> None:
    tally = tallied(world(name, seed) for seed in range(WORLDS.get(name, USUAL)))
    record_property("days", tally.days)
    record_property("ticks", tally.ticks)
    print(f"{name}: {tally.days:.0f} days, {tally.ticks} ticks, {sum(tally.mails.values())} alerts")
    assert not tally.broken, tally.report()


@pytest.mark.parametrize("name", CASES)
def test_what_broke_a_rule_once_breaks_none(name: str) -> None:
    tally = tallied([CASES[name]()])
    assert not tally.broken, tally.report()
