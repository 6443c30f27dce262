"""What is counted of a target, and from when on failed probes are frequent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from heartline.model.belief import Counts, Mark
from heartline.model.incident import Incident, Outage, Span
from heartline.model.state import BlipCount, State
from heartline.model.target import Policy
from heartline.rules.counting import blipped, frequent, marked, not_observed, tally
from unit.samples import HOUR, MINUTE, NOW, SECOND, failure

DAY = timedelta(days=1)
# A quarter past two in the morning: NOW.
TWO, MIDNIGHT = NOW - 15 * MINUTE, NOW - 135 * MINUTE


def after(*blips: datetime, probes: int = 2) -> State:
    """Return the state after ticks with two failed probes each."""
    state = State("orders")
    for at in blips:
        state = blipped(state, at, probes)
    return state


def down_since(began: datetime, **counts: float) -> State:
    outage = Outage(Incident("one", began), failure())
    return State("orders", outage=outage, counts=Counts(**counts))  # type: ignore[arg-type]


def test_ticks_with_failed_probes_are_counted_with_these_probes() -> None:
    state = after(NOW, NOW + MINUTE)
    assert (state.blips, state.counts.failed_probes) == (2, 4)
    assert state.recent_blips == (NOW, NOW + MINUTE)


def test_ticks_with_failed_probes_are_counted_by_the_hour() -> None:
    counts = after(NOW, NOW + 44 * MINUTE, NOW + 45 * MINUTE, NOW + 46 * MINUTE).blip_counts
    assert counts == (BlipCount(TWO, 2, 4), BlipCount(TWO + HOUR, 2, 4))


def test_hours_that_are_over_for_more_than_a_day_are_counted_as_their_day() -> None:
    """Availability is shown for the last 24 hours, to the hour, and for longer."""
    before = after(NOW - HOUR, NOW, NOW + 20 * HOUR)
    still = blipped(before, TWO + 25 * HOUR, 2).blip_counts
    assert [one.began for one in still] == [MIDNIGHT, TWO, TWO + 20 * HOUR, TWO + 25 * HOUR]
    older = blipped(before, TWO + 25 * HOUR + SECOND, 2).blip_counts
    assert older == (
        BlipCount(MIDNIGHT, 2, 4),
        BlipCount(TWO + 20 * HOUR, 1, 2),
        BlipCount(TWO + 25 * HOUR, 1, 2),
    )


def test_days_that_are_over_for_a_month_are_forgotten_and_those_after_them_kept() -> None:
    state = after(NOW, NOW + 10 * DAY, MIDNIGHT + 31 * DAY)
    assert [one.began for one in state.blip_counts] == [MIDNIGHT, MIDNIGHT + 10 * DAY, MIDNIGHT + 31 * DAY]
    state = blipped(state, MIDNIGHT + 31 * DAY + SECOND, 2)
    assert [(one.began, one.ticks) for one in state.blip_counts] == [
        (MIDNIGHT + 10 * DAY, 1),
        (MIDNIGHT + 31 * DAY, 2),
    ]


def test_what_is_kept_of_years_of_failed_probes_is_bounded() -> None:
    state = after(*(NOW + number * 7 * HOUR for number in range(1000)))
    assert len(state.blip_counts) < 31 + 26
    assert len(state.recent_blips) == 6


@pytest.mark.parametrize(
    ("interval", "apart", "enough"),
    [
        (MINUTE, 12 * MINUTE, True),
        (MINUTE, 12 * MINUTE + SECOND, False),
        # Six of ten ticks, where these come more seldom.
        (15 * MINUTE, 30 * MINUTE, True),
        (15 * MINUTE, 30 * MINUTE + SECOND, False),
    ],
)
def test_six_ticks_with_failed_probes_within_an_hour_or_ten_ticks_are_frequent(
    interval: timedelta, apart: timedelta, enough: bool
) -> None:
    six, policy = [NOW + number * apart for number in range(6)], Policy(interval=interval)
    assert frequent(after(*six), policy) == enough
    assert not frequent(after(*six[1:]), policy)
    # It is the last six that count.
    assert frequent(after(NOW - DAY, *six), policy) == enough


def test_a_tally_counts_an_outage_that_lasts_for_as_long_as_it_is_open_between_the_two_moments() -> None:
    state = down_since(NOW, outages=3, down=100.0)
    since = marked(state, NOW + MINUTE)
    found = tally(since, replace(state, counts=replace(state.counts, outages=5)), NOW + 3 * MINUTE, Policy())
    assert (found.since, found.until) == (NOW + MINUTE, NOW + 3 * MINUTE)
    assert (found.counts.outages, found.counts.down, found.share) == (2, 120, 1)


def test_a_tally_says_what_share_of_the_probes_outside_outages_failed() -> None:
    """In an hour it was down for 20 minutes, and in each other tick two of three probes failed."""
    state = State("orders", NOW - HOUR, NOW - HOUR)
    later = replace(state, counts=Counts(outages=1, down=1200, failed_probes=40))
    found = tally(marked(state, NOW), later, NOW + HOUR, Policy(interval=2 * MINUTE))
    assert found.failed_share == pytest.approx(2 / 3)
    assert tally(marked(state, NOW), state, NOW + HOUR, Policy()).failed_share == 0


def test_a_tally_does_not_count_less_than_nothing_where_a_clock_was_set_back() -> None:
    assert marked(down_since(NOW), NOW - HOUR) == Mark(NOW - HOUR, Counts())


GAP = Span(NOW, NOW + 10 * MINUTE)


@pytest.mark.parametrize(
    ("outage", "within"),
    [
        (None, 0),
        (Incident("one", NOW - HOUR), 600),
        (Incident("one", NOW + 4 * MINUTE), 360),
        (Incident("one", NOW - HOUR, ended=NOW + 4 * MINUTE), 240),
        (Incident("one", NOW - HOUR, ended=NOW + HOUR), 600),
    ],
)
def test_a_time_that_was_not_observed_is_no_part_of_an_outage(outage: Incident | None, within: float) -> None:
    found = not_observed(Counts(down=1000, unobserved=7), GAP, outage)
    assert (found.unobserved, found.down) == (607, 1000 - within)
