"""A peer that is no PostgreSQL, or one that misbehaves, is told as what it is, and never taken for healthy."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

import pytest

from heartline.model.kinds import Kind, Phase
from local.peers import (
    NOTICE,
    ONE,
    READY,
    WELCOME,
    asks,
    closes,
    drips,
    error,
    hangs_up,
    listens,
    message,
    repeats,
    resets,
    says,
)
from local.processes import wait_until
from local.stack import ROLE

if TYPE_CHECKING:
    from integration.conftest import Prober, Serve
    from local.peers import Behaviour


HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
SSH = b"SSH-2.0-OpenSSH_9.6\r\n"
GIANT = b"S" + (1_400_000_000).to_bytes(4, "big")
NEGATIVE = b"S" + (-1).to_bytes(4, "big", signed=True)
SALTED = asks(10, b"SCRAM-SHA-256\0\0")
LOGIN_PEERS = {
    "says nothing": (listens, Kind.TIMEOUT, None),
    "drips": (drips(NOTICE), Kind.TIMEOUT, None),
    "stalls in a message": (says(WELCOME[:20]), Kind.TIMEOUT, None),
    "closes": (closes, Kind.CLOSED, None),
    "closes in a message": (says(WELCOME[:20], hangs_up), Kind.CLOSED, None),
    "resets": (resets, Kind.CLOSED, None),
    "is HTTP": (says(HTTP, hangs_up), Kind.PROTOCOL, None),
    "is SSH": (says(SSH), Kind.PROTOCOL, None),
    "announces 1.4 GB": (says(GIANT), Kind.PROTOCOL, None),
    "announces less than nothing": (says(NEGATIVE), Kind.PROTOCOL, None),
    "notices without end": (repeats(NOTICE), Kind.PROTOCOL, None),
    "asks for SCRAM with two billion rounds": (
        says(SALTED, says(asks(11, b"r=x,s=AAAA,i=2000000000"))),
        Kind.PROTOCOL,
        None,
    ),
    "lets nobody in and is ready": (says(READY, says(ONE)), Kind.PROTOCOL, None),
    "asks for Kerberos": (says(asks(7)), Kind.AUTH, None),
    "asks for what does not exist": (says(asks(99)), Kind.AUTH, None),
    "is stopping": (says(error("57P01"), hangs_up), Kind.STOPPING, "57P01"),
    "has crashed": (says(error("57P02"), hangs_up), Kind.STOPPING, "57P02"),
    "is starting": (says(error("57P03"), hangs_up), Kind.STARTING, "57P03"),
    "has an error of its own": (says(error("XX000"), hangs_up), Kind.SERVER_ERROR, "XX000"),
    "has an error without a code": (says(message(b"E", b"Mno code\0\0")), Kind.SERVER_ERROR, None),
}


@pytest.mark.parametrize("peer", LOGIN_PEERS)
def test_a_peer_that_in_the_login(prober: Prober, serve: Serve, peer: str) -> None:
    behave, kind, sqlstate = LOGIN_PEERS[peer]
    assert prober.verdict(port=serve(behave).port) == (Phase.LOGIN, kind, sqlstate)


def refuses(sqlstate: str) -> Behaviour:
    """Answer each of a probe's queries, the later ones asking for less, with that error."""
    refusal = error(sqlstate) + READY
    return says(refusal, says(refusal, says(refusal)))


QUERY_PEERS = {
    "says nothing": (listens, Kind.TIMEOUT, None),
    "drips": (drips(NOTICE), Kind.TIMEOUT, None),
    "closes": (closes, Kind.CLOSED, None),
    "resets": (resets, Kind.CLOSED, None),
    "answers no row": (says(READY), Kind.PROTOCOL, None),
    "talks nonsense": (says(HTTP), Kind.PROTOCOL, None),
    "notices without end": (repeats(NOTICE), Kind.PROTOCOL, None),
    "rows without end": (says(ONE[: -len(READY)], repeats(message(b"D", b"\0\1\0\0\0\1x"))), Kind.PROTOCOL, None),
    "denies": (refuses("42501"), Kind.DENIED, "42501"),
    "is stopping": (says(error("57P01"), hangs_up), Kind.STOPPING, "57P01"),
    "has an error of its own": (refuses("53200"), Kind.SERVER_ERROR, "53200"),
}


@pytest.mark.parametrize("peer", QUERY_PEERS)
def test_a_peer_that_in_the_query(prober: Prober, serve: Serve, peer: str) -> None:
    behave, kind, sqlstate = QUERY_PEERS[peer]
    assert prober.verdict(port=serve(says(WELCOME, behave)).port) == (Phase.QUERY, kind, sqlstate)


def test_a_login_that_is_cut_at_any_byte(prober: Prober, serve: Serve) -> None:
    port_of = {cut: serve(says(WELCOME[:cut], hangs_up)).port for cut in range(0, len(WELCOME), 3)}
    for cut, port in port_of.items():
        assert prober.verdict(port=port, timeout=5) == (Phase.LOGIN, Kind.CLOSED, None), cut


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes_are_never_healthy(prober: Prober, serve: Serve, seed: int) -> None:
    noise = random.Random(seed).randbytes(1 << 16)  # noqa: S311, no secret
    seen = prober(port=serve(says(noise, hangs_up)).port, timeout=1)
    assert seen.failure is not None
    assert seen.failure.phase is Phase.LOGIN


def test_no_clear_text_password_leaves_unverified(prober: Prober, serve: Serve) -> None:
    heard = bytearray()

    def asks_and_listens(connection: socket.socket) -> None:
        heard.extend(connection.recv(1 << 16))
        connection.sendall(asks(3))
        while said := connection.recv(1 << 16):
            heard.extend(said)

    assert prober.verdict(port=serve(asks_and_listens).port) == (Phase.LOGIN, Kind.AUTH, None)
    wait_until(lambda: ROLE.encode() in heard, "the peer to hear the user's name")
    assert prober.password.encode() not in heard
