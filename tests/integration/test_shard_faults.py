"""A shard that is killed, or whose fleet is divided anew meanwhile, loses nothing: SQS or the next tick has it done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from heartline.tick.shards import shard_of
from local.fleet import REAL, Fleet
from local.function import invoke
from local.hearing import heard, unwritten
from local.sweep import ANY, Kept, Point, Runner, When

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from local.postgres import Postgres

SHARD = 3  # of four: "mail" is down in it, "crm" is not


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as runner:
        yield runner


def words(fleet: Fleet, name: str) -> list[str]:
    """Return what the one reader heard of a target."""
    return [one.word for one in heard(fleet.monitor.aws.log) if one.name == name and "@" in one.who]


def message(fleet: Fleet, shard: int = SHARD) -> dict[str, Any]:
    """Divide a tick, let the other shards run, and return the message of this one."""
    fleet.monitor.pass_time(minutes=1)
    fleet.monitor.tick()
    (held,) = [event for event in iter(fleet.queue.take, {"Records": []}) if not _ran(fleet, event, shard)]
    return held


def _ran(fleet: Fleet, event: Mapping[str, Any], but: int) -> bool:
    if f'"shard": {but}' in event["Records"][0]["body"]:
        return False
    invoke(fleet.monitor.environment, event)
    return True


@pytest.mark.parametrize("redelivered", [True, False], ids=["redelivered", "left to the next tick"])
def test_a_shard_that_is_killed_anywhere_is_done_by_the_next_that_has_its_targets(
    fleet: Fleet, runner: Runner, database: Postgres, redelivered: bool
) -> None:
    monitor, wrong = fleet.monitor, []
    fleet.minutes()
    database.kill()
    event, kept, moved = message(fleet), Kept(monitor.aws, monitor.environment["STATE_TABLE"]), monitor.moved
    whole = runner.run(monitor.aws, monitor.environment, moved, event=event)
    first, *others = (point for point in whole.points() if point.stage is When.AFTER)
    for point in [Point(first.label, 1, When.BEFORE), *([first, *others][redelivered::2])]:
        kept.restore()
        monitor.aws.log.clear()
        monitor.moved = moved
        killed = runner.run(monitor.aws, monitor.environment, moved, point, event)
        if redelivered:
            assert invoke(monitor.environment, event) == {"batchItemFailures": []}
        fleet.minutes(2)
        told, most = words(fleet, "mail"), 1 + unwritten(killed.calls)["mails", "mail"]
        if not killed.killed or not 1 <= told.count("DOWN") == len(told) <= most:
            wrong.append(f"killed {point}: {told}")
    assert not wrong, "\n".join(wrong)


def test_a_fleet_that_is_divided_anew_in_an_outage_whose_mails_wait_tells_all_once(
    fleet: Fleet, runner: Runner, database: Postgres
) -> None:
    """The first run of a new division is killed as it sends what the old one could not."""
    monitor = fleet.monitor
    fleet.minutes()
    database.kill()
    monitor.aws.refuse_mail()
    fleet.minutes()
    monitor.aws.accept()
    fleet.divide(4)
    event = message(fleet, shard_of("mail", 3))
    claim = Point("dynamodb:UpdateItem target#mail/state", 1, When.AFTER)
    assert runner.run(monitor.aws, monitor.environment, monitor.moved, claim, event).killed
    fleet.divide(5)
    fleet.minutes(2)
    database.start()
    fleet.minutes(2)
    assert {name: words(fleet, name) for name in REAL} == {name: ["DOWN", "RECOVERED"] for name in REAL}
    assert fleet.gaps == []


def test_a_target_that_leaves_as_its_fleet_is_divided_anew_by_runs_that_are_killed_is_told_to_have_left(
    fleet: Fleet, runner: Runner, database: Postgres
) -> None:
    monitor = fleet.monitor
    fleet.minutes()
    database.kill()
    fleet.minutes()
    del fleet.targets["mail"]
    fleet.divide(4)
    event = message(fleet, shard_of("mail", 3))
    for number in range(1, 7):
        point = Point(ANY, number, When.AFTER)
        assert runner.run(monitor.aws, monitor.environment, monitor.moved, point, event).killed
    fleet.minutes(2)
    assert words(fleet, "mail") == ["DOWN", "NO LONGER WATCHED"]


def test_a_target_that_was_the_last_of_its_shard_is_told_to_have_left(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    database.kill()
    fleet.minutes()
    gone = [name for name in fleet.targets if shard_of(name, 4) == SHARD]
    for name in gone:
        keys = fleet.targets.pop(name)
        fleet.targets[next(new for place in range(99) if shard_of(new := f"{name}-{place}", 4) != SHARD)] = keys
    fleet.divide(3)
    fleet.minutes(2)
    assert words(fleet, "mail") == ["DOWN", "NO LONGER WATCHED"]
    assert fleet.gaps == []
