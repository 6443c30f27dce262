"""A fleet is divided by the names of its targets: the same for ever, evenly, and so that growing moves few."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from math import sqrt
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heartline.common.text import sanitize
from heartline.model.target import MOST_TARGETS, Target
from heartline.tick.shards import Shard, read_shard, shard_of, shards

AT = datetime(2026, 11, 23, 3, 11, 2, 345678, UTC)
MINUTE = timedelta(minutes=1)
NAMES = [f"db-{number:04}" for number in range(2000)]
GOOD = {"shard": 2, "of": 5, "tick": "2026-11-23T03:11:02+00:00"}
# Target names as `values.name` allows them.
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
sizes = st.integers(-2, MOST_TARGETS + 2) | st.integers() | anything
moments = st.datetimes(timezones=st.timezones() | st.just(UTC)).map(datetime.isoformat) | anything


# ---- Which shard


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("orders", (0, 0, 0, 0, 12, 6004)),
        ("billing", (0, 1, 2, 2, 2, 6606)),
        ("mail", (0, 1, 1, 3, 10, 9345)),
        ("search", (0, 0, 2, 2, 14, 2562)),
        ("users", (0, 1, 1, 1, 1, 5365)),
        ("a", (0, 0, 0, 0, 11, 379)),
        ("x" * 64, (0, 0, 0, 3, 3, 2321)),
    ],
)
def test_a_name_has_the_same_shard_in_every_run_of_every_version(name: str, places: tuple[int, ...]) -> None:
    """Runs of two versions share a tick while one is deployed: by two hashes some would be probed twice, some not."""
    assert tuple(shard_of(name, number) for number in (1, 2, 3, 4, 20, 10_000)) == places


@pytest.mark.parametrize("number", [1, 2, 3, 19, 20, 99])
def test_one_shard_more_takes_its_own_share_and_moves_nothing_else(number: int) -> None:
    before, after = ([shard_of(name, size) for name in NAMES] for size in (number, number + 1))
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    expected = len(NAMES) / (number + 1)
    assert set(moved) == {number}
    assert len(moved) == pytest.approx(expected, abs=4 * sqrt(expected))


def test_shards_are_of_about_one_size() -> None:
    sizes = Counter(shard_of(name, 20) for name in NAMES)
    assert set(sizes) == set(range(20))
    assert min(sizes.values()) > 70
    assert max(sizes.values()) < 130


@given(st.lists(names, unique=True, max_size=30), st.integers(1, 40))
def test_every_target_is_in_exactly_one_shard_and_they_keep_their_order(listed: list[str], share: int) -> None:
    targets = [Target(name) for name in listed]
    parts = [part.members(targets) for part in shards(len(targets), share, AT)]
    assert sorted(target.name for part in parts for target in part) == sorted(listed)
    assert all(list(part) == [target for target in targets if target in part] for part in parts)


@pytest.mark.parametrize(
    ("targets", "share", "number"), [(1, 100, 1), (100, 100, 1), (101, 100, 2), (2000, 100, 20), (10_000, 1, 10_000)]
)
def test_there_are_as_many_shards_as_shares(targets: int, share: int, number: int) -> None:
    assert shards(targets, share, AT) == [Shard(place, number, AT) for place in range(number)]


# ---- Messages


@given(st.integers(1, MOST_TARGETS), st.data(), st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read(number: int, data: st.DataObject, tick: datetime) -> None:
    shard = Shard(data.draw(st.integers(0, number - 1)), number, tick)
    assert read_shard(shard.written()) == shard


def test_a_message_is_as_it_stands_in_the_queues_of_a_version_before() -> None:
    assert json.loads(Shard(2, 5, AT).written()) == GOOD | {"tick": "2026-11-23T03:11:02.345678+00:00"}


@pytest.mark.parametrize(
    "message",
    [
        *("", "shard 2 of 5", "null", "[]", "2", '"2"', "{}", json.dumps([GOOD]), json.dumps(GOOD)[:-1]),
        *("[" * 100_000, '{"shard":' * 100_000, '{"shard": ' + "9" * 5000 + "}"),
        *(json.dumps({name: part for name, part in GOOD.items() if name != left_out}) for left_out in GOOD),
        *(json.dumps(GOOD | {"shard": shard}) for shard in (-1, 5, 6, 10**30, "2", 2.0, 2.5, True, None, [2])),
        *(json.dumps(GOOD | {"of": of}) for of in (0, -1, 2, MOST_TARGETS + 1, 10**30, "5", 5.0, None, {})),
        *(
            json.dumps(GOOD | {"tick": tick})
            for tick in ("", "today", "2026-11-23T03:11:02", 1795403462, None, "\ud800")
        ),
        *(json.dumps(GOOD | {name: "x"}) for name in ("targets", "host", "TARGETS", "", "\ud800\x00")),
        json.dumps(GOOD | {"of": float("nan")}),
        json.dumps(GOOD | {"shard": float("inf")}),
    ],
    ids=lambda message: sanitize(message, 40) or "empty",
)
def test_what_names_no_shard_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_shard(message)


@given(
    st.text()
    | anything.map(json.dumps)
    | st.fixed_dictionaries({"shard": sizes, "of": sizes, "tick": moments}).map(json.dumps)
)
@example(json.dumps(GOOD | {"tick": "0001-01-01T00:00:00+23:59"}))
@example(json.dumps(GOOD | {"tick": "9999-12-31T23:59:59-23:59"}))
def test_whatever_a_message_says_it_is_refused_or_of_use(message: str) -> None:
    try:
        shard = read_shard(message)
    except ValueError:
        return
    assert 0 <= shard.shard < shard.of <= MOST_TARGETS
    assert shard.stale(AT, MINUTE) == (shard.tick <= AT - MINUTE)
    assert len(shard.members([Target("orders")])) <= 1
    assert read_shard(shard.written()) == shard


# ---- Whose time is over


@pytest.mark.parametrize(
    ("late", "stale"), [(-5, False), (0, False), (59.999, False), (60, True), (61, True), (86400, True)]
)
def test_a_shard_is_stale_from_when_the_next_tick_is_due(late: float, stale: bool) -> None:
    assert Shard(0, 1, AT).stale(AT + timedelta(seconds=late), MINUTE) is stale


def test_the_zone_of_a_tick_does_not_make_it_stale() -> None:
    tick: Any = AT.astimezone(timezone(timedelta(hours=9)))
    assert not Shard(0, 1, tick).stale(AT + timedelta(seconds=59), MINUTE)
