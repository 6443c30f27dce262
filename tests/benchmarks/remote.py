"""Measure what a healthy tick costs more when the probe function probes: clock, payload, and what Lambda bills."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING

from rich.table import Table

from benchmarks.ticks import _document
from local.cost import PRICES, TICKS
from local.function import event, invoke
from local.lambda_api import ProbeFunction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.servers import Servers

SIZES = (1, 100, 400)
ROUNDS = 9
GB = 0.5
RATIO = "time of a tick of 100 targets through the probe function, over one here"


@dataclass(frozen=True)
class Cost:
    """What a tick costs: the monitor's clock here and through the function, and of that one's invocations.

    Attributes
    ----------
    here, through, prober
        Milliseconds of the clock; the last those of all invocations together.
    invocations
        How many there are.
    sent, received
        The largest payloads, in KB.
    """

    here: float
    through: float
    prober: float
    invocations: int
    sent: float
    received: float

    @property
    def dollars(self) -> float:
        """What a month costs more by list price, at this machine's speed."""
        seconds = (self.through - self.here + self.prober) / 1000
        per_tick = PRICES["Lambda GB-seconds, x86_64"].of(GB * seconds, allowance=False)
        return TICKS * (per_tick + PRICES["Lambda requests"].of(self.invocations, allowance=False))


@contextmanager
def _function() -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """Serve the probe function in a process of its own; a line to it is answered with what it did since the last."""
    command = [sys.executable, "-m", "benchmarks.remote"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(_ask(process)), process
        finally:
            process.communicate(timeout=30)


def _ask(process: subprocess.Popen[str]) -> str:
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline()


def costs(servers: Servers) -> dict[int, Cost]:
    """Return by the number of targets what a tick costs, probed here and through the function in turn."""
    measured = {}
    with _function() as (remote, process):
        for size in SIZES:
            environment = servers.apart(f"remote{size}") | {"TARGETS": _document(servers, "remote", size, 0)}
            for _ in range(2):
                _tick(environment, size)
            pairs = []
            for _ in range(ROUNDS):
                here = _tick(environment, size)
                _ask(process)
                through = _tick(environment | remote, size)
                pairs.append((here, through, json.loads(_ask(process))))
            done = [one for _, _, one in pairs]
            measured[size] = Cost(
                median(here for here, _, _ in pairs),
                median(through for _, through, _ in pairs),
                median(sum(one["ms"]) for one in done),
                round(median(len(one["ms"]) for one in done)),
                max(max(one["sent"]) for one in done) / 1024,
                max(max(one["received"]) for one in done) / 1024,
            )
    return measured


def _tick(environment: dict[str, str], size: int) -> float:
    with redirect_stdout(StringIO()):  # its metrics
        began = monotonic()
        answer = invoke(environment, event("scheduled"))
        spent = monotonic() - began
    if answer["up"] != size:
        raise RuntimeError(answer)
    return 1000 * spent


def ratios(measured: dict[int, Cost]) -> dict[str, float]:
    """Return what is held to a bound."""
    return {RATIO: measured[100].through / measured[100].here}


def table(measured: dict[int, Cost]) -> Table:
    """Show the costs by size."""
    shown = Table(
        *("targets", "here, ms", "through, ms", "prober, ms", "invocations", "KB there", "KB back", "$ a month more"),
        title="A healthy tick, probed here and through the probe function",
    )
    for size, one in measured.items():
        times = (f"{ms:.0f}" for ms in (one.here, one.through, one.prober))
        sizes = (f"{kb:.1f}" for kb in (one.sent, one.received))
        shown.add_row(f"{size}", *times, f"{one.invocations}", *sizes, f"{one.dollars:.2f}")
    return shown


def main() -> None:
    """Serve until standard input ends."""
    # Each invocation's log is no answer.
    answers, sys.stdout = sys.stdout, StringIO()
    with ProbeFunction() as function:
        sys.stdin.readline()
        answers.write(json.dumps(function.environment) + "\n")
        answers.flush()
        while sys.stdin.readline():
            sizes = [[len(one) for one in many] for many in (function.requests, function.answers)]
            done = {"ms": list(function.spent), "sent": sizes[0], "received": sizes[1]}
            for many in (function.requests, function.answers, function.spent):
                many.clear()
            answers.write(json.dumps(done) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
