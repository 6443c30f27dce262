"""Resolve, connect and secure a connection, all within one deadline."""

from __future__ import annotations

import socket
from _thread import start_new_thread
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from heartline.deadline import Deadline
from heartline.model import Tls
from heartline.probe.faults import (
    ClosedError,
    ProtocolFaultError,
    ResolveTimeoutError,
    TlsRefusedError,
)
from heartline.probe.stream import SSL_REQUEST, PlainSocket, Stream, TlsSocket
from heartline.probe.trust import tls_context
from heartline.turnstile import PACE

Addresses = list[tuple[Any, ...]]


def resolve(host: str, port: int, deadline: Deadline) -> Addresses:
    """Find the addresses of a host.

    The C library's resolver cannot be interrupted, so it runs in a thread of its own that is left
    behind, to end by itself, when the deadline passes.

    Raises
    ------
    OSError, UnicodeError
        When there is no such name.
    ResolveTimeoutError
        When the name service does not answer in time.
    """
    with suppress(socket.gaierror):
        return _getaddrinfo(host, port, socket.AI_NUMERICHOST)
    answers: SimpleQueue[Addresses | Exception] = SimpleQueue()
    # The plain function: threading.Thread waits for its thread to begin, a tenth of a probe's processor time.
    start_new_thread(_look_up, (host, port, answers))
    try:
        with PACE:
            answer = answers.get(timeout=deadline.remaining())
    except Empty:
        raise ResolveTimeoutError("no answer from the name service") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _look_up(host: str, port: int, answers: SimpleQueue[Addresses | Exception]) -> None:
    try:
        answers.put(_getaddrinfo(host, port, 0))
    except Exception as error:  # noqa: BLE001 - it is raised again where the answer is awaited
        answers.put(error)


def _getaddrinfo(host: str, port: int, flags: int) -> Addresses:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))


def connect(addresses: Addresses, deadline: Deadline) -> PlainSocket:
    """Connect to the first address that answers, giving each an equal share of the time left.

    Raises
    ------
    OSError
        What the last address said, when none answers.
    """
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = PlainSocket(family, kind, protocol)
        try:
            sock.settimeout(deadline.remaining() / (len(addresses) - place))
            with PACE:
                sock.connect(address)
            # Without it a TLS login stalls for the peer's delayed acknowledgement, about 40 ms.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError) or place == len(addresses) - 1:
                raise
        else:
            sock.stream = Stream(sock, deadline)
            return sock
    raise OSError("the name has no address")


def secure(sock: PlainSocket, host: str, tls: Tls, deadline: Deadline) -> TlsSocket:
    """Ask the server for TLS and shake hands; the socket given is used up, also on failure.

    Raises
    ------
    TlsRefusedError
        When the server offers none.
    ProtocolFaultError
        When it answers what no PostgreSQL answers.
    ClosedError, OSError
        When it closes, stays silent, or the handshake fails (`ssl.SSLError`).
    """
    sock.settimeout(deadline.remaining())
    sock.sendall(SSL_REQUEST)
    with PACE:
        answer = sock.recv(1)
    if answer == b"N":
        raise TlsRefusedError("the server offers no TLS")
    if not answer:
        raise ClosedError("closed by the server")
    if answer != b"S":
        raise ProtocolFaultError("not an answer to a request for TLS")
    secured = tls_context(tls).wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    assert isinstance(secured, TlsSocket)  # noqa: S101 - the context makes no other
    try:
        # CPython bounds a whole handshake by the socket's timeout, not each of its reads.
        secured.settimeout(deadline.remaining())
        with PACE:
            secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    secured.stream = Stream(secured, deadline)
    return secured
