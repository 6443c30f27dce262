"""Ten thousand failed probes leave nothing behind."""

from __future__ import annotations

import gc
import itertools
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

import psutil
import pytest
import trustme

from heartline.common.deadline import Deadline
from heartline.model.kinds import Tls
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from local.peers import READY, WELCOME, asks, error, message
from local.processes import wait_until
from local.stack import ROLE

if TYPE_CHECKING:
    from local.postgres import Postgres

HOST = "127.0.0.1"
PROBES = 10_000
WARM_UP = 6_000
AT_ONCE = 8
MOST_GROWN = 12 << 20  # a leak of 1.2 KiB a probe shows
MOST_THREADS = 20  # some that resolve may be kept for the next name: no more than there were names at once
MOST_OBJECTS = 1_000  # a leak of one object in ten probes shows


class CurtServer:
    """Answer connections one after the other in one thread, and keep nothing of them: unlike `Peer`, for thousands."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:  # it was shut down
                return
            connection.settimeout(5)
            with connection, suppress(OSError):
                self._answer(connection)


def answering(*answers: bytes, resetting: bool = False) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        for said in answers:
            connection.recv(1 << 12)
            connection.sendall(said)
        if resetting:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return answer


def silent(connection: socket.socket) -> None:
    """Say nothing until the client hangs up."""
    while connection.recv(1 << 12):
        pass


def securing(context: ssl.SSLContext, *answers: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(1 << 12)
        connection.sendall(b"S")
        with context.wrap_socket(connection, server_side=True) as secured:
            answering(*answers)(secured)

    return answer


@dataclass(frozen=True)
class Way:
    """A way to fail, what comes of it, and how often it is gone: what takes long, seldom."""

    port: int
    verdict: tuple[str, str]
    host: str = HOST
    tls: Tls = Tls.DISABLE
    timeout: float = 5
    often: int = 10


@pytest.fixture
def ways(database: Postgres, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Way]]:
    """Yield ways to fail, of each phase."""
    database.create_role(ROLE, "right")
    proven, unproven = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
    authority.issue_cert(HOST).configure_cert(proven)
    trustme.CA().issue_cert(HOST).configure_cert(unproven)
    real, answered = socket.getaddrinfo, Event()

    def getaddrinfo(host: str, port: int, *_: Any, flags: int = 0, **named: Any) -> Any:  # noqa: ANN401
        if flags & socket.AI_NUMERICHOST:
            return real(host, port, flags=flags, **named)
        if host == "silent.example":
            answered.wait(0.1)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    noise = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with ExitStack() as opened:
        refusing = opened.enter_context(socket.socket())
        refusing.bind((HOST, 0))

        def serve(answer: Callable[[socket.socket], None]) -> int:
            return opened.enter_context(CurtServer(answer)).port

        yield {
            "unresolvable": Way(1, ("resolve", "unresolvable"), host="none.example"),
            "malformed": Way(1, ("resolve", "unresolvable"), host="a..b"),
            "never resolved": Way(1, ("resolve", "timeout"), host="silent.example", timeout=0.02, often=1),
            "refused": Way(refusing.getsockname()[1], ("connect", "refused")),
            "no TLS": Way(serve(answering(b"N")), ("tls", "tls-refused"), tls=Tls.VERIFY_FULL),
            "noise for TLS": Way(serve(answering(noise)), ("tls", "tls"), tls=Tls.VERIFY_FULL),
            "noise in TLS": Way(serve(answering(b"S", noise)), ("tls", "tls"), tls=Tls.VERIFY_FULL),
            "hangs up in TLS": Way(serve(answering(b"S", b"")), ("tls", "closed"), tls=Tls.VERIFY_FULL),
            "unproven": Way(serve(securing(unproven)), ("tls", "certificate"), tls=Tls.VERIFY_FULL, often=1),
            "noise inside TLS": Way(serve(securing(proven, noise)), ("login", "protocol"), tls=Tls.REQUIRE, often=1),
            "silent": Way(serve(silent), ("login", "timeout"), timeout=0.02, often=1),
            "hangs up": Way(serve(answering(b"")), ("login", "closed")),
            "resets": Way(serve(answering(b"", resetting=True)), ("login", "closed")),
            "stops in a message": Way(serve(answering(WELCOME[:20])), ("login", "closed")),
            "noise": Way(serve(answering(noise)), ("login", "protocol")),
            "a giant message": Way(serve(answering(b"S\x7f\xff\xff\xff")), ("login", "protocol")),
            "Kerberos": Way(serve(answering(asks(7))), ("login", "auth")),
            "rejected": Way(serve(answering(error("28000"))), ("login", "auth")),
            "saturated": Way(serve(answering(error("53300"))), ("login", "saturated")),
            "wrong password": Way(database.port, ("login", "auth"), often=1),
            "hangs up at the query": Way(serve(answering(WELCOME, b"")), ("query", "closed")),
            "stopped at the query": Way(serve(answering(WELCOME, error("57P01"))), ("query", "stopping")),
            "noise at the query": Way(serve(answering(WELCOME, noise)), ("query", "protocol")),
            "no row": Way(serve(answering(WELCOME, message(b"C", b"SELECT 0\0") + READY)), ("query", "protocol")),
        }
        answered.set()


def fail(name: str, way: Way) -> tuple[str, tuple[str, str] | None]:
    target = Target("demo", tls=way.tls, timeout=timedelta(seconds=way.timeout))
    credential = Credential(Endpoint(way.host, way.port, "postgres", ROLE), "wrong")
    failure = probe(target, credential, Deadline.after(way.timeout)).failure
    return name, failure and (str(failure.phase), str(failure.kind))


def test_ten_thousand_failed_probes_of_every_kind_leave_nothing_behind(ways: dict[str, Way]) -> None:
    process = psutil.Process()
    turns = itertools.cycle([item for item in ways.items() for _ in range(item[1].often)])
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def run(times: int) -> Counter[tuple[str, Any]]:
            return Counter(pool.map(lambda item: fail(*item), itertools.islice(turns, times)))

        run(WARM_UP)
        threads, descriptors, memory, objects = measure(process)
        seen = run(PROBES)
        assert set(seen) == {(name, way.verdict) for name, way in ways.items()}
        wait_until(lambda: process.num_threads() < threads + MOST_THREADS, "the threads to end")
        wait_until(lambda: process.num_fds() <= descriptors, "the descriptors to be closed")
        after = measure(process)
    assert after[2] - memory < MOST_GROWN
    assert after[3] - objects < MOST_OBJECTS


def measure(process: psutil.Process) -> tuple[int, int, int, int]:
    """Count threads, descriptors, bytes of memory and objects, once no name is being resolved any more."""
    gc.collect()
    held = [psutil.Process().num_threads()]
    wait_until(lambda: steady(held, process.num_threads()), "the threads to be steady")
    gc.collect()
    return process.num_threads(), process.num_fds(), process.memory_info().rss, len(gc.get_objects())


def steady(held: list[int], now: int) -> bool:
    """Return True if fifty looks in a row have seen as much: a resolver's thread ends by itself."""
    held.append(now)
    return len(held) > 50 and len(set(held[-50:])) == 1
