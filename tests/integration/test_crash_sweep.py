"""A tick that is killed at any of its AWS calls loses no alert, and repeats one only where nobody can know."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from integration.conftest import QUICK, Monitor
from local import peers
from local.peers import Peer
from local.sweep import Kept, Point, Run, Runner, When, move_clocks
from local.wire import PUBLISH, SEND_MAIL, published_alert

if TYPE_CHECKING:
    import socket

NOT_YET = "-"  # the target is not in the document yet
BEHAVIOURS = {"up": peers.healthy, "down": peers.closes, "locked": peers.says(peers.error("28P01"), peers.hangs_up)}
SENDINGS = (SEND_MAIL, PUBLISH)


@dataclass(frozen=True)
class Scenario:
    """What each target does at each tick, the last of which is swept.

    `notified` are the kinds of alert that the last tick makes of each target, and `minutes` lie between the ticks.
    """

    name: str
    targets: Mapping[str, str]
    notified: Mapping[str, Sequence[str]] = field(default_factory=dict)
    minutes: Sequence[float] = ()
    muted: str | None = None  # for how long, from the first tick on
    refused: str | None = None  # the calls that are refused until the last tick
    topic: bool = True
    teams: Mapping[str, str] = field(default_factory=dict)  # the recipient of a target
    mixed: bool = False  # one mail may tell of different things
    within: int = 4  # ticks after the one that is killed

    @property
    def ticks(self) -> int:
        return len(next(iter(self.targets.values())).split())


ALL = [
    Scenario("first sight of health", {"a": "up"}),
    Scenario("first sight", {"a": "down"}, {"a": ["down"]}),
    Scenario("down", {"a": "up down"}, {"a": ["down"]}),
    Scenario("down, by mail alone", {"a": "up down"}, {"a": ["down"]}, topic=False),
    Scenario("an outage after all", {"a": "locked down"}, {"a": ["down"]}),
    Scenario("reminder", {"a": "down down"}, {"a": ["reminder"]}, minutes=[61]),
    Scenario("recovered", {"a": "down up"}, {"a": ["recovered"]}),
    Scenario("still down", {"a": "down down"}),
    Scenario("flapping", {"a": "down up down up down"}, {"a": ["down"]}),
    Scenario("mute over", {"a": "up down down"}, {"a": ["down"]}, muted="100s"),
    Scenario("healed while muted", {"a": "up down up up"}, muted="150s"),
    Scenario("late mail", {"a": "down up"}, {"a": ["recovered"]}, refused=SEND_MAIL),
    Scenario("late topic", {"a": "down up"}, {"a": ["down", "recovered"]}, refused=PUBLISH),
    Scenario("after missed ticks", {"a": "up down"}, {"a": ["down"]}, minutes=[10]),
    Scenario("grouped", dict.fromkeys("abc", "up down"), {name: ["down"] for name in "abc"}),
    Scenario("grouped recovery", dict.fromkeys("ab", "down up"), {name: ["recovered"] for name in "ab"}),
    Scenario(
        "a batch",
        {"a": "up down", "b": "down up", "c": "up up", "d": "- down"},
        {"a": ["down"], "b": ["recovered"], "d": ["down"]},
        teams={"c": "dba@example.com", "d": "dba@example.com"},
        mixed=True,
    ),
]


@dataclass
class Fake:
    """A database that does as it is told."""

    behaviour: str = "up"

    def __call__(self, connection: socket.socket) -> None:
        BEHAVIOURS[self.behaviour](connection)


@dataclass
class Told:
    """What reached people of one target, oldest first, and the incidents that it was about."""

    mails: list[str] = field(default_factory=list)
    topic: list[str] = field(default_factory=list)
    incidents: set[str] = field(default_factory=set)

    def covers(self, other: Told) -> bool:
        return {*self.mails} >= {*other.mails} and {*self.topic} >= {*other.topic}


@dataclass
class Stage:
    """Play a scenario up to its last tick, and that one as often as is wanted."""

    scenario: Scenario
    monitor: Monitor
    runner: Runner
    fakes: Mapping[str, Peer]
    behaviours: Mapping[str, Fake]
    begins: datetime = field(default_factory=lambda: datetime.now(UTC))
    at: float = 0  # minutes since then
    kept: Kept = field(init=False)
    left: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)  # by the last play, in the table

    def set(self, tick: int) -> None:
        """Let the databases be as at that tick, and the clock."""
        scenario, document = self.scenario, []
        for name, course in scenario.targets.items():
            behaviour = course.split()[tick]
            if behaviour == NOT_YET:
                continue
            self.behaviours[name].behaviour = behaviour
            keys = QUICK | {"name": name, "host": "127.0.0.1", "port": self.fakes[name].port, "user": "heartline"}
            keys |= {"recipients": [scenario.teams[name]]} if name in scenario.teams else {}
            document += ["[[targets]]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
        self.monitor.environment["TARGETS"] = "\n".join(document)
        if tick:
            self.at += [*scenario.minutes, *[1] * scenario.ticks][tick - 1]
        self.turn_clock(self.at)

    def turn_clock(self, minutes: float) -> None:
        self.monitor.moved = self.begins + timedelta(minutes=minutes) - datetime.now(UTC)

    def prepare(self) -> None:
        """Play all ticks but the last, and keep what is stored then."""
        aws, scenario = self.monitor.aws, self.scenario
        if scenario.refused:
            aws.refuse(scenario.refused, "TooManyRequestsException", status=429)
        for tick in range(scenario.ticks - 1):
            self.set(tick)
            self.monitor.tick()
            if scenario.muted and not tick:
                for name in scenario.targets:
                    self.monitor.order("mute", target=name, **{"for": scenario.muted})
        aws.accept()
        self.set(scenario.ticks - 1)
        self.kept = Kept(aws, self.monitor.environment["STATE_TABLE"])

    def play(self, point: Point | None = None, expected: Mapping[str, Told] | None = None) -> Run:
        """Run the last tick from what was kept, and further ones until all that is expected is delivered."""
        self.kept.restore()
        self.monitor.aws.log.clear()
        self.turn_clock(self.at)
        run = self.runner.tick(self.monitor.aws, self.monitor.environment, self.monitor.moved, point)
        for later in range(1, self.scenario.within + 1):
            self.turn_clock(self.at + later)
            pending = self.monitor.tick()["alerts"]["pending"]
            if not pending and all(
                self.notified()[name].covers(notified) for name, notified in (expected or {}).items()
            ):
                break
        self.left = self.kept.now()
        return run

    def incidents(self) -> list[str]:
        """Name the targets of the incidents that are kept as history."""
        return sorted(pk for pk, sk in self.left if sk.startswith("incident#"))

    def notified(self) -> dict[str, Told]:
        """Read what reached people since the log was cleared."""
        notified: dict[str, Told] = defaultdict(Told)
        for mail in self.monitor.mails:
            label = "mail" if self.scenario.mixed else mail.state
            for name in mail.headers["X-Heartline-Target"].split(", "):
                notified[name].mails.append(label)
        for message in self.monitor.aws.published:
            alert = published_alert(message)
            notified[alert["target"]].topic.append(alert["kind"])
            notified[alert["target"]].incidents.add(alert["incident"]["id"])
        return notified


def repeatable(run: Run, point: Point) -> set[tuple[str, str]]:
    """Name the channels and targets of what was accepted by SES or SNS and, as the very next, not written down."""
    if point.stage is When.BEFORE and point.label.startswith(SENDINGS):
        return set()
    accepted: set[tuple[str, str]] = set()
    for call in run.calls:
        if call.name == SEND_MAIL:
            headers = {header["Name"]: header["Value"] for header in call.request["Content"]["Simple"]["Headers"]}
            accepted = {("mails", name) for name in headers["X-Heartline-Target"].split(", ")}
        elif call.name == PUBLISH:
            accepted = {("topic", published_alert(call.request)["target"])}
        else:
            written = {what.removeprefix("target#").removesuffix("/state") for what in call.touches}
            accepted = {(channel, name) for channel, name in accepted if name not in written}
    return accepted


def faults(stage: Stage, point: Point, expected: Mapping[str, Told], history: list[str]) -> Iterator[str]:
    """Kill a tick, and say what is in the end not as it is without that."""
    may_repeat = repeatable(stage.play(point, expected), point)
    notified = stage.notified()
    for name in stage.scenario.targets:
        for channel in ("mails", "topic"):
            seen, wanted = getattr(notified[name], channel), getattr(expected[name], channel)
            if list(dict.fromkeys(seen)) != wanted:
                yield f"{channel} of {name}: {seen} in place of {wanted}"
            elif len(seen) > len(wanted) + ((channel, name) in may_repeat):
                yield f"{channel} of {name}: {seen} where it was known that {wanted} had left"
        if len(notified[name].incidents) != len(expected[name].incidents):
            yield f"incidents of {name}: {notified[name].incidents}"
        behaviour, item = stage.behaviours[name].behaviour, stage.left[f"target#{name}", "state"]
        status, outbox = "down" if "outage" in item["state"]["M"] else "up", item["outbox"]["M"]
        if (status == "up") != (behaviour == "up") or outbox:
            yield f"{name} is {behaviour} and is kept as {status}; it has {outbox} in its outbox"
    if stage.incidents() != history:
        yield f"history: {stage.incidents()} in place of {history}"


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as runner:
        yield runner


@pytest.fixture
def staged(monitor: Monitor, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Scenario], Stage]]:
    move_clocks(monkeypatch.setattr, lambda: monitor.moved)
    with ExitStack() as started:

        def stage(scenario: Scenario) -> Stage:
            behaviours = {name: Fake() for name in scenario.targets}
            fakes = {name: started.enter_context(Peer(fake)) for name, fake in behaviours.items()}
            monitor.environment["ALERT_TOPIC"] *= scenario.topic
            staged = Stage(scenario, monitor, runner, fakes, behaviours)
            staged.prepare()
            return staged

        yield stage


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_a_tick_killed_anywhere_loses_nothing(staged: Callable[[Scenario], Stage], scenario: Scenario) -> None:
    stage = staged(scenario)
    points = list(stage.play().points())
    if len(scenario.targets) == 1:
        # Its calls follow each other: to be killed before one is to be killed after the one before.
        points = [points[0], *(point for point in points if point.stage is When.AFTER)]
    expected, history = stage.notified(), stage.incidents()
    if scenario.topic:
        assert {name: notified.topic for name, notified in expected.items()} == scenario.notified
    assert {name for name, notified in expected.items() if notified.mails} == scenario.notified.keys()
    wrong = [f"killed {point}: {fault}" for point in points for fault in faults(stage, point, expected, history)]
    print(f"swept {len(points)} kill points: {scenario.name}")
    assert not wrong, "\n".join([f"{len(wrong)} faults at {len(points)} points", *wrong])
