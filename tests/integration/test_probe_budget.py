"""No peer makes a probe read or hold much, or compute beyond its deadline."""

from __future__ import annotations

import socket
import ssl
import struct
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from heartline.common.deadline import Deadline
from heartline.model.kinds import Kind, Phase, Tls
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from heartline.probe.stream import PlainSocket, TlsSocket
from local.peers import NOTICE, READY, WELCOME, asks, error, hangs_up, listens, message, repeats, says, secures

if TYPE_CHECKING:
    import trustme

    from integration.conftest import Prober, Serve
    from local.peers import Behaviour

MOST_READ = 1 << 20
MOST_HELD = 16 << 20
Verdict = tuple[Phase, Kind, str | None]


def column(oid: int = 25) -> bytes:
    """Describe a column without a name; 25 is text."""
    return struct.pack("!bihihih", 0, 0, 0, oid, -1, -1, 0)


def columns(number: int, oid: int = 25) -> bytes:
    return message(b"T", struct.pack("!H", number) + column(oid) * number)


def row(*values: bytes) -> bytes:
    return message(b"D", struct.pack("!H", len(values)) + b"".join(struct.pack("!i", len(v)) + v for v in values))


def reports(name: str, value: bytes) -> bytes:
    return message(b"S", name.encode() + b"\0" + value + b"\0")


# A value of length -4 ends where its length began: it serves as all columns of a row.
SELF_SERVING_ROW = message(b"D", struct.pack("!hi", 1, -4))
ANSWERED = message(b"C", b"SELECT 1\0") + READY
IN_LOGIN: dict[str, tuple[Behaviour, Kind]] = {
    "2 GB announced": (says(b"S" + struct.pack("!i", (1 << 31) - 1), repeats(bytes(1 << 16))), Kind.PROTOCOL),
    "notices": (repeats(NOTICE * 1000), Kind.PROTOCOL),
    "long notices": (repeats(message(b"N", bytes(100_000))), Kind.PROTOCOL),
    "parameters": (says(b"".join(reports(f"{n:x}", b"") for n in range(100_000))), Kind.PROTOCOL),
    "empty messages": (repeats(message(b"n") * 10_000), Kind.PROTOCOL),
    "a long error": (says(error("XX000", "why? " * 40_000), hangs_up), Kind.SERVER_ERROR),
    "an error of many parts": (
        says(message(b"E", b"".join(b"%c\0" % (n % 128) for n in range(100_000)))),
        Kind.SERVER_ERROR,
    ),
}
IN_QUERY: dict[str, tuple[Behaviour, Kind]] = {
    "2 GB announced": (says(b"T" + struct.pack("!i", (1 << 31) - 1), repeats(bytes(1 << 16))), Kind.PROTOCOL),
    "notices": (repeats(NOTICE * 1000), Kind.PROTOCOL),
    "rows": (says(columns(1), repeats(row(b"x") * 1000)), Kind.PROTOCOL),
    "rows of nothing": (says(columns(0), repeats(row() * 1000)), Kind.PROTOCOL),
    "60,000 columns": (says(columns(60_000)), Kind.PROTOCOL),
    "13,000 columns": (says(columns(13_000) + row(b"x") + ANSWERED), Kind.PROTOCOL),
    "rows that serve themselves": (says(columns(6000) + SELF_SERVING_ROW * 5000 + ANSWERED), Kind.PROTOCOL),
}


def assert_bounded(prober: Prober, monkeypatch: pytest.MonkeyPatch, tls: Tls, port: int) -> Verdict | None:
    """Probe with much time, so that it is the budget and not the deadline that ends it."""
    read = 0

    def counting(receive: Callable[..., bytes]) -> Callable[..., bytes]:
        def recv(*arguments: Any) -> bytes:  # noqa: ANN401
            nonlocal read
            received = receive(*arguments)
            read += len(received)
            return received

        return recv

    for stream in (PlainSocket, TlsSocket):
        monkeypatch.setattr(stream, "recv", counting(stream.recv))
    tracemalloc.start()
    try:
        verdict = prober.verdict(tls, 5, port=port)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read <= MOST_READ
    assert held <= MOST_HELD
    return verdict


@pytest.mark.parametrize("peer", IN_LOGIN)
def test_a_login_without_measure(prober: Prober, serve: Serve, monkeypatch: pytest.MonkeyPatch, peer: str) -> None:
    behave, kind = IN_LOGIN[peer]
    verdict = assert_bounded(prober, monkeypatch, Tls.DISABLE, serve(behave).port)
    assert verdict is not None
    assert verdict[:2] == (Phase.LOGIN, kind)


@pytest.mark.parametrize("peer", IN_QUERY)
def test_an_answer_without_measure(prober: Prober, serve: Serve, monkeypatch: pytest.MonkeyPatch, peer: str) -> None:
    behave, kind = IN_QUERY[peer]
    verdict = assert_bounded(prober, monkeypatch, Tls.DISABLE, serve(says(WELCOME, behave)).port)
    assert verdict == (Phase.QUERY, kind, None)


def test_a_login_without_measure_inside_tls(
    prober: Prober, serve: Serve, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    port = serve(secures(context, repeats(NOTICE * 1000))).port
    verdict = assert_bounded(prober, monkeypatch, Tls.VERIFY_FULL, port)
    assert verdict == (Phase.LOGIN, Kind.PROTOCOL, None)


def test_what_a_server_says_at_length_is_cut(prober: Prober, serve: Serve) -> None:
    seen = prober(timeout=5, port=serve(says(error("XX000", "\x1b[31mwhy\n" * 20_000), hangs_up)).port)
    assert seen.failure is not None
    assert seen.failure.said is not None
    assert 10 < len(seen.failure.said) <= 300
    assert seen.failure.said.isprintable()


# What is short to say and long to work out.


def salts(*iterations: int) -> Behaviour:
    """Ask for SCRAM of that many rounds, well-formed but for that it may name several numbers."""
    rounds = b",".join(b"i=%d" % number for number in iterations)

    def behave(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(asks(10, b"SCRAM-SHA-256\0\0"))
        nonce = connection.recv(1 << 16).partition(b",r=")[2]
        connection.sendall(asks(11, b"r=%bx,s=c2FsdHNhbHRzYWx0c2FsdA==,%b" % (nonce, rounds)))
        listens(connection)

    return behave


def speaks(encoding: str, value: bytes) -> Behaviour:
    return says(reports("client_encoding", encoding.encode()) + reports("x", value) + WELCOME)


def answers(oid: int, value: bytes) -> Behaviour:
    return says(WELCOME, says(columns(1, oid) + row(value) + ANSWERED))


LABORIOUS: dict[str, Behaviour] = {
    "two billion rounds of SCRAM": salts(2_000_000_000),
    "a million rounds of SCRAM": salts(1_000_000),
    "few rounds of SCRAM and then two billion": salts(4096, 2_000_000_000),
    "parameters in punycode": speaks("punycode", b"9" * 240_000),
    "parameters in an internationalised name": speaks("idna", b"xn--" + b"9" * 240_000),
    "a time that is none": answers(1114, b"1." * 120_000),
    "times that are none": answers(1115, b"{" + b"1," * 120_000 + b"}"),
    "a range of times that are none": answers(3908, b"[" + b"1." * 60_000 + b"," + b"1." * 60_000 + b"]"),
    "rows that serve themselves": says(WELCOME, says(columns(2000) + SELF_SERVING_ROW * 10_000 + ANSWERED)),
}


@pytest.mark.parametrize("labour", LABORIOUS)
def test_what_is_long_to_work_out_ends_at_the_deadline_too(serve: Serve, labour: str) -> None:
    """The best of three counts: this machine may be busy with something else."""
    port = serve(LABORIOUS[labour]).port
    target = Target("demo", tls=Tls.DISABLE, timeout=timedelta(seconds=0.1))
    credential = Credential(Endpoint("127.0.0.1", port, "postgres", "heartline"), "secret")
    took = []
    while len(took) < 3 and 0.3 < min(took, default=0.5) < 1:
        began = monotonic()
        probe(target, credential, Deadline.after(0.1))
        took.append(monotonic() - began)
    assert min(took) < 0.3
