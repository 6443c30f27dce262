"""Measure the processor time of one healthy probe, beside bare drivers on the same server."""

from __future__ import annotations

import ssl
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

import psycopg
import scramp.core
import scramp.utils
from pg8000.native import Connection

from benchmarks.servers import DATABASE, HOST, TLS_HOST
from heartline.common.deadline import Deadline
from heartline.model.kinds import Tls
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from local.stack import ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.servers import Servers

ROUNDS = 15
PROBES = 20  # a round, of each in turn


def processor_time(servers: Servers) -> dict[str, float]:
    """Return the ratios of a healthy probe's processor time to the bare drivers'."""
    ratios = {}
    for label, contestants in (("plain", _plain(servers)), ("verified TLS", _verified(servers))):
        spent = _side_by_side(contestants)
        for rival in ("pg8000", "psycopg"):
            ratios[f"processor time of a probe, {label}, over {rival}"] = spent["heartline"] / spent[rival]
    return ratios


def _side_by_side(contestants: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median processor time of a round of each, all in turn within each round."""
    spent: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS + 1):
        for name, attempt in contestants.items():
            with bare_pg8000() if name == "pg8000" else nullcontext():
                began = process_time()
                for _ in range(PROBES):
                    attempt()
                spent[name].append(process_time() - began)
    return {name: median(rounds[1:]) for name, rounds in spent.items()}  # the first round warms up


def _plain(servers: Servers) -> dict[str, Callable[[], object]]:
    return {
        "heartline": _heartline(HOST, servers.port, servers.password, Tls.DISABLE),
        "pg8000": pg8000(HOST, servers.port, servers.password, None),
        "psycopg": _psycopg(HOST, servers.port, servers.password, "sslmode=disable"),
    }


def _verified(servers: Servers) -> dict[str, Callable[[], object]]:
    context = ssl.create_default_context(cafile=servers.authority)
    check = f"sslmode=verify-full sslrootcert={servers.authority} gssencmode=disable"
    return {
        "heartline": _heartline(TLS_HOST, servers.tls_port, servers.password, Tls.VERIFY_FULL),
        "pg8000": pg8000(TLS_HOST, servers.tls_port, servers.password, context),
        "psycopg": _psycopg(TLS_HOST, servers.tls_port, servers.password, check),
    }


def _heartline(host: str, port: int, password: str, tls: Tls) -> Callable[[], object]:
    target = Target("bench", tls=tls, timeout=timedelta(seconds=5))
    credential = Credential(Endpoint(host, port, DATABASE, ROLE), password)

    def attempt() -> None:
        seen = probe(target, credential, Deadline.after(5))
        if seen.failure is not None:
            raise RuntimeError(seen.failure)

    return attempt


@contextmanager
def bare_pg8000() -> Iterator[None]:
    """Take back for the block what Heartline changes in pg8000's own SCRAM: it would make the bare one faster."""
    remembering, scramp.core.hi = scramp.core.hi, scramp.utils.hi
    try:
        yield
    finally:
        scramp.core.hi = remembering


def pg8000(host: str, port: int, password: str, context: ssl.SSLContext | None) -> Callable[[], object]:
    def attempt() -> None:
        connection = Connection(
            ROLE, host, DATABASE, port, password, ssl_context=False if context is None else context, timeout=5
        )
        connection.run("SELECT 1")
        connection.close()

    return attempt


def _psycopg(host: str, port: int, password: str, options: str) -> Callable[[], object]:
    conninfo = f"host={host} port={port} dbname={DATABASE} user={ROLE} password={password} connect_timeout=5 {options}"

    def attempt() -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("SELECT 1")

    return attempt
