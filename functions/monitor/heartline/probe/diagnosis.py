"""Tell by type and SQLSTATE what an exception in a probe means."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

from pg8000.exceptions import DatabaseError

from heartline.common.text import sanitize
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure
from heartline.model.target import Credential, Target
from heartline.probe import errors
from heartline.probe.failures import advise, explained

# PostgreSQL documentation, appendix A: Error Codes.
_AT_LOGIN = {
    "28P01": Kind.AUTH,
    "28000": Kind.AUTH,
    "3D000": Kind.NO_DATABASE,
    "53300": Kind.SATURATED,
    "57P03": Kind.STARTING,
    "57P01": Kind.STOPPING,
    "57P02": Kind.STOPPING,
}
_AT_QUERY = {"42501": Kind.DENIED, "57014": Kind.TIMEOUT, "57P01": Kind.STOPPING, "57P02": Kind.STOPPING}

# In order: the first type that fits decides. A pair is for the connect phase and for all others.
_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], Kind | tuple[Kind, Kind]], ...] = (
    ((errors.ResolveTimeoutError,), Kind.TIMEOUT),
    ((errors.TlsRefusedError,), Kind.TLS_REFUSED),
    ((errors.ProtocolFaultError,), Kind.PROTOCOL),
    ((errors.PasswordMissingError, errors.AuthUnsupportedError, errors.ClearTextError), Kind.AUTH),
    ((errors.ReadOnlyError, errors.PrimaryError), Kind.WRONG_ROLE),
    ((ssl.SSLCertVerificationError,), Kind.CERTIFICATE),
    ((errors.ClosedError, ssl.SSLEOFError, ssl.SSLZeroReturnError), Kind.CLOSED),
    ((TimeoutError,), Kind.TIMEOUT),
    ((ConnectionError,), (Kind.REFUSED, Kind.CLOSED)),
)
_SQLSTATE = re.compile(r"[0-9A-Z]{5}", re.ASCII)
# What a phase can come to: what else a hostile peer brings about is the last of its kinds.
_IN_SESSION = {Kind.SERVER_ERROR, Kind.STOPPING, Kind.PROTOCOL, Kind.CLOSED, Kind.TIMEOUT}
_POSSIBLE = {
    Phase.RESOLVE: {Kind.UNRESOLVABLE, Kind.TIMEOUT},
    Phase.CONNECT: {Kind.REFUSED, Kind.UNREACHABLE, Kind.TIMEOUT},
    Phase.TLS: {Kind.TLS_REFUSED, Kind.CERTIFICATE, Kind.TLS, Kind.CLOSED, Kind.TIMEOUT},
    Phase.LOGIN: {Kind.AUTH, Kind.NO_DATABASE, Kind.SATURATED, Kind.STARTING, *_IN_SESSION},
    Phase.QUERY: {Kind.DENIED, Kind.WRONG_ROLE, *_IN_SESSION},
}
_OTHERWISE = {
    Phase.RESOLVE: Kind.UNRESOLVABLE,
    Phase.CONNECT: Kind.UNREACHABLE,
    Phase.TLS: Kind.TLS,
    Phase.LOGIN: Kind.PROTOCOL,
    Phase.QUERY: Kind.PROTOCOL,
}


def diagnose(error: BaseException, phase: Phase, target: Target, credential: Credential) -> Failure:
    """Name the failure that an exception in a phase of a probe stands for.

    Parameters
    ----------
    error
        What was raised; its causes are looked at too.
    phase
        Where it was raised.
    target, credential
        What was tried, for the words of the advice.
    """
    reported = _server_report(error)
    if reported is None:
        kind, sqlstate, said = _by_type(error, phase), None, _local_words(error)
    else:
        sqlstate = code if _SQLSTATE.fullmatch(code := reported.get("C", "")) else None
        known = _AT_LOGIN if phase is Phase.LOGIN else _AT_QUERY
        kind = known.get(sqlstate or "", Kind.SERVER_ERROR)
        said = sanitize(reported.get("M", "")) or None
    if kind not in _POSSIBLE[phase]:
        kind = _OTHERWISE[phase]
    advice = advise((type(error), sqlstate, kind), phase, target, credential.endpoint)
    return explained(phase, kind, advice, sqlstate, said)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk an exception and what it came from; pg8000 wraps, and Python may loop."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _server_report(error: BaseException) -> dict[str, str] | None:
    for link in _chain(error):
        if isinstance(link, DatabaseError) and link.args and isinstance(link.args[0], dict):
            return link.args[0]
    return None


def _by_type(error: BaseException, phase: Phase) -> Kind:
    for link in _chain(error):
        for types, kind in _BY_TYPE:
            if isinstance(link, types):
                return kind if isinstance(kind, Kind) else kind[phase is not Phase.CONNECT]
        if isinstance(link, OSError) and not isinstance(link, ssl.SSLError) and phase in _IN_TALK:
            return Kind.CLOSED
    return _OTHERWISE[phase]


_IN_TALK = {Phase.TLS, Phase.LOGIN, Phase.QUERY}


def _local_words(error: BaseException) -> str | None:
    """Give OpenSSL's reason for refusing a certificate; nothing else says more than its type."""
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return sanitize(link.verify_message) or None
    return None
