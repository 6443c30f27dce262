"""Messages that name the shards of a tick fail, come late and come twice."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from local.function import invoke
from local.peers import Peer, listens
from local.queue import told_as_failed
from local.stack import ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.aws import EmulatedAws
    from local.postgres import Postgres

    Serve = Callable[[Callable[..., None]], Peer]
from local.fleet import REAL, SHARDS, Fleet, at_once, counted, moment

HOST = "127.0.0.1"
UNREAD = "dynamodb:BatchGetItem heartbeat/shard#00004#00001*"


def test_of_a_batch_only_what_failed_is_told_as_failed(fleet: Fleet, aws: EmulatedAws) -> None:
    fleet.minutes()
    fleet.monitor.pass_time(minutes=1)
    fleet.queue.send("no shard of anything")
    fleet.monitor.tick()
    aws.refuse(UNREAD, "ProvisionedThroughputExceededException")
    event = fleet.queue.take(10)
    answer = invoke(fleet.monitor.environment, event)
    failed = [record["body"] for record in event["Records"] if record["messageId"] in told_as_failed(answer)]
    assert answer.keys() == {"batchItemFailures"}
    assert len(failed) == 2
    assert failed[0] == "no shard of anything"
    assert json.loads(failed[1])["shard"] == 1
    late = {
        name for name, (_, last_ok) in fleet.seen.items() if fleet.monitor.now - moment(last_ok) > timedelta(seconds=50)
    }
    assert late == set(SHARDS[1])


def test_what_failed_becomes_a_dead_letter_and_is_not_tried_again(fleet: Fleet, aws: EmulatedAws) -> None:
    aws.refuse(UNREAD, "ProvisionedThroughputExceededException")
    fleet.queue.send("no shard of anything", '{"shard": 4, "of": 4, "tick": "2126-01-01T00:00:00+00:00"}')
    fleet.monitor.tick()
    assert fleet.run() == 6
    assert [letter[:12] for letter in fleet.queue.dead] == ["no shard of ", '{"shard": 4,', '{"shard": 1,']
    assert fleet.run() == 0


def test_a_failed_shard_is_loud(fleet: Fleet, aws: EmulatedAws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.refuse(UNREAD, "ProvisionedThroughputExceededException")
    fleet.queue.send("\x1b[31m\ud7ff" * 50)
    fleet.monitor.tick()
    fleet.run()
    loud = [line["event"] for line in fleet.monitor.log if line["level"] in {"ERROR", "CRITICAL"}]
    assert loud == [
        "shard-unreadable",
        "states-not-read",
        "shard-failed",
    ]
    assert counted(capsys)["Faults"] == 1


def test_a_message_whose_tick_is_over_is_dropped_and_counted(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.monitor.tick()
    fleet.monitor.pass_time(minutes=1)
    capsys.readouterr()
    assert fleet.run() == 4
    assert counted(capsys) == {"Overruns": 4, "StaleShards": 4}
    assert (fleet.visits.number, fleet.queue.dead, fleet.monitor.stored) == (0, [], {})


def test_a_message_that_comes_late_in_its_minute_is_of_use(fleet: Fleet) -> None:
    fleet.monitor.tick()
    fleet.monitor.pass_time(seconds=50)
    fleet.run()
    assert [status for status, _ in fleet.seen.values()] == ["up"] * 10


def test_messages_that_are_delivered_twice_mail_once(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    database.kill()
    fleet.monitor.pass_time(minutes=1)
    fleet.monitor.tick()
    bodies = [record["body"] for record in fleet.queue.take(10)["Records"]]
    fleet.queue.send(*bodies, *bodies)
    assert fleet.run() == 8
    assert fleet.notified == Counter(("DOWN", name) for name in REAL)


def test_messages_that_are_delivered_twice_at_once_mail_once(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    for turn in (database.kill, database.start):
        turn()
        fleet.monitor.pass_time(minutes=1)
        fleet.monitor.tick()
        assert at_once(fleet, [fleet.queue.take(10)] * 3) == [{"batchItemFailures": []}] * 3
    fleet.minutes(2)
    assert fleet.notified == Counter((label, name) for name in REAL for label in ("DOWN", "RECOVERED"))


def test_records_share_the_time_of_their_run(fleet: Fleet, serve: Serve) -> None:
    """Two shards that take all the time they get leave enough of it to the two behind them."""
    silent = {"host": HOST, "user": ROLE, "port": serve(listens).port, "timeout": 0.5, "confirmations": 10}
    for place, names in enumerate(SHARDS):
        for name in names:
            fleet.targets[name] = silent if place < 2 else fleet.targets["crm"] | {"timeout": 1.2}
    fleet.divide(3)
    fleet.monitor.tick()
    invoke(fleet.monitor.environment, fleet.queue.take(10), seconds=8.5)
    assert {name for name, (status, _) in fleet.seen.items() if status == "up"} == {*SHARDS[2], *SHARDS[3]}
