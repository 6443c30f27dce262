"""Chance that depends on the number of the tick alone, so that ticks that are skipped change nothing after them."""

from __future__ import annotations

from random import Random
from typing import TypeVar

_T = TypeVar("_T")
_FACES = 8191
_STRIDE = 29


class Dice:
    def __init__(self, seed: int) -> None:
        chance = Random(seed)  # noqa: S311 - a simulation
        self._faces = [chance.random() for _ in range(_FACES)]
        self._place = 0

    def seek(self, number: int) -> None:
        """Throw from then on what belongs to that tick."""
        self._place = number * _STRIDE % _FACES

    def random(self) -> float:
        self._place = (self._place + 1) % _FACES
        return self._faces[self._place]

    def uniform(self, least: float, most: float) -> float:
        return least + (most - least) * self.random()

    def choice(self, among: tuple[_T, ...]) -> _T:
        return among[int(self.random() * len(among))]
