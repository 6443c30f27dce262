"""What happened to a server between two probes that both found it healthy is told, once, and nothing else is."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from pg8000.exceptions import InterfaceError

from local.peers import says_version
from local.postgres import Postgres
from local.processes import wait_until
from local.programs import installed
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.conftest import Monitor, Serve

PASSWORD = "secret"
STEADY = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]  # the states are read, the heartbeat is written


@dataclass
class Life:
    """A real server, and the monitor that looks at it once a minute."""

    monitor: Monitor
    server: Postgres

    def watch(self, **keys: Any) -> None:  # noqa: ANN401
        self.monitor.watch("demo", secret=SECRET, **({"recover_after": 1, "port": self.server.port} | keys))

    def minute(self) -> list[str]:
        """Tick once, a minute after the last time; give the heads of the mails that came."""
        self.monitor.pass_time(minutes=1)
        before = len(self.monitor.subjects)
        self.monitor.tick()
        return self.monitor.states[before:]

    def text(self) -> str:
        """Return the last mail's text on one line."""
        return " ".join(self.monitor.mails[-1].text.split())

    def fallen_backend(self) -> None:
        """Kill a session's process with SIGKILL; return once the server has recovered."""
        before = self.server.execute("SELECT stats_reset FROM pg_stat_archiver")
        sleeper = Thread(target=self._sleep)
        sleeper.start()
        wait_until(lambda: bool(self._sleeping()), "the session")
        psutil.Process(self._sleeping()[0]).kill()
        sleeper.join(30)
        wait_until(lambda: self._recovered(before), "the recovery")

    def _recovered(self, before: list[list[Any]]) -> bool:
        # Until it has recovered it lets nobody in, in more than one way.
        with suppress(Exception):
            return self.server.execute("SELECT stats_reset FROM pg_stat_archiver") != before
        return False

    def _sleep(self) -> None:
        with pytest.raises(InterfaceError):
            self.server.execute("SELECT pg_sleep(60)")

    def _sleeping(self) -> list[int]:
        known = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%sleep(60%' AND pid <> pg_backend_pid()"
        return [row[0] for row in self.server.execute(known)]


@pytest.fixture(scope="module")
def _programs(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    directory: Path | None = None
    if getattr(request, "param", "bundled") == "installed" and (directory := installed()) is None:
        pytest.skip("this machine has no PostgreSQL of its own")
    with Postgres(programs=directory) as server:
        yield server


@pytest.fixture
def life(monitor: Monitor, _programs: Postgres) -> Life:
    """Return a server that has been seen healthy twice."""
    _programs.start()
    _programs.create_role(ROLE, PASSWORD)
    place = {"host": _programs.host, "dbname": "postgres"}
    monitor.aws.put_secret(SECRET, {"username": ROLE, "password": PASSWORD} | place)
    monitor.begin_an_hour()
    life = Life(monitor, _programs)
    life.watch()
    assert [life.minute(), life.minute()] == [[], []]
    return life


@pytest.mark.parametrize("_programs", ["bundled", "installed"], indirect=True)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_of_24_restarts_three_are_told_by_themselves_and_the_others_as_flapping(life: Life, mode: str) -> None:
    notified = []
    for _ in range(24):
        life.server.restart(mode)
        notified.append(life.minute())
    assert notified == [["RESTARTED"]] * 3 + [["FLAPPING"]] + [[]] * 20
    assert len(life.monitor.history) == 24


def test_a_server_that_nothing_happens_to_is_never_written_nor_told_of(life: Life) -> None:
    before = len(life.monitor.aws.calls)
    assert [life.minute() for _ in range(10)] == [[]] * 10
    assert life.monitor.aws.calls[before:] == STEADY * 10


def test_the_mail_bounds_a_restart_by_the_two_probes_and_says_the_servers_own_time(life: Life) -> None:
    after = life.monitor.status()["last_ok"]
    life.server.restart()
    started = life.server.execute("SELECT pg_postmaster_start_time()")[0][0]
    life.minute()
    (incident,) = life.monitor.status()["incidents"]
    assert (incident["last_ok"], incident["began"]) == (after, incident["ended"])
    bounds = [datetime.fromisoformat(incident[name]) for name in ("last_ok", "began")]
    said = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", life.text())
    assert {f"{at:%Y-%m-%d %H:%M:%S}" for at in (*bounds, started.astimezone(bounds[0].tzinfo))} <= set(said)
    assert bounds[0] < bounds[1] <= life.monitor.now


def test_a_restart_is_in_the_history_and_takes_nothing_off_the_availability(life: Life) -> None:
    life.server.restart()
    life.minute()
    status = life.monitor.status()
    (incident,) = status["incidents"]
    assert (incident["changes"], incident["notified"], incident["kinds"]) == (["restarted"], ["restarted"], [])
    assert status["availability"]["24h"]["percent"] == 100
    assert status["status"] == "up"


@pytest.mark.parametrize("_programs", ["bundled", "installed"], indirect=True)
def test_a_backend_that_is_killed_is_told_as_a_crash(life: Life) -> None:
    life.fallen_backend()
    assert [life.minute(), life.minute()] == [["CRASHED"], []]


def test_each_crash_is_told(life: Life) -> None:
    notified = []
    for _ in range(3):
        life.fallen_backend()
        notified.append(life.minute())
    assert notified == [["CRASHED"]] * 3


def test_a_crash_and_a_restart_after_it_are_told_as_a_restart(life: Life) -> None:
    life.fallen_backend()
    life.server.restart()
    assert life.minute() == ["RESTARTED"]
    assert life.monitor.history.keys()
    assert life.minute() == []


RESETS = {
    "the archiver": "SELECT pg_stat_reset_shared('archiver')",
    "the background writer": "SELECT pg_stat_reset_shared('bgwriter')",
    "the WAL": "SELECT pg_stat_reset_shared('wal')",
    "the database": "SELECT pg_stat_reset()",
    "two at once": "SELECT pg_stat_reset_shared('archiver'), pg_stat_reset_shared('bgwriter')",
    "all by three statements": "SELECT pg_stat_reset_shared('archiver'); SELECT pg_stat_reset_shared('bgwriter');"
    "SELECT pg_stat_reset_shared('wal')",
}


@pytest.mark.parametrize("_programs", ["bundled", "installed"], indirect=True)
@pytest.mark.parametrize("what", RESETS)
def test_statistics_that_are_reset_by_hand_are_no_crash(life: Life, what: str) -> None:
    notified = []
    for _ in range(5):
        life.server.execute(RESETS[what])
        notified.append(life.minute())
    assert notified == [[]] * 5


EVERYTHING = {
    "one statement": "SELECT pg_stat_reset_shared('archiver'), pg_stat_reset_shared('bgwriter'),"
    " pg_stat_reset_shared('wal')",
    "one function": "SELECT pg_stat_reset_shared(NULL)",
}


@pytest.mark.parametrize("_programs", ["bundled", "installed"], indirect=True)
@pytest.mark.parametrize("how", EVERYTHING)
def test_all_statistics_that_are_reset_at_once_are_no_crash(life: Life, how: str) -> None:
    if how == "one function" and int(life.server.execute("SHOW server_version_num")[0][0]) < 170000:
        pytest.skip("before PostgreSQL 17 there is no function that resets all")
    notified = []
    for _ in range(10):
        # Some of these begin at the same microsecond: how many is left to chance.
        life.server.execute(EVERYTHING[how])
        notified.append(life.minute())
    assert notified == [[]] * 10


def test_a_restart_within_an_outage_is_a_fact_of_its_end_and_no_mail_of_its_own(life: Life) -> None:
    life.server.kill()
    assert life.minute() == ["DOWN"]
    life.server.start()
    started = life.server.execute("SELECT pg_postmaster_start_time()")[0][0]
    assert [life.minute(), life.minute()] == [["RECOVERED"], []]
    assert re.search(
        rf"Meanwhile: the server was restarted \([^)]*{started:%M:%S} UTC, by its own clock\)", life.text()
    )
    (incident,) = life.monitor.status()["incidents"]
    assert incident["changes"] == ["restarted"]


def test_an_outage_without_a_restart_says_nothing_of_one(life: Life) -> None:
    life.server.freeze()
    assert life.minute() == ["DOWN"]
    life.server.thaw()
    assert life.minute() == ["RECOVERED"]
    assert "Meanwhile" not in life.text()


def test_a_restart_while_muted_is_told_to_nobody_and_is_in_the_history(life: Life) -> None:
    life.monitor.order("mute", **{"for": "10m"})
    life.server.restart()
    assert life.minute() == []
    life.monitor.pass_time(minutes=10)
    assert life.minute() == []
    (incident,) = life.monitor.status()["incidents"]
    assert (incident["changes"], incident["notified"]) == (["restarted"], [])


def test_a_restart_in_a_maintenance_window_is_told_to_nobody(life: Life) -> None:
    begins, ends = (life.monitor.now + timedelta(minutes=shift) for shift in (-5, 10))
    life.watch(maintenance=[f"{begins:%a} {begins:%H:%M}-{ends:%H:%M} UTC"])
    life.server.restart()
    assert life.minute() == []
    life.watch()
    assert life.minute() == []


def test_a_query_of_ones_own_makes_no_claim(life: Life) -> None:
    notified = []
    for keys in ({"query": "SELECT 1"}, {}, {"query": "SELECT 1"}, {}):
        life.watch(**keys)
        life.server.restart()
        notified += [life.minute(), life.minute()]
    assert notified == [[]] * 8


def test_a_server_that_keeps_its_fingerprint_to_itself_for_a_while_makes_no_claim(life: Life) -> None:
    notified = []
    for grant in (
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM",
        "GRANT EXECUTE ON FUNCTION pg_control_system() TO",
    ):
        life.server.execute(f"{grant} public")
        notified.append(life.minute())
    assert notified == [[], []]


def test_another_version_is_told_as_an_upgrade_with_the_restart_as_evidence(life: Life, serve: Serve) -> None:
    said = ["15.3"]
    life.watch(port=serve(says_version(life.server.port, lambda: said[0])).port)
    life.monitor.forget()
    assert life.minute() == []
    said[0] = "15.4"
    life.server.restart()
    assert [life.minute(), life.minute()] == [["UPGRADED"], []]
    assert all(words in life.text() for words in ("15.3", "15.4"))
    kinds = life.monitor.history
    assert any("upgraded" in str(item) and "started" in str(item) for item in kinds.values())


def test_another_version_without_a_restart_is_told_as_an_upgrade_alone(life: Life, serve: Serve) -> None:
    said = ["15.3"]
    life.watch(port=serve(says_version(life.server.port, lambda: said[0])).port)
    life.monitor.forget()
    assert life.minute() == []
    said[0] = "15.4"
    assert [life.minute(), life.minute()] == [["UPGRADED"], []]


def test_restarts_of_several_databases_in_one_tick_are_one_mail(life: Life) -> None:
    life.monitor.watch("orders", "billing", secret=SECRET, port=life.server.port)
    assert life.minute() == []
    life.server.restart()
    (head,) = life.minute()
    assert all(name in life.text() for name in ("orders", "billing")), head


def test_an_outage_soon_after_a_restart_is_told_as_any_other(life: Life) -> None:
    life.server.restart()
    assert life.minute() == ["RESTARTED"]
    life.server.kill()
    assert life.minute() == ["DOWN"]
    life.server.start()
    assert life.minute() == ["RECOVERED"]
