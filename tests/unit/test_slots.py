"""Slots admit as many threads as there are, returning ones first, and lose none."""

from __future__ import annotations

import random
import time
from collections import Counter
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import pytest

import heartline.probe.slots
from heartline.probe.slots import CPU_SLOTS, Slots
from local.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 20.0  # seconds in which all threads of a test end, unless one is forgotten


class Room:
    """Count who is inside."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.inside = 0
        self.most = 0

    def step(self, by: int) -> None:
        with self._lock:
            self.inside += by
            self.most = max(self.most, self.inside)


def run(*works: Callable[[], None]) -> None:
    """Run all at once, to their ends."""
    threads = [Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    until = time.monotonic() + LIMIT
    for thread in threads:
        thread.join(max(0, until - time.monotonic()))
    assert not [thread for thread in threads if thread.is_alive()], "somebody is forgotten"


def assert_all_free(slots: Slots, places: int) -> None:
    assert [slots.take(0) for _ in range(places + 1)] == [True] * places + [False]


@pytest.mark.parametrize("places", [1, 2, 5])
def test_never_more_are_inside_than_there_are_places(places: int) -> None:
    slots, room = Slots(places), Room()

    def work() -> None:
        for _ in range(5):
            assert slots.take(LIMIT)
            room.step(1)
            for _ in range(3):
                time.sleep(0.0001)
                room.step(-1)
                with slots.released():
                    time.sleep(0)
                room.step(1)
            room.step(-1)
            slots.leave()

    run(*[work] * 40)
    assert (room.most, room.inside) == (places, 0)
    assert_all_free(slots, places)


def test_nobody_is_forgotten_where_some_give_up_waiting() -> None:
    """A place that comes free is offered to one; where that one has just given up, it goes to another."""
    slots, taken = Slots(2), Counter[bool]()

    def work(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311, no secret
        for _ in range(50):
            admitted = slots.take(chance.choice([0, 0.0002, 0.001, 0.005]))
            taken[admitted] += 1
            if admitted:
                time.sleep(chance.choice([0, 0.0005]))
                with slots.released():
                    time.sleep(chance.choice([0, 0.0005]))
                slots.leave()

    run(*[lambda seed=seed: work(seed) for seed in range(30)], *[lambda: patient(slots)] * 10)
    assert min(taken[True], taken[False]) > 0
    assert_all_free(slots, 2)


def patient(slots: Slots) -> None:
    for _ in range(20):
        assert slots.take(LIMIT)
        slots.leave()


def test_who_comes_back_goes_before_who_is_new() -> None:
    slots, order, answered = Slots(1), list[str](), Event()
    assert slots.take(0)

    def newcomer() -> None:
        assert slots.take(LIMIT)
        order.append("new")
        slots.leave()

    def begun() -> None:
        with slots.released():
            answered.wait(LIMIT)
        order.append("back")
        slots.leave()

    def holder() -> None:
        assert slots.take(LIMIT)
        starting.set()
        wait_until(lambda: len(slots._for_new._waiters) == 3, "the new ones to wait")  # type: ignore[attr-defined]
        answered.set()
        wait_until(lambda: slots._returning == 1, "the answer to be awaited no more")
        slots.leave()

    starting = Event()
    run(begun, holder, *[lambda: (starting.wait(LIMIT), newcomer())[1]] * 3)
    assert order == ["back", "new", "new", "new"]


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_a_place_that_does_not_come_free_is_given_up_in_time(seconds: float) -> None:
    slots = Slots(1)
    assert slots.take(0)
    began = time.monotonic()
    assert not slots.take(seconds)
    assert seconds <= time.monotonic() - began < seconds + 1
    slots.leave()
    assert_all_free(slots, 1)


def test_a_place_that_was_given_up_for_a_wait_is_free_meanwhile() -> None:
    slots = Slots(1)
    assert slots.take(0)
    with slots.released():
        assert slots.take(0)
        slots.leave()
    assert not slots.take(0)


def test_a_wait_that_fails_takes_its_place_again() -> None:
    slots = Slots(1)
    assert slots.take(0)
    with pytest.raises(TimeoutError), slots.released():
        raise TimeoutError
    assert not slots.take(0)
    slots.leave()
    assert_all_free(slots, 1)


def test_who_has_waited_too_long_goes_on_without_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartline.probe.slots, "_MAX_WAIT_SECONDS", 0.05)
    slots = Slots(1)
    assert slots.take(0)
    with slots.released():
        assert slots.take(0)
    assert not slots.take(0)
    slots.leave()
    assert not slots.take(0)
    slots.leave()
    assert_all_free(slots, 1)


def test_the_process_has_places() -> None:
    assert CPU_SLOTS.take(0)
    CPU_SLOTS.leave()
