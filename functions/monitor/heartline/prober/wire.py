"""Write and read what monitor and probe function send each other.

Either reads strictly: the monitor does not trust the answer beyond its form. Sentences do not cross, only the key of
their text; who reads them makes them of its own texts and of what it asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NoReturn

from heartline.common.codec import decode, encode
from heartline.common.frozen import frozen
from heartline.common.text import sanitize
from heartline.model.expectation import Expectation
from heartline.model.kinds import Kind, Phase, Role, Tls, TlsNegotiation
from heartline.model.observation import Failure, Gauges, Observation, Server
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe.failures import Advice, explained, words
from heartline.prober.check import Attempt

# PostgreSQL documentation, appendix A; the longest form of an IPv6 address with a zone; a whole tick.
_SQLSTATE = re.compile(r"[0-9A-Z]{5}", re.ASCII)
_ADDRESS = re.compile(r"[0-9A-Fa-f.:%A-Za-z_-]{1,64}", re.ASCII)
_MAX_MILLISECONDS = 60_000
_MAX_VERSION = 64
_MAX_GAUGE = 1e15


@frozen
class _Probe:
    name: str
    host: str
    port: int
    database: str
    user: str
    timeout: float
    tls: Tls
    expect: Role
    iam: bool = False
    query: str | None = None
    expect_rows: Expectation | None = None
    expect_value: Expectation | None = None
    tls_negotiation: TlsNegotiation = TlsNegotiation.POSTGRES
    password: str | None = field(default=None, repr=False)
    client_certificate: str | None = field(default=None, repr=False)


@frozen
class _Request:
    seconds: float
    probes: tuple[_Probe, ...]


@frozen
class _Failure:
    phase: Phase
    kind: Kind
    advice: str
    sqlstate: str | None = None
    said: str | None = None
    rows: int = 0


@frozen
class _Observation:
    at: datetime
    phases: Mapping[Phase, float]
    address: str | None = None
    failure: _Failure | None = None
    server: Server | None = None
    ended: datetime | None = None
    gauges: Gauges = field(default_factory=Gauges)


@frozen
class _Answer:
    observations: tuple[_Observation | None, ...]


def write_probe(attempt: Attempt) -> bytes:
    """Return one probe of a request, as JSON."""
    target, endpoint = attempt.target, attempt.credential.endpoint
    probe = _Probe(
        target.name,
        endpoint.host,
        endpoint.port,
        endpoint.database,
        endpoint.user,
        target.timeout.total_seconds(),
        target.tls,
        target.expect,
        target.iam,
        target.query,
        target.expect_rows,
        target.expect_value,
        target.tls_negotiation,
        attempt.credential.password,
        attempt.credential.client_certificate,
    )
    return json.dumps(encode(probe), default=float).encode()


def write_request(probes: Sequence[bytes], seconds: float) -> bytes:
    """Return the request to make some probes within so many seconds."""
    return b'{"seconds": %.3f, "probes": [%s]}' % (seconds, b", ".join(probes))


def read_request(document: object) -> tuple[list[Attempt], float]:
    """Return the attempts that a request asks for, and within how many seconds.

    Raises
    ------
    ValueError
        If it is no request; the text quotes nothing of it.
    """
    try:
        # As Lambda gives it, its numbers are floats.
        request = decode(_Request, json.loads(json.dumps(document), parse_float=Decimal))
    except (ValueError, TypeError, RecursionError):
        raise ValueError("not a request of the monitor's") from None
    return [_attempt(probe) for probe in request.probes], request.seconds


def _attempt(probe: _Probe) -> Attempt:
    target = Target(
        probe.name,
        iam=probe.iam,
        query=probe.query,
        expect_rows=probe.expect_rows,
        expect_value=probe.expect_value,
        expect=probe.expect,
        tls=probe.tls,
        tls_negotiation=probe.tls_negotiation,
        timeout=timedelta(seconds=probe.timeout),
    )
    endpoint = Endpoint(probe.host, probe.port, probe.database, probe.user)
    return Attempt(target, Credential(endpoint, probe.password, probe.client_certificate))


def write_answer(observations: Sequence[Observation | None]) -> dict[str, object]:
    """Return the answer to a request: an observation for each of its probes, None where there was no time."""
    answer = _Answer(tuple(None if one is None else _written(one) for one in observations))
    document: dict[str, object] = json.loads(json.dumps(encode(answer), default=float))
    return document


def _written(seen: Observation) -> _Observation:
    written = None
    if failure := seen.failure:
        written = _Failure(failure.phase, failure.kind, failure.advice or "", failure.sqlstate, failure.said)
        written = replace(written, rows=int(failure.words.get("rows", "0")))
    return _Observation(seen.at, seen.phases, seen.address, written, seen.server, seen.ended, seen.gauges)


def read_answer(
    document: bytes, attempts: Sequence[Attempt], since: datetime, until: datetime
) -> list[Observation | None]:
    """Return the observations of an answer to a request for these attempts.

    Parameters
    ----------
    document
        The answer, as JSON.
    attempts
        What was asked for.
    since, until
        When the observations can have been made.

    Raises
    ------
    ValueError
        If it is no answer to that; the text quotes nothing of it.
    """
    try:
        answer = decode(_Answer, json.loads(document, parse_float=Decimal, parse_constant=_refuse))
        pairs = zip(answer.observations, attempts, strict=True)
        observations = [None if seen is None else _read(seen, attempt) for seen, attempt in pairs]
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
        raise ValueError("not an answer to what was asked") from None
    if not all(since <= seen.at <= until for seen in observations if seen):
        raise ValueError("not an answer to what was asked just now")
    return observations


def _read(seen: _Observation, attempt: Attempt) -> Observation:
    endpoint = attempt.credential.endpoint
    if (seen.failure is None) == (seen.server is None):
        raise ValueError("neither healthy nor failed")
    if seen.address is not None and not _ADDRESS.fullmatch(seen.address):
        raise ValueError("not an address")
    if Phase.CREDENTIALS in seen.phases or not all(0 <= spent <= _MAX_MILLISECONDS for spent in seen.phases.values()):
        raise ValueError("not the times of a probe's phases")
    if not seen.at <= (seen.ended or seen.at) <= seen.at + timedelta(milliseconds=_MAX_MILLISECONDS):
        raise ValueError("not the end of a probe")
    failure = None if seen.failure is None else _read_failure(seen.failure, attempt)
    server = None if seen.server is None else _read_server(seen.server)
    if not all(0 <= one <= _MAX_GAUGE for one in astuple(seen.gauges) if one is not None):
        raise ValueError("not what a server says of its limits")
    return Observation(seen.at, endpoint, seen.phases, failure, server, seen.address, seen.ended, seen.gauges)


def _read_failure(failure: _Failure, attempt: Attempt) -> Failure:
    if failure.phase not in failure.kind.phases or failure.phase is Phase.CREDENTIALS:
        raise ValueError("no such failure")
    if failure.sqlstate is not None and not _SQLSTATE.fullmatch(failure.sqlstate):
        raise ValueError("no such SQLSTATE")
    endpoint = attempt.credential.endpoint
    known = words(failure.phase, attempt.target, endpoint, failure.sqlstate, failure.rows)
    advice = Advice(failure.advice, known)
    said = sanitize(failure.said) if failure.said else None
    return explained(failure.phase, failure.kind, advice, failure.sqlstate, said or None)


def _read_server(server: Server) -> Server:
    if server.system is not None and not server.system.lstrip("-").isdecimal():
        raise ValueError("no such system identifier")
    return replace(server, version=sanitize(server.version, _MAX_VERSION) if server.version else None)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
