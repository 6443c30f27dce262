"""Measure what a healthy tick costs a target, in fleets of one to two thousand."""

from __future__ import annotations

from contextlib import redirect_stdout
from dataclasses import astuple, dataclass
from io import StringIO
from statistics import fmean
from time import monotonic, process_time
from typing import TYPE_CHECKING, Any

import boto3
from botocore.httpsession import URLLib3Session
from rich.table import Table

from benchmarks.ticks import _document
from heartline.tick.fanout import TARGETS_PER_RUN
from local.aws import HARNESS_KEY, REGION
from local.function import event, invoke
from local.queue import TickQueue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.servers import Servers

# Sizes, and how many ticks of each are measured: as many runs of a hundred as one tick of the largest has, half of them
# before it and half after, so that a machine that is busy with other things is so for both.
ROUNDS = ((1, 40), (10, 20), (100, 10), (1000, 1), (2000, 1), (100, 10))
SHARE = TARGETS_PER_RUN
RATIO = "processor time a target in a fleet of 2000, over one of 100"
SETTINGS = {
    # So that no message is stale, and no heartbeat that the emulated DynamoDB remembers.
    "SCHEDULE_MINUTES": "99",
}


@dataclass
class Cost:
    """What the function spent: milliseconds of processor time and of the clock, and calls to AWS."""

    processor: float = 0
    wall: float = 0
    calls: float = 0


class Function:
    """Run the handler in this process, and count what it costs; the pump and the servers do not count."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.spent = Cost()
        self._requests: list[str] = []
        send = URLLib3Session.send

        def counted(session: URLLib3Session, request: Any) -> Any:  # noqa: ANN401
            self._requests.append(request.url)
            return send(session, request)

        # Below whatever clients the function makes, and for the rest of this process.
        URLLib3Session.send = counted

    def __call__(self, document: Mapping[str, Any]) -> dict[str, Any]:
        with redirect_stdout(StringIO()):  # its metrics
            requests, wall, processor = len(self._requests), monotonic(), process_time()
            answer = invoke(self.environment, document)
            self.spent.processor += 1000 * (process_time() - processor)
            self.spent.wall += 1000 * (monotonic() - wall)
            self.spent.calls += len(self._requests) - requests
        return answer


def costs(servers: Servers) -> dict[int, Cost]:
    """Return by the size of a fleet what a tick costs a target; the shards run one after the other."""
    endpoint = servers.environment["AWS_ENDPOINT_URL"]
    session = boto3.Session(HARNESS_KEY, "emulated", region_name=REGION)
    queue = TickQueue(session.client("sqs", endpoint_url=endpoint))
    function = Function(servers.apart("fleets") | SETTINGS | {"TICK_QUEUE": queue.url})
    ticks: dict[int, list[Cost]] = {}
    for size, rounds in ROUNDS:
        function.environment["TARGETS"] = _document(servers, "db", size, 0)
        # The first makes the items, the second lets the emulated DynamoDB remember them.
        ticks.setdefault(size, []).extend([_tick(function, queue, size) for _ in range(2 + rounds)][2:])
    return {size: _mean(spent, size) for size, spent in ticks.items()}


def _mean(ticks: Sequence[Cost], size: int) -> Cost:
    """Return what a tick costs a target; no median, since a tick of many runs is a sum of them."""
    return Cost(*(fmean(parts) / size for parts in zip(*map(astuple, ticks), strict=True)))


def _tick(function: Function, queue: TickQueue, size: int) -> Cost:
    function.spent = Cost()
    answer = function(event("scheduled"))
    runs = queue.deliver(function)
    as_it_should_be = not queue.dead and not queue.errors and runs == answer.get("shards", 0)
    if not as_it_should_be or answer["targets"] != size or not function.spent.calls:
        raise RuntimeError(answer, runs, queue.dead, queue.errors)
    return function.spent


def flatness(measured: Mapping[int, Cost]) -> dict[str, float]:
    """Return how much more a target of the largest fleet costs than one of a fleet for a single run."""
    return {RATIO: measured[2000].processor / measured[SHARE].processor}


def figures(measured: Mapping[int, Cost]) -> dict[str, float]:
    """Name all that was measured."""
    names = ("processor ms a target", "ms a target", "calls a target")
    return {
        f"fleet of {size}: {name}": figure
        for size, cost in measured.items()
        for name, figure in zip(names, astuple(cost), strict=True)
    }


def table(measured: Mapping[int, Cost]) -> Table:
    """Show the costs by size."""
    shown = Table("targets", "processor, ms", "clock, ms", "calls to AWS", title="A healthy tick, for each target")
    for size, cost in measured.items():
        shown.add_row(f"{size:,}", f"{cost.processor:.2f}", f"{cost.wall:.2f}", f"{cost.calls:.3f}")
    return shown
