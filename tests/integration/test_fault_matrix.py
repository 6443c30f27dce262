"""Every kind of alert, with a fault at any AWS call of the tick that makes it, reaches everybody once and in order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from integration.conftest import QUICK, Monitor, Serve
from local import peers
from local.hearing import TOPIC, heard, unwritten
from local.sweep import Kept
from local.wire import PUBLISH, SEND_MAIL

if TYPE_CHECKING:
    import socket

    from local.aws import EmulatedAws
    from local.wire import Call

X, Y = "x@example.com", "y@example.com"
NEWER = peers.WELCOME.replace(b"18.0", b"18.1")
BEHAVIOURS = {"up": peers.healthy, "down": peers.closes, "newer": peers.says(NEWER, peers.says(peers.ONE))}
GONE = "-"  # it is not in the document any more
AN_HOUR = "|"  # passes
FLAPPED = f"down up down up down up {AN_HOUR} up"
ATTEMPTS = 3  # of one call to DynamoDB; SES and SNS are asked once
READS = ("dynamodb:BatchGetItem", "dynamodb:Query")
Fault = Callable[["EmulatedAws", str, int, int], None]


def breaks(aws: EmulatedAws, label: str, times: int, after: int) -> None:
    aws.refuse(label, "InternalServerError", status=500, times=times, after=after)


def is_lost(aws: EmulatedAws, label: str, times: int, after: int) -> None:
    aws.lose(label, times=times, after=after)


@dataclass(frozen=True)
class Story:
    """What the database does at each tick, the last of which has faults, and what people and the topic hear then.

    Until the last one calls are refused with an error each, by their labels.
    """

    name: str
    course: str
    words: Sequence[str]
    topic: Sequence[str] = ()  # where it is not told the same
    refused: Mapping[str, str] = field(default_factory=dict)

    def may_hear(self, who: str) -> list[Sequence[str]]:
        """List what somebody may hear: what waited and what is newer may be one mail, under the newer one's word."""
        if who == TOPIC:
            return [self.topic or self.words]
        had_it = who == X and f"{SEND_MAIL} {Y}" in self.refused
        return [self.words[place:] for place in range(had_it, len(self.words))]


STORIES = [
    Story("recovered", "down up", ["RECOVERED"]),
    Story("reminded", f"down {AN_HOUR} down", ["STILL DOWN"]),
    Story("flapping", FLAPPED, ["FLAPPING"], ["STILL DOWN"]),
    Story("stable again", f"{FLAPPED} up up up up", ["STABLE AGAIN"]),
    Story("no longer watched", f"down {GONE}", ["NO LONGER WATCHED"]),
    Story("upgraded", "up newer", ["UPGRADED"]),
    Story(
        "what waited",
        "down up",
        ["DOWN", "RECOVERED"],
        refused={SEND_MAIL: "SendingPausedException", PUBLISH: "Throttled"},
    ),
    Story(
        "what waited for one reader",
        "down up",
        ["DOWN", "RECOVERED"],
        ["RECOVERED"],
        refused={f"{SEND_MAIL} {X} {Y}": "MessageRejected", f"{SEND_MAIL} {Y}": "TooManyRequestsException"},
    ),
]


@dataclass
class Bench:
    """Play a story up to its last tick, and that one as often as is wanted."""

    monitor: Monitor
    ports: dict[str, int]
    behaviour: str = "up"

    def __call__(self, connection: socket.socket) -> None:
        BEHAVIOURS[self.behaviour](connection)

    def prepare(self, story: Story) -> None:
        monitor, (*first, last) = self.monitor, story.course.split()
        for label, code in story.refused.items():
            monitor.aws.refuse(label, code)
        for behaviour in first:
            if behaviour == AN_HOUR:
                monitor.pass_time(hours=1)
                continue
            self.turn(behaviour)
            monitor.tick()
            monitor.pass_time(seconds=61)
        monitor.aws.accept()
        self.turn(last)
        self.kept = Kept(monitor.aws, monitor.environment["STATE_TABLE"])

    def turn(self, behaviour: str) -> None:
        """Let the database, and the document, be so."""
        keys, document = QUICK | {"host": peers.HOST, "user": "heartline", "recipients": [X, Y]}, []
        for name in ["a", "steady"][behaviour == GONE :]:
            of_one = keys | {"name": name, "port": self.ports[name]}
            document += ["[[targets]]", *(f"{key} = {json.dumps(value)}" for key, value in of_one.items())]
        self.monitor.environment["TARGETS"] = "\n".join(document)
        self.behaviour = behaviour if behaviour in BEHAVIOURS else self.behaviour

    def run(self) -> tuple[list[Call], bool]:
        """Run the last tick from what was kept; return its calls, and whether it came to its end."""
        self.kept.restore()
        self.monitor.aws.log.clear()
        self.monitor.log.clear()
        ended = False
        with suppress(ClientError, BotoCoreError):
            self.monitor.tick()
            ended = True
        return list(self.monitor.aws.log), ended

    def settle(self) -> list[Call]:
        """Run two ticks without faults; return all calls since the last `run`."""
        monitor, moved = self.monitor, self.monitor.moved
        monitor.aws.accept()
        for _ in range(2):
            monitor.pass_time(minutes=1)
            monitor.tick()
        monitor.moved = moved
        return list(monitor.aws.log)

    def wrong(self, story: Story, call: Call, faulted: Sequence[Call], *, ended: bool) -> Iterator[str]:
        """Say what is not told as it should be, or more often than it must."""
        ticks = [line["detail"] for line in self.monitor.log if line["event"] == "tick"]
        if [tick["Faults"] + tick["AlertsRefused"] for tick in ticks] == [0]:
            yield "no metric counts it"
        told, unknown = list(heard(self.settle())), unwritten(faulted)
        for who in (X, Y, TOPIC):
            words = [one.word for one in told if one.who == who]
            if list(dict.fromkeys(words)) not in story.may_hear(who):
                yield f"{who} heard {words}"
            elif max(Counter(words).values()) > 1 + unknown["topic" if who == TOPIC else "mails", "a"]:
                yield f"{who} heard {words}, though it was known to be accepted"
        recorded = ended and "heartbeat" not in call.label and AN_HOUR not in story.course
        if recorded and (gaps := [sk for sk in self.monitor.history if sk.startswith("gap#")]):
            yield f"it is said not to have run: {gaps}"


@pytest.fixture
def bench(monitor: Monitor, serve: Serve) -> Bench:
    bench = Bench(monitor, {"steady": serve(peers.healthy).port})
    bench.ports["a"] = serve(bench).port
    return bench


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_an_alert_of_any_kind_survives_a_fault_at_any_call(bench: Bench, story: Story) -> None:
    bench.prepare(story)
    calls, _ = bench.run()
    wrong, number, met = [], 0, Counter[str]()
    for call in calls:
        for fault in (breaks, is_lost)[: 1 if call.name in READS else 2]:
            fault(bench.monitor.aws, call.label, 1 if call.name in (SEND_MAIL, PUBLISH) else ATTEMPTS, met[call.label])
            faulted, ended = bench.run()
            point = f"{call.label} ({met[call.label] + 1}) {fault.__name__}"
            wrong += [f"{point}: {one}" for one in bench.wrong(story, call, faulted, ended=ended)]
            number += 1
        met[call.label] += 1
    print(f"{number} faults")
    assert number > len(calls) > 8
    assert not wrong, "\n".join([f"{len(wrong)} things went wrong in {number} faults", *wrong])
