"""TLS means what the target says of it: never less."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Kind, Phase, Tls
from heartline.probe.tls import tls_context
from local.peers import Peer, closes, drips, forwards, listens, resets, says

if TYPE_CHECKING:
    from integration.conftest import Monitor, Prober, Serve
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


# Of TLS 1.2, all else being off. libpq is the oracle: what it accepts is not to be told as an outage.
CIPHERS = {
    "AES256-GCM-SHA384": True,
    "ECDHE-RSA-AES256-SHA": True,
    "ECDHE-RSA-AES128-GCM-SHA256": True,
    "NULL-SHA256:@SECLEVEL=0": False,
    "AECDH-AES256-SHA:@SECLEVEL=0": False,
}


@pytest.mark.parametrize("ciphers", CIPHERS)
def test_a_cipher_is_accepted_as_libpq_accepts_it(
    prober: Prober, front: Front, authority: trustme.CA, ciphers: str
) -> None:
    context = serving(authority.issue_cert(HERE, key_type=trustme.KeyType.RSA))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    port = front(context).port
    seen = prober(Tls.VERIFY_FULL, port=port, timeout=5)
    assert seen.healthy is CIPHERS[ciphers] is libpq(prober, port)
    if seen.failure is not None:
        assert (seen.failure.phase, seen.failure.kind) == (Phase.TLS, Kind.TLS)


def libpq(prober: Prober, port: int, host: str = HERE) -> bool:
    """Return True if libpq logs in with the same demands."""
    place = f"host={host} hostaddr={HERE} port={port} dbname=postgres user={prober.place.user} sslmode=verify-full"
    try:
        with psycopg.connect(place, password=prober.password, sslrootcert=os.environ["SSL_CERT_FILE"]):
            return True
    except psycopg.OperationalError:
        return False


IP_ADDRESS = x509.IPAddress(ip_address(HERE))
OTHER_ADDRESS = x509.IPAddress(ip_address("10.0.0.1"))
# What a certificate says: its common name, and its alternative names.
NAMES: dict[str, tuple[str, list[x509.GeneralName]]] = {
    "an IP address": ("", [IP_ADDRESS]),
    "a DNS name that is an address": ("", [x509.DNSName(HERE)]),
    "a common name that is an address": (HERE, []),
    "a common name beside DNS names": (HERE, [x509.DNSName("db.example.com")]),
    "a common name beside another address": (HERE, [OTHER_ADDRESS]),
    "a DNS name beside another address": ("", [OTHER_ADDRESS, x509.DNSName(HERE)]),
    "another address": ("", [OTHER_ADDRESS]),
    "another name": ("db.example.com", [x509.DNSName("db.example.com")]),
    "nothing": ("", []),
}


@pytest.mark.parametrize("names", NAMES)
def test_a_certificate_is_good_for_an_address_as_libpq_sees_it(
    prober: Prober, front: Front, authority: trustme.CA, names: str
) -> None:
    port = front(serving_blobs(authority, *NAMES[names])).port
    seen = prober(Tls.VERIFY_FULL, port=port, timeout=5)
    assert seen.healthy is libpq(prober, port)
    if seen.failure is not None:
        assert (seen.failure.phase, seen.failure.kind) == (Phase.TLS, Kind.CERTIFICATE)
        assert HERE in seen.failure.cause
        assert HERE in (seen.failure.said or "")


# A host's name, and those that a certificate has.
HOSTS: dict[str, tuple[str, str, list[str]]] = {
    "the same name": ("db.example.com", "", ["DB.example.com"]),
    "a common name where there is no other": ("db.example.com", "db.example.com", []),
    "a common name beside another name": ("db.example.com", "db.example.com", ["other.example.com"]),
    "a wildcard": ("db.example.com", "", ["*.example.com"]),
    "a wildcard over one label": ("db.internal", "", ["*.internal"]),
    "a wildcard as common name": ("db.internal", "*.internal", []),
    "a wildcard over two labels": ("a.b.example.com", "", ["*.example.com"]),
    "a wildcard over no label": ("example.com", "", ["*.example.com"]),
    "a wildcard within a label": ("db1.example.com", "", ["db*.example.com"]),
    "a wildcard alone": ("db", "", ["*"]),
    "an underscore": ("_db.my_zone.example.com", "", ["*.my_zone.example.com"]),
    "another name": ("db.example.com", "", ["db.example.org"]),
}


@pytest.mark.parametrize("names", HOSTS)
def test_a_certificate_is_good_for_a_name_as_libpq_sees_it(
    prober: Prober, front: Front, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    host, common_name, alternative = HOSTS[names]
    port = front(serving_blobs(authority, common_name, [x509.DNSName(name) for name in alternative])).port
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **named: real(HERE, *rest, **named))
    seen = prober(Tls.VERIFY_FULL, host=host, port=port, timeout=5)
    assert seen.healthy is libpq(prober, port, host)
    if seen.failure is not None:
        assert (seen.failure.phase, seen.failure.kind) == (Phase.TLS, Kind.CERTIFICATE)
        assert host in seen.failure.cause


def serving_blobs(authority: trustme.CA, common_name: str, names: list[x509.GeneralName]) -> ssl.SSLContext:
    """Serve with a certificate of just these names, which trustme does not make."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    signer = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer.subject, x509.Name(subject), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject)
    certificate = builder.sign(signer, hashes.SHA256())  # type: ignore[arg-type]
    blob = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with trustme.Blob(blob).tempfile() as path:
        context.load_cert_chain(path)
    return context


WHY = {
    expired: "has expired",
    not_yet_valid: "not valid yet",
    of_another_host: f"not valid for {HERE}",
    of_another_authority: "authority that the monitor trusts",
    self_signed: "authority that the monitor trusts",
}


@pytest.mark.parametrize("certify", WHY)
def test_why_a_certificate_proves_nothing_is_said(
    prober: Prober, front: Front, authority: trustme.CA, certify: Certify
) -> None:
    seen = prober(Tls.VERIFY_FULL, port=front(certify(authority)).port, timeout=5)
    assert seen.failure is not None
    assert WHY[certify] in seen.failure.cause


@pytest.mark.parametrize("content", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_in_the_layer_that_holds_no_certificate_is_a_fault_of_the_configuration(
    prober: Prober, front: Front, authority: trustme.CA, layer: Path, content: str
) -> None:
    """No database is to blame, and each such file is named."""
    for name in ("company.pem", "other.pem"):
        (layer / name).write_text(content)
    port = front(valid(authority)).port
    with pytest.raises(ConfigurationError) as raised:
        prober(Tls.VERIFY_FULL, port=port, timeout=5)
    assert [fault.split()[0] for fault in raised.value.faults] == [
        "layers/rds-ca/company.pem",
        "layers/rds-ca/other.pem",
    ]
    assert prober(Tls.REQUIRE, port=port, timeout=5).healthy


def test_a_damaged_file_in_the_layer_is_named_in_the_log(
    monitor: Monitor, front: Front, authority: trustme.CA, layer: Path
) -> None:
    """Beside a good certificate it is seen only where a probe needs it; no target's state changes."""
    damaged = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    (layer / "company.pem").write_text(authority.cert_pem.bytes().decode() + damaged)
    monitor.watch("demo", host=HERE, port=front(valid(authority)).port, user="heartline", tls="verify-full")
    tls_context.cache_clear()
    monitor.tick()
    (fault,) = [line for line in monitor.log if line["event"] == "target-fault"]
    assert "company.pem" in fault["message"]
    assert monitor.status()["status"] == "unknown"


def test_the_monitor_finds_a_wrong_file_for_the_probe_function_too(monitor: Monitor, layer: Path) -> None:
    """Both have the same layer, and nobody reads the probe function's log first."""
    (layer / "company.pem").write_text("no PEM")
    monitor.environment["PROBE_FUNCTION"] = "heartline-ProbeFunction-x1"
    monitor.watch("demo", host=HERE, port=1, user="heartline", tls="verify-full")
    with pytest.raises(ConfigurationError, match=r"company\.pem"):
        monitor.tick()


def test_a_wrong_file_in_the_layer_ends_the_tick_before_a_probe(monitor: Monitor, layer: Path) -> None:
    """With nothing stored and nobody alerted; targets that need no authority go on."""
    (layer / "company.pem").write_text("no PEM")
    monitor.watch("demo", host=HERE, port=1, user="heartline", tls="verify-full")
    tls_context.cache_clear()
    with pytest.raises(ConfigurationError, match=r"company\.pem"):
        monitor.tick()
    assert (monitor.mails, monitor.items) == ([], {})
    monitor.watch("demo", secret="heartline/demo")
    assert monitor.tick()["up"] == 1


def test_an_authority_in_the_layer_is_trusted(prober: Prober, front: Front, authority: trustme.CA, layer: Path) -> None:
    own = trustme.CA()
    own.cert_pem.write_to_path(layer / "company.pem")
    assert prober(Tls.VERIFY_FULL, port=front(valid(own)).port, timeout=5).healthy
    assert prober(Tls.VERIFY_FULL, port=front(valid(authority)).port, timeout=5).healthy


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder for authorities, in place of the repository's."""
    folder = tmp_path / "rds-ca"
    folder.mkdir()
    monkeypatch.setattr("heartline.probe.tls._CERTIFICATES", (folder,))
    return folder


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
