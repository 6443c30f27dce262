"""A database that answers and refuses the monitor is no outage: in no mail, no status and no message of the topic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from local.stack import SECRET
from local.wire import published_alert

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.postgres import Postgres


@contextmanager
def connect_revoked(database: Postgres) -> Iterator[None]:
    database.execute("REVOKE CONNECT ON DATABASE postgres FROM public")
    try:
        yield
    finally:
        database.execute("GRANT CONNECT ON DATABASE postgres TO public")


@contextmanager
def query_invalid(_: Postgres) -> Iterator[None]:
    yield


CASES: dict[str, tuple[Any, dict[str, str], str, str, str]] = {
    "CONNECT is revoked": (connect_revoked, {}, "[CANNOT LOG IN: denied] demo · ", "login", "denied"),
    "the query is invalid": (
        query_invalid,
        {"query": "SELECT FROM nowhere"},
        "[CANNOT LOG IN: invalid query] demo · ",
        "query",
        "bad-query",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_monitor_that_is_refused_says_so_everywhere(monitor: Monitor, database: Postgres, case: str) -> None:
    refuse, keys, subject, phase, kind = CASES[case]
    monitor.watch("demo", secret=SECRET, **keys)
    with refuse(database):
        assert monitor.tick()["down"] == 1
        status = monitor.status()["failure"]
    (mail,) = monitor.mails
    (document,) = map(published_alert, monitor.aws.published)
    assert mail.subject.startswith(subject)
    assert mail.headers["X-Heartline-Status"] == document["status"] == "misconfigured"
    for body in (mail.text, document["text"]):
        assert "This is no outage" in " ".join(body.split())
        assert "This is an outage" not in " ".join(body.split())
    assert (document["failure"]["phase"], document["failure"]["kind"]) == (phase, kind)
    assert document["failure"]["severity"] == "misconfigured"
    assert (status["phase"], status["kind"]) == (phase, kind)
    assert status["cause"].startswith("misconfigured: ")


def test_a_granted_connect_ends_it_without_a_word_of_an_outage(monitor: Monitor, database: Postgres) -> None:
    with connect_revoked(database):
        monitor.tick()
    monitor.tick()
    monitor.tick()
    assert monitor.subjects[-1].startswith("[RECOVERED after ")
    assert "down" not in monitor.mails[-1].text.split("Last 24 hours")[0]
