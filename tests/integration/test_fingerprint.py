"""A healthy server is seen with its fingerprint, by a role without grants; one that lacks a part stays healthy."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from pg8000.exceptions import InterfaceError

from heartline.common.deadline import Deadline
from heartline.model.expectation import expected_rows, expected_value
from heartline.model.kinds import Kind, Phase, Tls
from heartline.model.observation import Failure, Observation, Server
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe
from local.peers import ONE, READY, WELCOME, error, hangs_up, healthy, message, says
from local.postgres import Postgres
from local.processes import wait_until
from local.programs import installed
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    from integration.conftest import Monitor, Prober, Serve

PASSWORD = "secret"
UNKNOWN = Server(version="18.0")
UNDEFINED = error("42883") + READY


@dataclass(frozen=True)
class Watched:
    """A server with a role that was granted nothing."""

    server: Postgres

    def see(self, query: str | None = None, timeout: float = 5, **keys: Any) -> Observation:  # noqa: ANN401
        place = Endpoint(self.server.host, self.server.port, "postgres", ROLE)
        target = Target("demo", query=query, tls=Tls.DISABLE, timeout=timedelta(seconds=timeout), **keys)
        return probe(target, Credential(place, PASSWORD), Deadline.after(timeout))

    @property
    def fingerprint(self) -> Server:
        seen = self.see()
        assert seen.failure is None
        assert seen.server is not None
        return seen.server

    def one(self, sql: str) -> Any:  # noqa: ANN401
        """Ask as superuser for one value."""
        return self.server.execute(f"SELECT {sql}")[0][0]

    def sessions(self) -> int:
        return int(self.one(f"count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'"))


@pytest.fixture(scope="module", params=["bundled", "installed"])
def _programs(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    directory: Path | None = None
    if request.param == "installed" and (directory := installed()) is None:
        pytest.skip("this machine has no PostgreSQL of its own")
    with Postgres(programs=directory) as server:
        yield server


@pytest.fixture
def watched(_programs: Postgres) -> Watched:
    _programs.start()
    _programs.create_role(ROLE, PASSWORD)
    return Watched(_programs)


def test_the_fingerprint_is_what_a_superuser_reads(watched: Watched) -> None:
    seen = watched.fingerprint
    assert seen.version == str(watched.one("current_setting('server_version')"))
    assert seen.system == str(watched.one("system_identifier FROM pg_control_system()"))
    assert seen.timeline == watched.one("timeline_id FROM pg_control_checkpoint()") == 1
    assert (seen.standby, seen.read_only) == (False, False)
    assert seen.started is not None
    assert apart(seen.started, watched.one("pg_postmaster_start_time()")) < 0.001
    views = ("pg_stat_bgwriter", "pg_stat_archiver", "pg_stat_wal")
    resets = [watched.one(f"stats_reset FROM {view}") for view in views]
    resets.append(watched.one("min(stats_reset) FROM pg_stat_slru"))
    assert [apart(*pair) < 0.001 for pair in zip(seen.resets, resets, strict=True)] == [True] * 4
    assert seen.certificate_expires is None


def apart(one: datetime, other: datetime) -> float:
    return abs((one - other).total_seconds())


def test_the_role_was_granted_nothing(watched: Watched) -> None:
    """Else the test above would prove little."""
    assert watched.one(f"count(*) FROM pg_auth_members JOIN pg_roles r ON r.oid = member WHERE rolname = '{ROLE}'") == 0
    assert watched.one(f"rolsuper FROM pg_roles WHERE rolname = '{ROLE}'") is False


def test_a_role_that_sees_times_otherwise_reads_the_same(watched: Watched) -> None:
    before = watched.fingerprint
    watched.server.execute(
        f"ALTER ROLE {ROLE} SET TimeZone = 'Asia/Tokyo'; ALTER ROLE {ROLE} SET DateStyle = 'German, DMY';"
        f"ALTER ROLE {ROLE} SET extra_float_digits = -15; ALTER ROLE {ROLE} SET search_path = ''"
    )
    assert watched.fingerprint == before


def test_a_read_only_role_is_told(watched: Watched) -> None:
    watched.server.execute(f"ALTER ROLE {ROLE} SET default_transaction_read_only = on")
    assert watched.fingerprint.read_only is True


def test_a_restart_changes_the_start_time_and_nothing_else(watched: Watched) -> None:
    before = watched.fingerprint
    watched.server.stop()
    watched.server.start()
    after = watched.fingerprint
    assert before.started is not None
    assert after.started is not None
    assert after.started > before.started
    assert replace(after, started=before.started) == before


def test_a_crash_changes_the_resets_and_nothing_else(watched: Watched) -> None:
    before = watched.fingerprint
    with session(watched) as pid:
        psutil.Process(pid).kill()
    wait_until(lambda: watched.see().healthy and watched.fingerprint.resets != before.resets, "the recovery")
    after = watched.fingerprint
    assert len(after.resets) == len(before.resets) == 4
    assert len(set(after.resets)) == 1
    assert all(new > old for new, old in zip(after.resets, before.resets, strict=True))
    assert replace(after, resets=before.resets) == before


@contextmanager
def session(watched: Watched) -> Iterator[int]:
    """Hold a session of the server for the block, and tell its process."""

    def sleep() -> None:
        with pytest.raises(InterfaceError):
            watched.server.execute("SELECT pg_sleep(60)")

    def pids() -> list[int]:
        known = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60%' AND pid <> pg_backend_pid()"
        return [row[0] for row in watched.server.execute(known)]

    sleeper = Thread(target=sleep)
    sleeper.start()
    wait_until(lambda: bool(pids()), "the session")
    yield pids()[0]
    sleeper.join(30)


# Servers that lack a part of it.


def test_a_server_without_statistics_of_the_wal_says_all_the_rest(prober: Prober, serve: Serve) -> None:
    """As those before PostgreSQL 14."""
    older = row("000303f2ace83500", "f", "7577777777777777777", "1", *[None] * 4)
    seen = prober(port=serve(says(WELCOME, says(UNDEFINED, says(older)))).port).server
    assert seen is not None
    assert (seen.system, seen.timeline, seen.standby, seen.resets) == ("7577777777777777777", 1, False, ())
    assert seen.started == datetime(2026, 11, 23, 16, 15, 48, tzinfo=UTC)


def row(*values: str | None) -> bytes:
    """Answer a query with one row of text."""
    columns = b"".join(struct.pack("!2sihihih", b"c\0", 0, 0, 25, -1, -1, 0) for _ in values)
    fields = b"".join(struct.pack("!i", -1) if one is None else _counted(one.encode()) for one in values)
    number = struct.pack("!h", len(values))
    return message(b"T", number + columns) + message(b"D", number + fields) + message(b"C", b"SELECT 1\0") + READY


def _counted(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value


@pytest.mark.parametrize("function", ["pg_control_system()", "pg_postmaster_start_time()"])
def test_a_server_that_keeps_a_part_to_itself_is_healthy(watched: Watched, function: str) -> None:
    watched.server.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM public")
    try:
        seen = watched.fingerprint
    finally:
        watched.server.execute(f"GRANT EXECUTE ON FUNCTION {function} TO public")
    assert seen.version
    assert (seen.started, seen.system, seen.timeline, seen.resets) == (None, None, None, ())
    assert seen.standby is False


def test_a_server_that_keeps_its_statistics_to_itself_says_all_the_rest(watched: Watched) -> None:
    before = watched.fingerprint
    watched.server.execute("REVOKE EXECUTE ON FUNCTION pg_stat_get_archiver() FROM public")
    try:
        assert watched.fingerprint == replace(before, resets=())
    finally:
        watched.server.execute("GRANT EXECUTE ON FUNCTION pg_stat_get_archiver() TO public")


@pytest.mark.parametrize("sqlstate", ["42883", "0A000", "42501", "42P01", "42703", "XX000"])
def test_a_relative_of_postgresql_is_healthy(prober: Prober, serve: Serve, sqlstate: str) -> None:
    port = serve(says(WELCOME, says(error(sqlstate) + READY, says(ONE)))).port
    seen = prober(port=port)
    assert seen.failure is None
    assert seen.server == UNKNOWN


def test_a_relative_that_knows_none_of_the_functions_is_healthy(prober: Prober, serve: Serve) -> None:
    seen = prober(port=serve(says(WELCOME, says(UNDEFINED, says(UNDEFINED, says(ONE))))).port)
    assert seen.failure is None
    assert seen.server == UNKNOWN


def test_a_relative_that_answers_something_else_is_healthy(prober: Prober, serve: Serve) -> None:
    seen = prober(port=serve(healthy).port)
    assert seen.failure is None
    assert seen.server == UNKNOWN


FALLEN = {
    "stops": (error("57P01"), hangs_up, (Phase.QUERY, Kind.STOPPING, "57P01")),
    "crashes": (error("57P02"), hangs_up, (Phase.QUERY, Kind.STOPPING, "57P02")),
    "hangs up": (b"", hangs_up, (Phase.QUERY, Kind.CLOSED, None)),
    "denies": (error("42501") + READY, hangs_up, (Phase.QUERY, Kind.DENIED, "42501")),
    "answers nothing": (READY, hangs_up, (Phase.QUERY, Kind.PROTOCOL, None)),
}


@pytest.mark.parametrize("fall", FALLEN)
def test_a_server_that_before_the_last_question(prober: Prober, serve: Serve, fall: str) -> None:
    said, then, verdict = FALLEN[fall]
    port = serve(says(WELCOME, says(UNDEFINED, says(UNDEFINED, says(said, then))))).port
    assert prober.verdict(port=port) == verdict


def test_a_server_that_stops_at_the_first_question_is_not_asked_again(prober: Prober, serve: Serve) -> None:
    port = serve(says(WELCOME, says(error("57P01") + READY, says(ONE)))).port
    assert prober.verdict(port=port) == (Phase.QUERY, Kind.STOPPING, "57P01")


# A query of the user's own.


def test_a_query_of_ones_own_is_run_instead(watched: Watched) -> None:
    watched.server.execute(
        "DROP SEQUENCE IF EXISTS asked; CREATE SEQUENCE asked; GRANT ALL ON SEQUENCE asked TO public"
    )
    seen = watched.see("SELECT nextval('asked')")
    assert seen.failure is None
    assert watched.one("last_value FROM asked") == 1
    assert watched.one("is_called FROM asked") is True
    assert seen.server is not None
    assert (seen.server.system, seen.server.started) == (None, None)
    assert seen.server.version


@pytest.mark.parametrize(
    "query", ["SELECT 1;", "SELECT 1; SELECT 2", "SELECT 1 -- why", "SELECT 1 WHERE false", "/**/"]
)
def test_a_query_of_ones_own_may_be_written_as_one_likes(watched: Watched, query: str) -> None:
    assert watched.see(query).healthy


def test_a_query_that_is_not_permitted(watched: Watched) -> None:
    watched.server.execute("CREATE TABLE IF NOT EXISTS orders ()")
    failure = watched.see("SELECT FROM orders").failure
    assert failure is not None
    assert (failure.phase, failure.kind, failure.sqlstate) == (Phase.QUERY, Kind.DENIED, "42501")


def test_a_query_that_makes_no_sense(watched: Watched) -> None:
    failure = watched.see("SELECT FROM nowhere").failure
    assert failure is not None
    assert (failure.phase, failure.kind, failure.sqlstate) == (Phase.QUERY, Kind.BAD_QUERY, "42P01")


def test_a_query_that_outlives_the_deadline_is_ended_on_the_server_too(watched: Watched) -> None:
    seen = watched.see("SELECT pg_sleep(60)", timeout=0.5)
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.QUERY, Kind.TIMEOUT)
    assert seen.failure.sqlstate in {None, "57014"}
    assert sum(seen.phases.values()) < 500 + 500
    wait_until(lambda: watched.sessions() == 0, "the statement to be cancelled", 10)


EXPECTED = [
    ("SELECT 7", None, "7"),
    ("SELECT 7", "1", "< 8"),
    ("SELECT 1; SELECT 2 UNION ALL SELECT 3", "2", "2"),
    ("SELECT 1 WHERE false", "0", None),
    ("SELECT", "1", None),
    ("/**/", "0", None),
    ("SELECT true", None, "t"),
]
UNEXPECTED = [
    ("SELECT 7", None, "> 7", "7"),
    ("SELECT NULL", None, "!= x", "NULL"),
    ("SELECT 1 WHERE false", ">= 1", None, None),
    ("SELECT 1 WHERE false", None, "!= x", None),
    ("SELECT generate_series(1, 3)", "< 3", None, "1"),
    ("SELECT E'a\\r\\nb' || repeat('x', 9999)", None, "= ok", f"a b{'x' * 294}..."),
]


def held_to(watched: Watched, query: str, rows: str | None, value: str | None) -> Failure | None:
    keys = {"expect_rows": rows and expected_rows(rows), "expect_value": value and expected_value(value)}
    return watched.see(query, **keys).failure


@pytest.mark.parametrize(("query", "rows", "value"), EXPECTED, ids=str)
def test_a_result_that_is_as_expected(watched: Watched, query: str, rows: str | None, value: str | None) -> None:
    assert held_to(watched, query, rows, value) is None


@pytest.mark.parametrize(("query", "rows", "value", "said"), UNEXPECTED, ids=lambda value: str(value)[:40])
def test_a_result_that_is_not_as_expected(
    watched: Watched, query: str, rows: str | None, value: str | None, said: str | None
) -> None:
    failure = held_to(watched, query, rows, value)
    assert failure is not None
    assert (failure.phase, failure.kind, failure.sqlstate) == (Phase.QUERY, Kind.UNEXPECTED, None)
    assert failure.said == said
    assert f'"{rows or value}"' in failure.cause


def test_a_result_that_is_not_as_expected_is_an_outage(monitor: Monitor, watched: Watched) -> None:
    place = {"host": watched.server.host, "port": watched.server.port, "user": ROLE, "secret": SECRET}
    monitor.aws.put_secret(SECRET, {"username": ROLE, "password": PASSWORD})
    monitor.watch("demo", **place, query="SELECT '<b>3</b>'", expect_value="< 3")
    assert monitor.tick()["down"] == 1
    (mail,) = monitor.mails
    assert mail.subject.startswith("[DOWN: unexpected result] demo ")
    assert mail.headers["X-Heartline-Status"] == "down"
    assert '"<b>3</b>"' in mail.text
    assert "&lt;b&gt;3&lt;/b&gt;" in mail.html
    assert "<b>3</b>" not in mail.html
    monitor.watch("demo", **place, query="SELECT 2", expect_value="< 3")
    monitor.tick()
    monitor.tick()
    assert monitor.subjects[-1].startswith("[RECOVERED after ")


def test_the_document_names_the_query(monitor: Monitor, watched: Watched) -> None:
    place = {"host": watched.server.host, "port": watched.server.port, "user": ROLE, "secret": SECRET}
    monitor.aws.put_secret(SECRET, {"username": ROLE, "password": PASSWORD})
    monitor.watch("demo", **place, query="SELECT 1/0")
    failure = monitor.order("probe")["failure"]
    assert (failure["phase"], failure["kind"], failure["sqlstate"]) == ("query", "server-error", "22012")
    monitor.watch("demo", **place, query="SELECT 1")
    assert monitor.order("probe")["failure"] is None
