"""How much of the watched time a target was up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model.incident import Incident, Outage, Span
from heartline.model.state import State
from heartline.rules.availability import Availability, availability
from unit.samples import HOUR, NOW, SECOND, failure

DAY = timedelta(days=1)
UP = State("orders", first_seen=NOW - 30 * DAY, up_since=NOW - HOUR)


def over(began: timedelta, ended: timedelta) -> Incident:
    """Give an incident that began and ended so long ago."""
    return Incident("one", NOW - began, ended=NOW - ended)


def test_a_target_without_incidents_was_up_all_the_time() -> None:
    assert availability(UP, [], [], DAY, NOW) == Availability(1, 0)


def test_an_incident_counts_from_the_first_failed_probe_to_the_first_good_one() -> None:
    assert availability(UP, [over(6 * HOUR, 3 * HOUR)], [], DAY, NOW).share == 1 - 3 / 24


def test_of_an_incident_that_began_before_only_the_part_in_the_time_counts() -> None:
    assert availability(UP, [over(30 * HOUR, 18 * HOUR)], [], DAY, NOW).share == 1 - 6 / 24
    assert availability(UP, [over(80 * HOUR, 70 * HOUR)], [], DAY, NOW).share == 1


def test_an_open_incident_counts_until_now() -> None:
    down = State("orders", NOW - 30 * DAY, outage=Outage(Incident("one", NOW - 6 * HOUR), failure()))
    assert availability(down, [], [], DAY, NOW).share == 1 - 6 / 24


def test_a_target_that_is_new_is_measured_since_it_is_watched() -> None:
    new = State("orders", first_seen=NOW - 4 * HOUR, up_since=NOW - HOUR)
    assert availability(new, [over(2 * HOUR, HOUR)], [], DAY, NOW).share == 1 - 1 / 4


def test_a_target_that_was_down_from_the_first_has_no_share_of_up() -> None:
    down = State("orders", NOW - HOUR, outage=Outage(Incident("one", NOW - HOUR), failure()))
    assert availability(down, [], [], DAY, NOW) == Availability(0, 0)


@pytest.mark.parametrize("state", [State("orders"), State("orders", first_seen=NOW, up_since=NOW)], ids=str)
def test_what_was_never_watched_has_no_availability(state: State) -> None:
    assert availability(state, [], [], DAY, NOW) == Availability(None, 0)


def test_a_time_in_which_heartline_did_not_run_is_neither_up_nor_down_and_told() -> None:
    gap = Span(NOW - 8 * HOUR, NOW - 4 * HOUR)
    assert availability(UP, [over(6 * HOUR, 2 * HOUR)], [gap], DAY, NOW) == Availability(1 - 2 / 20, 4 * 3600)


def test_where_nothing_was_observed_at_all_no_share_is_claimed() -> None:
    assert availability(UP, [], [Span(NOW - 2 * DAY, NOW)], DAY, NOW) == Availability(None, 86400)


spans = st.tuples(st.integers(-20, 100), st.integers(0, 40)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(
    first_seen=st.integers(-20, 110),
    open_since=st.none() | st.integers(-20, 100),
    incidents=st.lists(spans, max_size=5),
    gaps=st.lists(spans, max_size=5),
    length=st.integers(1, 120),
)
def test_it_is_what_counting_second_by_second_gives(
    first_seen: int,
    open_since: int | None,
    incidents: list[tuple[int, int]],
    gaps: list[tuple[int, int]],
    length: int,
) -> None:
    now = 100
    seconds = range(max(now - length, first_seen), now)
    unseen = [s for s in seconds if any(began <= s < ended for began, ended in gaps)]
    watched = [s for s in seconds if s not in unseen]
    wrong = [*incidents, *([(open_since, now)] if open_since is not None else [])]
    up = [s for s in watched if not any(began <= s < ended for began, ended in wrong)]

    def at(second: int) -> object:
        return NOW + second * SECOND

    state = State(
        "orders",
        first_seen=at(first_seen),
        outage=None if open_since is None else Outage(Incident("open", at(open_since)), failure()),
    )
    ended = [Incident("over", at(began), ended=at(end)) for began, end in incidents]
    measured = availability(state, ended, [Span(at(one), at(other)) for one, other in gaps], length * SECOND, at(now))
    assert measured.share == (pytest.approx(len(up) / len(watched)) if watched else None)
    assert measured.unobserved == len(unseen)
