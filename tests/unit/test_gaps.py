"""When ticks were missed, and what of that time is unknown of a target."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from heartline.model.belief import Counts, Flapping, Mark
from heartline.model.incident import Incident, Outage, Span
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.gaps import missed, note_gap, unknown_time
from unit.samples import HOUR, MINUTE, NOW, SECOND, failure

POLICY = Policy()
GAP = Span(NOW, NOW + 10 * MINUTE)
DOWN = State("orders", NOW - HOUR, outage=Outage(Incident("one", NOW - HOUR), failure()))


@pytest.mark.parametrize(
    ("interval", "late", "expected"),
    [
        (MINUTE, MINUTE, False),
        (MINUTE, 90 * SECOND, False),
        (MINUTE, 91 * SECOND, True),
        (5 * MINUTE, 7 * MINUTE, False),
        (5 * MINUTE, 8 * MINUTE, True),
    ],
)
def test_a_tick_that_comes_one_and_a_half_intervals_after_the_last_has_missed_one(
    interval: timedelta, late: timedelta, expected: bool
) -> None:
    assert missed(NOW, NOW + late, interval) == (Span(NOW, NOW + late) if expected else None)


def test_before_the_first_tick_none_was_missed() -> None:
    assert missed(None, NOW, MINUTE) is None
    assert unknown_time(DOWN, None, POLICY) is None


@pytest.mark.parametrize(
    ("known", "began"),
    [
        (State("orders"), 0),
        (State("orders", last_ok=NOW - HOUR), 0),
        # A tick in it has saved its state, and could not write its heartbeat.
        (State("orders", last_ok=NOW + 2 * MINUTE, last_failed=NOW + 3 * MINUTE), 3),
        (State("orders", last_ok=NOW + 4 * MINUTE, last_failed=NOW - HOUR), 4),
        (State("orders", mark=Mark(NOW + 5 * MINUTE, Counts())), 5),
        # One of another run, at the same time.
        (State("orders", last_ok=NOW + 2 * MINUTE, last_failed=NOW + 10 * MINUTE), 2),
        (State("orders", last_ok=NOW + 9 * MINUTE), None),
    ],
)
def test_unknown_is_the_time_since_the_last_that_is_known_of_the_target(known: State, began: int | None) -> None:
    expected = None if began is None else Span(NOW + began * MINUTE, GAP.ended)
    assert unknown_time(known, GAP, POLICY) == expected


def test_a_gap_that_grows_is_counted_once_and_each_tick_stands_for_the_interval_after_it() -> None:
    """A tick in it could not write its heartbeat; the next one finds a longer gap with the same beginning."""
    first = note_gap(DOWN, GAP, POLICY)
    assert (first.counts.unobserved, first.incident.unobserved) == (9 * 60, (GAP,))
    grown = Span(NOW, NOW + 15 * MINUTE)
    second = note_gap(first, grown, POLICY)
    assert (second.counts.unobserved, second.incident.unobserved) == (14 * 60, (grown,))
    other = Span(NOW + HOUR, NOW + HOUR + 4 * MINUTE)
    third = note_gap(second, other, POLICY)
    assert (third.counts.unobserved, third.incident.unobserved) == (17 * 60, (grown, other))


def test_of_many_gaps_the_last_twenty_are_kept() -> None:
    gaps = [Span(NOW + hour * HOUR, NOW + hour * HOUR + 5 * MINUTE) for hour in range(25)]
    state = DOWN
    for gap in gaps:
        state = note_gap(state, gap, POLICY)
    assert state.incident.unobserved == tuple(gaps[-20:])


@pytest.mark.parametrize(("first_seen", "counted"), [(NOW, True), (GAP.ended, False), (None, False)])
def test_a_gap_before_a_target_was_first_seen_is_none_of_its_time(first_seen: object, counted: bool) -> None:
    state = replace(DOWN, first_seen=first_seen)
    assert (note_gap(state, GAP, POLICY) != state) == counted


@pytest.mark.parametrize(
    ("stable_since", "rested"), [(-20, -11), (-3, 6), (0, 9), (9, 10), (10, 10), (12, 12)], ids=str
)
def test_what_flaps_does_not_rest_while_nobody_looks(stable_since: int, rested: int) -> None:
    """Minutes from the beginning of a gap of ten, of which the first was looked at."""
    flapping = Flapping("two", Mark(NOW - HOUR, Counts()), NOW + stable_since * MINUTE)
    ended = Incident("one", NOW - HOUR, ended=GAP.ended)
    state = note_gap(State("orders", NOW - HOUR, NOW, flapping=flapping, recent=(ended,)), GAP, POLICY)
    assert state.flapping.stable_since == NOW + rested * MINUTE
    assert state.previous.unobserved == (GAP,)
    down = note_gap(replace(DOWN, flapping=flapping), GAP, POLICY)
    assert down.flapping == flapping


def test_an_incident_that_was_over_before_a_gap_and_is_not_believed_in_has_nothing_to_do_with_it() -> None:
    over = Incident("one", NOW - HOUR, ended=GAP.ended - SECOND)
    state = State("orders", NOW - HOUR, NOW, recent=(over,))
    assert note_gap(state, GAP, POLICY) == state
