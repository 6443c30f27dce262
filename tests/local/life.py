"""Some hours of a monitor over three databases, drawn by a seed: what goes wrong with them, with it and with AWS."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local import peers
from local.hearing import Heard, heard, unwritten
from local.mishaps import UNPROCESSED, Mishap
from local.sweep import ANY, Point, Runner, When

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from integration.conftest import Monitor
    from local.wire import Call

MINUTES = 20  # from one tick to the next: so slow that alerts use no budget up
TICKS, CALM = 14, 3  # in all, and at the end, when nothing goes wrong any more
PEOPLE = [f"{name}@example.com" for name in ("ann", "bob", "cho", "dee")]
BEATS = "dynamodb:PutItem heartbeat/"
BEAT = f"{BEATS}heartbeat"


class Sort(StrEnum):
    """What becomes of a tick."""

    WHOLE = "whole"
    KILLED = "killed"
    TWINS = "with a twin"
    AGAIN = "and again, seconds later"
    MISSED = "missed"


SORTS = {Sort.WHOLE: 10, Sort.KILLED: 4, Sort.TWINS: 2, Sort.AGAIN: 2, Sort.MISSED: 1}


@dataclass
class Database:
    """A server that does as it is told, and what the document says of it."""

    name: str
    readers: list[str]
    port: int = 0
    watched: bool = True
    alive: bool = True
    renamed: int = 0

    def __call__(self, connection: socket.socket) -> None:
        (peers.healthy if self.alive else peers.closes)(connection)


@dataclass
class Moment:
    """One tick: what was so from its beginning to the next one, and what came of it.

    `down` and `readers` are of the targets in the document. `recorded` is when the tick began of which it can be known
    later that it ran.
    """

    begins: datetime
    down: frozenset[str]
    readers: Mapping[str, Sequence[str]]
    sort: Sort
    mishaps: Sequence[Mishap] = ()
    ends: datetime = field(init=False)
    told: list[Heard] = field(default_factory=list)
    unwritten: Counter[tuple[str, str]] = field(default_factory=Counter)
    recorded: datetime | None = None

    @property
    def whole(self) -> bool:
        """Return True if nothing went wrong."""
        return not self.mishaps and self.sort not in (Sort.KILLED, Sort.MISSED)

    def holds(self, at: datetime) -> bool:
        """Return True if something of that time happened in this tick, to the second."""
        return self.begins - timedelta(seconds=1) <= at <= self.ends

    def __str__(self) -> str:
        found = " ".join(name + "-" * (name in self.down) for name in self.readers)
        lines = [f"{self.begins:%H:%M:%S} {self.sort}: {found}", *(f"  {mishap}" for mishap in self.mishaps)]
        told = (f"  {one.who.partition('@')[0]} heard {one.word} of {one.incident} {one.id}" for one in self.told)
        return "\n".join([*lines, *told])


@dataclass
class Life:
    """Draw and run the ticks of a seed."""

    monitor: Monitor
    runner: Runner
    serve: Callable[[Callable[..., None]], peers.Peer]
    seed: int
    moments: list[Moment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)  # noqa: S311 - no secret
        self.databases = [Database(name, self._some()) for name in "abc"]
        for database in self.databases:
            database.port = self.serve(database).port
        self.courses = [self._course() for _ in self.databases]

    def run(self) -> None:
        for number in range(TICKS):
            calm = number >= TICKS - CALM
            for database, course in zip(self.databases, self.courses, strict=True):
                database.alive = course[min(number, TICKS - CALM)]
            if not calm and self.dice.random() < 0.3:
                self._rearrange(self.dice.choice(self.databases))
            self._tick(Sort.WHOLE if calm else self._drawn(SORTS), troubled=not calm)
            self.monitor.pass_time(minutes=MINUTES)

    def _tick(self, sort: Sort, *, troubled: bool) -> None:
        monitor, dice, aws = self.monitor, self.dice, self.monitor.aws
        mishaps = [Mishap.drawn(dice) for _ in range(self._drawn({0: 4, 1: 3, 2: 2}))] if troubled else []
        watched = {one.name: one for one in self.databases if one.watched}
        monitor.environment["TARGETS"] = _document(watched.values())
        down = frozenset(name for name, one in watched.items() if not one.alive)
        readers = {name: tuple(one.readers) for name, one in watched.items()}
        moment = Moment(monitor.now, down, readers, sort, mishaps)
        for mishap in mishaps:
            mishap.arm(aws)
        before = len(aws.log)
        ended = self._carried_out(sort)
        aws.accept()
        moment.ends, calls = monitor.now, aws.log[before:]
        moment.told, moment.unwritten = list(heard(calls)), unwritten(calls)
        moment.recorded = _recorded(calls, moment, ended=ended)
        self.moments.append(moment)

    def _carried_out(self, sort: Sort) -> bool:
        """Run the tick; return True if it came to its end, or one of the two did."""
        monitor, runner = self.monitor, self.runner
        if sort is Sort.MISSED:
            return False
        if sort is Sort.KILLED:
            point = Point(ANY, self.dice.randrange(1, 16), self.dice.choice(list(When)))
            return runner.run(monitor.aws, monitor.environment, monitor.moved, point).ended == 0
        if sort is Sort.TWINS:
            with ThreadPoolExecutor(1) as pool:
                other = pool.submit(runner.run, monitor.aws, monitor.environment, monitor.moved)
                ended = self._ran()
                return other.result().ended == 0 or ended
        ended = self._ran()
        if sort is Sort.AGAIN:
            monitor.pass_time(seconds=self.dice.choice((5, 30, 50)))
            return self._ran() or ended
        return ended

    def _ran(self) -> bool:
        with suppress(ClientError, BotoCoreError):
            self.monitor.tick()
            return True
        return False

    def _rearrange(self, database: Database) -> None:
        """Change what the document says of a database."""
        match self._drawn({"readers": 3, "watched": 2, "name": 1}):
            case "readers":
                database.readers = self._some()
            case "watched":
                database.watched = not database.watched or sum(one.watched for one in self.databases) == 1
            case _:
                database.renamed += 1
                database.name = f"{database.name[0]}{database.renamed}"

    def _course(self) -> list[bool]:
        """Draw at which ticks a database is alive: it has one outage or two."""
        spans = [self.dice.randrange(*bounds) for bounds in ((0, 4), (1, 6), (1, 5), (0, 5))]
        return [place % 2 == 0 for place, span in enumerate(spans) for _ in range(span)] + [True] * TICKS

    def _some(self) -> list[str]:
        return self.dice.sample(PEOPLE, self.dice.randrange(1, len(PEOPLE)))

    def _drawn(self, weights: Mapping[Any, int]) -> Any:  # noqa: ANN401
        return self.dice.choices(list(weights), list(weights.values()))[0]


def _recorded(calls: Sequence[Call], moment: Moment, *, ended: bool) -> datetime | None:
    """Return when the last tick began that wrote its heartbeat, or that nothing kept from doing so."""
    writes = [call for call in calls if call.label.startswith(BEATS)]
    beats = [call.request["Item"]["at"]["S"] for call in writes if call.label.startswith(BEAT) and call.status == 200]
    if known := [at for at in map(datetime.fromisoformat, beats) if at >= moment.begins]:
        return max(known)
    hindered = writes or any(mishap.how == UNPROCESSED for mishap in moment.mishaps)
    return moment.begins if ended and not hindered else None


def _document(databases: Any) -> str:  # noqa: ANN401
    keys = {"host": peers.HOST, "user": "heartline", "tls": "disable", "confirmations": 1, "confirm_after": 0}
    lines = []
    for one in databases:
        of_one = keys | {"name": one.name, "port": one.port, "recipients": one.readers, "timeout": 2}
        lines += ["[[targets]]", *(f"{key} = {json.dumps(value)}" for key, value in of_one.items())]
    return "\n".join(lines)
