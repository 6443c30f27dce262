"""What is stored comes back as it was; what cannot be read is left alone, and never breaks a tick."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import Binary
from hypothesis import given
from hypothesis import strategies as st

from heartline.codec import decode, encode
from heartline.items import FORMAT, Heartbeat, freshen, plain, read_heartbeat, read_target, wire
from heartline.model import Alert, Endpoint, Failure, Incident, Kind, Phase, State, Status, Stored, Unreadable
from unit.samples import MINUTE, NOW, alert, failure

texts = st.text(max_size=20)
zones = st.sampled_from([UTC, timezone(timedelta(hours=-7))])
times = st.integers(0, 4 * 10**15).map(lambda micros: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros))
times = st.builds(datetime.astimezone, times, zones)
milliseconds = st.dictionaries(st.sampled_from(Phase), st.integers(0, 600_000).map(lambda tenths: tenths / 10))
some_failures = st.builds(
    Failure, st.sampled_from(Phase), st.sampled_from(Kind), texts, texts, st.none() | texts, st.none() | texts
)
incidents = st.builds(Incident, texts, times, st.none() | times, st.none() | times)
alerts = st.builds(
    Alert,
    id=st.integers(1, 10**8 - 1).map("{:08d}".format),
    target=st.just("orders"),
    at=times,
    endpoint=st.builds(Endpoint, texts, st.integers(1, 65535), texts, texts),
    incident=st.none() | incidents,
    failure=st.none() | some_failures,
    previous=st.none() | some_failures,
    phases=milliseconds,
    waiting=st.lists(st.sampled_from(["email", "topic"]), unique=True).map(tuple),
)
states = st.builds(
    State,
    target=st.just("orders"),
    since=st.none() | times,
    last_ok=st.none() | times,
    incident=st.none() | incidents,
    failure=st.none() | some_failures,
    told=st.none() | incidents,
    told_at=st.none() | times,
    told_failure=st.none() | some_failures,
    muted_until=st.none() | times,
    mute_reason=st.none() | texts,
    blips=st.integers(0),
    last_blip=st.none() | times,
    alerts_made=st.integers(0),
)


def stored(state: State, outbox: tuple[Alert, ...] = (), version: int = 1) -> dict[str, Any]:
    """Give an item as DynamoDB keeps it, by name and in its own notation."""
    return wire(
        {
            "format": FORMAT,
            "state": state,
            "outbox": {one.id: one for one in outbox},
            "version": version,
            "status": state.status,
        }
    )


@given(states, st.lists(alerts, max_size=3, unique_by=lambda one: one.id), st.integers(1, 10**30))
def test_a_state_and_its_outbox_come_back_as_they_were(state: State, outbox: list[Alert], version: int) -> None:
    outbox.sort(key=lambda one: one.id)
    read = read_target("orders", plain(stored(state, tuple(outbox), version)))
    assert read == Stored(state, tuple(outbox), version)


@given(alerts)
def test_an_alert_comes_back_from_json_as_it_was(one: Alert) -> None:
    document = json.loads(json.dumps(encode(one), default=float), parse_float=Decimal)
    assert decode(Alert, document) == one


def test_an_outbox_is_read_oldest_first_whatever_order_it_was_kept_in() -> None:
    outbox = tuple(alert(number=number) for number in (10, 9, 100))
    read = read_target("orders", plain(stored(State("orders"), outbox)))
    assert [one.id for one in read.outbox] == ["00000009", "00000010", "00000100"]


def test_a_target_without_an_item_is_unknown() -> None:
    assert read_target("orders", None) == Stored(State("orders"), (), 0)


def full() -> dict[str, Any]:
    state = State(
        "orders", Status.DOWN, NOW, NOW, alert().incident, failure(), alert().incident, NOW, failure(), blips=2
    )
    return plain(stored(state, (alert(),)))


def paths(document: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name every place in a document."""
    parts = (
        document.items() if isinstance(document, Mapping) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, part in parts:
        yield (*path, key)
        yield from paths(part, (*path, key))


def place(document: dict[Any, Any], path: tuple[Any, ...]) -> dict[Any, Any]:
    for key in path:
        document = document[key]
    return document


PATHS = sorted(paths(full()), key=str)
garbage = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.text(st.characters(codec=None), max_size=9), st.integers().map(Decimal)),
        *(st.decimals(allow_nan=False, allow_infinity=False), st.binary(max_size=3).map(Binary), st.just({"a"})),
        st.sampled_from(["2026-11-23", "2026-11-23T02:15:00", "9999-12-31T23:59:59-23:59", "refused", "down"]),
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(PATHS), garbage)
def test_garbage_anywhere_in_an_item_is_reported_and_never_raised(path: tuple[Any, ...], value: object) -> None:
    item = full()
    place(item, path[:-1])[path[-1]] = value
    assert isinstance(read_target("orders", item), Stored | Unreadable)


@given(st.dictionaries(st.sampled_from(["format", "state", "outbox", "version", "pk"]), garbage))
def test_an_item_of_nothing_but_garbage_is_unreadable(item: dict[str, Any]) -> None:
    for form in ({}, {"format": Decimal(FORMAT)}):
        assert isinstance(read_target("orders", item | form), Unreadable)
    assert read_heartbeat(item) is None


@pytest.mark.parametrize("number", [0, 2, Decimal("1.5"), "1", None])
def test_an_item_of_another_format_is_unreadable_and_says_why(number: object) -> None:
    read = read_target("orders", full() | {"format": number})
    assert isinstance(read, Unreadable)
    assert "a newer Heartline wrote it" in read.reason


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("state", "status"), "sideways"),
        (("state", "blips"), "2"),
        (("state", "blips"), True),
        (("state", "blips"), Decimal("2.5")),
        (("state", "since"), "yesterday"),
        (("state", "since"), "2026-11-23T02:15:00"),
        (("state", "acknowledged"), 1),
        (("state", "failure", "kind"), "cosmic-rays"),
        (("state", "novelty"), "of a later version"),
        (("state", "target"), "billing"),
        (("state",), None),
        (("outbox",), None),
        (("outbox", "00000001", "phases", "coffee"), Decimal(1)),
        (("outbox", "00000001", "waiting"), "email"),
        (("version",), 0),
        (("version",), None),
    ],
    ids=str,
)
def test_a_damaged_item_is_unreadable(path: tuple[str, ...], value: object) -> None:
    item = full()
    place(item, path[:-1])[path[-1]] = value
    assert isinstance(read_target("orders", item), Unreadable)


@pytest.mark.parametrize(
    "path", [("state", "target"), ("state", "incident", "began"), ("outbox", "00000001", "kind")], ids=str
)
def test_an_item_that_lacks_what_it_must_have_is_unreadable(path: tuple[str, ...]) -> None:
    item = full()
    del place(item, path[:-1])[path[-1]]
    assert isinstance(read_target("orders", item), Unreadable)


def test_reading_changes_nothing_in_the_item() -> None:
    item = full()
    before = copy.deepcopy(item)
    read_target("orders", item)
    assert item == before


@pytest.mark.parametrize(
    ("status", "healthy", "last_ok", "fresh"),
    [
        (Status.UP, ("orders",), NOW - MINUTE, NOW),
        (Status.UP, ("orders",), None, NOW),
        (Status.UP, ("billing",), NOW - MINUTE, NOW - MINUTE),
        (Status.UP, ("orders",), NOW + MINUTE, NOW + MINUTE),
        (Status.DOWN, ("orders",), NOW - MINUTE, NOW - MINUTE),
        (Status.UNKNOWN, ("orders",), None, None),
    ],
)
def test_the_heartbeat_tells_when_a_healthy_target_was_last_good(
    status: Status, healthy: tuple[str, ...], last_ok: datetime | None, fresh: datetime | None
) -> None:
    heartbeat = read_heartbeat(plain(wire({"at": NOW, "healthy": healthy, "format": FORMAT})))
    assert heartbeat == Heartbeat(NOW, healthy)
    assert freshen(Stored(State("orders", status, last_ok=last_ok)), heartbeat).state.last_ok == fresh
