"""How much of the watched time a target was up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model.incident import Incident, Outage, Span
from heartline.model.state import BlipCount, State
from heartline.rules.availability import Availability, availability
from unit.samples import HOUR, MINUTE, NOW, SECOND, failure

DAY = timedelta(days=1)
UP = State("orders", first_seen=NOW - 30 * DAY, up_since=NOW - HOUR)


def over(began: timedelta, ended: timedelta) -> Incident:
    """Return an incident that began and ended so long ago."""
    return Incident("one", NOW - began, ended=NOW - ended)


def measured(
    state: State, incidents: Sequence[Incident], gaps: Sequence[Span], length: timedelta = DAY
) -> Availability:
    return availability(state, incidents, gaps, Span(NOW - length, NOW), MINUTE)


def test_a_target_without_incidents_was_up_all_the_time() -> None:
    assert measured(UP, [], []).share == 1


def test_an_incident_counts_from_the_first_failed_probe_to_the_first_good_one() -> None:
    assert measured(UP, [over(6 * HOUR, 3 * HOUR)], []).share == 1 - 3 / 24


def test_of_an_incident_that_began_before_only_the_part_in_the_time_counts() -> None:
    assert measured(UP, [over(30 * HOUR, 18 * HOUR)], []).share == 1 - 6 / 24
    assert measured(UP, [over(80 * HOUR, 70 * HOUR)], []).share == 1


def test_an_open_incident_counts_until_now() -> None:
    down = State("orders", NOW - 30 * DAY, outage=Outage(Incident("one", NOW - 6 * HOUR), failure()))
    assert measured(down, [], []).share == 1 - 6 / 24


def test_a_target_that_is_new_is_measured_since_it_is_watched() -> None:
    new = State("orders", first_seen=NOW - 4 * HOUR, up_since=NOW - HOUR)
    assert measured(new, [over(2 * HOUR, HOUR)], []).share == 1 - 1 / 4


def test_a_target_that_was_down_from_the_first_has_no_share_of_up() -> None:
    down = State("orders", NOW - 3 * HOUR, outage=Outage(Incident("one", NOW - 3 * HOUR), failure()))
    assert measured(down, [], []).share == 0


def test_failed_probes_that_made_no_outage_are_counted_and_their_share_is_that_of_all_probes() -> None:
    """Of each tick of two hours two probes failed and the third was good."""
    counts = tuple(BlipCount(NOW - ago * HOUR, 60, 120) for ago in (1, 2))
    found = measured(
        replace(UP, first_seen=NOW - 2 * HOUR, blip_counts=(BlipCount(NOW - 5 * DAY, 9, 9), *counts)), [], []
    )
    assert (found.blips, found.failed_probes, found.failed_share) == (120, 240, pytest.approx(2 / 3))


def test_failed_probes_are_counted_by_hours_that_reach_into_the_time_and_each_tick_has_one_more_probe() -> None:
    """Down but for two minutes of the day, and three ticks that saw failures in its first hour."""
    begins = NOW - DAY + 45 * MINUTE
    state = replace(UP, blip_counts=(BlipCount(begins - HOUR, 9, 9), BlipCount(begins, 3, 6)))
    down = over(DAY - 47 * MINUTE, timedelta(0))
    found = availability(state, [down], [], Span(begins, NOW), MINUTE)
    assert (found.blips, found.failed_probes, found.failed_share) == (3, 6, 6 / 9)


@pytest.mark.parametrize("state", [State("orders"), State("orders", first_seen=NOW, up_since=NOW)], ids=str)
def test_what_was_never_watched_has_no_availability(state: State) -> None:
    found = measured(state, [], [])
    assert (found.share, found.failed_share) == (None, None)
    assert (found.observed, found.unobserved, found.blips, found.failed_probes) == (0, 0, 0, 0)


def test_a_time_in_which_heartline_did_not_run_is_neither_up_nor_down_and_told() -> None:
    gap = Span(NOW - 8 * HOUR, NOW - 4 * HOUR)
    found = measured(UP, [over(6 * HOUR, 2 * HOUR)], [gap])
    assert (found.share, found.observed, found.unobserved) == (1 - 2 / 20, 20 * 3600, 4 * 3600)


def test_where_nothing_was_observed_at_all_no_share_is_claimed() -> None:
    assert measured(UP, [], [Span(NOW - 2 * DAY, NOW)]) == Availability(unobserved=86400)


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
    within = Span(at(now) - length * SECOND, at(now))
    found = availability(state, ended, [Span(at(one), at(other)) for one, other in gaps], within, MINUTE)
    assert found.share == (pytest.approx(len(up) / len(watched)) if watched else None)
    assert (found.unobserved, found.observed) == (len(unseen), len(watched))
