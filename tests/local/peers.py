"""TCP servers that do to each connection what a test says: be silent, drip, talk nonsense, stand before a real one."""

from __future__ import annotations

import itertools
import re
import select
import socket
import struct
import time
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    Behaviour = Callable[[socket.socket], None]

HOST = "127.0.0.1"
LIMIT = 10.0  # seconds for a client to hang up once its test is over
PAUSE = 0.01  # seconds between the bytes of a drip
VERSION = re.compile(rb"S.{4}server_version\0[^\0]*\0", re.DOTALL)
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # PostgreSQL documentation, 54.7


class Peer:
    """Serve on a free port until the block ends, a thread a connection.

    Parameters
    ----------
    behave
        What to do with a connection; when it returns, or the client is gone, the connection is closed.
    """

    host = HOST

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self._listener.settimeout(0.02)  # how long the end of the block may take
        self.port = int(self._listener.getsockname()[1])
        self._stopping = Event()
        self._threads: list[Thread] = []
        self._acceptor = Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; fail where a client has not hung up: it leaks a connection."""
        self._stopping.set()
        self._acceptor.join(LIMIT)
        self._listener.close()
        for thread in self._threads:
            thread.join(LIMIT)
        if any(thread.is_alive() for thread in self._threads):
            raise RuntimeError("a client has left its connection open")

    def _accept(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                connection = self._listener.accept()[0]
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._threads.append(Thread(target=self._serve, args=(connection,), daemon=True))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._behave(connection)


@contextmanager
def black_hole() -> Iterator[int]:
    """Yield a port whose queue of connections is full: Linux drops whoever else knocks, as a firewall does."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server((HOST, 0), backlog=0))
        for _ in range(4):
            knocking = opened.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


def listens(connection: socket.socket) -> None:
    """Say nothing until the client hangs up."""
    while connection.recv(1 << 16):
        pass


def hangs_up(_: socket.socket) -> None:
    """Hang up at once."""


def closes(connection: socket.socket) -> None:
    """Hang up once the client has said something."""
    connection.recv(1 << 16)


def resets(connection: socket.socket) -> None:
    """Cut the connection off once the client has said something."""
    connection.recv(1 << 16)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def says(data: bytes, then: Behaviour = listens) -> Behaviour:
    """Say that once the client has said something, and go on with `then`."""

    def behave(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(data)
        then(connection)

    return behave


def drips(data: bytes) -> Behaviour:
    """Say that over and over, byte by byte."""

    def behave(connection: socket.socket) -> None:
        for byte in itertools.cycle(data):
            connection.sendall(bytes([byte]))
            time.sleep(PAUSE)

    return behave


def repeats(data: bytes) -> Behaviour:
    """Say that over and over, as fast as the client takes it."""

    def behave(connection: socket.socket) -> None:
        while True:
            connection.sendall(data)

    return behave


def forwards(
    port: int, context: ssl.SSLContext | None = None, instead_of_query: Callable[[], None] | None = None
) -> Behaviour:
    """Stand before a server on this machine.

    Parameters
    ----------
    context
        Take TLS from the client with it; without it, what comes is passed on as it is.
    instead_of_query
        Called when the client queries; the query itself is then lost.
    """

    def behave(client: socket.socket) -> None:
        with socket.create_connection((HOST, port), LIMIT) as server:
            _pass_on(client, server, instead_of_query)

    return behave if context is None else secures(context, behave)


def takes_turns(*ports: int) -> Behaviour:
    """Lead each connection to the next of some servers on this machine, as a name with several addresses does."""
    turns = itertools.cycle(forwards(port) for port in ports)

    def behave(client: socket.socket) -> None:
        next(turns)(client)

    return behave


def says_version(port: int, version: Callable[[], str]) -> Behaviour:
    """Stand before a server on this machine and let it be of that version."""

    def behave(client: socket.socket) -> None:
        said = message(b"S", b"server_version\0" + version().encode() + b"\0")
        with socket.create_connection((HOST, port), LIMIT) as server:
            # A server says all of this in one piece, once it has let somebody in.
            _pass_on(client, server, None, lambda data: VERSION.sub(lambda _: said, data))

    return behave


def secures(context: ssl.SSLContext, then: Behaviour) -> Behaviour:
    """Take TLS from the client, as PostgreSQL does, and go on with `then`."""

    def behave(connection: socket.socket) -> None:
        if connection.recv(len(SSL_REQUEST)) == SSL_REQUEST:
            connection.sendall(b"S")
            with context.wrap_socket(connection, server_side=True) as secured:
                then(secured)

    return behave


def _pass_on(
    client: socket.socket,
    server: socket.socket,
    instead_of_query: Callable[[], None] | None,
    rewrite: Callable[[bytes], bytes] = bytes,
) -> None:
    while True:
        for source in select.select([client, server], [], [])[0]:
            # More than a TLS record holds, so that nothing stays behind where select() cannot see it.
            data = source.recv(1 << 16)
            if not data:
                return
            if source is client and data[:1] == b"Q" and instead_of_query is not None:
                instead_of_query()
            elif source is client:
                server.sendall(data)
            else:
                client.sendall(rewrite(data))


# The messages of a server: https://www.postgresql.org/docs/current/protocol-message-formats.html


def message(kind: bytes, payload: bytes = b"") -> bytes:
    """Frame one message."""
    return kind + struct.pack("!i", len(payload) + 4) + payload


def error(sqlstate: str, text: str = "as the test says") -> bytes:
    """Say that something is wrong."""
    return message(b"E", f"SFATAL\0VFATAL\0C{sqlstate}\0M{text}\0\0".encode())


def asks(method: int, rest: bytes = b"") -> bytes:
    """Ask for a way to log in: 0 none, 3 clear text, 5 MD5, 10 SASL."""
    return message(b"R", struct.pack("!i", method) + rest)


NOTICE = message(b"N", b"SNOTICE\0C00000\0Mnothing\0\0")
READY = message(b"Z", b"I")
WELCOME = asks(0) + message(b"S", b"server_version\x0018.0\0") + message(b"K", bytes(8)) + READY
ONE = (
    message(b"T", struct.pack("!h9sihihih", 1, b"?column?\0", 0, 0, 23, 4, -1, 0))
    + message(b"D", struct.pack("!hi1s", 1, 1, b"1"))
    + message(b"C", b"SELECT 1\0")
    + READY
)
healthy = says(WELCOME, says(ONE))
