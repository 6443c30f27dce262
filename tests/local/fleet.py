"""A large fleet whose tick is divided through a queue, and what the tests see of it."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

import app
from local.function import Context, invoke
from local.peers import healthy

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from integration.conftest import Monitor
    from local.queue import TickQueue

SHARDS = (["orders", "stock", "carts"], ["users", "audit"], ["billing", "search", "ledger"], ["mail", "crm"])
NAMES = [name for names in SHARDS for name in names]
REAL = ("orders", "users", "mail")  # on the one real server; the others are on a peer that stays
DISPATCH = ["sqs:SendMessageBatch", "dynamodb:Query"]
STEADY = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]  # of each shard: the states are read, its heartbeat is written


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
    replace: Callable[[str, object], None]

    def divide(self, share: int) -> None:
        """Let a run have so many targets, and the document hold what `targets` says."""
        documents = []
        for name, keys in self.targets.items():
            self.monitor.watch(name, **keys)
            documents.append(self.monitor.environment["TARGETS"])
        self.monitor.environment["TARGETS"] = "".join(documents)
        self.replace("heartline.tick.fanout.TARGETS_PER_RUN", share)

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
    def notified(self) -> Counter[tuple[str, str]]:
        """Count what was mailed of each target."""
        return Counter(
            (mail.state, name) for mail in self.monitor.mails for name in mail.headers["X-Heartline-Target"].split(", ")
        )

    @property
    def seen(self) -> dict[str, tuple[str, str | None]]:
        """Return the status and the last good time of each."""
        return {one["name"]: (one["status"], one["last_ok"]) for one in self.monitor.order("status")["targets"]}

    @property
    def gaps(self) -> list[str]:
        """Name what is kept, or was logged, of ticks that were missed."""
        logged = [line["event"] for line in self.monitor.log if line["event"] == "ticks-missed"]
        return [sk for sk in self.monitor.history if sk.startswith("gap#")] + logged

    def calls(self, work: Callable[[], object]) -> list[str]:
        """Return the labels of the calls that something makes."""
        before = len(self.monitor.aws.log)
        work()
        return [call.label for call in self.monitor.aws.log[before:]]


def counted(printed: pytest.CaptureFixture[str]) -> Counter[str]:
    """Add up the metrics that were written since the last look, but how long anything took."""
    counts: Counter[str] = Counter()
    for line in map(json.loads, printed.readouterr().out.splitlines()):
        if "_aws" in line:
            declared = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            counts.update({metric["Name"]: line[metric["Name"]][0] for metric in declared})
    del counts["TickDuration"]
    return counts


def operations(labels: list[str]) -> list[str]:
    return [label.split(" ")[0] for label in labels]


def moment(text: str | None) -> datetime:
    assert text
    return datetime.fromisoformat(text)


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
