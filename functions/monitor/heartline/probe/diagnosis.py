"""Classify an exception in a probe by its type and SQLSTATE."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pg8000.exceptions import DatabaseError

from heartline.common.text import sanitize
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure
from heartline.model.target import Credential, Target
from heartline.probe import errors
from heartline.probe.failures import POOLERS, Advice, advise, explained, words
from heartline.probe.specifics import specific

if TYPE_CHECKING:
    from heartline.probe.poolers import Refusal

# PostgreSQL documentation, appendix A: Error Codes. 55000 at login: the database admits no connections
# (utils/init/postinit.c, CheckMyDatabase).
_AT_LOGIN = {
    "28P01": Kind.AUTH,
    "28000": Kind.AUTH,
    "3D000": Kind.NO_DATABASE,
    "42501": Kind.DENIED,
    "55000": Kind.DENIED,
    "53300": Kind.SATURATED,
    "57P03": Kind.STARTING,
    "57P01": Kind.STOPPING,
    "57P02": Kind.STOPPING,
}
_AT_QUERY = {"42501": Kind.DENIED, "57014": Kind.TIMEOUT, "57P01": Kind.STOPPING, "57P02": Kind.STOPPING}
# Syntax error or access rule violation: of a query of the user's own, the query is wrong.
_BAD_QUERY_CLASS = "42"

# In order: the first type that fits decides. A pair is for the connect phase and for all others.
_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], Kind | tuple[Kind, Kind]], ...] = (
    ((errors.ResolveTimeoutError,), Kind.TIMEOUT),
    ((errors.TlsRefusedError,), Kind.TLS_REFUSED),
    ((errors.ClientCertificateError, errors.ClientCertificateUnusableError), Kind.CLIENT_CERTIFICATE),
    ((errors.ProtocolFaultError,), Kind.PROTOCOL),
    ((errors.PasswordMissingError, errors.AuthUnsupportedError, errors.ClearTextError), Kind.AUTH),
    ((errors.ReadOnlyError, errors.PrimaryError), Kind.WRONG_ROLE),
    ((errors.UnexpectedError,), Kind.UNEXPECTED),
    ((ssl.SSLCertVerificationError,), Kind.CERTIFICATE),
    ((errors.ClosedError, ssl.SSLEOFError, ssl.SSLZeroReturnError), Kind.CLOSED),
    ((TimeoutError,), Kind.TIMEOUT),
    ((ConnectionError,), (Kind.REFUSED, Kind.CLOSED)),
)
_IN_SESSION = {Phase.LOGIN, Phase.QUERY}
# OpenSSL's names of the alerts by which a server refuses a client's certificate, or a client without one (RFC 8446, 6.2
# and RFC 5246, 7.2.2). A failed handshake can mean nothing else once it seemed to be over.
_CERTIFICATE_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "TLSV1_ALERT_UNKNOWN_CA",
    "TLSV1_ALERT_ACCESS_DENIED",
    "SSLV3_ALERT_NO_CERTIFICATE",
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_REVOKED",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
}
_AFTER_HANDSHAKE = {*_CERTIFICATE_ALERTS, "SSLV3_ALERT_HANDSHAKE_FAILURE"}
_SQLSTATE = re.compile(r"[0-9A-Z]{5}", re.ASCII)
# What a failure is where its phase cannot have the kind that its error stands for: a hostile peer can cause anything.
_OTHERWISE = {
    Phase.RESOLVE: Kind.UNRESOLVABLE,
    Phase.CONNECT: Kind.UNREACHABLE,
    Phase.TLS: Kind.TLS,
    Phase.LOGIN: Kind.PROTOCOL,
    Phase.QUERY: Kind.PROTOCOL,
}


def diagnose(error: BaseException, phase: Phase, target: Target, credential: Credential) -> Failure:
    """Return the failure that an exception in a phase of a probe stands for.

    Parameters
    ----------
    error
        What was raised; its causes are examined too.
    phase
        Where it was raised.
    target, credential
        What was tried: whose query it was, and the words for cause and next step.
    """
    reported = _server_report(error)
    sqlstate, said, refused = None, _local_words(error), None
    if reported is None:
        kind = _by_type(error, phase)
    else:
        sqlstate = code if _SQLSTATE.fullmatch(code := reported.get("C", "")) else None
        said = sanitize(reported.get("M", "")) or None
        kind = _by_sqlstate(sqlstate or "", phase, own_query=target.query is not None)
        refused = _pooler_refusal(sqlstate, said, phase)
        kind = refused.kind if refused else kind
    if phase not in kind.phases:
        kind = _OTHERWISE[phase]
    key = specific(kind, phase, error, target, credential)
    if refused and key in {None, "auth-certificate"}:
        key = refused.advice
    routine = f"{sqlstate} {reported.get('R')}" if reported else None
    advice = advise((routine, type(error), sqlstate, kind), phase, target, credential.endpoint, key)
    if isinstance(error, errors.UnexpectedError):
        advice = Advice(advice.key, words(phase, target, credential.endpoint, None, error.rows))
    return explained(phase, kind, advice, sqlstate, said)


def _pooler_refusal(sqlstate: str | None, said: str | None, phase: Phase) -> Refusal | None:
    if sqlstate not in POOLERS or phase not in _IN_SESSION:
        return None
    from heartline.probe.poolers import refusal  # noqa: PLC0415 - a healthy probe does not need it

    refused = refusal(sqlstate, said or "")
    return refused if refused and phase in refused.kind.phases else None


def _by_sqlstate(sqlstate: str, phase: Phase, *, own_query: bool) -> Kind:
    if phase is Phase.LOGIN:
        return _AT_LOGIN.get(sqlstate, Kind.SERVER_ERROR)
    bad_query = own_query and sqlstate.startswith(_BAD_QUERY_CLASS)
    return _AT_QUERY.get(sqlstate, Kind.BAD_QUERY if bad_query else Kind.SERVER_ERROR)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes; pg8000 wraps them, and a chain may loop."""
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
        if isinstance(link, ssl.SSLError) and _requires_certificate(link, phase):
            return Kind.CLIENT_CERTIFICATE
        if isinstance(link, OSError) and not isinstance(link, ssl.SSLError) and phase in _IN_TALK:
            return Kind.CLOSED
    return _OTHERWISE[phase]


_IN_TALK = {Phase.TLS, Phase.LOGIN, Phase.QUERY}


def _requires_certificate(error: ssl.SSLError, phase: Phase) -> bool:
    # An SSLError that OpenSSL did not raise has no reason.
    return getattr(error, "reason", None) in (_AFTER_HANDSHAKE if phase is Phase.LOGIN else _CERTIFICATE_ALERTS)


def _local_words(error: BaseException) -> str | None:
    """Return OpenSSL's reason for refusing a certificate, or the value that is not as expected; else None."""
    for link in _chain(error):
        if isinstance(link, errors.UnexpectedError):
            return sanitize(link.said or "") or None
        if isinstance(link, ssl.SSLCertVerificationError):
            return sanitize(link.verify_message) or None
    return None
