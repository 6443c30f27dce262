"""Whatever a probe meets has a kind of the contract's table, and words for it."""

from __future__ import annotations

import errno
import socket
import ssl
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pg8000.exceptions import DatabaseError, InterfaceError

from heartline.i18n.language import language
from heartline.model.kinds import Kind, Phase, Severity
from heartline.model.observation import Failure
from heartline.model.target import Credential
from heartline.probe import errors
from heartline.probe.diagnosis import diagnose
from heartline.probe.failures import advise, explained
from unit.samples import CASES, CONTRACT, ENDPOINT, MISCONFIGURED, TARGET, hostile

if TYPE_CHECKING:
    from collections.abc import Callable

PROBED = [phase for phase in Phase if phase is not Phase.CREDENTIALS]
PASSWORD = "hunter2Zw9"
SQLSTATES = [
    "28P01",
    "28000",
    "3D000",
    "53300",
    "57P01",
    "57P02",
    "57P03",
    "42501",
    "XX000",
    "0A000",
    "",
    "\x00",
    "<b>",
]


def certificate() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "certificate has expired"
    return error


def alert(reason: str) -> ssl.SSLError:
    """Make the error that Python raises when OpenSSL gives that reason."""
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


def diagnosed(error: BaseException, phase: Phase) -> Failure:
    return diagnose(error, phase, TARGET, Credential(ENDPOINT, PASSWORD))


@pytest.mark.parametrize(("phase", "kind"), [case for case in CASES if case[0] is not Phase.CREDENTIALS], ids=str)
def test_every_kind_has_a_cause_and_a_next_step_in_every_phase_of_the_table(phase: Phase, kind: Kind) -> None:
    said = explained(phase, kind, advise([kind], phase, TARGET, ENDPOINT))
    for sentence in (said.cause, said.next_step):
        assert sentence[0].isupper() or sentence.startswith(ENDPOINT.host)
        assert sentence.endswith((".", ").", "?"))
        assert not set("{}") & set(sentence)


def test_phases_kinds_and_severities_are_those_of_the_agreed_table() -> None:
    assert {(phase, kind) for kind in Kind for phase in kind.phases} == set(CASES)
    for kind in Kind:
        severity = Severity.MISCONFIGURED if kind in MISCONFIGURED else Severity.OUTAGE
        assert (kind.severity, kind.misconfigured) == (severity, kind in MISCONFIGURED)


def wrapped(cause: BaseException) -> InterfaceError:
    error = InterfaceError("network error")
    error.__cause__ = cause
    return error


EXAMPLES: list[tuple[Phase, BaseException, Kind]] = [
    (Phase.RESOLVE, socket.gaierror(socket.EAI_NONAME, "Name or service not known"), Kind.UNRESOLVABLE),
    (Phase.RESOLVE, UnicodeError("label empty or too long"), Kind.UNRESOLVABLE),
    (Phase.RESOLVE, errors.ResolveTimeoutError(), Kind.TIMEOUT),
    (Phase.RESOLVE, TimeoutError(), Kind.TIMEOUT),
    (Phase.CONNECT, ConnectionRefusedError(), Kind.REFUSED),
    (Phase.CONNECT, OSError(errno.EHOSTUNREACH, "No route to host"), Kind.UNREACHABLE),
    (Phase.CONNECT, OSError(errno.ENETUNREACH, "Network is unreachable"), Kind.UNREACHABLE),
    (Phase.CONNECT, PermissionError(), Kind.UNREACHABLE),
    (Phase.CONNECT, TimeoutError(), Kind.TIMEOUT),
    (Phase.TLS, errors.TlsRefusedError(), Kind.TLS_REFUSED),
    (Phase.TLS, certificate(), Kind.CERTIFICATE),
    (Phase.TLS, ssl.SSLError(1, "wrong version number"), Kind.TLS),
    (Phase.TLS, alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), Kind.CLIENT_CERTIFICATE),
    # The ciphers may be the reason.
    (Phase.TLS, alert("SSLV3_ALERT_HANDSHAKE_FAILURE"), Kind.TLS),
    (Phase.TLS, ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), Kind.CLOSED),
    (Phase.TLS, ConnectionResetError(), Kind.CLOSED),
    (Phase.TLS, errors.ClosedError(), Kind.CLOSED),
    (Phase.TLS, TimeoutError(), Kind.TIMEOUT),
    (Phase.TLS, errors.ProtocolFaultError("not an answer to a request for TLS"), Kind.TLS),
    (Phase.LOGIN, DatabaseError({"C": "28P01"}), Kind.AUTH),
    (Phase.LOGIN, DatabaseError({"C": "28000"}), Kind.AUTH),
    (Phase.LOGIN, errors.PasswordMissingError(), Kind.AUTH),
    (Phase.LOGIN, errors.AuthUnsupportedError(), Kind.AUTH),
    (Phase.LOGIN, errors.ClearTextError(), Kind.AUTH),
    (Phase.LOGIN, DatabaseError({"C": "3D000"}), Kind.NO_DATABASE),
    (Phase.LOGIN, DatabaseError({"C": "53300"}), Kind.SATURATED),
    (Phase.LOGIN, DatabaseError({"C": "57P03"}), Kind.STARTING),
    (Phase.LOGIN, DatabaseError({"C": "57P01"}), Kind.STOPPING),
    (Phase.LOGIN, DatabaseError({"C": "57P02"}), Kind.STOPPING),
    (Phase.LOGIN, DatabaseError({"C": "42501"}), Kind.DENIED),
    (Phase.LOGIN, DatabaseError({"C": "55000"}), Kind.DENIED),
    (Phase.LOGIN, DatabaseError({"C": "42P01"}), Kind.SERVER_ERROR),
    (Phase.LOGIN, alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), Kind.CLIENT_CERTIFICATE),
    (Phase.LOGIN, wrapped(alert("TLSV13_ALERT_CERTIFICATE_REQUIRED")), Kind.CLIENT_CERTIFICATE),
    (Phase.LOGIN, alert("SSLV3_ALERT_HANDSHAKE_FAILURE"), Kind.CLIENT_CERTIFICATE),
    (Phase.LOGIN, alert("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"), Kind.PROTOCOL),
    (Phase.LOGIN, ssl.SSLError(1, "without a reason"), Kind.PROTOCOL),
    (Phase.LOGIN, DatabaseError({"C": "XX000"}), Kind.SERVER_ERROR),
    (Phase.LOGIN, DatabaseError({}), Kind.SERVER_ERROR),
    (Phase.LOGIN, KeyError(b"H"), Kind.PROTOCOL),
    (Phase.LOGIN, struct.error(), Kind.PROTOCOL),
    (Phase.LOGIN, MemoryError(), Kind.PROTOCOL),
    (Phase.LOGIN, errors.ProtocolFaultError(), Kind.PROTOCOL),
    (Phase.LOGIN, wrapped(BrokenPipeError()), Kind.CLOSED),
    (Phase.LOGIN, wrapped(OSError(errno.EHOSTUNREACH, "No route to host")), Kind.CLOSED),
    (Phase.LOGIN, wrapped(TimeoutError()), Kind.TIMEOUT),
    (Phase.QUERY, DatabaseError({"C": "42501"}), Kind.DENIED),
    (Phase.QUERY, DatabaseError({"C": "42P01"}), Kind.SERVER_ERROR),
    (Phase.QUERY, DatabaseError({"C": "57P01"}), Kind.STOPPING),
    (Phase.QUERY, DatabaseError({"C": "28P01"}), Kind.SERVER_ERROR),
    (Phase.QUERY, errors.ProtocolFaultError(), Kind.PROTOCOL),
    (Phase.QUERY, wrapped(errors.ClosedError()), Kind.CLOSED),
    (Phase.QUERY, TimeoutError(), Kind.TIMEOUT),
    # A hostile server asks for a password after the login.
    (Phase.QUERY, errors.ClearTextError(), Kind.PROTOCOL),
]


@pytest.mark.parametrize(
    ("phase", "error", "kind"), EXAMPLES, ids=lambda value: str(value) if isinstance(value, str) else repr(value)[:40]
)
def test_what_each_phase_can_meet_has_its_kind(phase: Phase, error: BaseException, kind: Kind) -> None:
    assert diagnosed(error, phase).kind is kind


OWN_QUERY = replace(TARGET, query="SELECT count(*) FROM orders")


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("42P01", Kind.BAD_QUERY),
        ("42601", Kind.BAD_QUERY),
        ("42883", Kind.BAD_QUERY),
        ("42501", Kind.DENIED),
        ("22012", Kind.SERVER_ERROR),
        ("57P01", Kind.STOPPING),
    ],
)
def test_an_error_of_class_42_is_the_fault_of_a_query_of_ones_own(sqlstate: str, kind: Kind) -> None:
    error = DatabaseError({"C": sqlstate})
    assert diagnose(error, Phase.QUERY, OWN_QUERY, Credential(ENDPOINT, PASSWORD)).kind is kind


def test_a_query_of_ones_own_is_not_at_fault_before_it_is_run() -> None:
    error = DatabaseError({"C": "42P01"})
    assert diagnose(error, Phase.LOGIN, OWN_QUERY, Credential(ENDPOINT, PASSWORD)).kind is Kind.SERVER_ERROR


def test_a_server_s_own_words_and_sqlstate_are_kept() -> None:
    said = diagnosed(wrapped(DatabaseError({"C": "53300", "M": "sorry, too many clients already"})), Phase.LOGIN)
    assert (said.sqlstate, said.said) == ("53300", "sorry, too many clients already")


def test_why_a_certificate_is_refused_is_kept() -> None:
    assert diagnosed(certificate(), Phase.TLS).said == "certificate has expired"


def test_a_password_that_is_missing_is_told_apart_from_one_that_is_wrong() -> None:
    missing = diagnosed(errors.PasswordMissingError(), Phase.LOGIN)
    assert "none is configured" in missing.cause
    assert missing != diagnosed(DatabaseError({"C": "28P01"}), Phase.LOGIN)


NAMED: list[Callable[[], BaseException]] = [
    *(
        OSError,
        ConnectionRefusedError,
        ConnectionResetError,
        BrokenPipeError,
        TimeoutError,
        socket.gaierror,
        PermissionError,
    ),
    *(
        UnicodeError,
        KeyError,
        ValueError,
        struct.error,
        MemoryError,
        RecursionError,
        AssertionError,
        AttributeError,
        EOFError,
    ),
    *(ssl.SSLError, certificate, ssl.SSLEOFError, ssl.SSLZeroReturnError, InterfaceError, DatabaseError, Exception),
    *(errors.ResolveTimeoutError, errors.TlsRefusedError, errors.ClosedError, errors.ProtocolFaultError),
    *(errors.PasswordMissingError, errors.AuthUnsupportedError, errors.ClearTextError),
    lambda: ExceptionGroup("several", [OSError(), ValueError()]),
    lambda: DatabaseError("no dict"),
]
sqlstates = st.sampled_from(SQLSTATES) | hostile
reported = st.dictionaries(st.sampled_from("CMSVDH"), sqlstates).map(DatabaseError)
single = st.sampled_from(NAMED).map(lambda make: make()) | reported


@st.composite
def chains(draw: st.DrawFn, links: st.SearchStrategy[BaseException] = single) -> BaseException:
    """Draw an exception with causes and contexts, some of which lead back."""
    drawn = draw(st.lists(links, min_size=1, max_size=4))
    for link in drawn:
        if draw(st.booleans()):
            link.__cause__ = draw(st.sampled_from(drawn))
        link.__context__ = draw(st.sampled_from([None, *drawn]))
    return drawn[0]


@given(chains(), st.sampled_from(PROBED))
def test_no_exception_has_a_kind_outside_the_table(error: BaseException, phase: Phase) -> None:
    said = diagnosed(error, phase)
    assert said.phase is phase
    assert said.kind in CONTRACT[phase]


@given(chains(reported), st.sampled_from([Phase.LOGIN, Phase.QUERY]))
def test_no_sqlstate_has_a_kind_outside_the_table(error: BaseException, phase: Phase) -> None:
    assert diagnosed(error, phase).kind in CONTRACT[phase]


@given(chains(), st.sampled_from(PROBED))
def test_a_diagnosis_is_short_printable_and_without_the_password(error: BaseException, phase: Phase) -> None:
    error.args += (PASSWORD,)
    said = diagnosed(error, phase)
    assert PASSWORD not in repr(said)
    assert len(said.sqlstate or "") <= 5
    assert len(said.said or "") <= 300
    assert all(text.isprintable() for text in (said.cause, said.next_step, said.sqlstate or ""))


ADVISED: list[tuple[Phase, BaseException, str]] = [
    (Phase.LOGIN, errors.PasswordMissingError(), "password-missing"),
    (Phase.LOGIN, errors.AuthUnsupportedError(), "auth-unsupported"),
    (Phase.LOGIN, errors.ClearTextError(), "clear-text"),
    (Phase.LOGIN, alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "client-certificate"),
    (Phase.LOGIN, DatabaseError({"C": "42501"}), "denied-connect"),
    (Phase.LOGIN, DatabaseError({"C": "55000"}), "denied-database"),
    (Phase.QUERY, DatabaseError({"C": "42501"}), "denied"),
    (Phase.LOGIN, DatabaseError({"C": "28P01"}), "auth"),
    (Phase.QUERY, TimeoutError(), "timeout-query"),
    (Phase.CONNECT, TimeoutError(), "timeout-connect"),
    (Phase.TLS, errors.ProtocolFaultError(), "protocol"),
]


@pytest.mark.parametrize(("phase", "error", "advice"), ADVISED, ids=[advice for _, _, advice in ADVISED])
def test_a_failure_keeps_which_advice_it_was_given_to_say_it_in_any_language(
    phase: Phase, error: BaseException, advice: str
) -> None:
    said = diagnosed(error, phase)
    english = language("en")
    assert said.advice == advice
    assert english.text(f"cause.{advice}", **said.words) == said.cause
    assert english.text(f"next_step.{advice}", **said.words) == said.next_step


@pytest.mark.parametrize(
    ("code", "said"),
    [("28P01", "password authentication failed"), ("28000", 'PAM authentication failed for user "heartline"')],
)
def test_a_rejected_token_is_not_told_as_a_wrong_password(code: str, said: str) -> None:
    error = DatabaseError({"C": code, "M": said})
    failed = diagnose(error, Phase.LOGIN, replace(TARGET, iam=True), Credential(ENDPOINT, "token"))
    assert (failed.kind, failed.said) == (Kind.AUTH, said)
    assert "IAM token" in failed.cause
    for look in ("rds_iam", "IAM authentication is enabled", "resource id", ENDPOINT.host, "alias", "clock"):
        assert look in failed.next_step
    assert "secret" not in failed.next_step
