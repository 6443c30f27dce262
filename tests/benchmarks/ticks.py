"""Measure the time of whole ticks, beside bare drivers and beside a single black hole."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from statistics import median
from time import monotonic, sleep
from typing import TYPE_CHECKING

import psutil

from benchmarks.probes import contestant
from benchmarks.servers import HOST
from heartline.common.deadline import Deadline
from heartline.model.kinds import Tls
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from local.function import event, invoke
from local.stack import RECIPIENT, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.servers import Servers

FLEET = 200
BLACK_HOLES = 60
ROUNDS = 5
POOLS = (8, 16, 32, 64)
TIMEOUT = 3  # seconds: what a black hole takes


def throughput(servers: Servers) -> dict[str, float]:
    """Return the throughput of a tick over that of bare probes in the best thread pool."""
    environment = servers.apart("fleet") | {"TARGETS": _document(servers, "fleet", FLEET, 0)}
    _tick(environment)
    ticks, pools = [], {size: [] for size in POOLS}
    with contestant("pg8000", servers.port, servers.password) as bare:
        bare.attempt(FLEET, POOLS[0])
        for _ in range(ROUNDS):
            ticks.append(_timed(lambda: _tick(environment)))
            for size, walls in pools.items():
                walls.append(bare.attempt(FLEET, size)[1])
    best = min(median(walls) for walls in pools.values())
    return {f"throughput of a tick over {FLEET} healthy targets, over bare pg8000": best / median(ticks)}


def black_holes(servers: Servers) -> dict[str, float]:
    """Return the time of a tick with many black holes over that of one alone, both known to be down."""
    alone, among = _settled(servers, "one", 0, 1), _settled(servers, "many", FLEET - BLACK_HOLES, BLACK_HOLES)
    return {f"time of a tick with {BLACK_HOLES} black holes among {FLEET}, over one alone": among / alone}


def _settled(servers: Servers, name: str, healthy: int, holes: int) -> float:
    """Return the time of a tick in which all is as it was before."""
    environment = servers.apart(name) | {"TARGETS": _document(servers, name, healthy, holes)}
    for _ in range(2):  # the first makes the items, the second lets the emulated DynamoDB remember them
        _tick(environment)
    return _timed(lambda: _tick(environment))


def memory(servers: Servers) -> dict[str, float]:
    """Return the KiB of memory that a waiting probe takes; to be measured first, while no thread can be used again."""
    target = Target("hole", tls=Tls.DISABLE, timeout=timedelta(seconds=TIMEOUT))
    credential = Credential(Endpoint(HOST, servers.black_hole_port, user="nobody"))
    before = _resident()
    with ThreadPoolExecutor(FLEET) as pool:
        for _ in range(FLEET):
            pool.submit(probe, target, credential, Deadline.after(TIMEOUT))
        sleep(TIMEOUT / 2)
        during = _resident()
    return {"memory of a waiting probe, KiB": (during - before) / FLEET / 1024}


def _resident() -> int:
    return int(psutil.Process(os.getpid()).memory_info().rss)


def _document(servers: Servers, name: str, healthy: int, holes: int) -> str:
    ports = [servers.port] * healthy + [servers.black_hole_port] * holes
    targets = "".join(f'[[targets]]\nname = "{name}-{i}"\nport = {port}\n' for i, port in enumerate(ports))
    return (
        f'[defaults]\nsecret = "{SECRET}"\ntls = "disable"\nrecipients = ["{RECIPIENT}"]\n'
        f"timeout = {TIMEOUT}\nconfirmations = 0\n" + targets.replace("port =", f'host = "{HOST}"\nport =')
    )


def _tick(environment: dict[str, str]) -> None:
    with redirect_stdout(StringIO()):  # its metrics: they cost their time, and would stand between the figures
        answer = invoke(environment, event("scheduled"))
    if answer["up"] + answer["down"] != answer["targets"]:
        raise RuntimeError(answer)


def _timed(work: Callable[[], object]) -> float:
    began = monotonic()
    work()
    return monotonic() - began
