"""What the console gets from the function is so, and what its buttons order is done and never more than that."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

import pytest

from local.console import CONTEXT
from local.function import invoke
from local.pages import actions, banner, names, press, said, text

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres


def look(monitor: Monitor, asked: dict[str, Any] | None = None, **context: object) -> str:
    """Call the function as the console does."""
    event = {**(asked or {}), "widgetContext": {**CONTEXT, **context}}
    return cast("str", invoke(monitor.environment, event))


def test_a_database_dies_and_is_back(monitor: Monitor, database: Postgres) -> None:
    assert text(banner(look(monitor))).startswith("Heartline has not run yet")
    monitor.tick()
    assert text(banner(look(monitor))).startswith("demo is up last tick ")
    assert re.search(r"100% \d+ ms ", said(look(monitor))), "how long the last probe took"
    database.kill()
    monitor.tick()
    page = look(monitor)
    assert text(banner(page)).startswith("1 down demo")
    assert "nothing accepts connections on port" in said(page)
    database.start()
    monitor.tick()
    assert text(banner(look(monitor))).startswith("demo is up")
    shown = said(look(monitor, {"target": "demo"}))
    assert "connection refused" in shown, "the incident is in the list"
    assert "24 hours 100%" not in shown


def test_who_acknowledges_by_a_press_gets_no_reminder(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    monitor.tick()
    answer = look(monitor, press(look(monitor), "acknowledge", "demo"))
    assert text(banner(answer)) == "demo: acknowledged"
    monitor.pass_time(hours=5)
    monitor.tick()
    assert len(monitor.mails) == 1
    page = look(monitor)
    assert "acknowledged" in said(page)
    assert "acknowledge" not in {one["command"] for one in sent(page) if "command" in one}


def sent(page: str) -> list[dict[str, Any]]:
    return [json.loads(text(action)) for _, action in actions(page)]


def test_who_mutes_by_a_press_is_left_alone_until_they_unmute(monitor: Monitor, database: Postgres) -> None:
    monitor.tick()
    answer = look(monitor, press(look(monitor), "mute", "demo"))
    assert text(banner(answer)).startswith("demo: muted until ")
    database.kill()
    monitor.tick()
    assert monitor.mails == []
    page = look(monitor)
    assert "muted until" in said(page)
    assert text(banner(look(monitor, press(page, "unmute", "demo")))) == "demo: no longer muted"
    monitor.tick()
    assert monitor.states == ["DOWN"]


def test_who_probes_by_a_press_sees_each_phase_and_changes_nothing(monitor: Monitor, database: Postgres) -> None:
    ordered = press(look(monitor), "probe", "demo")
    answer = look(monitor, ordered)
    assert text(banner(answer)).startswith("demo answers, in ")
    for phase in ("resolve", "connect", "login", "query"):
        assert f"{phase} " in said(answer)
    database.kill()
    answer = look(monitor, ordered)
    assert text(banner(answer)) == "demo does not let the monitor in: connection refused"
    assert monitor.stored == {}
    assert monitor.mails == []


def test_a_press_in_korean_is_answered_in_korean(monitor: Monitor, database: Postgres) -> None:
    monitor.watch("demo", secret="heartline/demo", language="ko")
    monitor.tick()
    assert text(banner(look(monitor))).startswith("demo 정상")
    database.kill()
    answer = look(monitor, {"command": "probe", "target": "demo"})
    assert "연결을 받지 않습니다" in said(answer)


@pytest.mark.parametrize(
    ("parameter", "locale", "configured", "begins"),
    [
        ("ko", "en", "en", "demo 정상"),
        (None, "ko-KR", "en", "demo 정상"),
        (None, "en", "ko", "demo 정상"),
        ("en", "ko", "ko", "demo is up"),
        (None, "ja", "en", "demo is up"),
        ("xx", None, "en", "demo is up"),
    ],
)
def test_the_language_is_the_widgets_the_consoles_or_the_targets(
    monitor: Monitor, parameter: str | None, locale: str | None, configured: str, begins: str
) -> None:
    monitor.watch("demo", secret="heartline/demo", language=configured)
    monitor.tick()
    page = look(monitor, locale=locale, params={"language": parameter})
    assert text(banner(page)).startswith(begins)


@pytest.mark.parametrize(
    ("ordered", "fault"),
    [
        ({"command": "acknowledge", "target": "demo"}, "acknowledge: demo is up: only what an alert was sent of"),
        ({"command": "mute", "target": "gone", "for": "2h"}, 'mute: field "target": no such target'),
        ({"command": "mute", "target": "demo", "for": "<b>"}, 'mute: field "for"'),
        ({"command": "probe", "target": "gone"}, 'probe: field "target": no such target'),
        ({"command": "mute", "target": "*", "for": "2h"}, 'mute: field "target": no such target'),
        ({"command": "test-alert"}, "There is no such button on this page."),
        ({"command": ["mute"]}, "There is no such button on this page."),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(monitor: Monitor, ordered: dict[str, Any], fault: str) -> None:
    monitor.tick()
    before = monitor.stored
    answer = look(monitor, ordered)
    assert text(banner(answer)) == "Nothing has changed"
    assert fault in said(answer)
    assert monitor.stored == before
    assert monitor.mails == []


def test_a_dashboard_that_is_only_looked_at_orders_nothing(monitor: Monitor) -> None:
    monitor.tick()
    before = monitor.stored
    params = {"command": "mute", "target": "demo", "for": "2h"}
    page = look(monitor, dict(params), params=params)
    assert text(banner(page)).startswith("demo is up")
    assert monitor.stored == before


@pytest.mark.parametrize("minutes", [4, 600])
def test_heartlines_own_silence_is_said_before_all_else(monitor: Monitor, minutes: int) -> None:
    monitor.tick()
    monitor.pass_time(minutes=minutes)
    said_for = {4: "4 min", 600: "10 h"}[minutes]
    assert text(banner(look(monitor))).startswith(f"Heartline has not run for {said_for}")


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        [],
        {"timezone": {"offsetISO": "+99:99"}, "width": "wide", "theme": 7, "params": [], "forms": {"all": 3}},
        {"timezone": "Seoul", "width": -5, "locale": {"x": 1}, "forms": None},
    ],
)
def test_a_console_that_sends_something_else_gets_a_page(monitor: Monitor, context: object) -> None:
    monitor.tick()
    event = {"widgetContext": context, "page": -3, "find": 7, "target": ["demo"], "incident": 5, "typed": True}
    assert text(banner(cast("str", invoke(monitor.environment, event)))).startswith("demo is up")


def test_a_table_that_cannot_be_read_is_named(monitor: Monitor, aws: EmulatedAws, log: list[dict[str, Any]]) -> None:
    aws.refuse("dynamodb:*", "AccessDeniedException")
    page = look(monitor)
    assert text(banner(page)) == "The state table does not answer: AccessDeniedException"
    assert log[-1]["event"] == "states-not-read"


def test_the_widget_says_how_to_set_it_up(monitor: Monitor) -> None:
    described = cast("str", invoke(monitor.environment, {"describe": True}))
    assert described.startswith("## Heartline")
    assert "language: en" in described
    assert monitor.aws.calls == []


def test_a_page_of_a_large_fleet_reads_no_past_of_what_has_none(monitor: Monitor, aws: EmulatedAws) -> None:
    monitor.watch(*(f"db-{place:03d}" for place in range(120)), host="192.0.2.1", user="heartline")
    page = look(monitor)
    assert len(names(page)) == 50
    assert sorted(set(aws.calls)) == ["dynamodb:BatchGetItem", "dynamodb:Query"]
    assert len(aws.calls) <= 6
