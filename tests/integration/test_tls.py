"""TLS means what the target says of it: never less."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme

from heartline.model.kinds import Kind, Phase, Tls
from heartline.probe.tls import tls_context
from local.peers import Peer, closes, drips, forwards, listens, resets, says

if TYPE_CHECKING:
    from integration.conftest import Prober, Serve
    from local.postgres import Postgres

HERE = "127.0.0.1"
Front = Callable[[ssl.SSLContext], Peer]
Certify = Callable[[trustme.CA], ssl.SSLContext]


@pytest.fixture
def front(database: Postgres, serve: Serve) -> Front:
    """Put before the database a front that takes TLS with a context, as a server of its own would."""
    return lambda context: serve(forwards(database.port, context))


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def valid(authority: trustme.CA) -> ssl.SSLContext:
    return serving(authority.issue_cert(HERE))


def expired(authority: trustme.CA) -> ssl.SSLContext:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return serving(authority.issue_cert(HERE, not_before=yesterday - timedelta(days=1), not_after=yesterday))


def not_yet_valid(authority: trustme.CA) -> ssl.SSLContext:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    return serving(authority.issue_cert(HERE, not_before=tomorrow, not_after=tomorrow + timedelta(days=1)))


def of_another_host(authority: trustme.CA) -> ssl.SSLContext:
    return serving(authority.issue_cert("db.example.com"))


def of_another_authority(_: trustme.CA) -> ssl.SSLContext:
    return serving(trustme.CA().issue_cert(HERE))


def self_signed(_: trustme.CA) -> ssl.SSLContext:
    """An authority's own certificate is signed by itself."""
    own = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with own.cert_pem.tempfile() as certificate, own.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize("certify", [expired, not_yet_valid, of_another_host, of_another_authority, self_signed])
@pytest.mark.parametrize("tls", [Tls.VERIFY_FULL, Tls.VERIFY_CA])
def test_a_certificate_that_proves_nothing(
    prober: Prober, front: Front, authority: trustme.CA, certify: Certify, tls: Tls
) -> None:
    seen = prober(tls, port=front(certify(authority)).port, timeout=5)
    if tls is Tls.VERIFY_CA and certify is of_another_host:
        assert seen.healthy
    else:
        assert seen.failure is not None
        assert (seen.failure.phase, seen.failure.kind) == (Phase.TLS, Kind.CERTIFICATE)
        assert seen.failure.said


@pytest.mark.parametrize("tls", [Tls.VERIFY_FULL, Tls.VERIFY_CA, Tls.REQUIRE])
def test_a_valid_certificate(prober: Prober, front: Front, authority: trustme.CA, tls: Tls) -> None:
    seen = prober(tls, port=front(valid(authority)).port, timeout=5)
    assert seen.failure is None
    assert list(seen.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.LOGIN, Phase.QUERY]


def test_require_takes_any_certificate(prober: Prober, front: Front, authority: trustme.CA) -> None:
    seen = prober(Tls.REQUIRE, port=front(self_signed(authority)).port, timeout=5)
    assert seen.failure is None


def test_ciphers_that_nobody_should_use(prober: Prober, front: Front, authority: trustme.CA) -> None:
    context = valid(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
    client = tls_context(Tls.VERIFY_FULL)
    assert "ECDHE-ECDSA-AES256-SHA" not in {cipher["name"] for cipher in client.get_ciphers()}
    seen = prober(Tls.VERIFY_FULL, port=front(context).port, timeout=5)
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.TLS, Kind.TLS)


@pytest.mark.parametrize("attempt", range(3))
def test_a_server_that_demands_a_client_certificate(
    prober: Prober, front: Front, authority: trustme.CA, attempt: int
) -> None:
    """With TLS 1.3 it refuses after the handshake; whether a write fails before that is read is a matter of luck."""
    context = valid(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    seen = prober(Tls.VERIFY_FULL, port=front(context).port, timeout=5)
    assert seen.failure is not None, attempt
    assert (seen.failure.phase, seen.failure.kind) == (Phase.LOGIN, Kind.CLIENT_CERTIFICATE)
    assert "requires a client certificate" in seen.failure.cause


def test_clear_text_is_sent_where_the_server_is_proven(
    prober: Prober, database: Postgres, front: Front, authority: trustme.CA
) -> None:
    """RDS asks for IAM tokens this way."""
    port = front(valid(authority)).port
    database.admit("host all heartline all password")
    try:
        proven = prober(Tls.VERIFY_FULL, port=port, timeout=5)
        unproven = prober(Tls.REQUIRE, port=port, timeout=5)
    finally:
        database.admit()
    assert proven.failure is None
    assert unproven.failure is not None
    assert (unproven.failure.phase, unproven.failure.kind) == (Phase.LOGIN, Kind.AUTH)
    assert "clear text" in unproven.failure.cause


# A handshake record that never ends: type, version, the greatest length.
RECORD = b"\x16\x03\x03\x40\x00\x02"
PEERS = {
    "says nothing": (listens, Kind.TIMEOUT),
    "says nothing in the handshake": (says(b"S"), Kind.TIMEOUT),
    "drips in the handshake": (says(b"S", drips(RECORD)), Kind.TIMEOUT),
    "closes": (closes, Kind.CLOSED),
    "closes in the handshake": (says(b"S", closes), Kind.CLOSED),
    "resets": (resets, Kind.CLOSED),
    "resets in the handshake": (says(b"S", resets), Kind.CLOSED),
    "has none": (says(b"N"), Kind.TLS_REFUSED),
    "talks nonsense in the handshake": (says(b"S", says(b"HTTP/1.1 400 Bad Request\r\n\r\n")), Kind.TLS),
    "is SSH": (says(b"SSH-2.0-OpenSSH_9.6\r\n"), Kind.TLS),
    "is HTTP": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Kind.TLS),
}


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_that_when_asked_for_tls(prober: Prober, serve: Serve, peer: str) -> None:
    behave, kind = PEERS[peer]
    seen = prober(Tls.VERIFY_FULL, port=serve(behave).port)
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.TLS, kind)
