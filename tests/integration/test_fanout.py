"""A large fleet's tick is divided through SQS, and nobody who reads the mails can tell."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

import app
from heartline.model import CommandError, ConfigurationError
from heartline.shards import shard_of
from local.function import Context, invoke
from local.peers import Peer, closes, healthy, listens, says
from local.queue import TickQueue, told_as_failed
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres

    Serve = Callable[[Callable[..., None]], Peer]
    Printed = pytest.CaptureFixture[str]

HOST = "127.0.0.1"
SHARDS = (["orders", "stock", "carts"], ["users", "audit"], ["billing", "search", "ledger"], ["mail", "crm"])
NAMES = [name for names in SHARDS for name in names]
REAL = ("orders", "users", "mail")  # on the one real server; the others are on a peer that stays
DISPATCH = ["sqs:SendMessageBatch", "dynamodb:Query"]
STEADY = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]  # of each shard: the states are read, its heartbeat is written
UNREAD = "dynamodb:BatchGetItem heartbeat/shard#00004#00001*"


class Visits:
    """A healthy server that counts who comes."""

    number = 0

    def __call__(self, connection: socket.socket) -> None:
        self.number += 1
        healthy(connection)


@dataclass
class Fleet:
    """Ten targets in four shards, the queue between their runs, and a clock."""

    monitor: Monitor
    queue: TickQueue
    targets: dict[str, dict[str, Any]]
    visits: Visits

    def divide(self, share: int) -> None:
        """Let a run have so many targets, and the document hold what `targets` says."""
        documents = []
        for name, keys in self.targets.items():
            self.monitor.watch(name, **keys)
            documents.append(self.monitor.environment["TARGETS"])
        self.monitor.environment |= {"TARGETS": "".join(documents), "TARGETS_PER_INVOCATION": str(share)}

    def run(self, batch: int = 1) -> int:
        """Do as Lambda does with what is in the queue."""
        return self.queue.deliver(lambda event: invoke(self.monitor.environment, event), batch)

    def minutes(self, number: int = 1) -> dict[str, Any]:
        """Let minutes pass, each with its whole tick; give the last answer to the schedule."""
        for _ in range(number):
            self.monitor.pass_time(minutes=1)
            answer = self.monitor.tick()
            self.run()
        return answer

    @property
    def told(self) -> Counter[tuple[str, str]]:
        """Count what was mailed of each target."""
        return Counter(
            (mail.subject[1:].split("]")[0], name)
            for mail in self.monitor.mails
            for name in mail.headers["X-Heartline-Target"].split(", ")
        )

    @property
    def seen(self) -> dict[str, tuple[str, str | None]]:
        """Give the status and the last good time of each."""
        return {one["name"]: (one["status"], one["last_ok"]) for one in self.monitor.order("status")["targets"]}

    @property
    def gaps(self) -> list[str]:
        """Name what is kept, or was logged, of ticks that were missed."""
        logged = [line["message"] for line in self.monitor.log if "missed" in line["message"]]
        return [sk for sk in self.monitor.history if sk.startswith("gap#")] + logged

    def calls(self, work: Callable[[], object]) -> list[str]:
        """Give the labels of the calls that something makes."""
        before = len(self.monitor.aws.log)
        work()
        return [call.label for call in self.monitor.aws.log[before:]]


@pytest.fixture
def fleet(monitor: Monitor, serve: Serve) -> Fleet:
    visits = Visits()
    steady = {"host": HOST, "port": serve(visits).port, "user": ROLE}
    queue = TickQueue(monitor.aws.client("sqs"))
    monitor.environment["TICK_QUEUE"] = queue.url
    fleet = Fleet(monitor, queue, {name: {"secret": SECRET} if name in REAL else steady for name in NAMES}, visits)
    fleet.divide(3)
    return fleet


def counted(printed: Printed) -> Counter[str]:
    """Add up the metrics that were written since the last look, but how long anything took."""
    counts: Counter[str] = Counter()
    for line in map(json.loads, printed.readouterr().out.splitlines()):
        if "_aws" in line:
            declared = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            counts.update({metric["Name"]: line[metric["Name"]][0] for metric in declared})
    del counts["TickDuration"]
    return counts


def at_once(fleet: Fleet, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run the function for several events that begin together, in one environment."""
    together = Barrier(len(events))

    def run(event: dict[str, Any]) -> dict[str, Any]:
        together.wait(10)
        return app.lambda_handler(event, Context(60))

    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(len(events)) as pool:
        for name, value in fleet.monitor.environment.items():
            patched.setenv(name, value)
        return list(pool.map(run, events))


def operations(labels: list[str]) -> list[str]:
    return [label.split(" ")[0] for label in labels]


def moment(text: str | None) -> datetime:
    assert text
    return datetime.fromisoformat(text)


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
    fleet.monitor.environment["TARGETS_PER_INVOCATION"] = "100"
    assert fleet.monitor.tick()["shards"] == 6
    fleet.monitor.environment["TICK_QUEUE"] = ""
    with pytest.raises(ConfigurationError, match=r"501 targets: 500 is the most: .*"):
        fleet.monitor.tick()


# ---- What is told


def test_a_death_and_a_recovery_are_mailed_once_for_each_target(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    database.kill()
    fleet.minutes(3)
    assert fleet.told == Counter(("DOWN", name) for name in REAL)
    assert {name for name, (status, _) in fleet.seen.items() if status == "down"} == set(REAL)
    database.start()
    fleet.minutes(2)
    assert fleet.told == Counter((label, name) for name in REAL for label in ("DOWN", "RECOVERED"))
    assert fleet.gaps == []


def test_the_answer_to_the_schedule_says_how_the_last_ticks_found_the_fleet(
    fleet: Fleet, database: Postgres, capsys: Printed
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


def test_each_run_of_a_shard_tells_that_there_was_a_tick(fleet: Fleet, capsys: Printed) -> None:
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
    assert mail.subject.startswith("[DOWN] 3 of 10 ")
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


# ---- Messages that fail


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


def test_a_failed_shard_is_loud(fleet: Fleet, aws: EmulatedAws, capsys: Printed) -> None:
    aws.refuse(UNREAD, "ProvisionedThroughputExceededException")
    fleet.queue.send("\x1b[31m\ud7ff" * 50)
    fleet.monitor.tick()
    fleet.run()
    loud = [line["message"] for line in fleet.monitor.log if line["level"] in {"ERROR", "CRITICAL"}]
    assert loud == [
        "message left alone: it names no shard of a tick",
        "states not read: nothing is decided in this tick",
        "shard failed",
    ]
    assert counted(capsys)["Faults"] == 1


def test_a_message_whose_tick_is_over_is_dropped_and_counted(fleet: Fleet, capsys: Printed) -> None:
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
    assert fleet.told == Counter(("DOWN", name) for name in REAL)


def test_messages_that_are_delivered_twice_at_once_mail_once(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    for turn in (database.kill, database.start):
        turn()
        fleet.monitor.pass_time(minutes=1)
        fleet.monitor.tick()
        assert at_once(fleet, [fleet.queue.take(10)] * 3) == [{"batchItemFailures": []}] * 3
    fleet.minutes(2)
    assert fleet.told == Counter((label, name) for name in REAL for label in ("DOWN", "RECOVERED"))


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


# ---- Growing and shrinking


def test_however_a_fleet_is_divided_anew_nothing_is_told_twice_or_forgotten(fleet: Fleet, database: Postgres) -> None:
    fleet.divide(4)
    fleet.minutes()
    database.kill()
    fleet.minutes()
    assert fleet.told == Counter(("DOWN", name) for name in REAL)
    for share in (3, 4, 10, 3, 5, 10, 4):
        fleet.divide(share)
        fleet.minutes()
        ages = {name: fleet.monitor.now - moment(last_ok) for name, (_, last_ok) in fleet.seen.items()}
        assert {name for name, age in ages.items() if age < timedelta(seconds=50)} == set(NAMES) - set(REAL), share
    database.start()
    fleet.minutes()
    assert fleet.told == Counter((label, name) for name in REAL for label in ("DOWN", "RECOVERED"))
    assert fleet.gaps == []
    incidents = [one["incidents"] for one in fleet.monitor.order("status")["targets"] if one["name"] in REAL]
    assert [(len(known), known[0]["unobserved_seconds"]) for known in incidents] == [(1, 0)] * 3
    # The last failed probe was a minute before, whichever shard took it.
    (known,) = incidents[0]
    assert moment(known["ended"]) - moment(known["last_failed"]) < timedelta(seconds=90)


def test_what_goes_down_when_it_changes_shards_was_good_a_minute_before(fleet: Fleet, database: Postgres) -> None:
    fleet.divide(4)
    answer = fleet.minutes(3)
    database.kill()
    fleet.divide(3)
    fleet.minutes()
    text = next(mail.text for mail in fleet.monitor.mails if "mail" in mail.headers["X-Heartline-Target"])
    assert f"{moment(answer['tick']):%Y-%m-%d %H:%M}" in text
    assert "did not run" not in " ".join(text.split())


@pytest.mark.parametrize("share", [10, 3])
def test_a_tick_that_finds_no_verdict_forgets_nothing(fleet: Fleet, database: Postgres, share: int) -> None:
    """One without time to probe: what the tick before it saw is still the last that was seen."""
    fleet.divide(share)
    fleet.minutes(5)
    good = moment(fleet.seen["mail"][1])
    fleet.monitor.pass_time(minutes=1)
    fleet.monitor.tick(seconds=1.5)
    fleet.queue.deliver(lambda event: invoke(fleet.monitor.environment, event, seconds=1.5))
    assert moment(fleet.seen["mail"][1]) == good
    database.kill()
    fleet.minutes()
    text = next(mail.text for mail in fleet.monitor.mails if "mail" in mail.headers["X-Heartline-Target"])
    assert f"{good:%Y-%m-%d %H:%M:%S} UTC, the last good probe" in text


def test_a_target_without_verdict_keeps_its_last_look_and_the_others_get_a_new_one(fleet: Fleet) -> None:
    fleet.targets["crm"] = fleet.targets["crm"] | {"timeout": 20}
    fleet.divide(10)
    fleet.minutes(3)
    good = fleet.seen["crm"][1]
    for _ in range(2):
        fleet.monitor.pass_time(minutes=1)
        fresh = fleet.monitor.tick(seconds=10)["tick"]
        assert {last_ok: name for name, (_, last_ok) in fleet.seen.items() if last_ok != fresh} == {good: "crm"}
        assert list(fleet.seen.values()).count(("up", fresh)) == 9


def test_a_target_that_is_taken_away_is_counted_no_more(fleet: Fleet) -> None:
    fleet.minutes()
    del fleet.targets["crm"]
    fleet.divide(3)
    answers = [fleet.minutes() for _ in range(2)]
    assert [(one["targets"], one["up"], one["shards"]) for one in answers] == [(9, 9, 3)] * 2
    assert (fleet.gaps, fleet.monitor.mails) == ([], [])


def test_a_target_that_is_renamed_is_another_one(fleet: Fleet, capsys: Printed) -> None:
    fleet.minutes()
    fleet.targets["customers"] = fleet.targets.pop("crm")
    fleet.divide(3)
    capsys.readouterr()
    answers = [fleet.minutes() for _ in range(2)]
    assert [one["up"] for one in answers] == [9, 10]
    assert counted(capsys)["Overruns"] == 0
    assert fleet.seen["customers"][0] == "up"
    assert (fleet.gaps, fleet.monitor.mails) == ([], [])


def test_a_shard_that_comes_again_with_new_targets_only_makes_no_gap(fleet: Fleet) -> None:
    """Its heartbeat is from when there were as many shards last; the others have run meanwhile."""
    fleet.minutes()
    fleet.divide(4)
    fleet.minutes(5)
    for name in SHARDS[3]:
        keys = fleet.targets.pop(name)
        fleet.targets[next(new for place in range(99) if shard_of(new := f"{name}-{place}", 4) == 3)] = keys
    fleet.divide(3)
    fleet.minutes()
    assert fleet.gaps == []


# ---- Shards that stop


def test_a_shard_that_stops_is_counted_as_an_overrun_and_is_no_gap(
    fleet: Fleet, aws: EmulatedAws, capsys: Printed
) -> None:
    fleet.minutes()
    aws.refuse(UNREAD, "ProvisionedThroughputExceededException")
    late = []
    for _ in range(4):
        capsys.readouterr()
        fleet.monitor.pass_time(minutes=1)
        fleet.monitor.tick()
        counts = counted(capsys)
        late.append((counts["TargetsUp"], counts["TargetsUnprobed"], counts["Overruns"]))
        fleet.run()
    # It ran last three intervals before the third of these.
    assert late == [(10, 0, 0), (10, 0, 0), (8, 2, 1), (8, 2, 1)]
    aws.accept()
    fleet.minutes(2)
    assert fleet.gaps == []
    assert fleet.minutes()["up"] == 10


def test_a_schedule_that_was_off_is_no_shards_fault(fleet: Fleet, capsys: Printed) -> None:
    """The alarm for silence has told of it; that for overruns would send its reader to the wrong place."""
    fleet.minutes()
    fleet.monitor.pass_time(hours=1)
    capsys.readouterr()
    fleet.minutes()
    assert counted(capsys)["Overruns"] == 0


def test_what_happened_while_its_shard_stood_still_is_told_with_that(
    fleet: Fleet, aws: EmulatedAws, database: Postgres
) -> None:
    fleet.minutes()
    aws.refuse(UNREAD, "ProvisionedThroughputExceededException")
    fleet.minutes(3)
    database.kill()
    aws.accept()
    fleet.minutes()
    texts = {mail.headers["X-Heartline-Target"]: " ".join(mail.text.split()) for mail in fleet.monitor.mails}
    assert [name for name, text in texts.items() if "did not run" in text] == ["users"]


@pytest.mark.parametrize("together", [False, True])
def test_when_all_shards_stop_there_is_one_gap(fleet: Fleet, together: bool) -> None:
    fleet.minutes()
    last = max(moment(last_ok) for _, last_ok in fleet.seen.values())
    # The schedule runs, and nobody takes its messages in time.
    for _ in range(2):
        fleet.monitor.pass_time(minutes=29)
        fleet.monitor.tick()
    fleet.monitor.pass_time(minutes=1)
    fleet.run()
    fleet.monitor.pass_time(minutes=1)
    fleet.monitor.tick()
    if together:
        at_once(fleet, [fleet.queue.take() for _ in SHARDS])
    fleet.run()
    fleet.minutes()
    (gap,) = [item["gap"]["M"] for sk, item in fleet.monitor.history.items() if sk.startswith("gap#")]
    assert abs(moment(gap["began"]["S"]) - last) < timedelta(seconds=10)
    assert timedelta(minutes=59) < moment(gap["ended"]["S"]) - moment(gap["began"]["S"]) < timedelta(minutes=61)
    unobserved = [one["availability"]["24h"]["unobserved_seconds"] for one in fleet.monitor.order("status")["targets"]]
    assert all(3540 < seconds < 3660 for seconds in unobserved)
    assert fleet.monitor.mails == []


# ---- SQS in trouble


def test_a_queue_that_refuses_ends_the_run_with_an_error(fleet: Fleet, aws: EmulatedAws) -> None:
    aws.refuse("sqs:SendMessageBatch", "AccessDeniedException", status=403)
    with pytest.raises(ClientError, match="AccessDenied"):
        fleet.monitor.tick()


def test_a_call_that_the_queue_refuses_does_not_keep_the_next_from_it(
    fleet: Fleet, aws: EmulatedAws, capsys: Printed
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
    assert fleet.told == Counter(("DOWN", name) for name in REAL)


@pytest.fixture
def taken_in_part(fleet: Fleet, serve: Serve) -> Fleet:
    """Let SQS take the shards 0 and 2 and not the others."""
    refused = [{"Id": str(place), "Code": "InternalError", "SenderFault": False} for place in (1, 3)]
    body = json.dumps({"Successful": [], "Failed": refused})
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    door = serve(says((head + body).encode(), lambda _: None))
    fleet.monitor.environment["AWS_ENDPOINT_URL_SQS"] = f"http://{HOST}:{door.port}"
    return fleet


def test_messages_that_the_queue_does_not_take_are_faults(taken_in_part: Fleet, capsys: Printed) -> None:
    assert taken_in_part.monitor.tick()["shards"] == 4
    assert counted(capsys)["Faults"] == 2


def test_messages_that_the_queue_does_not_take_are_in_the_log(taken_in_part: Fleet) -> None:
    """The alarm on faults sends its reader there."""
    taken_in_part.monitor.tick()
    assert [line["level"] for line in taken_in_part.monitor.log if "not taken" in line["message"]] == ["ERROR"]


def test_heartbeats_that_cannot_be_read_do_not_keep_a_tick_from_being_handed_on(
    fleet: Fleet, aws: EmulatedAws, capsys: Printed
) -> None:
    fleet.minutes()
    aws.refuse("dynamodb:Query*", "ProvisionedThroughputExceededException")
    capsys.readouterr()
    fleet.monitor.pass_time(minutes=1)
    fleet.monitor.tick()
    assert counted(capsys)["Faults"] == 1
    assert fleet.run() == 4
    assert fleet.queue.dead == []


# ---- Orders


def test_status_tells_when_each_shard_found_its_targets_good(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    database.kill()
    fleet.minutes(2)
    for name, (status, last_ok) in fleet.seen.items():
        age = fleet.monitor.now - moment(last_ok)
        assert (status, age < timedelta(seconds=50)) == (("down", False) if name in REAL else ("up", True))
        assert age < timedelta(minutes=3)


def test_orders_reach_a_target_in_whichever_shard(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    monitor = fleet.monitor
    assert monitor.order("probe", target="mail")["healthy"]
    assert [one["name"] for one in monitor.order("status", target="mail")["targets"]] == ["mail"]
    muted = monitor.order("mute", target="mail", **{"for": "1d"})
    assert monitor.now - moment(muted["last_ok"]) < timedelta(seconds=50)
    database.kill()
    fleet.minutes(2)
    assert fleet.told == Counter(("DOWN", name) for name in REAL if name != "mail")
    assert monitor.order("probe", target="mail")["failure"]["kind"] == "refused"
    assert monitor.order("acknowledge", target="orders")["status"] == "down"
    for _ in range(3):
        monitor.pass_time(hours=1)
        fleet.minutes()
    assert {name for label, name in fleet.told if label == "STILL DOWN"} == {"users"}
    monitor.order("unmute", target="mail")
    fleet.minutes()
    assert fleet.told["DOWN", "mail"] == 1
    with pytest.raises(CommandError, match="known are orders"):
        monitor.order("probe", target="nobody")


def test_availability_is_that_of_the_time_that_a_shard_watched(fleet: Fleet, database: Postgres) -> None:
    monitor = fleet.monitor
    monitor.environment["SCHEDULE_MINUTES"] = "60"

    def hours(number: int) -> None:
        for _ in range(number):
            monitor.pass_time(minutes=59)
            fleet.minutes()

    hours(3)
    database.kill()
    hours(1)
    database.start()
    hours(1)
    # Watched for four hours, of which one was lost.
    shown = {one["name"]: one["availability"]["24h"] for one in monitor.order("status")["targets"]}
    assert {name: round(one["percent"]) for name, one in shown.items()} == {n: 75 if n in REAL else 100 for n in NAMES}
    assert {one["unobserved_seconds"] for one in shown.values()} == {0}
