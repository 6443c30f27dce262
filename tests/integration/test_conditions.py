"""Conditions on real servers: slots that fill, a standby that lags, transaction ids that run out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pg8000 import native

from heartline.common.deadline import Deadline
from heartline.model.kinds import Tls
from heartline.model.observation import Gauges
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from local.peers import says_version
from local.postgres import Postgres
from local.processes import wait_until
from local.programs import installed
from local.stack import ROLE, SECRET
from local.wire import published_alert

if TYPE_CHECKING:
    from integration.conftest import Monitor, Serve
    from local.peers import Peer

PASSWORD = "secret"
# Of pg_xact, the status of transactions: 32 pages of 8 KiB a file, 2 bits a transaction (access/transam/clog.c).
A_FILE = 32 * 8192 * 4
BILLION = 1_000_000_000


@pytest.fixture(scope="module", params=["bundled", "installed"])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    directory = installed() if request.param == "installed" else None
    if request.param == "installed" and directory is None:
        pytest.skip("this machine has no PostgreSQL of its own")
    with Postgres(programs=directory) as server:
        server.create_role(ROLE, PASSWORD)
        yield server


def gauges(server: Postgres | Peer) -> Gauges:
    place = Endpoint(server.host, server.port, "postgres", ROLE)
    seen = probe(Target("demo", tls=Tls.DISABLE), Credential(place, PASSWORD), Deadline.after(5))
    assert seen.failure is None
    return seen.gauges


def watch(monitor: Monitor, server: Postgres, **keys: object) -> None:
    monitor.aws.put_secret(SECRET, {"username": ROLE, "password": PASSWORD})
    monitor.watch("demo", host=server.host, port=server.port, user=ROLE, secret=SECRET, **keys)


def hold(stack: ExitStack, server: Postgres, number: int) -> None:
    """Hold so many sessions until the stack is closed."""
    for _ in range(number):
        session = native.Connection(ROLE, server.host, "postgres", server.port, PASSWORD, ssl_context=False)
        stack.enter_context(closing(session))


def test_a_server_whose_slots_fill_is_told_and_its_relief_too(monitor: Monitor, server: Postgres) -> None:
    watch(monitor, server)
    monitor.tick()
    assert monitor.subjects == []
    with ExitStack() as stack:
        # 17 are open to ordinary roles; the probe has one of them: 15 of 17 are 88 %.
        hold(stack, server, 14)
        answer = monitor.tick()
        (condition,) = monitor.status()["conditions"]
    assert (answer["up"], answer["down"]) == (1, 0)
    assert [subject.partition(" · ")[0] for subject in monitor.subjects] == ["[FILLING: 88 %] demo"]
    (mail,) = monitor.mails
    assert (mail.headers["X-Heartline-Status"], mail.headers["X-Heartline-Target"]) == ("notice", "demo")
    assert "15 of the 17" in " ".join(mail.text.split())
    assert (condition["kind"], condition["threshold"], condition["notified"]) == ("filling", 85, True)
    document = published_alert(monitor.aws.published[-1])
    assert (document["kind"], document["status"], document["condition"]["kind"]) == ("filling", "notice", "filling")
    wait_until(lambda: (gauges(server).slots_used or 99) < 5, "the sessions to end")
    monitor.pass_time(minutes=1)
    monitor.tick()
    assert re.match(r"\[FILLING ENDED: \d+ %\] demo · ", monitor.subjects[-1])
    assert monitor.status()["conditions"] == []


def test_what_is_no_session_of_a_client_takes_no_slot(server: Postgres) -> None:
    """On PostgreSQL 15 a sender of logical replication and a worker could; a standby and the launcher never do."""
    with Postgres(primary=server) as standby:
        wait_until(lambda: server.execute("SELECT count(*) FROM pg_stat_replication") == [[1]], "the standby")
        for each in (server, standby):
            wait_until(lambda each=each: gauges(each).slots_used == 1, "the probe's session to be the only one")
            assert gauges(each).slots == each.slots


@pytest.mark.parametrize("version", ["13.14", "16.4"])
def test_a_server_of_any_version_says_as_much(server: Postgres, serve: Serve, version: str) -> None:
    """By a front that reports another version than the server's own: it is asked as one of that version is."""
    fronted = serve(says_version(server.port, lambda: version))
    for each in (server, fronted):
        wait_until(lambda each=each: gauges(each).slots_used == 1, "the probe's session to be the only one")
    seen = replace(gauges(server), slots_used=None)
    assert replace(gauges(fronted), slots_used=None) == seen == Gauges(server.slots, None, seen.xid_age)
    assert seen.xid_age is not None


def test_a_standby_lags_when_it_does_not_replay_and_when_it_is_cut_off(monitor: Monitor, server: Postgres) -> None:
    with Postgres(primary=server) as standby:
        watch(monitor, standby, lag_after="1s", expect="standby")
        server.execute("SELECT txid_current()")
        caught_up(server, standby)
        # There is nothing to replay, however long ago the last transaction was.
        server.execute("SELECT pg_sleep(1.2)")
        assert (gauges(standby).replay_delay, gauges(standby).xid_age) == (0, None)
        standby.execute("SELECT pg_wal_replay_pause()")
        server.execute("SELECT txid_current()")
        wait_until(lambda: (gauges(standby).replay_delay or 0) > 1, "the standby to lag")
        monitor.tick()
        assert monitor.subjects == []
        monitor.pass_time(minutes=1)
        monitor.tick()
        assert monitor.subjects[0].startswith("[LAGGING: ")
        standby.execute("SELECT pg_wal_replay_resume()")
        caught_up(server, standby)
        monitor.pass_time(minutes=1)
        monitor.tick()
        assert [subject.partition(":")[0] for subject in monitor.subjects[1:]] == ["[LAGGING ENDED"]
        standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
        standby.execute("SELECT pg_reload_conf()")
        wait_until(lambda: (gauges(standby).replay_delay or 0) > 1, "the standby to be cut off")


def caught_up(primary: Postgres, standby: Postgres) -> None:
    (end,) = primary.execute("SELECT pg_current_wal_lsn()")[0]
    wait_until(lambda: standby.execute(f"SELECT pg_last_wal_replay_lsn() >= '{end}'") == [[True]], "replay")


def test_a_server_whose_transaction_ids_run_out_is_told_at_each_level(monitor: Monitor) -> None:
    """A server that was aged: its counter is set on, and nothing is frozen since."""
    with Postgres() as server:
        server.create_role(ROLE, PASSWORD)
        # Else a worker begins to freeze at 200 million, whatever autovacuum says.
        server.execute("ALTER SYSTEM SET autovacuum_freeze_max_age = 2000000000")
        watch(monitor, server)
        for age, told in ((1.15, []), (1.35, ["1,3"]), (1.55, ["1,3"]), (1.75, ["1,3", "1,7"])):
            advance(server, int(age * BILLION))
            monitor.pass_time(hours=2)
            monitor.tick()
            ages = [re.findall(r"^\[WRAPAROUND: (\d,\d)", one) for one in monitor.subjects]
            assert [one[0] for one in ages if one] == told


def advance(server: Postgres, number: int) -> None:
    """Let the next transaction have that number."""
    server.stop()
    programs = server._installed()
    programs.run("pg_resetwal", "-D", str(server.data), "-x", str(number))
    path, owner = server.data / "pg_xact" / f"{number // A_FILE:04X}", server.data.stat()
    path.write_bytes(bytes(32 * 8192))
    os.chown(path, owner.st_uid, owner.st_gid)
    server.start()
    server.execute("CHECKPOINT")


@pytest.mark.usefixtures("database")
def test_a_slow_server_is_told_with_the_medians_of_the_last_days(monitor: Monitor) -> None:
    monitor.watch("demo", secret=SECRET)
    for _ in range(6):
        monitor.pass_time(minutes=30)
        monitor.tick()
    # No probe logs in and queries within a millisecond.
    monitor.watch("demo", secret=SECRET, slow_after=0.001)
    for _ in range(3):
        monitor.pass_time(minutes=1)
        monitor.tick()
    (mail,) = monitor.mails
    assert re.match(r"\[SLOW: [\d,]+ ms\] demo · ", mail.subject)
    assert re.search(r"Median of 24 hours:\s+[\d,]+ ms \(", mail.text)
    assert "Median of the days before" not in mail.text


@pytest.mark.usefixtures("database")
def test_a_tick_writes_one_item_and_one_more_an_hour(monitor: Monitor) -> None:
    monitor.environment["SCHEDULE_MINUTES"] = "12"
    monitor.tick()
    written, version = [], monitor.stored
    for _ in range(10):
        monitor.pass_time(minutes=12)
        monitor.tick()
        written.append(sum(version.get(key) != item for key, item in monitor.stored.items()))
        version = monitor.stored
    assert sorted(written) == [1] * 8 + [2] * 2
