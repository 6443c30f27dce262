"""A probe ends at its deadline, and not before: whichever address, record or byte it waits for."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from heartline.model.kinds import Kind, Phase, Tls
from local.peers import (
    NOTICE,
    PAUSE,
    READY,
    WELCOME,
    Peer,
    black_hole,
    closes,
    drips,
    hangs_up,
    healthy,
    listens,
    message,
    says,
    secures,
)

if TYPE_CHECKING:
    import trustme

    from integration.conftest import Prober, Serve
    from local.peers import Behaviour

HOST = "127.0.0.1"
HELD = (Phase.CONNECT, Kind.TIMEOUT, None)
Resolve = Callable[..., None]
NO_FAMILY = 200  # no kernel has an address family of that number


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Let every name have these ports of this machine as its addresses."""
    real = socket.getaddrinfo

    def resolve(*ports: int, after: float = 0, family: int = socket.AF_INET) -> None:
        def getaddrinfo(host: str, port: int, *_: Any, flags: int = 0, **named: Any) -> Any:  # noqa: ANN401
            if flags & socket.AI_NUMERICHOST:
                return real(host, port, flags=flags, **named)
            time.sleep(after)
            known = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOST, port)) for port in ports]
            return known if family == socket.AF_INET else [(family, *known[0][1:]), *known[1:]]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return resolve


@pytest.fixture
def holes() -> Iterator[list[int]]:
    """Yield ports whose SYNs are dropped, as by a firewall: their queues of connections are full."""
    with black_hole() as first, black_hole() as second, black_hole() as third:
        yield [first, second, third]


@pytest.fixture
def refusing() -> Iterator[int]:
    """Yield a port that nobody listens on, and that nobody can take meanwhile."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        yield bound.getsockname()[1]


def test_the_last_of_several_addresses_is_reached(
    prober: Prober, serve: Serve, resolves: Resolve, holes: list[int]
) -> None:
    resolves(*holes, serve(healthy).port)
    seen = prober(timeout=1, host="database.example")
    assert seen.healthy
    assert sum(seen.phases.values()) < 1000 + 100


@pytest.mark.parametrize("number", [1, 2, 3])
def test_black_holes_only_take_one_timeout_together(
    prober: Prober, resolves: Resolve, holes: list[int], number: int
) -> None:
    resolves(*holes[:number])
    seen = prober(timeout=0.6, host="database.example")
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.CONNECT, Kind.TIMEOUT)
    assert 550 < seen.phases[Phase.CONNECT] < 1000


def test_a_refusal_is_no_verdict_while_there_are_addresses(
    prober: Prober, serve: Serve, resolves: Resolve, refusing: int
) -> None:
    resolves(refusing, serve(healthy).port)
    assert prober(host="database.example").healthy


def test_all_addresses_refuse(prober: Prober, resolves: Resolve, refusing: int) -> None:
    resolves(refusing, refusing)
    assert prober.verdict(host="database.example") == (Phase.CONNECT, Kind.REFUSED, None)


def test_a_refusal_comes_before_a_black_hole(
    prober: Prober, resolves: Resolve, refusing: int, holes: list[int]
) -> None:
    resolves(refusing, holes[0])
    assert prober.verdict(host="database.example") == (Phase.CONNECT, Kind.REFUSED, None)


def test_an_address_of_a_family_that_this_machine_lacks_is_passed_over(
    prober: Prober, serve: Serve, resolves: Resolve
) -> None:
    """As on a machine that was started with ipv6.disable=1, where a name has both sorts of addresses."""
    port = serve(healthy).port
    resolves(port, port, family=NO_FAMILY)
    assert prober(host="database.example").healthy


def test_what_the_name_service_takes_is_taken_from_the_rest(
    prober: Prober, resolves: Resolve, holes: list[int]
) -> None:
    resolves(holes[0], after=0.4)
    seen = prober(timeout=0.6, host="database.example")
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.CONNECT, Kind.TIMEOUT)
    assert sum(seen.phases.values()) < 600 + 300


def test_names_that_are_never_answered_hold_up_no_other_probe(
    prober: Prober, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, real = Event(), socket.getaddrinfo

    def getaddrinfo(host: str, *arguments: Any, flags: int = 0, **named: Any) -> Any:  # noqa: ANN401
        if not flags & socket.AI_NUMERICHOST:
            answered.wait(10)
        return real(host, *arguments, flags=flags, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        for _ in range(5):
            began = monotonic()
            assert prober.verdict(timeout=0.2, host="localhost") == (Phase.RESOLVE, Kind.TIMEOUT, None)
            assert monotonic() - began > 0.19
        assert prober(port=serve(healthy).port).healthy
    finally:
        answered.set()


# Inside TLS.


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    return context


# By behaviour inside the encrypted stream: what comes of it.
INSIDE: dict[str, tuple[Behaviour, Phase, Kind]] = {
    "says nothing": (listens, Phase.LOGIN, Kind.TIMEOUT),
    "drips notices": (drips(NOTICE), Phase.LOGIN, Kind.TIMEOUT),
    "stalls in a message": (says(WELCOME[:20]), Phase.LOGIN, Kind.TIMEOUT),
    "closes": (closes, Phase.LOGIN, Kind.CLOSED),
    "announces 2 GB": (says(b"S\x7f\xff\xff\xff"), Phase.LOGIN, Kind.PROTOCOL),
    "never answers the query": (says(WELCOME), Phase.QUERY, Kind.TIMEOUT),
    "drips at the query": (says(WELCOME, drips(NOTICE)), Phase.QUERY, Kind.TIMEOUT),
    "stalls in the answer": (says(WELCOME, says(message(b"T", b"\0\0") + READY[:3])), Phase.QUERY, Kind.TIMEOUT),
    "hangs up at the query": (says(WELCOME, says(b"", hangs_up)), Phase.QUERY, Kind.CLOSED),
}


@pytest.mark.parametrize("peer", INSIDE)
def test_a_peer_that_inside_tls(prober: Prober, serve: Serve, context: ssl.SSLContext, peer: str) -> None:
    behave, phase, kind = INSIDE[peer]
    port = serve(secures(context, behave)).port
    assert prober.verdict(Tls.VERIFY_FULL, port=port) == (phase, kind, None)


def drips_records(port: int, began: Event) -> Behaviour:
    """Stand before a server that takes TLS; once it `began` to talk inside, drip what it says."""

    def behave(client: socket.socket) -> None:
        with socket.create_connection((HOST, port), 10) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    said = source.recv(1 << 16)
                    if not said:
                        return
                    if source is client or not began.is_set():
                        (server if source is client else client).sendall(said)
                    else:
                        for byte in said:
                            client.sendall(bytes([byte]))
                            time.sleep(PAUSE)

    return behave


def test_a_record_of_tls_that_drips(prober: Prober, serve: Serve, context: ssl.SSLContext) -> None:
    """The operating system has bytes to read all the time, and TLS has none."""
    began = Event()

    def talks(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        began.set()
        with suppress(OSError):
            connection.sendall(NOTICE * 100)
            listens(connection)

    with Peer(secures(context, talks)) as inner:
        port = serve(drips_records(inner.port, began)).port
        assert prober.verdict(Tls.VERIFY_FULL, port=port) == (Phase.LOGIN, Kind.TIMEOUT, None)


def test_a_real_handshake_that_drips(prober: Prober, serve: Serve, context: ssl.SSLContext) -> None:
    began = Event()
    began.set()
    with Peer(secures(context, healthy)) as inner:
        port = serve(drips_records(inner.port, began)).port
        assert prober.verdict(Tls.VERIFY_FULL, port=port) == (Phase.TLS, Kind.TIMEOUT, None)


def test_a_deadline_that_has_passed_touches_nobody(prober: Prober, serve: Serve) -> None:
    visited: list[socket.socket] = []
    port = serve(visited.append).port
    assert prober.verdict(timeout=0, port=port) == HELD
    assert not visited
