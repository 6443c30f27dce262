"""A server that is not what the document expects it to be is an outage, whose mail says what usually causes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.postgres import Postgres
from local.programs import installed
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.conftest import Monitor

PASSWORD = "secret"
WRONG = ("query", "wrong-role", None)


class Pair:
    """A primary and its standby, and the monitor that looks at one of them."""

    def __init__(self, monitor: Monitor, primary: Postgres, standby: Postgres) -> None:
        self.monitor, self.primary, self.standby = monitor, primary, standby
        monitor.aws.put_secret(SECRET, {"username": ROLE, "password": PASSWORD, "host": primary.host})

    def watch(self, server: Postgres, **keys: Any) -> None:  # noqa: ANN401
        self.monitor.watch("demo", secret=SECRET, **({"port": server.port, "recover_after": 1, "timeout": 5} | keys))

    def verdict(self, server: Postgres, **keys: Any) -> tuple[str, str, str | None] | None:  # noqa: ANN401
        self.watch(server, **keys)
        failure = self.monitor.order("probe")["failure"]
        return failure and (failure["phase"], failure["kind"], failure["sqlstate"])

    def minute(self) -> list[str]:
        """Tick once, a minute after the last time; give the heads of the mails that came."""
        self.monitor.pass_time(minutes=1)
        before = len(self.monitor.subjects)
        self.monitor.tick()
        return self.monitor.states[before:]

    def text(self) -> str:
        return " ".join(self.monitor.mails[-1].text.split())


@pytest.fixture(scope="module")
def _servers(request: pytest.FixtureRequest) -> Iterator[tuple[Postgres, Postgres]]:
    directory: Path | None = None
    if getattr(request, "param", "bundled") == "installed" and (directory := installed()) is None:
        pytest.skip("this machine has no PostgreSQL of its own")
    with Postgres(programs=directory) as primary:
        primary.create_role(ROLE, PASSWORD)
        with Postgres(primary=primary) as standby:
            yield primary, standby


@pytest.fixture
def pair(monitor: Monitor, _servers: tuple[Postgres, Postgres]) -> Iterator[Pair]:
    yield Pair(monitor, *_servers)
    _read_only(_servers[0], "RESET")


@pytest.fixture
def own(pair: Pair) -> Iterator[Pair]:
    """Yield a standby that the test may promote."""
    with Postgres(primary=pair.primary) as standby:
        yield Pair(pair.monitor, pair.primary, standby)


def _read_only(server: Postgres, how: str) -> None:
    """Change the default for every new session."""
    server.execute(f"ALTER SYSTEM {how} default_transaction_read_only{' = on' if how == 'SET' else ''}")
    server.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize("query", [None, "SELECT 1"], ids=["fingerprint", "own query"])
@pytest.mark.parametrize("expect", [None, "primary", "standby", "any"])
def test_a_server_is_held_to_the_role_that_is_expected(pair: Pair, expect: str | None, query: str | None) -> None:
    keys = {name: value for name, value in (("expect", expect), ("query", query)) if value}
    verdicts = [pair.verdict(server, **keys) for server in (pair.primary, pair.standby)]
    assert verdicts == [WRONG if expect == "standby" else None, WRONG if expect == "primary" else None]


@pytest.mark.parametrize(("expect", "verdict"), [("primary", WRONG), ("any", None), ("standby", WRONG)])
def test_a_primary_whose_sessions_cannot_write_is_none(
    pair: Pair, expect: str, verdict: tuple[str, str, None] | None
) -> None:
    pair.primary.execute(f"ALTER ROLE {ROLE} SET default_transaction_read_only = on")
    try:
        assert pair.verdict(pair.primary, expect=expect) == verdict
    finally:
        pair.primary.execute(f"ALTER ROLE {ROLE} RESET default_transaction_read_only")


def test_a_primary_that_becomes_read_only_is_told_as_down_with_what_usually_causes_it(pair: Pair) -> None:
    pair.watch(pair.primary, expect="primary")
    assert pair.minute() == []
    _read_only(pair.primary, "SET")
    # The postmaster passes it on to sessions that begin after it has read it.
    notified = [head for _ in range(3) for head in pair.minute()]
    assert notified == ["DOWN"]
    assert "default_transaction_read_only" in pair.text()
    assert all(word in pair.text().lower() for word in ("failover", "dns", "disk"))
    _read_only(pair.primary, "RESET")
    assert [head for _ in range(3) for head in pair.minute()] == ["RECOVERED"]


def test_a_standby_where_a_primary_is_expected_is_an_outage_until_it_is_promoted(own: Pair) -> None:
    own.watch(own.standby, expect="primary")
    assert own.minute() == ["DOWN"]
    entry = own.monitor.status()
    assert (entry["status"], entry["failure"]["kind"], entry["failure"]["phase"]) == ("down", "wrong-role", "query")
    assert entry["failure"]["cause"].startswith("outage: ")
    own.standby.promote()
    assert [own.minute(), own.minute()] == [["RECOVERED"], []]


def test_a_standby_that_is_promoted_where_one_is_expected_is_an_outage_and_no_failover_beside_it(own: Pair) -> None:
    own.watch(own.standby, expect="standby")
    assert own.minute() == []
    own.standby.promote()
    assert [own.minute(), own.minute()] == [["DOWN"], []]
    assert "standby" in own.text()


def test_a_failover_to_a_standby_that_is_promoted_late_is_a_fact_of_the_outage(own: Pair) -> None:
    own.watch(own.primary, expect="primary")
    assert own.minute() == []
    own.watch(own.standby, expect="primary")
    assert own.minute() == ["DOWN"]
    own.standby.promote()
    assert own.minute() == ["RECOVERED"]
    assert "Meanwhile: " in own.text()
    assert "failed over" in own.text()


def test_a_restart_of_a_standby_is_no_outage_where_one_is_expected(own: Pair) -> None:
    own.watch(own.standby, expect="standby")
    assert own.minute() == []
    own.standby.restart()
    assert own.minute() == ["RESTARTED"]


@pytest.mark.parametrize("expect", ["replica", "Primary", "", 1, True])
def test_a_role_that_is_none_is_refused_with_what_there_is(pair: Pair, expect: object) -> None:
    pair.watch(pair.primary, expect=expect)
    with pytest.raises(Exception, match='key "expect": give one of primary, standby, any'):
        pair.monitor.order("status")
