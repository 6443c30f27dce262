"""A server that demands a client certificate is given one, or told as what it is."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from heartline.common.deadline import Deadline
from heartline.model.kinds import Kind, Phase, Tls
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from integration.test_tls_real import Secured, _server, secured
from local.lambda_api import ProbeFunction
from local.peers import HOST, ONE, WELCOME, forwards, says, secures
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    from heartline.model.observation import Observation
    from integration.conftest import Monitor, Prober, Serve
    from local.postgres import Postgres

__all__ = ["_server", "secured"]  # fixtures

CERTIFICATE = "heartline/certificate"
PASSWORD = "secret"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
Identify = Callable[[trustme.CA], str]


def pem(certificate: trustme.LeafCert) -> str:
    return certificate.private_key_and_cert_chain_pem.bytes().decode()


def of_the_role(authority: trustme.CA) -> str:
    return pem(authority.issue_cert(common_name=ROLE))


def of_somebody_else(authority: trustme.CA) -> str:
    return pem(authority.issue_cert(common_name="somebody"))


def of_another_authority(_: trustme.CA) -> str:
    return pem(trustme.CA().issue_cert(common_name=ROLE))


def expired(authority: trustme.CA) -> str:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return pem(authority.issue_cert(common_name=ROLE, not_before=yesterday - timedelta(days=1), not_after=yesterday))


def see(port: int, certificate: str | None, password: str | None = PASSWORD, tls: Tls = Tls.VERIFY_FULL) -> Observation:
    credential = Credential(Endpoint(HOST, port, "postgres", ROLE), password, certificate)
    return probe(Target("demo", tls=tls, client_certificate=CERTIFICATE), credential, Deadline.after(5))


Verdict = tuple[Phase, Kind, str | None] | None


def verdict(seen: Observation) -> Verdict:
    failure = seen.failure
    return failure and (failure.phase, failure.kind, failure.sqlstate)


# PostgreSQL itself. It asks for a certificate, and judges afterwards whether it needs one.


@pytest.mark.parametrize("tls", [Tls.VERIFY_FULL, Tls.VERIFY_CA, Tls.REQUIRE])
def test_clientcert_verify_full(secured: Secured, authority: trustme.CA, tls: Tls) -> None:
    secured.server.admit(f"hostssl all {ROLE} all scram-sha-256 clientcert=verify-full")
    assert verdict(see(secured.server.port, of_the_role(authority), tls=tls)) is None


def test_cert_needs_no_password(secured: Secured, authority: trustme.CA) -> None:
    secured.server.admit(f"hostssl all {ROLE} all cert")
    assert verdict(see(secured.server.port, of_the_role(authority), password=None)) is None


@pytest.mark.parametrize(
    ("rule", "identify", "sqlstate"),
    [
        ("scram-sha-256 clientcert=verify-full", None, "28000"),
        ("scram-sha-256 clientcert=verify-full", of_somebody_else, "28P01"),
        ("cert", None, "28000"),
        ("cert", of_somebody_else, "28000"),
    ],
)
def test_postgresql_refuses_by_its_own_sqlstate(
    secured: Secured, authority: trustme.CA, rule: str, identify: Identify | None, sqlstate: str
) -> None:
    secured.server.admit(f"hostssl all {ROLE} all {rule}")
    seen = see(secured.server.port, identify and identify(authority))
    assert verdict(seen) == (Phase.LOGIN, Kind.AUTH, sqlstate)
    assert seen.failure is not None
    assert "client certificate" in seen.failure.next_step


@pytest.mark.parametrize("identify", [of_another_authority, expired])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_certificate_that_postgresql_does_not_trust(
    secured: Secured, authority: trustme.CA, identify: Identify, version: str
) -> None:
    """Even where it needs none."""
    secured.server.execute(f"ALTER SYSTEM SET ssl_max_protocol_version = '{version}'")
    secured.server.admit()
    try:
        seen = see(secured.server.port, identify(authority))
    finally:
        secured.server.execute("ALTER SYSTEM RESET ssl_max_protocol_version")
    phase = Phase.TLS if version == "TLSv1.2" else Phase.LOGIN
    assert verdict(seen) == (phase, Kind.CLIENT_CERTIFICATE, None)
    assert seen.failure is not None
    assert "does not accept the monitor's client certificate" in seen.failure.cause


# Fronts that let nobody in without one: stunnel, HAProxy and cloud providers' proxies.


def demanding(authority: trustme.CA, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    return context


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("identify", [None, of_another_authority, expired])
def test_a_front_that_demands_another_certificate(
    serve: Serve, authority: trustme.CA, version: ssl.TLSVersion, identify: Identify | None
) -> None:
    """Often: its alert and the end of the connection race with what the probe writes."""
    port = serve(secures(demanding(authority, version), says(WELCOME, says(ONE)))).port
    certificate = identify and identify(authority)
    phase = Phase.TLS if version is ssl.TLSVersion.TLSv1_2 else Phase.LOGIN
    assert {verdict(see(port, certificate)) for _ in range(40)} == {(phase, Kind.CLIENT_CERTIFICATE, None)}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_front_that_is_content(
    serve: Serve, authority: trustme.CA, prober: Prober, database: Postgres, version: ssl.TLSVersion
) -> None:
    port = serve(forwards(database.port, demanding(authority, version))).port
    assert verdict(see(port, of_the_role(authority), prober.password)) is None


# What is no certificate, and where it comes from.


def without_its_key(authority: trustme.CA) -> str:
    mixed = authority.issue_cert(common_name=ROLE), authority.issue_cert(common_name=ROLE)
    return (mixed[0].cert_chain_pems[0].bytes() + mixed[1].private_key_pem.bytes()).decode()


def with_a_key_that_is_encrypted(authority: trustme.CA) -> str:
    certificate = authority.issue_cert(common_name=ROLE)
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    secret = serialization.BestAvailableEncryption(b"open sesame")
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return certificate.cert_chain_pems[0].bytes().decode() + key.private_bytes(*form, secret).decode()


@pytest.mark.parametrize("identify", [without_its_key, with_a_key_that_is_encrypted, lambda _: "no PEM"])
def test_a_certificate_that_cannot_be_used(
    serve: Serve, authority: trustme.CA, database: Postgres, identify: Identify
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    seen = see(serve(forwards(database.port, context)).port, identify(authority))
    assert verdict(seen) == (Phase.TLS, Kind.CLIENT_CERTIFICATE, None)
    assert seen.failure is not None
    assert "PEM" in seen.failure.next_step


@pytest.fixture
def demanded(monitor: Monitor, serve: Serve, authority: trustme.CA, database: Postgres) -> Monitor:
    """Let the monitor watch a database behind such a front, with a certificate in Secrets Manager."""
    port = serve(forwards(database.port, demanding(authority, ssl.TLSVersion.TLSv1_3))).port
    monitor.aws.client("secretsmanager").create_secret(Name=CERTIFICATE, SecretString=of_the_role(authority))
    monitor.watch(
        "demo", secret=SECRET, host=HOST, port=port, tls="verify-full", timeout=5, client_certificate=CERTIFICATE
    )
    return monitor


def put(monitor: Monitor, text: str) -> None:
    monitor.aws.client("secretsmanager").put_secret_value(SecretId=CERTIFICATE, SecretString=text)


def test_a_certificate_comes_from_secrets_manager(demanded: Monitor) -> None:
    assert demanded.tick()["up"] == 1


def test_a_certificate_reaches_the_probe_function(demanded: Monitor) -> None:
    with ProbeFunction() as function:
        demanded.environment |= function.environment
        assert demanded.tick()["up"] == 1
        assert len(function.requests) == 1


def test_a_certificate_that_was_renewed_is_read_again(demanded: Monitor, authority: trustme.CA) -> None:
    put(demanded, expired(authority))
    failed = demanded.order("probe")["failure"]
    assert (failed["phase"], failed["kind"]) == ("login", "client-certificate")
    put(demanded, of_the_role(authority))
    assert demanded.tick()["up"] == 1
    assert demanded.mails == []


@pytest.mark.parametrize(("text", "said"), [("", "no secret"), ("no PEM", "not a client certificate")])
def test_a_secret_without_a_certificate(demanded: Monitor, text: str, said: str) -> None:
    if text:
        put(demanded, text)
    else:
        demanded.aws.client("secretsmanager").delete_secret(SecretId=CERTIFICATE, ForceDeleteWithoutRecovery=True)
    failed = demanded.order("probe")["failure"]
    assert (failed["phase"], failed["kind"]) == ("credentials", "credentials")
    assert said in failed["cause"]
    assert CERTIFICATE in failed["cause"]


@pytest.mark.parametrize("identify", [of_the_role, expired, without_its_key])
def test_a_key_is_nowhere_to_be_read(demanded: Monitor, authority: trustme.CA, identify: Identify) -> None:
    demanded.environment["LOG_LEVEL"] = "DEBUG"
    text = identify(authority)
    put(demanded, text)
    demanded.tick()
    told = f"{demanded.log} {demanded.items} {demanded.mails} {demanded.order('probe')}"
    assert not [line for line in text.splitlines() if len(line) > 40 and line in told]
    assert "PRIVATE KEY" not in told.replace("-----BEGIN PRIVATE KEY-----, the key", "")
