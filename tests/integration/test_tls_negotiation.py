"""TLS begins as PostgreSQL has it, or from the first byte on; each is told where the other is needed."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from heartline.common.deadline import Deadline
from heartline.model.kinds import Kind, Phase, Tls, TlsNegotiation
from heartline.model.target import Credential, Target
from heartline.probe import probe
from heartline.probe.tls import ALPN
from local.peers import forwards, listens, resets, says
from local.poolers import Front, HaProxy, Stunnel, program

if TYPE_CHECKING:
    import socket

    from heartline.model.observation import Failure, Observation
    from integration.conftest import Prober, Serve
    from local.peers import Behaviour
    from local.postgres import Postgres

HERE = "127.0.0.1"
See = Callable[..., "Observation"]
Start = Callable[[Front], Front]


@pytest.fixture
def see(prober: Prober) -> See:
    """Probe a port of this machine with TLS that begins in one of the two ways."""

    def see(port: int, negotiation: TlsNegotiation, *, tls: Tls = Tls.VERIFY_FULL, **offered: Any) -> Observation:  # noqa: ANN401
        place = type(prober.place)(HERE, port, prober.place.database, prober.place.user)
        credential = Credential(place, prober.password, **offered)
        return probe(Target("demo", tls=tls, tls_negotiation=negotiation), credential, Deadline.after(5))

    return see


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as started:
        yield started.enter_context


def failure(seen: Observation) -> Failure:
    assert seen.failure is not None
    return seen.failure


def needs(front: type[Front]) -> pytest.MarkDecorator:
    return pytest.mark.skipif(program(front.name) is None, reason=f"this machine has no {front.name}")


def pem(certificate: trustme.LeafCert) -> bytes:
    return certificate.private_key_and_cert_chain_pem.bytes()


def directly(context: ssl.SSLContext, then: Behaviour) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            then(secured)

    return behave


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HERE).configure_cert(context)
    return context


def test_tls_from_the_first_byte_on(see: See, serve: Serve, database: Postgres, context: ssl.SSLContext) -> None:
    context.set_alpn_protocols([ALPN])
    port = serve(directly(context, forwards(database.port))).port
    seen = see(port, TlsNegotiation.DIRECT)
    assert seen.failure is None
    assert seen.server is not None
    assert seen.server.certificate_expires is not None


@pytest.mark.parametrize("protocols", [[], ["h2"]])
def test_tls_without_postgresql_inside_is_no_database(
    see: See, serve: Serve, database: Postgres, context: ssl.SSLContext, protocols: list[str]
) -> None:
    """What answers may be any server of TLS; libpq demands the same agreement."""
    context.set_alpn_protocols(protocols)
    failed = failure(see(serve(directly(context, forwards(database.port))).port, TlsNegotiation.DIRECT))
    assert (failed.phase, failed.kind) == (Phase.TLS, Kind.TLS)
    assert "tls_negotiation" in failed.next_step


@pytest.mark.parametrize(
    ("behave", "kind"),
    [(resets, Kind.CLOSED), (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Kind.TLS), (listens, Kind.TIMEOUT)],
)
def test_a_peer_that_knows_nothing_of_direct_tls(see: See, serve: Serve, behave: Behaviour, kind: Kind) -> None:
    failed = failure(see(serve(behave).port, TlsNegotiation.DIRECT))
    assert (failed.phase, failed.kind) == (Phase.TLS, kind)
    assert "PostgreSQL 17" in failed.next_step


def test_a_server_before_postgresql_17(see: See, database: Postgres) -> None:
    """It closes; a newer one without TLS does so too."""
    failed = failure(see(database.port, TlsNegotiation.DIRECT))
    assert (failed.phase, failed.kind) == (Phase.TLS, Kind.CLOSED)
    assert "tls_negotiation" in failed.next_step


def test_a_certificate_is_checked_all_the_same(
    see: See, serve: Serve, database: Postgres, authority: trustme.CA
) -> None:
    assert authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HERE).configure_cert(context)
    context.set_alpn_protocols([ALPN])
    port = serve(directly(context, forwards(database.port))).port
    assert failure(see(port, TlsNegotiation.DIRECT)).kind is Kind.CERTIFICATE
    assert see(port, TlsNegotiation.DIRECT, tls=Tls.REQUIRE).healthy


@needs(HaProxy)
def test_a_front_of_haproxy(see: See, start: Start, database: Postgres, authority: trustme.CA) -> None:
    port = start(HaProxy(database.port, certificate=pem(authority.issue_cert(HERE)))).port
    assert see(port, TlsNegotiation.DIRECT).failure is None
    failed = failure(see(port, TlsNegotiation.POSTGRES))
    assert (failed.phase, failed.kind) == (Phase.TLS, Kind.CLOSED)
    assert "tls_negotiation" in failed.next_step


@needs(HaProxy)
def test_a_front_of_haproxy_that_demands_a_certificate(
    see: See,
    start: Start,
    database: Postgres,
    authority: trustme.CA,
) -> None:
    front = HaProxy(database.port, certificate=pem(authority.issue_cert(HERE)), demanding=authority.cert_pem.bytes())
    port = start(front).port
    assert {failure(see(port, TlsNegotiation.DIRECT)).kind for _ in range(20)} == {Kind.CLIENT_CERTIFICATE}
    own = pem(authority.issue_cert(common_name="heartline")).decode()
    assert see(port, TlsNegotiation.DIRECT, client_certificate=own).failure is None


@needs(Stunnel)
def test_a_front_of_stunnel_that_knows_postgresql(
    see: See,
    start: Start,
    database: Postgres,
    authority: trustme.CA,
) -> None:
    port = start(Stunnel(database.port, pem(authority.issue_cert(HERE)), "protocol = pgsql")).port
    assert see(port, TlsNegotiation.POSTGRES).failure is None


@needs(Stunnel)
def test_a_front_of_stunnel_that_speaks_tls_at_once(
    see: See,
    start: Start,
    database: Postgres,
    authority: trustme.CA,
) -> None:
    """Without an agreement on PostgreSQL, which stunnel does not make: no client of PostgreSQL can use it."""
    port = start(Stunnel(database.port, pem(authority.issue_cert(HERE)))).port
    for negotiation, kind in ((TlsNegotiation.POSTGRES, Kind.CLOSED), (TlsNegotiation.DIRECT, Kind.TLS)):
        failed = failure(see(port, negotiation))
        assert (failed.phase, failed.kind) == (Phase.TLS, kind)
        assert "tls_negotiation" in failed.next_step
