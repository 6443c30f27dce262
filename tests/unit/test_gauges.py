"""How near a server is to its limits is read from whatever it answers, and is None where that is malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model.observation import Gauges
from heartline.probe.fingerprint import fingerprint_queries
from heartline.probe.gauges import read_gauges
from unit.samples import hostile

LATEST, BEFORE = {"server_version": "18.1"}, {"server_version": "16.4 (Debian)"}
IDENTITY = ["0002d5c0", "f", "7577", "000000010000000000000001", None, None, None, None]
SLOTS = ["100", "3", "0", None, "{0,5,99,100,120}"]
# 2026-11-28 03:00:00 and a minute before it, in microseconds since 2000.
NOW, BEFORE_NOW = f"{848_978_400_000_000:016x}", f"{848_978_340_000_000:016x}"


def replay(
    received: str | None = "0/5000060",
    replayed: str = "0/5000000",
    receiver: str | None = "17",
    until: str | None = BEFORE_NOW,
) -> float | None:
    """Return how far a standby is behind, by what it says."""
    standby = [*IDENTITY[:1], "t", *IDENTITY[2:]]
    return read_gauges(LATEST, [*standby, *SLOTS, None, None, NOW, until, received, replayed, receiver]).replay_delay


def test_slots_are_counted_by_their_numbers_and_before_17_by_databases() -> None:
    assert read_gauges(LATEST, [*IDENTITY, *SLOTS]) == Gauges(slots=97, slots_used=3)
    assert read_gauges(BEFORE, [*IDENTITY, *SLOTS]) == Gauges(slots=97, slots_used=4)
    reserved = ["100", "3", "5", "2", "{}"]
    assert read_gauges(LATEST, [*IDENTITY, *reserved]) == Gauges(slots=90, slots_used=0)


@pytest.mark.parametrize(
    ("newest", "oldest", "age"),
    [
        ("0:1300000000", "3", 1_299_999_997),
        ("7:100", "4294967200", 196),
        ("100", "50", 50),
        ("0:x", "3", None),
        (None, "3", None),
    ],
)
def test_the_age_of_transaction_ids_goes_round(newest: str | None, oldest: str, age: int | None) -> None:
    assert read_gauges(LATEST, [*IDENTITY, *SLOTS, newest, oldest]).xid_age == age


def test_a_standby_leaves_transaction_ids_to_its_primary() -> None:
    """PostgreSQL 13 does not say at login that it is one, and is asked for them."""
    standby = [IDENTITY[0], "t", *IDENTITY[2:]]
    assert read_gauges({"server_version": "13.23"}, [*standby, *SLOTS, "0:1300000000", "3"]).xid_age is None


def test_a_standby_lags_where_it_has_more_to_replay_or_receives_nothing() -> None:
    assert replay() == 60
    assert replay(replayed="0/5000060") == 0
    assert replay(replayed="1/0") == 0
    assert replay(received="1/0", replayed="0/FFFFFFFF") == 60
    assert replay(replayed="0/5000060", receiver=None) == 60
    assert [replay(received=None), replay(until=None), replay(replayed="x")] == [None, None, None]


def test_a_primary_has_no_lag_whatever_it_remembers_of_having_been_a_standby() -> None:
    columns = [*IDENTITY, *SLOTS, None, None, NOW, BEFORE_NOW, "0/5000060", "0/5000000", "17"]
    assert read_gauges(LATEST, columns).replay_delay is None


@given(st.lists(st.none() | hostile | st.just("t"), max_size=25))
def test_whatever_a_server_answers_is_read(answer: list[str | None]) -> None:
    for parameters in ({}, LATEST, BEFORE, {"server_version": "x"}):
        gauges = read_gauges(parameters, answer)
        assert all(one is None or one >= 0 for one in (gauges.slots_used, gauges.xid_age, gauges.replay_delay))


@pytest.mark.parametrize(
    ("version", "number"), [("13.14", 1), ("9.6.24", 1), ("14.0", 2), ("18.1", 2), ("", 2), ("x", 2)]
)
def test_a_server_that_is_known_to_be_older_is_asked_once(version: str, number: int) -> None:
    assert len(fingerprint_queries({"server_version": version})) == number
