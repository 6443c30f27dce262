"""A large fleet's tick is divided through SQS, and nobody who reads the mails can tell."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from heartline.model.errors import ConfigurationError
from heartline.tick.shards import shard_of
from local.peers import Peer, closes, says
from local.stack import ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.aws import EmulatedAws
    from local.postgres import Postgres

    Serve = Callable[[Callable[..., None]], Peer]
from local.fleet import DISPATCH, NAMES, REAL, SHARDS, STEADY, Fleet, counted, moment, operations

HOST = "127.0.0.1"
UNREAD = "dynamodb:BatchGetItem heartbeat/shard#00004#00001*"


def test_the_shards_of_these_tests_are_as_they_say() -> None:
    assert [[name for name in NAMES if shard_of(name, 4) == place] for place in range(4)] == list(SHARDS)


# ---- Handing on


def test_the_schedules_run_hands_a_message_a_shard_on_and_probes_nothing(fleet: Fleet) -> None:
    labels = fleet.calls(fleet.monitor.tick)
    assert operations(labels) == DISPATCH
    messages = [json.loads(record["body"]) for record in fleet.queue.take(10)["Records"]]
    assert [(one["shard"], one["of"]) for one in messages] == [(place, 4) for place in range(4)]
    assert {abs(fleet.monitor.now - moment(one["tick"])) < timedelta(minutes=1) for one in messages} == {True}
    assert (fleet.visits.number, fleet.monitor.stored, fleet.monitor.mails) == (0, {}, [])


def test_the_runs_of_the_shards_probe_each_target_once(fleet: Fleet) -> None:
    fleet.monitor.tick()
    assert fleet.run() == 4
    assert fleet.visits.number == len(NAMES) - len(REAL)
    assert [status for status, _ in fleet.seen.values()] == ["up"] * 10
    assert (fleet.queue.dead, fleet.queue.errors) == ([], [])


def test_more_shards_than_a_call_takes_are_sent_in_several(fleet: Fleet) -> None:
    fleet.targets["wiki"] = fleet.targets["crm"]
    fleet.divide(1)
    assert operations(fleet.calls(fleet.monitor.tick)) == ["sqs:SendMessageBatch", *DISPATCH]
    fleet.run(batch=10)
    assert [status for status, _ in fleet.seen.values()] == ["up"] * 11


@pytest.mark.parametrize(("share", "calls"), [(10, STEADY), (9, DISPATCH)])
def test_a_fleet_is_divided_beyond_the_share_of_one_run(fleet: Fleet, share: int, calls: list[str]) -> None:
    fleet.divide(10)
    fleet.minutes()
    fleet.divide(share)
    assert operations(fleet.calls(fleet.monitor.tick)) == calls


def test_without_a_queue_nothing_is_divided(fleet: Fleet) -> None:
    fleet.monitor.environment["TICK_QUEUE"] = ""
    answer = fleet.monitor.tick()
    assert (answer["targets"], answer["up"]) == (10, 10)
    assert "shards" not in answer
    assert "sqs:SendMessageBatch" not in fleet.monitor.aws.calls


def test_more_targets_than_one_run_can_have_need_a_queue(fleet: Fleet) -> None:
    steady = fleet.targets["crm"]
    fleet.monitor.watch(*(f"db-{number}" for number in range(501)), **steady)
    fleet.replace("heartline.tick.fanout.TARGETS_PER_RUN", 100)
    assert fleet.monitor.tick()["shards"] == 6
    fleet.monitor.environment["TICK_QUEUE"] = ""
    with pytest.raises(ConfigurationError, match=r"501 targets: 500 is the most: .*"):
        fleet.monitor.tick()


# ---- What is told


def test_a_death_and_a_recovery_are_mailed_once_for_each_target(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    database.kill()
    fleet.minutes(3)
    assert fleet.notified == Counter(("DOWN", name) for name in REAL)
    assert {name for name, (status, _) in fleet.seen.items() if status == "down"} == set(REAL)
    database.start()
    fleet.minutes(2)
    assert fleet.notified == Counter((label, name) for name in REAL for label in ("DOWN", "RECOVERED"))
    assert fleet.gaps == []


def test_the_answer_to_the_schedule_says_how_the_last_ticks_found_the_fleet(
    fleet: Fleet, database: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = fleet.minutes()
    assert answer.keys() == {"tick", "targets", "up", "down", "alerts", "duration_ms", "shards"}
    assert (answer["targets"], answer["shards"], answer["alerts"]) == (10, 4, {"sent": 0, "pending": 0})
    assert abs(moment(answer["tick"]) - fleet.monitor.now) < timedelta(minutes=1)
    assert isinstance(answer["duration_ms"], int)
    database.kill()
    answers = [fleet.minutes() for _ in range(2)]
    assert [(one["up"], one["down"]) for one in (answer, *answers)] == [(0, 0), (10, 0), (7, 3)]
    capsys.readouterr()
    fleet.minutes()
    # Each target is counted by the one run that knows of all.
    assert counted(capsys) == {"TargetsUp": 7, "TargetsDown": 3}


def test_the_first_divided_tick_knows_how_the_undivided_one_found_the_fleet(fleet: Fleet) -> None:
    fleet.divide(10)
    fleet.minutes()
    fleet.divide(3)
    assert fleet.minutes()["up"] == 10


def test_each_run_of_a_shard_tells_that_there_was_a_tick(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    """The alarm for silence counts these: a schedule whose messages nobody takes is silence."""

    def ticks() -> int:
        return sum(
            "TickDuration" in json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line
        )

    fleet.monitor.tick()
    assert ticks() == 0
    fleet.run()
    assert ticks() == 4


def test_a_mail_about_a_shard_speaks_of_the_whole_fleet(fleet: Fleet, serve: Serve) -> None:
    """A shard that is down as a whole is three of ten, and no sign that the monitor itself is cut off."""
    gone = serve(closes)
    for name in SHARDS[0]:
        fleet.targets[name] = {"host": HOST, "user": ROLE, "port": gone.port}
    gone.__exit__()
    fleet.divide(3)
    fleet.minutes()
    (mail,) = fleet.monitor.mails
    assert mail.subject.startswith("[DOWN: 3 of 10")
    assert "cut off" not in mail.text


# ---- What it costs


def test_steady_health_costs_a_shard_one_write_and_one_batched_read(fleet: Fleet) -> None:
    fleet.minutes()
    labels = fleet.calls(fleet.minutes)
    assert operations(labels) == DISPATCH + 4 * STEADY
    written = [label for label in labels if "PutItem" in label]
    assert written == [f"dynamodb:PutItem heartbeat/shard#00004#{place:05}" for place in range(4)]


def test_another_number_of_shards_costs_one_more_read_a_shard_and_only_once(fleet: Fleet) -> None:
    fleet.divide(4)
    fleet.minutes()
    fleet.divide(3)
    # What another shard had is looked for there, besides what the schedule's run reads.
    assert operations(fleet.calls(fleet.minutes)).count("dynamodb:Query") <= 1 + 4
    assert operations(fleet.calls(fleet.minutes)) == DISPATCH + 4 * STEADY


# ---- SQS in trouble


def test_a_queue_that_refuses_ends_the_run_with_an_error(fleet: Fleet, aws: EmulatedAws) -> None:
    aws.refuse("sqs:SendMessageBatch", "AccessDeniedException", status=403)
    with pytest.raises(ClientError, match="AccessDenied"):
        fleet.monitor.tick()


def test_a_call_that_the_queue_refuses_does_not_keep_the_next_from_it(
    fleet: Fleet, aws: EmulatedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.targets["wiki"] = fleet.targets["crm"]
    fleet.divide(1)
    aws.refuse("sqs:SendMessageBatch", "ServiceUnavailable", status=503, times=3)
    assert fleet.monitor.tick()["shards"] == 11
    assert counted(capsys)["Faults"] == 10
    assert [json.loads(record["body"])["shard"] for record in fleet.queue.take(10)["Records"]] == [10]


def test_a_queue_that_refuses_once_is_asked_again(fleet: Fleet, aws: EmulatedAws) -> None:
    aws.refuse("sqs:SendMessageBatch", "ServiceUnavailable", status=503, times=2)
    fleet.monitor.tick()
    assert fleet.run() == 4


def test_an_answer_of_the_queue_that_is_lost_does_no_harm(fleet: Fleet, aws: EmulatedAws, database: Postgres) -> None:
    database.kill()
    aws.lose("sqs:SendMessageBatch", times=1)
    fleet.monitor.tick()
    assert fleet.run() == 8
    assert fleet.notified == Counter(("DOWN", name) for name in REAL)


@pytest.fixture
def taken_in_part(fleet: Fleet, serve: Serve) -> Fleet:
    """Let SQS take the shards 0 and 2 and not the others."""
    refused = [{"Id": str(place), "Code": "InternalError", "SenderFault": False} for place in (1, 3)]
    body = json.dumps({"Successful": [], "Failed": refused})
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    door = serve(says((head + body).encode(), lambda _: None))
    fleet.monitor.environment["AWS_ENDPOINT_URL_SQS"] = f"http://{HOST}:{door.port}"
    return fleet


def test_messages_that_the_queue_does_not_take_are_faults(
    taken_in_part: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    assert taken_in_part.monitor.tick()["shards"] == 4
    assert counted(capsys)["Faults"] == 2


def test_messages_that_the_queue_does_not_take_are_in_the_log(taken_in_part: Fleet) -> None:
    """The alarm on faults sends its reader there."""
    taken_in_part.monitor.tick()
    assert [line["level"] for line in taken_in_part.monitor.log if line["event"] == "shards-not-sent"] == ["ERROR"]


def test_heartbeats_that_cannot_be_read_do_not_keep_a_tick_from_being_handed_on(
    fleet: Fleet, aws: EmulatedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.minutes()
    aws.refuse("dynamodb:Query*", "ProvisionedThroughputExceededException")
    capsys.readouterr()
    fleet.monitor.pass_time(minutes=1)
    fleet.monitor.tick()
    assert counted(capsys)["Faults"] == 1
    assert fleet.run() == 4
    assert fleet.queue.dead == []
