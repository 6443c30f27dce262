"""What is ordered for several targets at once is done for each, and said for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from local.console import CONTEXT
from local.function import invoke
from local.pages import banner, names, said, text
from local.stack import SECRET

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.aws import EmulatedAws

DEAD = {"host": "127.0.0.1", "port": 1, "user": "heartline"}


@pytest.fixture
def shop(monitor: Monitor) -> Monitor:
    """Watch one database that is up, and three that are down, and of which people have heard."""
    documents = []
    for name, keys in {
        "orders-eu": {"secret": SECRET, "tags": {"team": "sales"}},
        "orders-us": DEAD | {"tags": {"team": "sales"}},
        "billing": DEAD | {"tags": {"team": "money"}},
        "stock": DEAD,
    }.items():
        tags = cast("dict[str, str]", keys.pop("tags", {})) if isinstance(keys, dict) else {}
        monitor.watch(name, **keys)
        inline = ", ".join(f'{key} = "{value}"' for key, value in tags.items())
        documents.append(monitor.environment["TARGETS"] + (f"tags = {{ {inline} }}\n" if inline else ""))
    monitor.environment["TARGETS"] = "".join(documents)
    monitor.tick()
    assert len(monitor.mails) == 1
    return monitor


def quiet(monitor: Monitor) -> set[str]:
    return {entry["name"] for entry in monitor.order("status")["targets"] if entry["muted_until"]}


@pytest.mark.parametrize(
    ("which", "muted"),
    [
        ({"target": "*"}, {"orders-eu", "orders-us", "billing", "stock"}),
        ({"target": "orders-*"}, {"orders-eu", "orders-us"}),
        ({"target": ["stock", "b*"]}, {"stock", "billing"}),
        ({"tags": {"team": "sales"}}, {"orders-eu", "orders-us"}),
    ],
)
def test_a_group_is_muted_and_unmuted(shop: Monitor, which: dict[str, Any], muted: set[str]) -> None:
    answer = shop.order("mute", **which, **{"for": "2h"})
    assert {entry["name"] for entry in answer["targets"] if entry["muted_until"]} == muted == quiet(shop)
    shop.order("unmute", **which)
    assert quiet(shop) == set()


def test_of_a_group_what_is_down_is_acknowledged_and_the_rest_is_named(shop: Monitor) -> None:
    answer = shop.order("acknowledge", target="orders-*")
    up, down = answer["targets"]
    assert up == {
        "name": "orders-eu",
        "error": "acknowledge: orders-eu is up: only what an alert was sent of has reminders to stop",
    }
    assert (down["name"], down["acknowledged"]) == ("orders-us", True)
    acknowledged = {entry["name"] for entry in shop.order("status")["targets"] if entry["acknowledged"]}
    assert acknowledged == {"orders-us"}


def test_a_word_that_means_none_changes_nothing(shop: Monitor) -> None:
    before = shop.stored
    answer = shop.order("mute", target=["billing", "stok"], **{"for": "2h"})
    assert answer["error"].startswith('mute: field "target": no such target: did you mean "stock"?')
    assert shop.stored == before


@pytest.mark.parametrize(
    ("command", "meant"), [("acknowlege", "acknowledge"), ("stats", "status"), ("un-mute", "unmute")]
)
def test_a_misspelt_command_is_answered_with_the_right_one(monitor: Monitor, command: str, meant: str) -> None:
    assert monitor.order(command)["error"].startswith(f'unknown command: did you mean "{meant}"? known are status')


def test_one_that_other_runs_overtake_leaves_the_others_changed(shop: Monitor, aws: EmulatedAws) -> None:
    aws.refuse("dynamodb:UpdateItem target#stock*", "ConditionalCheckFailedException")
    answer = shop.order("mute", target="*", **{"for": "2h"})
    errors = {entry["name"]: entry["error"] for entry in answer["targets"] if "error" in entry}
    assert errors == {"stock": "stock: other runs kept changing it: try again"}
    assert quiet(shop) == {"orders-eu", "orders-us", "billing"}


def test_status_shows_those_with_a_tag(shop: Monitor) -> None:
    entries = shop.order("status", tags={"team": "sales"})["targets"]
    assert [(entry["name"], entry["tags"]) for entry in entries] == [
        ("orders-eu", {"team": "sales"}),
        ("orders-us", {"team": "sales"}),
    ]


def look(monitor: Monitor, params: dict[str, Any]) -> str:
    event = {**params, "widgetContext": {**CONTEXT, "params": params}}
    return cast("str", invoke(monitor.environment, event))


def test_a_widget_can_be_narrowed_by_its_parameters(shop: Monitor) -> None:
    assert names(look(shop, {})) == ["billing", "orders-us", "stock", "orders-eu"]
    assert names(look(shop, {"tags": {"team": "sales"}})) == ["orders-us", "orders-eu"]
    page = look(shop, {"targets": "orders-*", "tags": {"team": "sales"}})
    assert text(banner(page)).startswith("1 down orders-us 1 of 2 up")
    wrong = look(shop, {"targets": "order-eu"})
    assert 'did you mean "orders-eu"?' in said(wrong)
