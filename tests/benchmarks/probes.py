"""Measure what one healthy probe takes, beside drivers and beside a bare socket, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.contestants import CONTESTANTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.servers import Servers

ROUNDS = 15
PROBES = 20  # a round, of each in turn, and compared in pairs: a machine's speed changes within seconds
RIVALS = ("pg8000", "psycopg", "asyncpg", "floor")
TIMES = ("processor", "clock")


@dataclass(frozen=True)
class Contestant:
    """A process that makes attempts when it is told to."""

    process: subprocess.Popen[str]

    def attempt(self, times: int, threads: int = 1) -> tuple[float, float]:
        """Return the processor and clock time of some attempts, in seconds."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{times} {threads}\n")
        self.process.stdin.flush()
        processor, clock = json.loads(self.process.stdout.readline())
        return processor, clock


@contextmanager
def contestant(name: str, port: int, password: str, authority: str = "") -> Iterator[Contestant]:
    """Start one of `contestants`; with an authority, it demands TLS."""
    command = [sys.executable, "-m", "benchmarks.contestants", name, str(port), password, authority]
    environment = os.environ | ({"SSL_CERT_FILE": authority} if authority else {})
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Contestant(process)


def probe_times(servers: Servers) -> dict[str, float]:
    """Return the ratios of a healthy probe's processor and clock time to theirs."""
    ratios = {}
    for label, port, authority in (("plain", servers.port, ""), ("verified TLS", servers.tls_port, servers.authority)):
        with ExitStack() as started:
            contestants = {
                name: started.enter_context(contestant(name, port, servers.password, authority)) for name in CONTESTANTS
            }
            rounds = [{name: one.attempt(PROBES) for name, one in contestants.items()} for _ in range(ROUNDS + 1)]
        for rival in RIVALS:
            for place, time in enumerate(TIMES):
                # The first round warms up.
                ratio = median(each["heartline"][place] / each[rival][place] for each in rounds[1:])
                ratios[f"{time} time of a probe, {label}, over {NAMES.get(rival, rival)}"] = ratio
    return ratios


NAMES = {"floor": "a bare socket"}
