"""A PostgreSQL with TLS of its own: nothing of ours ends the encryption."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme

from heartline.common.deadline import Deadline
from heartline.model.kinds import Kind, Phase, Tls
from heartline.model.observation import Observation
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from local.peers import HOST, SSL_REQUEST, asks, secures
from local.postgres import Postgres
from local.processes import wait_until
from local.programs import installed
from local.stack import ROLE

if TYPE_CHECKING:
    from integration.conftest import Serve
    from local.peers import Behaviour

PASSWORD = "secret"
Verdict = tuple[Phase, Kind, str | None]


class Secured:
    """A server that takes TLS with a certificate, and a role of it."""

    def __init__(self, server: Postgres, authority: trustme.CA) -> None:
        self.server = server
        self.authority = authority
        server.create_role(ROLE, PASSWORD)

    def show(self, certificate: trustme.LeafCert) -> None:
        """Let the server show that certificate from now on."""
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        self.server.take_tls(chain, certificate.private_key_pem.bytes(), self.authority.cert_pem.bytes())

    def see(self, tls: Tls, *, port: int = 0, password: str = PASSWORD, host: str = HOST) -> Observation:
        place = Endpoint(host, port or self.server.port, "postgres", ROLE)
        return probe(Target("demo", tls=tls), Credential(place, password), Deadline.after(5))

    def verdict(self, tls: Tls, *, port: int = 0) -> Verdict | None:
        failure = self.see(tls, port=port).failure
        return failure and (failure.phase, failure.kind, failure.sqlstate)


@pytest.fixture(scope="module")
def _server() -> Iterator[Postgres]:
    programs = installed()
    if programs is None:
        pytest.skip("this machine has no PostgreSQL of its own; the bundled one has no TLS")
    with Postgres(programs=programs) as server:
        yield server


@pytest.fixture
def secured(_server: Postgres, authority: trustme.CA) -> Iterator[Secured]:
    """Yield a server whose certificate is good for this machine."""
    secured = Secured(_server, authority)
    secured.show(authority.issue_cert(HOST, "localhost"))
    yield secured
    _server.admit()


@pytest.mark.parametrize("tls", [Tls.VERIFY_FULL, Tls.VERIFY_CA, Tls.REQUIRE])
def test_a_server_that_is_what_it_says(secured: Secured, tls: Tls) -> None:
    secured.server.admit(f"hostssl all {ROLE} all scram-sha-256", f"host all {ROLE} all reject")
    seen = secured.see(tls)
    assert seen.failure is None
    assert list(seen.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.LOGIN, Phase.QUERY]


def test_a_name_is_checked_against_the_certificate(secured: Secured) -> None:
    assert secured.see(Tls.VERIFY_FULL, host="localhost").healthy


@pytest.mark.parametrize("days", [30, 1000])
def test_the_end_of_the_certificate_is_told(secured: Secured, days: int) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    secured.show(secured.authority.issue_cert(HOST, not_after=ends))
    wait_until(lambda: expiry(secured, Tls.VERIFY_FULL) == ends, "the server to show it")
    assert expiry(secured, Tls.VERIFY_CA) == ends
    assert expiry(secured, Tls.REQUIRE) is None


def expiry(secured: Secured, tls: Tls) -> datetime | None:
    seen = secured.see(tls)
    assert seen.server is not None
    return seen.server.certificate_expires


def test_a_certificate_for_another_host(secured: Secured) -> None:
    secured.show(secured.authority.issue_cert("db.example.com"))
    wait_until(lambda: not secured.see(Tls.VERIFY_FULL).healthy, "the server to show it")
    assert secured.verdict(Tls.VERIFY_FULL) == (Phase.TLS, Kind.CERTIFICATE, None)
    assert secured.verdict(Tls.VERIFY_CA) is None
    assert secured.verdict(Tls.REQUIRE) is None


def test_a_certificate_of_an_unknown_authority(secured: Secured) -> None:
    secured.show(trustme.CA().issue_cert(HOST))
    wait_until(lambda: not secured.see(Tls.VERIFY_FULL).healthy, "the server to show it")
    assert secured.verdict(Tls.VERIFY_FULL) == (Phase.TLS, Kind.CERTIFICATE, None)
    assert secured.verdict(Tls.VERIFY_CA) == (Phase.TLS, Kind.CERTIFICATE, None)
    assert secured.verdict(Tls.REQUIRE) is None


def test_a_server_that_admits_over_tls_only(secured: Secured) -> None:
    secured.server.admit(f"hostssl all {ROLE} all scram-sha-256", f"host all {ROLE} all reject")
    assert secured.verdict(Tls.DISABLE) == (Phase.LOGIN, Kind.AUTH, "28000")


def test_a_server_that_admits_by_certificate_only(secured: Secured) -> None:
    secured.server.admit(f"hostssl all {ROLE} all scram-sha-256 clientcert=verify-ca")
    assert secured.verdict(Tls.VERIFY_FULL) == (Phase.LOGIN, Kind.AUTH, "28000")


def test_a_wrong_password_over_tls(secured: Secured) -> None:
    failure = secured.see(Tls.VERIFY_FULL, password="wrong").failure
    assert failure is not None
    assert (failure.kind, failure.sqlstate) == (Kind.AUTH, "28P01")


def test_versions_of_tls_that_the_probe_does_not_speak(secured: Secured) -> None:
    secured.server.execute("ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1'")
    secured.server.execute("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.1'")
    secured.server.admit()
    try:
        wait_until(lambda: not secured.see(Tls.VERIFY_FULL).healthy, "the server to speak TLS 1.1 only")
        assert secured.verdict(Tls.VERIFY_FULL) == (Phase.TLS, Kind.TLS, None)
    finally:
        secured.server.execute("ALTER SYSTEM RESET ssl_min_protocol_version")
        secured.server.execute("ALTER SYSTEM RESET ssl_max_protocol_version")


def between(secured: Secured, rewrite: Callable[[bytes], bytes] = bytes) -> Behaviour:
    """Stand between a client and the server, with TLS to both."""
    outward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    secured.authority.configure_trust(outward)

    def behave(client: socket.socket) -> None:
        with socket.create_connection((HOST, secured.server.port), 10) as plain:
            plain.sendall(SSL_REQUEST)
            assert plain.recv(1) == b"S"
            with outward.wrap_socket(plain, server_hostname=HOST) as server:
                while True:
                    for source in select.select([client, server], [], [])[0]:
                        said = source.recv(1 << 16)
                        if not said:
                            return
                        if source is client:
                            server.sendall(said)
                        else:
                            client.sendall(rewrite(said))

    return behave


def test_scram_is_bound_to_the_channel(secured: Secured, serve: Serve) -> None:
    """A front with a certificate as good as the server's reads all that is said: the server notices, and refuses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.authority.issue_cert(HOST).configure_cert(context)
    port = serve(secures(context, between(secured))).port
    assert secured.verdict(Tls.VERIFY_FULL, port=port) == (Phase.LOGIN, Kind.AUTH, "28000")


def test_an_offer_of_channel_binding_cannot_be_taken_away(secured: Secured, serve: Serve) -> None:
    """The server finds out that the client did not see all that it offered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.authority.issue_cert(HOST).configure_cert(context)
    offer, without = (
        asks(10, mechanisms + b"\0") for mechanisms in (b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", b"SCRAM-SHA-256\0")
    )
    port = serve(secures(context, between(secured, lambda said: said.replace(offer, without)))).port
    assert secured.verdict(Tls.VERIFY_FULL, port=port) == (Phase.LOGIN, Kind.AUTH, "28000")


def test_a_front_between_would_go_unnoticed_without_it(secured: Secured, serve: Serve) -> None:
    """Else the test above would prove nothing."""
    secured.server.admit(f"hostssl all {ROLE} all trust")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.authority.issue_cert(HOST).configure_cert(context)
    port = serve(secures(context, between(secured))).port
    assert secured.verdict(Tls.VERIFY_FULL, port=port) is None
