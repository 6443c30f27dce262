"""Another server, another role or a pooler under the same name is told for what it is, and once."""

from __future__ import annotations

import shutil
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from local.peers import forwards, takes_turns
from local.postgres import Postgres
from local.processes import wait_until
from local.programs import Programs, installed
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from integration.conftest import Monitor, Serve

PASSWORD = "secret"
STEADY = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]  # the states are read, the heartbeat is written
POOLER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")


@dataclass
class Name:
    """A name that leads to one server or another, and the monitor that looks there once a minute."""

    monitor: Monitor
    serve: Serve
    start: Callable[..., Postgres]
    leads_to: int = 0

    def __post_init__(self) -> None:
        self.port = self.serve(self._forward).port
        self.monitor.aws.put_secret(SECRET, {"username": ROLE, "password": PASSWORD, "host": "127.0.0.1"})
        self.watch()

    def _forward(self, connection: socket.socket) -> None:
        forwards(self.leads_to)(connection)

    def watch(self, **keys: Any) -> None:  # noqa: ANN401
        self.monitor.watch("demo", secret=SECRET, **({"recover_after": 1, "port": self.port} | keys))

    def primary(self, **parts: Any) -> Postgres:  # noqa: ANN401
        server = self.start(**parts)
        server.create_role(ROLE, PASSWORD)
        return server

    def minute(self, server: Postgres | None = None) -> list[str]:
        """Lead to a server from now on, tick once, a minute after the last time; give the heads of the mails."""
        self.leads_to = server.port if server else self.leads_to
        self.monitor.pass_time(minutes=1)
        before = len(self.monitor.subjects)
        self.monitor.tick()
        return self.monitor.states[before:]

    def evidence(self) -> set[str]:
        """Name what differed, of the last that happened."""
        *_, (_, last) = sorted((sort, item) for sort, item in self.monitor.history.items() if "changes" in str(item))
        changes = last["incident"]["M"]["changes"]["L"]
        return {one["M"]["what"]["S"] for one in changes[-1]["M"]["evidence"]["L"]}

    def text(self) -> str:
        return " ".join(self.monitor.mails[-1].text.split())


@pytest.fixture
def name(request: pytest.FixtureRequest, monitor: Monitor, serve: Serve) -> Iterator[Name]:
    directory: Path | None = None
    if getattr(request, "param", "bundled") == "installed" and (directory := installed()) is None:
        pytest.skip("this machine has no PostgreSQL of its own")
    with ExitStack() as started:

        def start(**parts: Any) -> Postgres:  # noqa: ANN401
            parts = parts if "primary" in parts else {"programs": directory} | parts
            return started.enter_context(Postgres(**parts))

        monitor.begin_an_hour()
        yield Name(monitor, serve, start)


def caught_up(primary: Postgres, standby: Postgres) -> None:
    """Wait until the standby has all that the primary has."""
    (at,) = primary.execute("SELECT pg_current_wal_lsn()")[0]
    wait_until(lambda: standby.execute(f"SELECT pg_last_wal_replay_lsn() >= '{at}'") == [[True]], "the standby")


@pytest.mark.parametrize("name", ["bundled", "installed"], indirect=True)
def test_a_standby_that_is_promoted_is_told_as_a_failover_once(name: Name) -> None:
    standby = name.start(primary=name.primary())
    assert name.minute(standby) == []
    standby.promote()
    assert name.minute() == ["FAILED OVER"]
    assert "role" in name.evidence()
    # At the latest now it writes down its new timeline.
    standby.execute("CHECKPOINT")
    assert [name.minute() for _ in range(5)] == [[]] * 5


def test_a_name_that_moves_from_the_primary_to_its_promoted_standby_is_told_as_a_failover(name: Name) -> None:
    primary = name.primary()
    standby = name.start(primary=primary)
    assert name.minute(primary) == []
    caught_up(primary, standby)
    primary.kill()
    standby.promote()
    standby.execute("CHECKPOINT")
    assert name.minute(standby) == ["FAILED OVER"]
    assert name.evidence() >= {"timeline", "started"}
    assert [name.minute(), name.minute()] == [[], []]


@pytest.mark.parametrize("name", ["bundled", "installed"], indirect=True)
def test_a_promoted_server_that_has_not_written_its_timeline_down_yet_is_told_as_a_failover(name: Name) -> None:
    """As on a busy server, whose checkpoint after the promotion takes minutes."""
    primary = name.primary()
    standby = name.start(primary=primary)
    assert name.minute(primary) == []
    caught_up(primary, standby)
    known = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
    checkpointer = psutil.Process(standby.execute(known)[0][0])
    checkpointer.suspend()
    try:
        standby.promote()
        notified = name.minute(standby)
    finally:
        checkpointer.resume()
    standby.execute("CHECKPOINT")
    assert [notified, name.minute()] == [["FAILED OVER"], []]


def test_a_failover_with_an_outage_is_a_fact_of_its_end(name: Name) -> None:
    primary = name.primary()
    standby = name.start(primary=primary)
    assert name.minute(primary) == []
    caught_up(primary, standby)
    primary.kill()
    assert name.minute() == ["DOWN"]
    standby.promote()
    standby.execute("CHECKPOINT")
    assert name.minute(standby) == ["RECOVERED"]
    assert "failed over" in name.text()
    assert name.minute() == []


@pytest.mark.parametrize("name", ["bundled", "installed"], indirect=True)
def test_another_cluster_at_the_same_address_is_told_as_replaced(name: Name) -> None:
    first = name.primary()
    name.watch(port=first.port)
    assert name.minute() == []
    first.stop()
    name.primary(port=first.port)
    assert [name.minute(), name.minute()] == [["REPLACED"], []]
    assert name.evidence() == {"system", "started"}


def test_another_cluster_of_another_version_is_told_as_replaced(name: Name) -> None:
    if (directory := installed()) is None:
        pytest.skip("this machine has no PostgreSQL of its own")
    assert name.minute(name.primary(programs=directory)) == []
    assert [name.minute(name.primary(programs=None)), name.minute()] == [["REPLACED"], []]
    assert name.evidence() == {"system", "version", "started"}


def test_a_cluster_that_is_restored_from_a_copy_is_told_as_a_failover(name: Name) -> None:
    first = name.primary()
    name.watch(port=first.port)
    assert name.minute() == []
    restored = name.start(primary=first)
    restored.promote()
    restored.stop()
    first.stop()
    _listen_on(restored, first.port)
    assert [name.minute(), name.minute()] == [["FAILED OVER"], []]
    assert name.evidence() == {"timeline", "started"}


def _listen_on(server: Postgres, port: int) -> None:
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write(f"port = {port}\n")
    server.port = port
    server.start()


def test_a_standby_that_restarts_is_told_as_a_restart(name: Name) -> None:
    standby = name.start(primary=name.primary())
    assert name.minute(standby) == []
    standby.restart()
    assert [name.minute(), name.minute()] == [["RESTARTED"], []]


# A name that leads to several servers in turn.


def assert_silent(name: Name, minutes: int = 20) -> None:
    """No mail, and nothing is written but the heartbeat."""
    before = len(name.monitor.aws.calls)
    assert [name.minute() for _ in range(minutes)] == [[]] * minutes
    assert name.monitor.aws.calls[before:] == STEADY * minutes


@pytest.mark.parametrize("kin", [True, False], ids=["primary and standby", "two clusters"])
def test_two_servers_in_turn_are_told_as_one_change_then_as_several_and_never_again(name: Name, kin: bool) -> None:
    first = name.primary()
    second = name.start(primary=first) if kin else name.primary()
    name.watch(port=name.serve(takes_turns(first.port, second.port)).port)
    change = "FAILED OVER" if kin else "REPLACED"
    assert [name.minute() for _ in range(3)] == [[], [change], ["SEVERAL SERVERS"]]
    assert "several servers in turn" in name.text()
    assert_silent(name)


def test_three_servers_in_turn_are_told_as_two_changes_then_as_several_and_never_again(name: Name) -> None:
    servers = [name.primary() for _ in range(3)]
    name.watch(port=name.serve(takes_turns(*(server.port for server in servers))).port)
    notified = [name.minute() for _ in range(4)]
    assert notified == [[], ["REPLACED"], ["REPLACED"], ["SEVERAL SERVERS"]]
    assert_silent(name)


def test_a_restart_of_one_of_several_servers_is_not_told(name: Name) -> None:
    first, second = name.primary(), name.primary()
    name.watch(port=name.serve(takes_turns(first.port, second.port)).port)
    for _ in range(6):
        name.minute()
    for server in (first, second, first):
        server.restart()
        assert [name.minute() for _ in range(4)] == [[]] * 4
    assert_silent(name)


def test_several_servers_that_are_found_while_muted_are_told_once_after_it(name: Name) -> None:
    first, second = name.primary(), name.primary()
    name.watch(port=name.serve(takes_turns(first.port, second.port)).port)
    name.monitor.order("mute", **{"for": "10m"})
    told = [head for _ in range(20) for head in name.minute()]
    assert told == ["SEVERAL SERVERS"]


def test_two_servers_in_turn_that_are_asked_a_query_of_ones_own_are_not_told_every_minute(name: Name) -> None:
    first = name.primary()
    second = name.start(primary=first)
    name.watch(port=name.serve(takes_turns(first.port, second.port)).port, query="SELECT 1")
    notified = [head for _ in range(20) for head in name.minute()]
    assert len(notified) <= 2, notified
    assert_silent(name)


def test_two_servers_in_turn_of_which_one_is_down_are_told_as_an_outage(name: Name) -> None:
    first, second = name.primary(), name.primary()
    name.watch(port=name.serve(takes_turns(first.port, second.port)).port, confirmations=0, settle_after="61s")
    for _ in range(6):
        name.minute()
    second.kill()
    notified = [head for _ in range(4) for head in name.minute()]
    assert set(notified) <= {"DOWN", "RECOVERED", "FLAPPING"}
    assert "DOWN" in notified


# A pooler in front.


@pytest.fixture
def pooler(name: Name) -> Iterator[tuple[Postgres, Callable[[], None]]]:
    """Put PgBouncer before a server; give the server, and what starts the pooler anew."""
    if POOLER is None:
        pytest.skip("this machine has no PgBouncer: apt-get install pgbouncer")
    server = name.primary()
    programs = Programs(Path(POOLER).parent)
    running = [_pool(programs, server)]

    def restart() -> None:
        running[0].terminate()
        running[0].wait(30)
        running[0] = _pool(programs, server)

    try:
        yield server, restart
    finally:
        running[0].kill()
        running[0].wait(30)
        shutil.rmtree(programs.root)


def _pool(programs: Programs, server: Postgres) -> subprocess.Popen[bytes]:
    settings = programs.root / "pgbouncer.ini"
    port = server.port + 1
    (programs.root / "users").write_text(f'"{ROLE}" "{PASSWORD}"\n')
    settings.write_text(
        f"[databases]\npostgres = host=127.0.0.1 port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\n"
        f"auth_file = {programs.root / 'users'}\npool_mode = transaction\nlogfile = {programs.root / 'pooler.log'}\n"
        "server_login_retry = 0.1\nignore_startup_parameters = extra_float_digits\n"
    )
    process = programs.start("pgbouncer", str(settings))
    wait_until(lambda: _listening(port), "PgBouncer to listen")
    return process


def _listening(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_behind_a_pooler_is_silent_while_nothing_happens(
    name: Name, pooler: tuple[Postgres, Callable[[], None]]
) -> None:
    name.watch(port=pooler[0].port + 1)
    assert [name.minute(), name.minute()] == [[], []]
    assert_silent(name)


def test_a_restart_of_a_server_behind_a_pooler_is_told_as_one_or_not_at_all(
    name: Name, pooler: tuple[Postgres, Callable[[], None]]
) -> None:
    server, _ = pooler
    name.watch(port=server.port + 1, confirmations=3, confirm_after=0.2)
    assert name.minute() == []
    notified = []
    for _ in range(5):
        server.restart()
        notified += name.minute() + name.minute()
    assert set(notified) <= {"RESTARTED", "FLAPPING"}
    assert len(notified) <= 4


def test_a_pooler_that_restarts_is_not_taken_for_its_server(
    name: Name, pooler: tuple[Postgres, Callable[[], None]]
) -> None:
    server, restart = pooler
    name.watch(port=server.port + 1)
    assert name.minute() == []
    notified = []
    for _ in range(3):
        restart()
        notified.append(name.minute())
    assert notified == [[]] * 3


def test_a_pooler_that_is_put_before_a_server_is_not_taken_for_another(
    name: Name, pooler: tuple[Postgres, Callable[[], None]]
) -> None:
    server, _ = pooler
    notified = []
    for port in (server.port, server.port + 1, server.port, server.port + 1):
        name.watch(port=port)
        notified += name.minute()
    assert notified == []
