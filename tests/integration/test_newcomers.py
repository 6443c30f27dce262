"""What is told of a new target has an end, however soon the document ceases to name it and whatever goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.hearing import heard
from local.peers import closes
from local.stack import ROLE
from local.sweep import Point, Runner, When

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.conftest import Monitor, Serve

BEAT = "dynamodb:PutItem heartbeat/heartbeat"
TOLD = ["DOWN", "NO LONGER WATCHED"]


@pytest.fixture
def join(monitor: Monitor, serve: Serve) -> Callable[[], str]:
    """Return what lets a target join that is down; it returns the document as it is without it."""
    port = serve(closes).port

    def join() -> str:
        document = monitor.environment["TARGETS"]
        monitor.watch("new", host="127.0.0.1", port=port, user=ROLE)
        monitor.environment["TARGETS"] += document
        return document

    return join


def words(monitor: Monitor) -> list[str]:
    return [one.word for one in heard(monitor.aws.log) if one.name == "new" and one.who.startswith("oncall")]


def leave(monitor: Monitor, document: str) -> None:
    """Let the target be taken off the document, and two ticks pass."""
    monitor.environment["TARGETS"] = document
    for _ in range(2):
        monitor.pass_time(minutes=1)
        monitor.tick()


@pytest.mark.parametrize(
    ("refused", "told"),
    [({"after": 1}, TOLD), ({}, [])],
    ids=["named, and its first verdict not recorded", "not named, hence not judged"],
)
@pytest.mark.parametrize("first", [False, True], ids=["in a fleet", "alone"])
def test_a_target_that_leaves_after_a_tick_that_could_not_be_recorded(
    monitor: Monitor, join: Callable[[], str], refused: dict[str, int], told: list[str], first: bool
) -> None:
    if not first:
        monitor.tick()
    document = join()
    monitor.aws.refuse(BEAT, "ProvisionedThroughputExceededException", **refused)
    answer = monitor.tick()
    assert answer["down"] == bool(told)
    assert [line["event"] for line in monitor.log if line["level"] == "ERROR"][-1] == "heartbeat-not-written"
    monitor.aws.accept()
    leave(monitor, document)
    assert words(monitor) == told


@pytest.mark.parametrize("stage", When)
def test_a_target_that_leaves_after_the_tick_that_first_saw_it_was_killed(
    monitor: Monitor, join: Callable[[], str], stage: When
) -> None:
    monitor.tick()
    document = join()
    with Runner() as runner:
        save = Point("dynamodb:PutItem target#new/state", 1, stage)
        runner.tick(monitor.aws, monitor.environment, monitor.moved, save)
    leave(monitor, document)
    # Both in one mail, whose word is the latest.
    assert words(monitor) == TOLD[1:] * (stage is When.AFTER)


def test_a_target_that_leaves_while_its_item_stays_unread_is_told_to_have_left_by_a_later_tick(
    monitor: Monitor, join: Callable[[], str]
) -> None:
    document = join()
    monitor.tick()
    monitor.environment["TARGETS"] = document
    # Of what it reads first only what is in the document passes; of what left, all stays unread.
    monitor.aws.leave_unprocessed(after=1)
    monitor.pass_time(minutes=1)
    monitor.tick()
    assert words(monitor) == TOLD[:1]
    assert [line["event"] for line in monitor.log if line["level"] == "ERROR"] == ["state-unreadable"]
    monitor.aws.accept()
    leave(monitor, document)
    assert words(monitor) == TOLD


def test_a_target_that_is_given_back_and_taken_away_again_is_new_each_time(
    monitor: Monitor, join: Callable[[], str]
) -> None:
    document = join()
    monitor.tick()
    leave(monitor, document)
    join()
    monitor.pass_time(minutes=1)
    monitor.aws.refuse(BEAT, "ProvisionedThroughputExceededException", after=1)
    monitor.tick()
    monitor.aws.accept()
    leave(monitor, document)
    assert words(monitor) == TOLD * 2
