"""A command means the targets that its words and tags mean, and a word that is nearly right is named."""

from __future__ import annotations

from typing import Any

import pytest

from heartline.commands.select import select, select_one
from heartline.model.errors import CommandError
from heartline.model.target import Target

FLEET = (
    Target("orders-eu", tags={"team": "sales", "stage": "production"}),
    Target("orders-us", tags={"team": "sales", "stage": "test"}),
    Target("billing", tags={"team": "money", "stage": "production"}),
    Target("stock"),
)


def chosen(**fields: object) -> list[str]:
    return [target.name for target in select({"command": "mute", **fields}, FLEET).targets]


def refused(call: Any = select, **fields: object) -> CommandError:  # noqa: ANN401
    with pytest.raises(CommandError) as raised:
        call({"command": "mute", **fields}, FLEET)
    return raised.value


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"target": "billing"}, ["billing"]),
        ({"target": "*"}, ["orders-eu", "orders-us", "billing", "stock"]),
        ({"target": "orders-*"}, ["orders-eu", "orders-us"]),
        ({"target": "*-?s"}, ["orders-us"]),
        ({"target": ["stock", "billing"]}, ["billing", "stock"]),
        ({"target": ["stock", "*-eu", "stock"]}, ["orders-eu", "stock"]),
        ({"tags": {"team": "sales"}}, ["orders-eu", "orders-us"]),
        ({"tags": {"team": "sales", "stage": "prod*"}}, ["orders-eu"]),
        ({"tags": {"stage": "production"}, "target": "b*"}, ["billing"]),
    ],
)
def test_targets_are_meant_by_name_pattern_list_and_tag(fields: dict[str, object], names: list[str]) -> None:
    assert chosen(**fields) == names


@pytest.mark.parametrize(
    ("fields", "several"),
    [
        ({"target": "billing"}, False),
        ({"target": "bill*"}, True),
        ({"target": ["billing"]}, True),
        ({"target": "billing", "tags": {"team": "money"}}, True),
    ],
)
def test_one_is_meant_by_its_name_alone(fields: dict[str, object], several: bool) -> None:
    assert select({"command": "mute", **fields}, FLEET).several == several


def test_where_there_is_only_one_it_needs_no_name() -> None:
    only = select({"command": "mute"}, FLEET[:1])
    assert (only.targets, only.several) == (FLEET[:1], False)
    assert select_one({"command": "probe"}, FLEET[:1]) == FLEET[0]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, 'field "target": missing: known are orders-eu, orders-us, billing, stock'),
        ({"target": "biling"}, 'field "target": no such target: did you mean "billing"? known are orders-eu,'),
        ({"target": "zzz"}, 'field "target": no such target: known are orders-eu,'),
        ({"target": "zzz*"}, 'field "target": no such target: known are orders-eu,'),
        ({"target": ["billing", "stok"]}, 'field "target": no such target: did you mean "stock"?'),
        ({"target": ["billing", 7]}, 'field "target": no such target: known are'),
        ({"target": {"a": 1}}, 'field "target": no such target: known are'),
        ({"target": None}, 'field "target": no such target: known are'),
        ({"target": []}, "no target has these names and these tags"),
        ({"tags": {}}, 'field "tags": give a table of texts, like {"team": "payments"}'),
        ({"tags": "sales"}, 'field "tags": give a table of texts'),
        ({"tags": {"team": 7}}, 'field "tags": give a table of texts'),
        ({"tags": {"teem": "x"}}, 'field "tags": no such tag "teem": did you mean "team"? known are stage, team'),
        ({"tags": {"team": "nobody"}}, "no target has these names and these tags"),
        ({"tags": {"team": "money"}, "target": "orders-*"}, "no target has these names and these tags"),
    ],
)
def test_what_means_none_says_what_would_be_right(fields: dict[str, object], fault: str) -> None:
    assert str(refused(**fields)).startswith(f"mute: {fault}")


def test_a_tag_where_none_has_any_says_so() -> None:
    with pytest.raises(CommandError, match='no such tag "team": no target has any'):
        select({"command": "mute", "tags": {"team": "x"}}, FLEET[3:])


@pytest.mark.parametrize("word", ["orders-*", "*", ["billing"], "biling", 7])
def test_a_probe_is_of_one_target(word: object) -> None:
    assert "no such target" in str(refused(select_one, target=word))
