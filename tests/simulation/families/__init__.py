"""Families of worlds: each makes one of its kind from a seed."""

from __future__ import annotations

from random import Random

from simulation.families import conditions, databases, monitors, servers  # noqa: F401 - they add their families
from simulation.families.making import FAMILIES
from simulation.world import World


def world(name: str, seed: int) -> World:
    """Return the world of that family and seed."""
    made = FAMILIES[name](Random(f"{name} {seed}"))  # noqa: S311 - a simulation
    made.seed, made.family = seed, name
    made.about = _described(made)
    return made


def _described(made: World) -> str:
    care = made.care
    return (
        f"{made.about}; a tick each {made.plan.interval / 60:g} min; confirmations {care.confirmations}, recover_after "
        f"{care.recover_after}, settle_after {care.settle_after:g} s, remind_every {care.remind_every:g} s, "
        f"{made.days:g} days"
    )
