"""Attempt one database once: resolve, connect, tls, login, query."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from ssl import cert_time_to_seconds
from time import perf_counter
from typing import Self

from heartline.common.deadline import Deadline
from heartline.model.kinds import Phase, Role, Tls
from heartline.model.observation import Observation, Server
from heartline.model.target import Credential, Target
from heartline.probe.diagnosis import diagnose
from heartline.probe.errors import PrimaryError, ReadOnlyError
from heartline.probe.session import Session
from heartline.probe.stream import PlainSocket, TlsSocket
from heartline.probe.transport import connect, resolve, secure


def probe(target: Target, credential: Credential, deadline: Deadline) -> Observation:
    """Go through the five phases and tell what was seen; whatever the peer does is a value.

    Parameters
    ----------
    target
        What to watch, and how strict to be about TLS.
    credential
        Where to go and as whom.
    deadline
        When to stop, for all phases together.
    """
    at = datetime.now(UTC)
    stopwatch = _Stopwatch()
    try:
        server = _attempt(target, credential, deadline, stopwatch)
    except Exception as error:  # noqa: BLE001 - a hostile peer can make pg8000 raise anything
        failure = diagnose(error, stopwatch.phase, target, credential)
        return Observation(at, credential.endpoint, stopwatch.phases, failure, address=stopwatch.address)
    return Observation(at, credential.endpoint, stopwatch.phases, server=server, address=stopwatch.address)


def _attempt(target: Target, credential: Credential, deadline: Deadline, stopwatch: _Stopwatch) -> Server:
    endpoint = credential.endpoint
    with ExitStack() as opened:
        with stopwatch.time(Phase.RESOLVE):
            addresses = resolve(endpoint.host, endpoint.port, deadline)
        stopwatch.address = str(addresses[0][4][0])
        with stopwatch.time(Phase.CONNECT):
            sock: PlainSocket | TlsSocket = opened.enter_context(plain := connect(addresses, deadline))
        stopwatch.address = str(plain.getpeername()[0])
        if target.tls is not Tls.DISABLE:
            with stopwatch.time(Phase.TLS):
                sock = opened.enter_context(secure(plain, endpoint.host, target.tls, deadline))
        with stopwatch.time(Phase.LOGIN):
            session = Session(sock, credential, deadline, verified=target.tls.verified)
        opened.callback(session.close)
        with stopwatch.time(Phase.QUERY):
            server = session.ask(target.query)
            _hold_to_role(server, target.expect)
        return replace(server, certificate_expires=_expiry(sock)) if target.tls.verified else server


def _hold_to_role(server: Server, expected: Role) -> None:
    """Fail where a server says that it is not what it is expected to be; one that says nothing is believed."""
    if expected is Role.PRIMARY and (server.standby or server.read_only):
        raise ReadOnlyError("a primary is expected")
    if expected is Role.STANDBY and server.standby is False:
        raise PrimaryError("a standby is expected")


# To read a certificate costs a fiftieth of a probe, and it is seldom another than the last time.
_ends: dict[bytes, datetime] = {}
_MOST_ENDS = 1000


def _expiry(sock: PlainSocket | TlsSocket) -> datetime | None:
    """Read the end of the certificate that the server showed and that was verified."""
    if not isinstance(sock, TlsSocket):
        return None
    shown = sock.getpeercert(binary_form=True) or b""
    if shown not in _ends:
        if len(_ends) >= _MOST_ENDS:
            _ends.clear()
        end = cert_time_to_seconds(str((sock.getpeercert() or {})["notAfter"]))
        _ends[shown] = datetime.fromtimestamp(end, UTC)
    return _ends[shown]


class _Stopwatch:
    """Take the milliseconds of each phase, and remember the one that was entered last and the address found."""

    def __init__(self) -> None:
        self.phase = Phase.RESOLVE
        self.address: str | None = None
        self.phases: dict[Phase, float] = {}
        self._began = 0.0

    def time(self, phase: Phase) -> Self:
        self.phase = phase
        return self

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, *_: object) -> None:
        self.phases[self.phase] = round((perf_counter() - self._began) * 1000, 1)
