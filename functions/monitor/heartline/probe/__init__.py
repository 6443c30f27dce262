"""Probe one database once: resolve, connect, tls, login, query."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Self

from heartline.common.deadline import Deadline
from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Phase, Role, Tls
from heartline.model.observation import Gauges, Observation, Server
from heartline.model.target import Credential, Target
from heartline.probe.certificates import expiry
from heartline.probe.diagnosis import diagnose
from heartline.probe.errors import PrimaryError, ReadOnlyError, UnexpectedError
from heartline.probe.session import Result, Session
from heartline.probe.stream import PlainSocket, TlsSocket
from heartline.probe.transport import connect, resolve, secure


def probe(target: Target, credential: Credential, deadline: Deadline) -> Observation:
    """Run the five phases and return what was observed; whatever the peer does is a value, never an exception.

    Parameters
    ----------
    target
        The query, the expected role and the TLS mode.
    credential
        The endpoint and the password.
    deadline
        The time limit of all phases together.

    Raises
    ------
    ConfigurationError
        When a certificate in the layer cannot be read: no database is to blame.
    """
    at, began = datetime.now(UTC), perf_counter()
    stopwatch = _Stopwatch()
    try:
        server, gauges = _attempt(target, credential, deadline, stopwatch)
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - a hostile peer can make pg8000 raise anything
        failure = diagnose(error, stopwatch.phase, target, credential)
        seen = Observation(at, credential.endpoint, stopwatch.phases, failure, address=stopwatch.address)
    else:
        seen = Observation(
            at, credential.endpoint, stopwatch.phases, server=server, address=stopwatch.address, gauges=gauges
        )
    return replace(seen, ended=at + timedelta(seconds=perf_counter() - began))


def _attempt(
    target: Target, credential: Credential, deadline: Deadline, stopwatch: _Stopwatch
) -> tuple[Server, Gauges]:
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
                sock = opened.enter_context(secure(plain, target, credential, deadline))
        with stopwatch.time(Phase.LOGIN):
            session = Session(sock, credential, deadline, verified=target.tls.verified)
        opened.callback(session.close)
        with stopwatch.time(Phase.QUERY):
            server, gauges = session.ask(target.query)
            _check_result(session.result, target)
            _check_role(server, target.expect)
        if target.tls.verified and isinstance(sock, TlsSocket):
            server = replace(server, certificate_expires=expiry(sock))
        return server, gauges


def _check_role(server: Server, expected: Role) -> None:
    """Raise if the server reports another role than the expected one; one that reports none passes."""
    if expected is Role.PRIMARY and (server.standby or server.read_only):
        raise ReadOnlyError("a primary is expected")
    if expected is Role.STANDBY and server.standby is False:
        raise PrimaryError("a standby is expected")


def _check_result(result: Result, target: Target) -> None:
    """Raise if the result of the target's own query is not as it must be."""
    rows, value = target.expect_rows, target.expect_value
    if (rows and not rows.holds(str(result.rows))) or (value and not value.holds(result.first)):
        raise UnexpectedError(result.rows, result.first)


class _Stopwatch:
    """Measure each phase in milliseconds; keep the phase entered last and the address found."""

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
