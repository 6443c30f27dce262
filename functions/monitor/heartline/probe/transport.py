"""Resolve, connect and secure a connection, all within one deadline."""

from __future__ import annotations

import socket
import ssl
from _thread import start_new_thread
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from heartline.common.deadline import Deadline
from heartline.model.kinds import Tls, TlsNegotiation
from heartline.model.target import Credential, Target
from heartline.probe.certificates import check_name
from heartline.probe.errors import (
    ClientCertificateError,
    ClosedError,
    ProtocolFaultError,
    ResolveTimeoutError,
    TlsRefusedError,
)
from heartline.probe.slots import CPU_SLOTS
from heartline.probe.stream import SSL_REQUEST, PlainSocket, Stream, TlsSocket
from heartline.probe.tls import ALPN, tls_context

# As getaddrinfo returns them: family, type, protocol, canonical name, socket address.
Address = tuple[Any, ...]
Addresses = list[Address]


def resolve(host: str, port: int, deadline: Deadline) -> Addresses:
    """Return the addresses of a host.

    The C library's resolver cannot be interrupted, so it runs in a thread of its own, which is abandoned when the
    deadline passes.

    Raises
    ------
    OSError, UnicodeError
        When there is no such name.
    ResolveTimeoutError
        When the name service does not answer in time, or fails.
    """
    with suppress(socket.gaierror):
        return _getaddrinfo(host, port, socket.AI_NUMERICHOST)
    answers: _Answers = SimpleQueue()
    try:
        questions = _idle.pop()
    except IndexError:
        questions = SimpleQueue()
        start_new_thread(_look_up, (questions,))
    questions.put((host, port, answers))
    try:
        with CPU_SLOTS.released():
            answer = answers.get(timeout=deadline.remaining())
    except Empty:
        raise ResolveTimeoutError("no answer from the name service") from None
    if isinstance(answer, OSError) and answer.errno not in _NO_SUCH_NAME:
        raise ResolveTimeoutError("the name service fails") from answer
    if isinstance(answer, Exception):
        raise answer
    return answer


# What getaddrinfo returns for an answer with authority: there is no such name (NXDOMAIN), or it has no address (an
# empty answer). Silence, SERVFAIL and REFUSED are EAI_AGAIN in glibc: resolv/res_send.c, nss/getaddrinfo.c.
_NO_SUCH_NAME = {socket.EAI_NONAME, socket.EAI_NODATA}

_Answers = SimpleQueue[Addresses | Exception]
_Questions = SimpleQueue[tuple[str, int, _Answers]]
# Threads that have answered wait here for the next question: to start one, and to let glibc read its configuration
# again in it, would cost a tenth of a probe.
_idle: list[_Questions] = []
_MOST_IDLE = 8


def _look_up(questions: _Questions) -> None:
    while True:
        host, port, answers = questions.get()
        try:
            answers.put(_getaddrinfo(host, port, 0))
        except Exception as error:  # noqa: BLE001 - it is raised again where the answer is awaited
            answers.put(error)
        if len(_idle) >= _MOST_IDLE:
            return
        _idle.append(questions)


def _getaddrinfo(host: str, port: int, flags: int) -> Addresses:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))


def connect(addresses: Addresses, deadline: Deadline) -> PlainSocket:
    """Connect to the first address that answers; each gets an equal share of the remaining time.

    Raises
    ------
    OSError
        When none answers: the most informative of their errors.
    """
    errors: list[OSError] = []
    for place, address in enumerate(addresses):
        try:
            return _connect(address, deadline.remaining() / (len(addresses) - place), deadline)
        except OSError as error:
            errors.append(error)
    raise min(errors, key=_rank, default=OSError("the name has no address"))


def _connect(address: Address, seconds: float, deadline: Deadline) -> PlainSocket:
    sock = PlainSocket(*address[:3])
    try:
        sock.settimeout(seconds)
        with CPU_SLOTS.released():
            sock.connect(address[4])
        # Without it a TLS login stalls for the peer's delayed acknowledgement, about 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    sock.stream = Stream(sock, deadline)
    return sock


def _rank(error: OSError) -> int:
    """Rank an error, the most informative first: an address without a route, as IPv6 often is, says least."""
    return 0 if isinstance(error, ConnectionError) else 1 if isinstance(error, TimeoutError) else 2


def secure(sock: PlainSocket, target: Target, credential: Credential, deadline: Deadline) -> TlsSocket:
    """Begin TLS as the target says; the given socket is used up, also on failure.

    Raises
    ------
    TlsRefusedError
        When the server offers none.
    ProtocolFaultError
        When it answers what is not PostgreSQL's.
    ClientCertificateError
        When the server ends the handshake for want of a certificate of the client.
    ClientCertificateUnusableError
        When the configured one is none.
    ClosedError, OSError
        When it closes, stays silent, or the handshake fails (`ssl.SSLError`).
    """
    direct = target.tls_negotiation is TlsNegotiation.DIRECT
    if not direct:
        _request(sock, deadline)
    host = credential.endpoint.host
    context = tls_context(target.tls, direct=direct, client_certificate=credential.client_certificate)
    secured = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    assert isinstance(secured, TlsSocket)  # noqa: S101 - the context makes no other
    try:
        _shake_hands(secured, deadline)
        if target.tls is Tls.VERIFY_FULL:
            check_name(secured, host)
        if direct:
            _check_protocol(secured)
    except BaseException:
        secured.close()
        raise
    secured.stream = Stream(secured, deadline)
    return secured


def _check_protocol(secured: TlsSocket) -> None:
    """Raise if a peer of direct TLS has not agreed to speak PostgreSQL; libpq demands that as well."""
    if secured.selected_alpn_protocol() != ALPN:
        raise ProtocolFaultError("TLS, but not with PostgreSQL inside")


def _request(sock: PlainSocket, deadline: Deadline) -> None:
    sock.settimeout(deadline.remaining())
    sock.sendall(SSL_REQUEST)
    with CPU_SLOTS.released():
        answer = sock.recv(1)
    if answer == b"N":
        raise TlsRefusedError("the server offers no TLS")
    if not answer:
        raise ClosedError("closed by the server")
    if answer != b"S":
        raise ProtocolFaultError("not an answer to a request for TLS")


def _shake_hands(secured: TlsSocket, deadline: Deadline) -> None:
    try:
        # CPython bounds a whole handshake by the socket's timeout, not each of its reads.
        secured.settimeout(deadline.remaining())
        with CPU_SLOTS.released():
            secured.do_handshake()
    except ssl.SSLError as error:
        # Before TLS 1.3 this alert also says that there is no common cipher (RFC 5246, 7.2.2); then none is chosen.
        if error.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE" and secured.cipher() is not None:
            raise ClientCertificateError("the server wants a certificate") from error
        raise
