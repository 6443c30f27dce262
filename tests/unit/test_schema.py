"""What is stored comes back as it was; what cannot be read is left alone, and never breaks a tick."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import Binary
from hypothesis import given
from hypothesis import strategies as st

from heartline.common.codec import decode, encode
from heartline.model.alert import Alert
from heartline.model.belief import Addressees, Belief, Believed, Counts, Flapping, Mark, Tally
from heartline.model.condition import Condition, ConditionKind
from heartline.model.heartbeat import Heartbeat, freshen
from heartline.model.incident import Change, Evidence, Incident, Outage, Span
from heartline.model.kinds import AlertKind, Kind, Phase, Status
from heartline.model.observation import Failure, Gauges, Server
from heartline.model.state import BlipCount, State, Stored, Unreadable
from heartline.model.target import Endpoint
from heartline.storage.schema import FORMAT, gap_key, plain, read_heartbeat, read_target, record, wire
from unit.samples import HOUR, MINUTE, NOW, alert, failure, flapping

texts = st.text(max_size=20)
zones = st.sampled_from([UTC, timezone(timedelta(hours=-7))])
times = st.integers(0, 4 * 10**15).map(lambda micros: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros))
times = st.builds(datetime.astimezone, times, zones)
milliseconds = st.dictionaries(st.sampled_from(Phase), st.integers(0, 600_000).map(lambda tenths: tenths / 10))
some_failures = st.builds(
    Failure, st.sampled_from(Phase), st.sampled_from(Kind), texts, texts, st.none() | texts, st.none() | texts
)
seconds = st.integers(0, 10**12).map(lambda micros: micros / 10**6)
counts = st.integers(0, 10**9)
spans = st.builds(Span, times, times)
evidence = st.builds(Evidence, texts, texts, texts)
changes = st.builds(
    Change,
    st.sampled_from(AlertKind),
    times,
    after=st.none() | times,
    started=st.none() | times,
    evidence=st.lists(evidence, max_size=2).map(tuple),
    several=st.booleans(),
)
servers = st.builds(
    Server,
    version=st.none() | texts,
    started=st.none() | times,
    standby=st.none() | st.booleans(),
    read_only=st.none() | st.booleans(),
    system=st.none() | texts,
    timeline=st.none() | counts,
    resets=st.lists(times, max_size=5).map(tuple),
    certificate_expires=st.none() | times,
)
incidents = st.builds(
    Incident,
    texts,
    times,
    last_ok=st.none() | times,
    last_failed=st.none() | times,
    ended=st.none() | times,
    kinds=st.lists(st.sampled_from(Kind), max_size=3).map(tuple),
    notified=st.lists(st.sampled_from(AlertKind), max_size=3).map(tuple),
    changes=st.lists(changes, max_size=2).map(tuple),
    unobserved=st.lists(spans, max_size=2).map(tuple),
    severity_since=st.none() | times,
    outage_seconds=seconds,
)
found = st.builds(Counts, counts, seconds, counts, counts, seconds)
marks = st.builds(Mark, times, found)
tallies = st.builds(Tally, times, times, found, seconds)
some_flapping = st.builds(Flapping, texts, marks, times, seconds, st.booleans(), seconds)
addressees = st.builds(
    Addressees, st.lists(texts, max_size=2).map(tuple), st.sampled_from(["en", "ko"]), st.none() | texts
)
some_conditions = st.builds(
    Condition,
    st.sampled_from(ConditionKind),
    times,
    seconds,
    seconds,
    counts,
    counts,
    st.lists(times, max_size=2).map(tuple),
    st.none() | times,
    st.none() | times,
    st.none() | addressees,
)
beliefs = st.builds(
    Belief,
    st.sampled_from(Believed),
    times,
    incident=st.none() | texts,
    failure=st.none() | some_failures,
    reminders=counts,
    acknowledged=st.none() | texts,
    addressees=st.none() | addressees,
)
alerts = st.builds(
    Alert,
    id=st.integers(1, 10**8 - 1).map("{:08d}".format),
    target=st.just("orders"),
    at=times,
    kind=st.sampled_from(AlertKind),
    endpoint=st.builds(Endpoint, texts, st.integers(1, 65535), texts, texts),
    address=st.none() | texts,
    incident=st.none() | incidents,
    flapping=st.none() | some_flapping,
    change=st.none() | changes,
    expires=st.none() | times,
    condition=st.none() | some_conditions,
    gauges=st.none() | st.builds(Gauges, counts, st.none() | counts, st.none() | counts, st.none() | seconds),
    failure=st.none() | some_failures,
    previous=st.none() | some_failures,
    phases=milliseconds,
    remind_at=st.none() | times,
    settle_seconds=st.none() | seconds,
    believed=st.none() | st.sampled_from(Believed),
    tally=st.none() | tallies,
    total=st.none() | tallies,
    addressees=st.none() | addressees,
    discovered=st.booleans(),
    first_seen=st.none() | times,
    waiting=st.lists(st.sampled_from(["email", "topic"]), unique=True).map(tuple),
    refused=st.none() | texts,
)
states = st.builds(
    State,
    target=st.just("orders"),
    first_seen=st.none() | times,
    up_since=st.none() | times,
    last_ok=st.none() | times,
    last_failed=st.none() | times,
    outage=st.none() | st.builds(Outage, incidents, some_failures),
    recent=st.lists(incidents, max_size=2).map(tuple),
    stamp=st.none() | times,
    counts=found,
    mark=st.none() | marks,
    gap=st.none() | spans,
    flapping=st.none() | some_flapping,
    belief=st.none() | beliefs,
    alerted=st.lists(times, max_size=3).map(tuple),
    muted_until=st.none() | times,
    mute_reason=st.none() | texts,
    server=st.none() | servers,
    address=st.none() | texts,
    known=st.lists(texts, max_size=3).map(tuple),
    several=st.booleans(),
    conditions=st.lists(some_conditions, max_size=2).map(tuple),
    pending_changes=st.lists(changes, max_size=2).map(tuple),
    blips=counts,
    recent_blips=st.lists(times, max_size=3).map(tuple),
    blip_counts=st.lists(st.builds(BlipCount, times, counts, counts), max_size=2).map(tuple),
    alerts_made=counts,
)


def test_every_field_is_tried() -> None:
    """A new one must be in the strategies above."""
    for strategy, kind in ((states, State), (alerts, Alert), (incidents, Incident)):
        seen_fields = {one.name for one in fields(kind)} - strategy.wrapped_strategy.kwargs.keys()
        assert seen_fields <= {"id", "began", "target"}, kind


def stored(state: State, outbox: tuple[Alert, ...] = (), version: int = 1) -> dict[str, Any]:
    """Return an item as DynamoDB keeps it, by name and in its own notation."""
    return wire(
        {
            "format": FORMAT,
            "state": state,
            "outbox": {one.id: one for one in outbox},
            "version": version,
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
    known: dict[str, Any] = {"first_seen": NOW - HOUR, "up_since": NOW, "last_ok": NOW, "last_failed": NOW}
    known |= {
        "outage": Outage(incident(), failure()),
        "recent": (incident(),),
        "belief": Belief(Believed.DOWN, NOW, incident().id, failure(), 2, addressees=Addressees(("a@example.com",))),
        "alerted": (NOW,),
        "flapping": flapping(),
        "mark": Mark(NOW, Counts(1, 12.5)),
        "blips": 2,
        "blip_counts": (BlipCount(NOW, 2, 3),),
    }
    return plain(stored(State("orders", **known), (alert(),)))


def incident() -> Incident:
    gap = Span(NOW - 3 * MINUTE, NOW - 2 * MINUTE)
    return replace(alert().incident, kinds=(Kind.REFUSED,), notified=(AlertKind.DOWN,), unobserved=(gap,))


def with_status(status: Status, **known: datetime | None) -> State:
    outage = Outage(incident(), failure()) if status is Status.DOWN else None
    return State("orders", up_since=NOW - HOUR if status is Status.UP else None, outage=outage, **known)


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


def test_before_the_first_tick_there_is_no_heartbeat() -> None:
    assert read_heartbeat(None) is None


@given(st.dictionaries(st.sampled_from(["at", "healthy", "failed", "format", "pk"]), garbage))
def test_a_heartbeat_of_nothing_but_garbage_is_as_good_as_none_unless_it_is_newer(item: dict[str, Any]) -> None:
    number = item.get("format")
    newer = isinstance(number, Decimal) and number > FORMAT
    assert isinstance(read_heartbeat(item), Unreadable if newer else Heartbeat | None)


@pytest.mark.parametrize("number", [Decimal(FORMAT + 1), Decimal("1.5"), Decimal("1e30")])
@pytest.mark.parametrize("rest", [{}, {"at": NOW.isoformat(), "healthy": ["orders"], "failed": []}])
def test_a_heartbeat_of_a_newer_version_is_told_from_a_damaged_one(number: Decimal, rest: dict[str, Any]) -> None:
    read = read_heartbeat({"format": number, **rest})
    assert isinstance(read, Unreadable)
    assert "a newer Heartline wrote it" in read.reason


@pytest.mark.parametrize("damage", [{"at": "yesterday"}, {"at": None}, {"healthy": "orders"}, {"failed": [1]}])
def test_a_damaged_heartbeat_is_as_good_as_none(damage: dict[str, Any]) -> None:
    item = {"format": Decimal(FORMAT), "at": NOW.isoformat(), "healthy": ["orders"], "failed": []}
    assert isinstance(read_heartbeat(item), Heartbeat)
    assert read_heartbeat(item | damage) is None


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
        (("state", "outage", "failure", "kind"), "cosmic-rays"),
        (("state", "outage", "failure"), None),
        (("state", "outage", "incident"), None),
        (("state", "outage", "incident", "kinds"), ["cosmic-rays"]),
        (("state", "outage", "incident", "notified"), "down"),
        (("state", "outage", "incident", "unobserved"), [{"began": NOW.isoformat()}]),
        (("state", "quiet_interval"), "12.5"),
        (("state", "mark", "counts", "outages"), Decimal("1.5")),
        (("state", "flapping", "stable_since"), None),
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
    "path",
    [
        *(("state", "target"), ("state", "outage", "incident"), ("state", "outage", "failure")),
        *(
            ("state", "flapping", "start", "at"),
            ("state", "outage", "incident", "began"),
            ("state", "outage", "incident", "unobserved", 0, "ended"),
            ("outbox", "00000001", "kind"),
        ),
    ],
    ids=str,
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


def test_a_heartbeat_of_the_version_before_knows_of_no_failures() -> None:
    old = {"at": {"S": NOW.isoformat()}, "healthy": {"L": [{"S": "orders"}]}, "format": {"N": "1"}}
    assert read_heartbeat(plain(old)) == Heartbeat(NOW, ("orders",), ())


@pytest.mark.parametrize(
    ("status", "failed", "last_failed", "fresh"),
    [
        (Status.DOWN, ("orders",), NOW - MINUTE, NOW),
        (Status.DOWN, ("orders",), None, NOW),
        (Status.DOWN, ("billing",), NOW - MINUTE, NOW - MINUTE),
        (Status.DOWN, ("orders",), NOW + MINUTE, NOW + MINUTE),
        (Status.UP, ("orders",), NOW - MINUTE, NOW - MINUTE),
    ],
)
def test_the_heartbeat_tells_when_a_target_that_is_down_last_failed(
    status: Status, failed: tuple[str, ...], last_failed: datetime | None, fresh: datetime | None
) -> None:
    heartbeat = read_heartbeat(plain(wire({"at": NOW, "healthy": (), "failed": failed, "format": FORMAT})))
    assert freshen(Stored(with_status(status, last_failed=last_failed)), heartbeat).state.last_failed == fresh


@given(spans, incidents)
def test_records_of_the_history_come_back_as_they_were_and_expire_after_400_days(gap: Span, one: Incident) -> None:
    for name, value in (("gap", gap), ("incident", one)):
        item = plain(wire(record(NOW, {name: value})))
        assert decode(type(value), item[name]) == value
        assert item["expires_at"] == (NOW + timedelta(days=400)).timestamp()


@given(st.lists(times, max_size=5))
def test_records_sort_by_the_time_at_which_they_began(began: list[datetime]) -> None:
    assert [key[1] for key in map(gap_key, (Span(one, one) for one in sorted(began)))] == sorted(
        gap_key(Span(one, one))[1] for one in began
    )


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
    assert freshen(Stored(with_status(status, last_ok=last_ok)), heartbeat).state.last_ok == fresh
