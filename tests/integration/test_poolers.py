"""What a pooler or a front says is told as what it is, with the pooler's name and words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from heartline.common.deadline import Deadline
from heartline.model.kinds import Kind, Phase, Tls
from heartline.model.target import Credential, Target
from heartline.probe import probe
from heartline.probe.poolers import _WORDS
from local.peers import READY, WELCOME, error, hangs_up, says
from local.poolers import Front, HaProxy, PgBouncer, Pgpool, program
from local.processes import wait_until
from local.stack import ROLE

if TYPE_CHECKING:
    import trustme

    from heartline.model.observation import Failure, Observation
    from integration.conftest import Prober, Serve
    from local.postgres import Postgres

PASSWORD = "secret"  # Pgpool's file has no way to write a colon
USERS = {ROLE: PASSWORD}
_F = TypeVar("_F", bound=Front)
Start = Callable[[_F], _F]


@pytest.fixture
def prober(prober: Prober, database: Postgres) -> Prober:
    """Return a probe by a role whose password every pooler can have in its list."""
    database.create_role(ROLE, PASSWORD)
    return replace(prober, password=PASSWORD)


@pytest.fixture
def start() -> Iterator[Start[Any]]:
    """Start fronts that end with the test."""
    with ExitStack() as started:
        yield started.enter_context


def needs(front: type[Front]) -> pytest.MarkDecorator:
    return pytest.mark.skipif(program(front.name) is None, reason=f"this machine has no {front.name}")


def failure(seen: Observation) -> Failure:
    assert seen.failure is not None
    return seen.failure


def verdict(failed: Failure) -> tuple[str, str, str | None]:
    return failed.phase.value, failed.kind.value, failed.sqlstate


def assert_named(failed: Failure, pooler: str, said: str) -> None:
    """Fail unless the pooler is named and quoted, and nobody is sent to look an SQLSTATE up."""
    assert pooler in failed.cause
    assert said in (failed.said or "")
    assert "SQLSTATE" not in failed.next_step


# PgBouncer.


@needs(PgBouncer)
def test_a_database_behind_pgbouncer(prober: Prober, database: Postgres, start: Start[PgBouncer]) -> None:
    seen = prober(port=start(PgBouncer(database, USERS)).port, timeout=5)
    assert seen.failure is None
    assert seen.server is not None
    assert seen.server.system


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], Kind, str]] = {
    "a wrong password": ({}, {"password": "wrong"}, Kind.AUTH, "authentication failed"),
    "a wrong password, MD5": ({"auth_type": "md5"}, {"password": "wrong"}, Kind.AUTH, "authentication failed"),
    "an unknown user": ({}, {"user": "nobody"}, Kind.AUTH, "authentication failed"),
    "an unknown user, trusted": ({"auth_type": "trust"}, {"user": "nobody"}, Kind.AUTH, "authentication failed"),
    "an unknown database": ({}, {"database": "orders"}, Kind.NO_DATABASE, "no such database: orders"),
    "its limit": ({"max_client_conn": 0}, {}, Kind.SATURATED, "max_client_conn"),
}


@needs(PgBouncer)
@pytest.mark.parametrize("case", REFUSED)
def test_what_pgbouncer_refuses(prober: Prober, database: Postgres, start: Start[PgBouncer], case: str) -> None:
    settings, differing, kind, said = REFUSED[case]
    failed = failure(prober(port=start(PgBouncer(database, USERS, **settings)).port, timeout=5, **differing))
    assert verdict(failed) == ("login", kind, "08P01")
    assert_named(failed, "PgBouncer", said)


@needs(PgBouncer)
def test_pgbouncer_that_wants_tls(
    prober: Prober,
    database: Postgres,
    start: Start[PgBouncer],
    authority: trustme.CA,
) -> None:
    bouncer = PgBouncer(database, USERS, client_tls_sslmode="require")
    certificate = authority.issue_cert("127.0.0.1")
    for setting, blob in (
        ("client_tls_key_file", certificate.private_key_pem),
        ("client_tls_cert_file", certificate.cert_chain_pems[0]),
    ):
        bouncer.settings[setting] = bouncer.write(f"{setting}.pem", blob.bytes().decode())
    port = start(bouncer).port
    failed = failure(prober(port=port, timeout=5))
    assert verdict(failed) == ("login", "auth", "08P01")
    assert_named(failed, "PgBouncer", "SSL required")
    assert 'tls = "verify-full"' in failed.next_step
    assert prober(Tls.VERIFY_FULL, port=port, timeout=5).healthy


@needs(PgBouncer)
def test_a_database_that_is_disabled_in_pgbouncer(prober: Prober, database: Postgres, start: Start[PgBouncer]) -> None:
    bouncer = start(PgBouncer(database, USERS))
    bouncer.order("DISABLE postgres")
    failed = failure(prober(port=bouncer.port, timeout=5))
    assert verdict(failed) == ("login", "denied", "08P01")
    assert_named(failed, "PgBouncer", "is disabled")


@needs(PgBouncer)
@pytest.mark.parametrize(("used", "phase"), [(False, Phase.LOGIN), (True, Phase.QUERY)])
def test_pgbouncer_that_is_paused(
    prober: Prober, database: Postgres, start: Start[PgBouncer], used: bool, phase: Phase
) -> None:
    """It lets a client in where it knows the server's greeting already; the query waits then."""
    bouncer = start(PgBouncer(database, USERS))
    if used:
        assert prober(port=bouncer.port, timeout=5).healthy
    bouncer.order("PAUSE")
    failed = failure(prober(port=bouncer.port, timeout=1))
    assert verdict(failed) == (phase, "timeout", None)
    assert "pooler in between is paused" in failed.next_step


@needs(PgBouncer)
@pytest.mark.parametrize(("used", "phase"), [(False, Phase.LOGIN), (True, Phase.QUERY)])
def test_pgbouncer_that_gives_up_waiting(
    prober: Prober, database: Postgres, start: Start[PgBouncer], used: bool, phase: Phase
) -> None:
    bouncer = start(PgBouncer(database, USERS, query_wait_timeout=1))
    if used:
        assert prober(port=bouncer.port, timeout=5).healthy
    bouncer.order("PAUSE")
    failed = failure(prober(port=bouncer.port, timeout=10))
    assert verdict(failed) == (phase, "timeout", "08P01")
    assert_named(failed, "PgBouncer", "query_wait_timeout")


@needs(PgBouncer)
def test_a_query_that_takes_longer_than_pgbouncer_lets_it(
    prober: Prober, database: Postgres, start: Start[PgBouncer]
) -> None:
    port = start(PgBouncer(database, USERS, query_timeout=1)).port
    slow = Target("demo", tls=Tls.DISABLE, query="SELECT pg_sleep(30)")
    credential = Credential(replace(prober.place, port=port), PASSWORD)
    failed = failure(probe(slow, credential, Deadline.after(20)))
    assert verdict(failed) == ("query", "timeout", "08P01")
    assert_named(failed, "PgBouncer", "query timeout")


@needs(PgBouncer)
def test_a_server_behind_pgbouncer_that_is_down(prober: Prober, database: Postgres, start: Start[PgBouncer]) -> None:
    """It lets clients in all the same, where it knows the server's greeting."""
    bouncer = start(PgBouncer(database, USERS, query_wait_timeout=1))
    assert prober(port=bouncer.port, timeout=5).healthy
    database.kill()
    assert verdict(failure(prober(port=bouncer.port, timeout=10))) == ("query", "timeout", "08P01")
    failed = failure(prober(port=bouncer.port, timeout=10))
    assert verdict(failed) == ("query", "server-error", "08P01")
    assert_named(failed, "PgBouncer", "server login has been failing")
    assert "behind" in failed.next_step


# Pgpool-II.


@needs(Pgpool)
@pytest.mark.parametrize("method", ["scram-sha-256", "md5"])
def test_a_database_behind_pgpool(prober: Prober, database: Postgres, start: Start[Pgpool], method: str) -> None:
    port = start(Pgpool(database, USERS, method=method)).port
    assert prober(port=port, timeout=5).failure is None
    for differing in ({"password": "wrong"}, {"user": "nobody"}):
        failed = failure(prober(port=port, timeout=5, **differing))
        assert verdict(failed) == ("login", "auth", "XX000")
        assert_named(failed, "Pgpool-II", "authentication failed")


@needs(Pgpool)
def test_a_password_that_pgpool_lacks(prober: Prober, database: Postgres, start: Start[Pgpool]) -> None:
    """It lets the client in, and cannot log in to the server behind."""
    failed = failure(prober(port=start(Pgpool(database, {}, method="trust")).port, timeout=5))
    assert verdict(failed) == ("login", "server-error", "XX000")
    assert_named(failed, "Pgpool-II", "failed to authenticate with backend")


@needs(Pgpool)
def test_a_host_that_pgpool_rejects(prober: Prober, database: Postgres, start: Start[Pgpool]) -> None:
    failed = failure(prober(port=start(Pgpool(database, USERS, method="reject")).port, timeout=5))
    assert verdict(failed) == ("login", "auth", "XX000")
    assert_named(failed, "Pgpool-II", "client authentication failed")


@needs(Pgpool)
def test_a_server_behind_pgpool_that_is_down(prober: Prober, database: Postgres, start: Start[Pgpool]) -> None:
    port = start(Pgpool(database, USERS)).port
    database.kill()
    said: list[Failure] = []

    def given_up() -> bool:
        said.append(failure(prober(port=port, timeout=5)))
        return "all backend nodes are down" in (said[-1].said or "")

    wait_until(given_up, "Pgpool-II to give the server up")
    assert not any(failed.kind.misconfigured for failed in said)
    assert verdict(said[-1]) == ("login", "server-error", "XX000")
    assert_named(said[-1], "Pgpool-II", "all backend nodes are down")
    assert "behind" in said[-1].next_step


# HAProxy.


@needs(HaProxy)
def test_a_database_behind_haproxy(prober: Prober, database: Postgres, start: Start[HaProxy]) -> None:
    port = start(HaProxy(database.port)).port
    assert prober(port=port, timeout=5).failure is None
    database.kill()
    assert verdict(failure(prober(port=port, timeout=5))) == ("login", "closed", None)


# What is not installed here, and what no pooler is known to say.

SAID: dict[str, tuple[str, Kind, str]] = {  # PgBouncer 1.24 and later; a pooler of PAM, LDAP, certificates; Pgpool-II
    "client connections exceeded (max_db_client_connections)": ("08P01", Kind.SATURATED, "PgBouncer"),
    "client connections exceeded (max_user_client_connections)": ("08P01", Kind.SATURATED, "PgBouncer"),
    "server login has been failing, cached error: connect failed (server_login_retry)": (
        "08P01",
        Kind.SERVER_ERROR,
        "PgBouncer",
    ),
    "no such user": ("08P01", Kind.AUTH, "PgBouncer"),
    "no authentication method is found": ("08P01", Kind.AUTH, "PgBouncer"),
    "PAM authentication failed": ("08P01", Kind.AUTH, "PgBouncer"),
    "LDAP authentication failed": ("08P01", Kind.AUTH, "PgBouncer"),
    "certificate authentication failed": ("08P01", Kind.CLIENT_CERTIFICATE, "certificate"),
    "pooler is shutting down": ("08P01", Kind.STOPPING, "PgBouncer"),
    "client_login_timeout (server down)": ("08P01", Kind.TIMEOUT, "PgBouncer"),
    "bouncer config error": ("08P01", Kind.SERVER_ERROR, "PgBouncer"),
    'password authentication failed for user "x"': ("XX000", Kind.AUTH, "Pgpool-II"),
    "failed authentication against PAM": ("XX000", Kind.AUTH, "Pgpool-II"),
    "failed to create a backend connection": ("XX000", Kind.SERVER_ERROR, "Pgpool-II"),
    "pgpool is not accepting any new connections": ("08S01", Kind.SERVER_ERROR, "Pgpool-II"),
    "something new": ("08P01", Kind.SERVER_ERROR, "server"),
    "cache lookup failed for type 16384": ("XX000", Kind.SERVER_ERROR, "server"),
}


@pytest.mark.parametrize("said", SAID)
def test_words_of_poolers(prober: Prober, serve: Serve, said: str) -> None:
    sqlstate, kind, named = SAID[said]
    failed = failure(prober(port=serve(says(error(sqlstate, said), hangs_up)).port, timeout=5))
    assert verdict(failed) == ("login", kind, sqlstate)
    assert named in failed.cause
    assert failed.said == said


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("server conn crashed?", Kind.SERVER_ERROR),
        ("admin forced disconnect", Kind.STOPPING),
        ("no such database: x", Kind.SERVER_ERROR),
    ],
)
def test_words_of_poolers_in_the_query(prober: Prober, serve: Serve, said: str, kind: Kind) -> None:
    """What they say of a login means nothing there."""
    refusal = error("08P01", said) + READY
    port = serve(says(WELCOME, says(refusal, says(refusal, says(refusal))))).port
    assert verdict(failure(prober(port=port, timeout=5))) == ("query", kind, "08P01")


def test_the_same_words_of_a_server_under_its_own_sqlstate_are_the_server_s(prober: Prober, serve: Serve) -> None:
    port = serve(says(error("53200", "no such database: x"), hangs_up)).port
    failed = failure(prober(port=port, timeout=5))
    assert verdict(failed) == ("login", "server-error", "53200")
    assert "PgBouncer" not in failed.cause


def test_every_kind_that_a_pooler_s_words_stand_for_exists_at_login() -> None:
    kinds = {meaning.kind for known in _WORDS.values() for _, meaning in known}
    assert all(Phase.LOGIN in kind.phases for kind in kinds)
