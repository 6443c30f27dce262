"""Whatever comes over the wire, nothing but an observation comes out of a probe."""

from __future__ import annotations

import itertools
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heartline.common.deadline import Deadline
from heartline.model.kinds import Tls
from heartline.model.target import Credential, Target
from heartline.probe import probe
from integration.contract import assert_kept
from local.peers import NOTICE, ONE, READY, WELCOME, Peer, asks, error, forwards, listens, message
from local.stack import ROLE

if TYPE_CHECKING:
    import trustme

    from integration.conftest import Prober, Serve
    from local.peers import Behaviour
    from local.postgres import Postgres

TIMEOUT = 0.15
ALLOWANCE = 3.0
# The fixtures stay what they are through all examples, and an example may wait for its timeout.
FIXED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
Mutation = Callable[[bytes], bytes]


@dataclass
class Stage:
    """A peer that does to the next connection what an example says."""

    play: Behaviour = listens
    port: int = 0

    def __call__(self, connection: socket.socket) -> None:
        self.play(connection)


@pytest.fixture
def stage(serve: Serve) -> Stage:
    stage = Stage()
    stage.port = serve(stage).port
    return stage


def attempt(prober: Prober, tls: Tls, port: int) -> object:
    """Probe a port of this machine, within the deadline: but this machine may be busy for longer than others."""
    credential = Credential(replace(prober.place, port=port), prober.password)
    target = Target("demo", tls=tls, timeout=timedelta(seconds=TIMEOUT))
    began = time.monotonic()
    seen = probe(target, credential, Deadline.after(TIMEOUT))
    assert time.monotonic() - began < TIMEOUT + ALLOWANCE
    return seen


def performs(parts: list[tuple[bytes, float]], *, silent: bool) -> Behaviour:
    """Say the parts, with pauses between; then be silent, or hang up in order."""

    def behave(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        for part, pause in parts:
            connection.sendall(part)
            time.sleep(pause)
        if not silent:
            connection.shutdown(socket.SHUT_WR)
        listens(connection)

    return behave


# Cuts and pauses: most parts follow at once, and most peers hang up in the end, so that examples are quick.
PAUSES = st.sampled_from([0.0] * 8 + [0.002, 0.02])
SILENT = st.integers(0, 7).map(lambda number: number == 0)
WORDS = [b"N", b"S", b"HTTP/1.1 200 OK\r\n\r\n", NOTICE, READY, WELCOME, ONE, error("57P01"), error("\x00\n\x1b["),
         *(asks(method) for method in (0, 2, 3, 5, 7, 10, 11, 12, -1)), asks(10, b"SCRAM-SHA-256\0\0")]  # fmt: skip
KINDS_OF_MESSAGE = st.sampled_from([bytes([code]) for code in b"RSKZTDCENAI123tnsGHWdcvX?\0\xff"])
MESSAGES = st.builds(message, KINDS_OF_MESSAGE, st.binary(max_size=60))
LENGTHS = st.sampled_from([-(1 << 31), -1, 0, 3, 4, 5, 1 << 10, 1 << 18, (1 << 31) - 1]) | st.integers(-9, 300)
ANY_BYTES = st.one_of(st.binary(max_size=300), st.sampled_from(WORDS), MESSAGES)


@settings(max_examples=100, **FIXED)
@given(parts=st.lists(st.tuples(ANY_BYTES, PAUSES), max_size=6), silent=SILENT, tls=st.sampled_from(Tls))
def test_any_bytes(prober: Prober, stage: Stage, parts: list[tuple[bytes, float]], silent: bool, tls: Tls) -> None:
    stage.play = performs(parts, silent=silent)
    assert_kept(attempt(prober, tls, stage.port))


@settings(max_examples=100, **FIXED)
@given(answers=st.lists(ANY_BYTES, max_size=5), silent=SILENT)
def test_any_answer_to_the_query(prober: Prober, stage: Stage, answers: list[bytes], silent: bool) -> None:
    stage.play = performs([(WELCOME + b"".join(answers), 0)], silent=silent)
    assert_kept(attempt(prober, Tls.DISABLE, stage.port))


# Transcripts of real logins.


def messages_of(stream: bytes) -> Iterator[bytes]:
    """Cut what a server says into its messages; what is not whole is the last."""
    while stream:
        end = 1 + int.from_bytes(stream[1:5], "big") if len(stream) >= 5 else len(stream)
        yield stream[:end]
        stream = stream[end:]


def flip(place: int, bits: int) -> Mutation:
    def mutate(said: bytes) -> bytes:
        at = place % len(said)
        return said[:at] + bytes([said[at] ^ bits]) + said[at + 1 :]

    return mutate


MUTATIONS = st.one_of(
    st.builds(flip, st.integers(0, 1 << 10), st.integers(1, 255)),
    st.builds(lambda end: lambda said: said[: end % len(said)], st.integers(0, 1 << 10)),
    st.builds(lambda times: lambda said: said * times, st.integers(0, 3)),
    st.builds(lambda length: lambda said: said[:1] + length.to_bytes(4, "big", signed=True) + said[5:], LENGTHS),
    st.builds(lambda inserted: lambda said: inserted + said, ANY_BYTES),
    st.builds(lambda code: lambda said: code + said[1:], KINDS_OF_MESSAGE),
)
SCORES = st.dictionaries(st.integers(0, 24), MUTATIONS, min_size=1, max_size=3)


@dataclass(frozen=True)
class Front:
    """Stand before a server and change its messages, each by its place in what it says."""

    port: int
    score: dict[int, Mutation]
    chunk: int = 1 << 16
    recorded: list[bytes] = field(default_factory=list)

    def __call__(self, client: socket.socket) -> None:
        count = itertools.count()
        with socket.create_connection(("127.0.0.1", self.port), 10) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    said = source.recv(1 << 16)
                    if not said:
                        return
                    if source is client:
                        server.sendall(said)
                    else:
                        self.recorded.append(said)
                        self._pass_on(client, said, count)

    def _pass_on(self, client: socket.socket, said: bytes, count: Iterator[int]) -> None:
        changed = b"".join(self.score.get(next(count), bytes)(part) for part in messages_of(said) if part)
        for start in range(0, len(changed), self.chunk):
            client.sendall(changed[start : start + self.chunk])


@settings(max_examples=60, **FIXED)
@given(score=SCORES, chunk=st.sampled_from([1 << 16, 7, 1]))
def test_a_real_login_by_password_of_which_messages_are_changed(
    prober: Prober, database: Postgres, stage: Stage, score: dict[int, Mutation], chunk: int
) -> None:
    stage.play = Front(database.port, score, chunk)
    assert_kept(attempt(prober, Tls.DISABLE, stage.port))


@pytest.fixture
def transcript(prober: Prober, database: Postgres, stage: Stage) -> list[bytes]:
    """Record the messages of a login without a password, which can be played again, and of its query."""
    database.admit(f"host all {ROLE} all trust")
    front = Front(database.port, {})
    stage.play = front
    try:
        assert prober(timeout=5, port=stage.port).healthy
    finally:
        database.admit()
    return list(messages_of(b"".join(front.recorded)))


def test_the_transcript_is_one_of_a_healthy_server(prober: Prober, stage: Stage, transcript: list[bytes]) -> None:
    """Else the test below would only ever see the first message refused."""
    stage.play = performs([(b"".join(transcript), 0)], silent=True)
    seen = prober(timeout=5, port=stage.port)
    assert seen.server is not None
    assert seen.server.system is not None


@st.composite
def performances(draw: st.DrawFn) -> Callable[[list[bytes]], Behaviour]:
    """Change messages, shuffle a few that stand together, say the whole in pieces."""
    score, order, at = draw(SCORES), draw(st.permutations(range(4))), draw(st.integers(0, 24))
    silent, pieces = draw(SILENT), draw(st.integers(1, 4))

    def perform(transcript: list[bytes]) -> Behaviour:
        played = [score.get(place, bytes)(said) for place, said in enumerate(transcript)]
        window = played[at : at + len(order)]
        played[at : at + len(order)] = [window[place] for place in order if place < len(window)]
        whole = b"".join(played)
        step = len(whole) // pieces + 1
        return performs([(whole[start : start + step], 0.001) for start in range(0, len(whole), step)], silent=silent)

    return perform


@settings(max_examples=100, **FIXED)
@given(performance=performances())
def test_a_transcript_that_is_changed_and_reordered(
    prober: Prober, stage: Stage, transcript: list[bytes], performance: Callable[[list[bytes]], Behaviour]
) -> None:
    stage.play = performance(transcript)
    assert_kept(attempt(prober, Tls.DISABLE, stage.port))


@settings(max_examples=80, **FIXED)
@given(
    score=st.dictionaries(st.integers(0, 2500), st.integers(1, 255), max_size=3),
    end=st.none() | st.integers(0, 2500),
)
def test_a_real_handshake_of_which_bytes_are_changed_or_cut_off(
    prober: Prober, stage: Stage, secured: Peer, score: dict[int, int], end: int | None
) -> None:
    stage.play = spoils(secured.port, score, end)
    assert_kept(attempt(prober, Tls.VERIFY_FULL, stage.port))


@pytest.fixture
def secured(database: Postgres, authority: trustme.CA, serve: Serve) -> Peer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return serve(quietly(forwards(database.port, context)))


def quietly(behave: Behaviour) -> Behaviour:
    """Take a client's end for the end, in whatever way it comes."""

    def quiet(connection: socket.socket) -> None:
        with suppress(OSError, ValueError):
            behave(connection)

    return quiet


def spoils(port: int, score: dict[int, int], end: int | None) -> Behaviour:
    """Stand before a server; change bytes of what it says by their places, and hang up at one."""

    def behave(client: socket.socket) -> None:
        place = 0
        with ExitStack() as opened:
            server = opened.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            while True:
                for source in select.select([client, server], [], [])[0]:
                    said = source.recv(1 << 16)
                    if not said:
                        return
                    if source is client:
                        server.sendall(said)
                        continue
                    spoilt = bytes(byte ^ score.get(place + at, 0) for at, byte in enumerate(said))
                    client.sendall(spoilt if end is None else spoilt[: max(0, end - place)])
                    place += len(said)
                    if end is not None and place >= end:
                        return

    return behave
