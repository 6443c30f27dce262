"""Whatever call of a tick AWS refuses, leaves hanging or answers in vain: no alert is lost, none is told twice."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws import clients
from integration.conftest import QUICK, Monitor, Serve
from local import peers
from local.aws import BATCH_GET
from local.hearing import targets, unwritten
from local.sweep import Kept
from local.wire import PUBLISH, SEND_MAIL, Call, published_alert

if TYPE_CHECKING:
    import socket

    from local.aws import EmulatedAws

# Two targets share one mail to two people.
TEAMS = {
    "a": ["ops@example.com"],
    "b": ["dba@example.com", "lead@example.com"],
    "c": ["dba@example.com", "lead@example.com"],
}
PATIENCE = 0.3  # seconds that the function waits for an answer here
ATTEMPTS = 3  # of one call to DynamoDB
Fault = Callable[["EmulatedAws", str, int], None]  # at which calls of that label, after how many


def refused(code: str, status: int = 400, times: int | None = 1) -> Fault:
    return lambda aws, label, after: aws.refuse(label, code, status=status, times=times, after=after)


def hangs(times: int = 1) -> Fault:
    return lambda aws, label, after: aws.hang(label, times=times, after=after)


def loses(times: int = 1) -> Fault:
    return lambda aws, label, after: aws.lose(label, times=times, after=after)


@dataclass
class Told:
    """How often each person, and the topic, was told of each target."""

    mails: Counter[tuple[str, str]] = field(default_factory=Counter)
    topic: Counter[tuple[str, str]] = field(default_factory=Counter)
    incidents: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


ONCE = Told(
    Counter((name, who) for name, people in TEAMS.items() for who in people),
    Counter((name, "down") for name in TEAMS),
)


def notified(calls: Sequence[Call]) -> Told:
    """Read what SES and SNS accepted."""
    seen = Told()
    for call in calls:
        if call.status == 200 and call.name == SEND_MAIL:
            seen.mails.update(
                (name, who) for name in targets(call) for who in call.request["Destination"]["ToAddresses"]
            )
        elif call.status == 200 and call.name == PUBLISH:
            alert = published_alert(call.request)
            seen.topic[alert["target"], alert["kind"]] += 1
            seen.incidents[alert["target"]].add(alert["incident"]["id"])
    return seen


@dataclass
class Bench:
    """Three targets that go down in a tick, which is run with one fault after the other."""

    monitor: Monitor
    kept: Kept
    calls: Sequence[Call]

    def points(self, service: str) -> Iterator[tuple[Call, int]]:
        """List the calls of the tick, each with how many of its label came before."""
        met: Counter[str] = Counter()
        for call in self.calls:
            if call.name.startswith(service):
                yield call, met[call.label]
            met[call.label] += 1

    def run(self) -> tuple[Sequence[Call], bool]:
        """Run the tick from the same beginning; give its calls, and whether it came to its end."""
        self.kept.restore()
        self.monitor.aws.log.clear()
        self.monitor.log.clear()
        ended = False
        with suppress(ClientError, BotoCoreError):
            self.monitor.tick()
            ended = True
        return list(self.monitor.aws.log), ended

    def settle(self) -> int:
        """Run two more ticks without faults; give the number of alerts that still wait."""
        self.monitor.aws.accept()
        moved = self.monitor.moved
        for _ in range(2):
            self.monitor.pass_time(minutes=1)
            pending: int = self.monitor.tick()["alerts"]["pending"]
        self.monitor.moved = moved
        return pending


@pytest.fixture
def bench(monitor: Monitor, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Bench:
    behaviour = [peers.healthy]

    def fake(connection: socket.socket) -> None:
        behaviour[0](connection)

    def config(**given: Any) -> Config:  # noqa: ANN401
        return Config(**given | {"read_timeout": PATIENCE})

    monkeypatch.setattr(clients, "Config", config)
    keys = QUICK | {"host": "127.0.0.1", "port": serve(fake).port, "user": "heartline"}
    document = ""
    for name, people in TEAMS.items():
        of_one = keys | {"name": name, "recipients": people}
        document += "[[targets]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in of_one.items())
    monitor.environment["TARGETS"] = document
    monitor.tick()
    behaviour[0] = peers.closes
    bench = Bench(monitor, Kept(monitor.aws, monitor.environment["STATE_TABLE"]), [])
    bench.calls, _ = bench.run()
    seen = notified(bench.calls)
    assert (seen.mails, seen.topic) == (ONCE.mails, ONCE.topic)
    return bench


def lost_or_repeated(bench: Bench, faulted: Sequence[Call]) -> Iterator[str]:
    """Run on without the fault, and say what is not delivered once in the end."""
    repeatable, pending = unwritten(faulted), bench.settle()
    seen = notified(bench.monitor.aws.log)
    for channel in ("mails", "topic"):
        numbers, wanted = getattr(seen, channel), getattr(ONCE, channel)
        for key in wanted.keys() | numbers.keys():
            if not wanted[key] <= numbers[key] <= wanted[key] + ((channel, key[0]) in repeatable):
                yield f"{channel} {key}: {numbers[key]} times"
    if pending:
        yield f"{pending} alerts wait"
    if any(len(incidents) > 1 for incidents in seen.incidents.values()):
        yield f"incidents {dict(seen.incidents)}"


def harmed(call: Call, faulted: Sequence[Call]) -> Iterator[str]:
    """Say whose alerts did not leave in the tick with a fault that is not about them."""
    seen = notified(faulted)
    saves = Counter(name for one in faulted if one.name == "dynamodb:PutItem" for name in targets(one))
    # A busy machine may answer a save too late: a fault of its own, and reading the target again can meet this one.
    repeated = {name for name, number in saves.items() if number > 1}
    for name in TEAMS.keys() - set(targets(call)) - repeated:
        if missing := [key for key in ONCE.mails + ONCE.topic if key[0] == name and not (seen.mails + seen.topic)[key]]:
            yield f"{missing} did not leave"


def unsaid(bench: Bench) -> Iterator[str]:
    """Say where neither a line of the log nor a count tells of the fault."""
    lines = [line for line in bench.monitor.log if line["level"] in ("ERROR", "CRITICAL")]
    if not any(line.keys() & {"error_code", "error_type", "detail"} for line in lines):
        yield f"the log says only {[line['event'] for line in bench.monitor.log]}"
    ticks = [line["detail"] for line in bench.monitor.log if line["event"] == "tick"]
    counted = [detail["Faults"] + detail["AlertsRefused"] for detail in ticks]
    if counted == [0]:
        yield "no metric counts it"


def report(wrong: Sequence[str], number: int) -> None:
    print(f"{number} faults")
    assert number
    assert not wrong, "\n".join([f"{len(wrong)} things went wrong in {number} faults", *wrong])


@pytest.mark.parametrize(
    "fault",
    [
        refused("ProvisionedThroughputExceededException", times=ATTEMPTS),
        loses(ATTEMPTS),
    ],
    ids=["throttled", "answer lost"],
)
def test_a_call_that_dynamodb_does_not_take_harms_its_target_alone_and_is_logged(bench: Bench, fault: Fault) -> None:
    wrong, points = [], list(bench.points("dynamodb:"))
    for call, before in points:
        fault(bench.monitor.aws, call.label, before)
        faulted, ended = bench.run()
        if sum(one.label == call.label for one in faulted) <= before:
            bench.monitor.aws.accept()  # a busy machine had repeated the call when they were listed
            continue
        found = [] if ended == (call.name != BATCH_GET) else [f"the tick ended: {ended}"]
        found += unsaid(bench) if ended else []
        found += harmed(call, faulted) if ended else []
        found += lost_or_repeated(bench, faulted)
        wrong += [f"{call.label} ({before + 1}): {one}" for one in found]
    report(wrong, len(points))


@pytest.mark.parametrize(
    "fault",
    [refused("ConditionalCheckFailedException"), loses()],
    ids=["another run was faster", "answer lost once"],
)
def test_a_call_that_dynamodb_takes_at_the_second_attempt_or_for_another_run_loses_nothing(
    bench: Bench, fault: Fault
) -> None:
    wrong, points = [], list(bench.points("dynamodb:"))
    for call, before in points:
        fault(bench.monitor.aws, call.label, before)
        faulted, _ = bench.run()
        found = [*harmed(call, faulted), *lost_or_repeated(bench, faulted)] if call.name != BATCH_GET else []
        wrong += [f"{call.label} ({before + 1}): {one}" for one in found]
        bench.monitor.aws.accept()
    report(wrong, len(points))


def test_a_silent_dynamodb_ends_no_call_but_its_own(bench: Bench) -> None:
    others = [["b"], ["c"]]  # what happens to one of the three happens to all
    wrong, points = [], [point for point in bench.points("dynamodb:") if targets(point[0]) not in others]
    for call, before in points:
        hangs(ATTEMPTS)(bench.monitor.aws, call.label, before)
        faulted, ended = bench.run()
        found = [] if ended == (call.name != BATCH_GET) else [f"the tick ended: {ended}"]
        found += [*unsaid(bench), *harmed(call, faulted)] if ended else []
        found += lost_or_repeated(bench, faulted)
        wrong += [f"{call.label} ({before + 1}): {one}" for one in found]
    report(wrong, len(points))


def test_a_table_that_is_throttled_from_any_call_on_loses_nothing(bench: Bench) -> None:
    wrong, number = [], sum(1 for _ in bench.points("dynamodb:"))
    for after in range(number):
        bench.monitor.aws.refuse("dynamodb:*", "ThrottlingException", after=after)
        faulted, _ = bench.run()
        wrong += [f"from call {after + 1} on: {one}" for one in lost_or_repeated(bench, faulted)]
    report(wrong, number)


@pytest.mark.parametrize(("keys", "times"), [(None, 2), (1, 3), (2, None)])
def test_keys_left_unprocessed_lose_nothing(bench: Bench, keys: int | None, times: int | None) -> None:
    bench.monitor.aws.leave_unprocessed(keys, times=times)
    faulted, ended = bench.run()
    assert ended
    if times is not None:
        assert notified(faulted).mails == ONCE.mails
    else:
        assert list(unsaid(bench)) == []
    assert list(lost_or_repeated(bench, faulted)) == []


SES = {
    "TooManyRequestsException": refused("TooManyRequestsException", 429),
    "LimitExceededException": refused("LimitExceededException"),
    "SendingPausedException": refused("SendingPausedException"),
    "AccountSuspendedException": refused("AccountSuspendedException"),
    "MailFromDomainNotVerifiedException": refused("MailFromDomainNotVerifiedException"),
    "MessageRejected": refused("MessageRejected"),
    "BadRequestException": refused("BadRequestException"),
    "NotFoundException": refused("NotFoundException", 404),
    "AccessDeniedException": refused("AccessDeniedException", 403),
    "InternalServiceError": refused("InternalServiceError", 500),
    "ServiceUnavailable": refused("ServiceUnavailable", 503),
    "no answer": hangs(),
    "answer lost": loses(),
}
SNS = {
    "Throttled": refused("Throttled"),
    "InternalError": refused("InternalError", 500),
    "AuthorizationError": refused("AuthorizationError", 403),
    "NotFound": refused("NotFound", 404),
    "InvalidParameter": refused("InvalidParameter"),
    "no answer": hangs(),
    "answer lost": loses(),
}


@pytest.mark.parametrize(("service", "faults"), [("sesv2:", SES), ("sns:", SNS)], ids=["SES", "SNS"])
def test_a_channel_that_does_not_take_one_call_costs_the_other_nothing(
    bench: Bench, service: str, faults: Mapping[str, Fault]
) -> None:
    wrong, number = [], 0
    for name, fault in faults.items():
        for call, before in bench.points(service):
            fault(bench.monitor.aws, call.label, before)
            faulted, ended = bench.run()
            seen = notified(faulted)
            other = seen.topic == ONCE.topic if call.name == SEND_MAIL else seen.mails == ONCE.mails
            found = [] if ended and other else [f"ended: {ended}; the other channel told all: {other}"]
            found += unsaid(bench) if (seen.mails, seen.topic) != (ONCE.mails, ONCE.topic) else []
            found += lost_or_repeated(bench, faulted)
            wrong += [f"{call.label}, {name}: {one}" for one in found]
            number += 1
    report(wrong, number)


@pytest.mark.parametrize(
    "code", ["TooManyRequestsException", "MailFromDomainNotVerifiedException", "MessageRejected", "BadRequestException"]
)
def test_an_ses_that_takes_no_mail_at_all_loses_nothing(bench: Bench, code: str) -> None:
    bench.monitor.aws.refuse_mail(code, status=400)
    faulted, ended = bench.run()
    assert ended
    assert notified(faulted).topic == ONCE.topic
    assert list(unsaid(bench)) == []
    assert code in str(bench.monitor.log)
    assert list(lost_or_repeated(bench, faulted)) == []
