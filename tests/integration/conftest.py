"""Parts that integration tests share: the handler on a clock that can be moved, and servers that misbehave."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from heartline import bootstrap
from heartline.common.deadline import Deadline
from heartline.model.kinds import Kind, Phase, Tls
from heartline.model.observation import Observation
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from heartline.probe.tls import tls_context
from local import peers
from local.aws import HOST, EmulatedAws
from local.fleet import NAMES, REAL, Fleet, Visits
from local.function import event, invoke
from local.mailbox import Mail
from local.peers import Peer
from local.postgres import Postgres
from local.queue import TickQueue
from local.stack import ROLE, SECRET

PASSWORD = "it's: a/pässword"
ALLOWANCE = 1.0  # seconds by which a probe on a busy machine may miss its timeout
Serve = Callable[[Callable[..., None]], Peer]
QUICK = {"tls": "disable", "timeout": 1, "confirmations": 1, "confirm_after": 0}


@dataclass
class Monitor:
    """The function in its environment."""

    environment: dict[str, str]
    aws: EmulatedAws
    log: list[dict[str, Any]]
    moved: timedelta = field(default=timedelta())

    def watch(self, *names: str, **keys: object) -> None:
        """Let the document hold these targets, quick to decide, with these keys."""
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in (QUICK | keys).items())
        self.environment["TARGETS"] = "".join(f'[[targets]]\nname = "{name}"\n{lines}' for name in names)

    def tick(self, seconds: float = 60) -> dict[str, Any]:
        return invoke(self.environment, event("scheduled"), seconds=seconds)

    def order(self, command: str, **fields: object) -> dict[str, Any]:
        return invoke(self.environment, {"command": command, **fields})

    def status(self, name: str = "demo") -> dict[str, Any]:
        return next(entry for entry in self.order("status")["targets"] if entry["name"] == name)

    @property
    def now(self) -> datetime:
        """The time for the handler and its probes."""
        return datetime.now(UTC) + self.moved

    def pass_time(self, **span: float) -> None:
        """Let that much time go by for the handler."""
        self.moved += timedelta(**span)

    def begin_an_hour(self) -> None:
        """Let the handler's clock be at a full hour: a tick writes more than its heartbeat at the next one alone."""
        self.moved += timedelta(hours=1) - timedelta(minutes=self.now.minute, seconds=self.now.second)

    @property
    def mails(self) -> list[Mail]:
        return self.aws.mails

    @property
    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.mails]

    @property
    def states(self) -> list[str]:
        """Return the state that the subject of each mail begins with."""
        return [mail.state for mail in self.mails]

    @property
    def stored(self) -> dict[tuple[str, str], Any]:
        """All that is stored, by partition and sort key, in DynamoDB's own notation."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=self.environment["STATE_TABLE"])
        return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}

    @property
    def items(self) -> dict[str, Any]:
        """The states and the heartbeat, by partition key, in DynamoDB's own notation."""
        return {pk: item for (pk, sk), item in self.stored.items() if "#" not in sk}

    @property
    def history(self) -> dict[str, Any]:
        """The incidents that are over and the gaps, by sort key, in DynamoDB's own notation."""
        return {sk: item for (_, sk), item in self.stored.items() if sk.startswith(("incident#", "gap#"))}

    def store(self, item: Mapping[str, Any]) -> None:
        """Put an item as it is, in DynamoDB's own notation."""
        self.aws.client("dynamodb").put_item(TableName=self.environment["STATE_TABLE"], Item=item)

    def forget(self) -> None:
        """Empty the table."""
        for item in self.stored.values():
            self.aws.client("dynamodb").delete_item(
                TableName=self.environment["STATE_TABLE"], Key={"pk": item["pk"], "sk": item["sk"]}
            )


class _Collector(logging.Handler):
    """Keep what a handler would print, as CloudWatch would get it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(bootstrap.logger.registered_formatter)
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def log() -> Iterator[list[dict[str, Any]]]:
    collector = _Collector()
    bootstrap.logger.addHandler(collector)
    yield collector.lines
    logging.getLogger("heartline").removeHandler(collector)


@pytest.fixture
def monitor(
    environment: dict[str, str],
    aws: EmulatedAws,
    log: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Monitor]:
    """Yield the function for the one target "demo", quick to decide; nothing of earlier tests is cached."""
    monitor = Monitor(environment, aws, log)
    monitor.watch("demo", secret="heartline/demo")
    clock = SimpleNamespace(now=lambda zone: datetime.now(zone) + monitor.moved, fromtimestamp=datetime.fromtimestamp)
    for module in ("heartline.bootstrap", "heartline.prober.check", "heartline.probe"):
        monkeypatch.setattr(f"{module}.datetime", clock)
    # Else a refused call takes up to three seconds before it is given up.
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    bootstrap._services.cache_clear()
    yield monitor
    bootstrap._services.cache_clear()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start peers that end with the test."""
    with ExitStack() as started:
        yield lambda behave: started.enter_context(Peer(behave))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """Let the system's roots be one authority; TLS contexts are made anew with it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    tls_context.cache_clear()
    yield authority
    tls_context.cache_clear()


@dataclass(frozen=True)
class Prober:
    """Probe the database, or what differs from it, and hold the probe to its promise."""

    place: Endpoint
    password: str

    def __call__(self, tls: Tls = Tls.DISABLE, timeout: float = 0.5, **differing: Any) -> Observation:  # noqa: ANN401
        password = differing.pop("password", self.password)
        credential = Credential(replace(self.place, **differing), password)
        target = Target("demo", tls=tls, timeout=timedelta(seconds=timeout))
        began = monotonic()
        seen = probe(target, credential, Deadline.after(timeout))
        assert monotonic() - began < timeout + ALLOWANCE
        return seen

    def verdict(self, *arguments: Any, **differing: Any) -> tuple[Phase, Kind, str | None] | None:  # noqa: ANN401
        """Probe, and tell phase, kind and SQLSTATE of the failure; None where the database is healthy."""
        failure = self(*arguments, **differing).failure
        return failure and (failure.phase, failure.kind, failure.sqlstate)


@pytest.fixture
def prober(database: Postgres) -> Prober:
    """Return a probe by a role of its own."""
    database.create_role(ROLE, PASSWORD)
    return Prober(Endpoint(database.host, database.port, "postgres", ROLE), PASSWORD)


@pytest.fixture
def black_hole() -> Iterator[int]:
    """Yield a port that drops whoever knocks."""
    with peers.black_hole() as port:
        yield port


@pytest.fixture
def fleet(monitor: Monitor, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    visits = Visits()
    steady = {"host": HOST, "port": serve(visits).port, "user": ROLE}
    queue = TickQueue(monitor.aws.client("sqs"))
    monitor.environment["TICK_QUEUE"] = queue.url
    targets = {name: {"secret": SECRET} if name in REAL else steady for name in NAMES}
    monitor.begin_an_hour()
    fleet = Fleet(monitor, queue, targets, visits, monkeypatch.setattr)
    fleet.divide(3)
    return fleet
