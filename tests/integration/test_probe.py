"""A probe names what real servers and real sockets do to it, within its timeout."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
from pg8000 import native

from heartline.model.kinds import Kind, Phase, Tls
from local.peers import (
    forwards,
)
from local.processes import wait_until
from local.stack import ROLE

if TYPE_CHECKING:
    from integration.conftest import Prober, Serve
    from local.postgres import Postgres


def test_a_healthy_database_is_seen_with_its_phases_and_version(prober: Prober) -> None:
    seen = prober(timeout=5)
    assert seen.healthy
    assert list(seen.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.LOGIN, Phase.QUERY]
    assert seen.server is not None
    assert (seen.server.version or "").startswith("18.")
    assert (seen.server.standby, seen.server.read_only) == (False, False)


# What a database does.


def test_a_dead_database(prober: Prober, database: Postgres) -> None:
    database.kill()
    assert prober.verdict() == (Phase.CONNECT, Kind.REFUSED, None)


@pytest.mark.parametrize(("tls", "phase"), [(Tls.DISABLE, Phase.LOGIN), (Tls.VERIFY_FULL, Phase.TLS)])
def test_a_frozen_database(prober: Prober, database: Postgres, tls: Tls, phase: Phase) -> None:
    database.freeze()
    assert prober.verdict(tls) == (phase, Kind.TIMEOUT, None)


def test_a_database_without_tls(prober: Prober) -> None:
    assert prober.verdict(Tls.REQUIRE) == (Phase.TLS, Kind.TLS_REFUSED, None)


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password(prober: Prober, password: str) -> None:
    assert prober.verdict(password=password) == (Phase.LOGIN, Kind.AUTH, "28P01")


def test_a_password_that_ends_with_a_line_break(prober: Prober) -> None:
    seen = prober(password=prober.password + "\n")
    assert seen.failure is not None
    assert (seen.failure.kind, seen.failure.sqlstate) == (Kind.AUTH, "28P01")
    assert "line break" in seen.failure.cause


def test_no_password_where_one_is_asked_for(prober: Prober) -> None:
    seen = prober(password=None)
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.LOGIN, Kind.AUTH)
    assert "none is configured" in seen.failure.cause


def test_a_login_that_pg_hba_rejects(prober: Prober, database: Postgres) -> None:
    database.admit(f"host all {ROLE} all reject")
    try:
        assert prober.verdict() == (Phase.LOGIN, Kind.AUTH, "28000")
    finally:
        database.admit()


def test_a_database_that_is_not_there(prober: Prober) -> None:
    assert prober.verdict(database="orders") == (Phase.LOGIN, Kind.NO_DATABASE, "3D000")


def test_a_database_that_takes_no_connections(prober: Prober, database: Postgres) -> None:
    database.execute("CREATE DATABASE closed ALLOW_CONNECTIONS false")
    try:
        assert prober.verdict(database="closed") == (Phase.LOGIN, Kind.DENIED, "55000")
    finally:
        database.execute("DROP DATABASE closed")


def test_a_database_that_the_role_may_not_connect_to(prober: Prober, database: Postgres) -> None:
    database.execute("CREATE DATABASE private")
    try:
        database.execute("REVOKE CONNECT ON DATABASE private FROM public")
        assert prober.verdict(database="private") == (Phase.LOGIN, Kind.DENIED, "42501")
    finally:
        database.execute("DROP DATABASE private")


@pytest.fixture
def login(prober: Prober, database: Postgres) -> Iterator[Callable[[], native.Connection]]:
    """Open sessions of the role, which end with the test."""
    with ExitStack() as opened:

        def session() -> native.Connection:
            place = (ROLE, database.host, "postgres", database.port, prober.password)
            connection = native.Connection(*place, ssl_context=False, timeout=10)
            opened.callback(_end, connection)
            return connection

        yield session


def _end(session: native.Connection) -> None:
    with suppress(native.InterfaceError):  # it is ended already
        session.close()


def test_a_database_whose_slots_are_taken(
    prober: Prober, database: Postgres, login: Callable[[], native.Connection]
) -> None:
    for _ in range(database.slots):
        login()
    assert prober.verdict() == (Phase.LOGIN, Kind.SATURATED, "53300")


@pytest.mark.parametrize(
    ("own", "said"),
    [(f"ROLE {ROLE}", "ALTER ROLE"), ("DATABASE postgres", "ALTER DATABASE")],
)
def test_a_limit_of_the_role_s_or_the_database_s_own(
    prober: Prober, database: Postgres, login: Callable[[], native.Connection], own: str, said: str
) -> None:
    """It is no matter of max_connections; a server says so in its own language, and in the same function."""
    login()
    database.execute(f"ALTER {own} CONNECTION LIMIT 1")
    try:
        seen = prober()
    finally:
        database.execute(f"ALTER {own} CONNECTION LIMIT -1")
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind, seen.failure.sqlstate) == (Phase.LOGIN, Kind.SATURATED, "53300")
    assert said in seen.failure.next_step
    assert "max_connections" not in seen.failure.next_step


def test_a_database_that_is_shutting_down(
    prober: Prober, database: Postgres, login: Callable[[], native.Connection]
) -> None:
    """A smart shutdown waits for this session and lets nobody else in."""
    session = login()
    said = database.log.stat().st_size
    stopping = threading.Thread(target=database.stop, args=("smart",))
    stopping.start()
    try:
        wait_until(lambda: b"received smart shutdown request" in database.log.read_bytes()[said:], "the shutdown")
        assert prober.verdict() == (Phase.LOGIN, Kind.STARTING, "57P03")
    finally:
        session.close()
        stopping.join()


def test_a_session_that_is_ended_before_its_query(prober: Prober, database: Postgres, serve: Serve) -> None:
    def terminate() -> None:
        database.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")

    front = serve(forwards(database.port, instead_of_query=terminate))
    assert prober.verdict(port=front.port, timeout=5) == (Phase.QUERY, Kind.STOPPING, "57P01")


# What stands between, or in the place of a database.


def test_a_name_that_does_not_exist(prober: Prober) -> None:
    assert prober.verdict(host="no-such-host.invalid", timeout=15) == (Phase.RESOLVE, Kind.UNRESOLVABLE, None)


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "1.2.3.4.5", "[::1]"])
def test_a_name_that_cannot_exist(prober: Prober, host: str) -> None:
    assert prober.verdict(host=host, timeout=15) == (Phase.RESOLVE, Kind.UNRESOLVABLE, None)


def test_a_silent_name_service(prober: Prober, monkeypatch: pytest.MonkeyPatch) -> None:
    answered, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(*arguments: Any, flags: int = 0, **named: Any) -> Any:  # noqa: ANN401
        if not flags & socket.AI_NUMERICHOST:
            answered.wait(10)
        return real(*arguments, flags=flags, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        assert prober.verdict(host="localhost") == (Phase.RESOLVE, Kind.TIMEOUT, None)
    finally:
        answered.set()


def test_a_host_without_a_route(prober: Prober) -> None:
    """TCP to the broadcast address is refused by the kernel itself."""
    assert prober.verdict(host="255.255.255.255") == (Phase.CONNECT, Kind.UNREACHABLE, None)


def test_a_firewall_that_drops(prober: Prober, black_hole: int) -> None:
    assert prober.verdict(port=black_hole) == (Phase.CONNECT, Kind.TIMEOUT, None)


def test_the_next_address_is_tried(prober: Prober, black_hole: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *_: Any, **named: Any) -> Any:  # noqa: ANN401
        return real(host, black_hole, **named) + real(host, port, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert prober(timeout=1).healthy
