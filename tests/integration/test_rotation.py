"""A secret that was rotated is read again before anybody is alerted, whoever refuses the old one."""

from __future__ import annotations

import itertools
import os
import signal
from time import time
from typing import TYPE_CHECKING

import pytest

from local.peers import Peer, error, hangs_up, healthy, says
from local.poolers import Front, PgBouncer, Pgpool, program
from local.processes import wait_until
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    import socket

    from integration.conftest import Monitor, Prober, Serve
    from local.peers import Behaviour
    from local.postgres import Postgres

OLD, NEW = "the-old-one", "the-new-one"
READ = "secretsmanager:GetSecretValue"


def watch(monitor: Monitor, front: Front | Peer) -> None:
    monitor.aws.put_secret(SECRET, {"username": ROLE, "password": OLD, "host": "127.0.0.1", "port": front.port})
    monitor.watch("demo", secret=SECRET, timeout=5)


def rotate(monitor: Monitor, front: Front | Peer, database: Postgres) -> None:
    monitor.aws.put_secret(SECRET, {"username": ROLE, "password": NEW, "host": "127.0.0.1", "port": front.port})
    database.execute(f"ALTER ROLE {ROLE} PASSWORD '{NEW}'")


def assert_silent(monitor: Monitor) -> None:
    assert monitor.tick()["up"] == 1
    assert monitor.status()["incident"] is None
    assert monitor.mails == []
    assert monitor.aws.calls.count(READ) == 2


@pytest.mark.skipif(program(PgBouncer.name) is None, reason="this machine has no pgbouncer")
def test_a_rotation_behind_pgbouncer(monitor: Monitor, database: Postgres, prober: Prober) -> None:
    database.create_role(ROLE, OLD)
    with PgBouncer(database, {ROLE: OLD}) as bouncer:
        watch(monitor, bouncer)
        assert monitor.tick()["up"] == 1
        rotate(monitor, bouncer, database)
        changed = bouncer.write("users.txt", f'"{ROLE}" "{NEW}"', '"admin" "admin"')
        os.utime(changed, (time() + 10, time() + 10))  # it reads a file again that is newer by whole seconds
        bouncer.order("RELOAD")
        wait_until(
            lambda: prober(port=bouncer.port, password=NEW, timeout=5).healthy, "PgBouncer to read its passwords"
        )
        assert prober(port=bouncer.port, password=OLD, timeout=5).failure is not None
        assert_silent(monitor)


@pytest.mark.skipif(program(Pgpool.name) is None, reason="this machine has no pgpool")
def test_a_rotation_behind_pgpool(monitor: Monitor, database: Postgres, prober: Prober) -> None:
    database.create_role(ROLE, OLD)
    with Pgpool(database, {ROLE: OLD}) as pgpool:
        watch(monitor, pgpool)
        assert monitor.tick()["up"] == 1
        rotate(monitor, pgpool, database)
        pgpool.write("pool_passwd", f"{ROLE}:TEXT{NEW}")
        pgpool.signal(signal.SIGHUP)
        wait_until(lambda: prober(port=pgpool.port, password=NEW, timeout=5).healthy, "Pgpool-II to read its passwords")
        assert_silent(monitor)


@pytest.mark.parametrize(
    ("sqlstate", "said"),
    [
        ("28P01", "password authentication failed"),
        ("28000", 'LDAP authentication failed for user "heartline"'),
        ("28000", 'RADIUS authentication failed for user "heartline"'),
        ("08P01", "something new of PgBouncer's"),
        ("XX000", "something new of Pgpool's"),
    ],
)
def test_a_refusal_that_could_be_the_password_s(
    monitor: Monitor, database: Postgres, serve: Serve, sqlstate: str, said: str
) -> None:
    turns = itertools.chain([healthy, says(error(sqlstate, said), hangs_up)], itertools.repeat(healthy))
    peer = serve(in_turn(turns))
    database.create_role(ROLE, OLD)
    watch(monitor, peer)
    assert monitor.tick()["up"] == 1
    rotate(monitor, peer, database)
    assert_silent(monitor)


def in_turn(behaviours: itertools.chain[Behaviour]) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        next(behaviours)(connection)

    return behave


@pytest.mark.parametrize("sqlstate", ["3D000", "53300", "57P03"])
def test_what_no_password_can_be_the_reason_of_reads_no_secret_again(
    monitor: Monitor, serve: Serve, sqlstate: str
) -> None:
    watch(monitor, serve(says(error(sqlstate), hangs_up)))
    monitor.order("probe")
    assert monitor.aws.calls.count(READ) == 1


def test_a_refusal_that_stays_is_told_after_one_more_reading(monitor: Monitor, serve: Serve) -> None:
    watch(monitor, serve(says(error("08P01", "SASL authentication failed"), hangs_up)))
    failed = monitor.order("probe")["failure"]
    assert (failed["kind"], failed["sqlstate"]) == ("auth", "08P01")
    assert monitor.aws.calls.count(READ) == 2
