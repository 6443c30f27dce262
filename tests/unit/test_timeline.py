"""The timeline of the last 24 hours and the incidents of 30 days are true of the history."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.messages.context import TargetHistory
from heartline.messages.timeline import draw_timeline, recent_incidents
from heartline.model.incident import Incident, Span
from unit.samples import HOUR, MINUTE, NOW

LONG_AGO = NOW - 1000 * HOUR
DAY = 24 * HOUR


def over(began: datetime, lasted: timedelta = 5 * MINUTE) -> Incident:
    return Incident(f"orders-{began:%Y%m%dT%H%M%SZ}", began, began - MINUTE, ended=began + lasted)


def drawn(
    *incidents: Incident,
    gaps: tuple[Span, ...] = (),
    current: Incident | None = None,
    since: datetime | None = LONG_AGO,
) -> str:
    return draw_timeline(TargetHistory(incidents, gaps), current, since, NOW)


def test_a_day_of_which_nothing_is_told_was_up() -> None:
    assert drawn() == "." * 24


@pytest.mark.parametrize(
    ("began", "lasted", "places"),
    [
        (NOW - 30 * MINUTE, 5 * MINUTE, [23]),
        (NOW - 23 * HOUR - 30 * MINUTE, 5 * MINUTE, [0]),
        (NOW - 3 * HOUR - 2 * MINUTE, 4 * MINUTE, [20, 21]),
        (NOW - 30 * HOUR, 7 * HOUR - MINUTE, [0]),
        (NOW - 30 * HOUR, HOUR, []),
    ],
)
def test_an_hour_in_part_of_which_it_was_down_is_drawn_as_down(
    began: datetime, lasted: timedelta, places: list[int]
) -> None:
    assert [place for place, sign in enumerate(drawn(over(began, lasted))) if sign == "#"] == places


def test_an_outage_is_not_drawn_in_the_hour_that_ended_when_it_began() -> None:
    assert drawn(over(NOW - HOUR)) == "." * 23 + "#"


def test_what_is_down_now_is_drawn_as_down_until_now_even_from_this_very_moment() -> None:
    assert drawn(current=Incident("orders-1", NOW - 90 * MINUTE)) == "." * 22 + "##"
    assert drawn(current=Incident("orders-1", NOW))[-1] == "#"


def test_what_was_not_watched_yet_is_neither_up_nor_down() -> None:
    assert drawn(since=NOW - 150 * MINUTE) == "?" * 21 + "..."
    assert drawn(since=None) == "?" * 24


def test_an_hour_in_which_heartline_did_not_run_at_all_is_not_called_up() -> None:
    gap = Span(NOW - 20 * HOUR, NOW - 17 * HOUR)
    assert drawn(gaps=(gap,)) == "." * 4 + "???" + "." * 17


def test_an_hour_that_was_watched_in_part_is_drawn_as_it_was_seen() -> None:
    gap = Span(NOW - 19.5 * HOUR, NOW - 18.5 * HOUR)
    assert drawn(gaps=(gap,)) == "." * 24


def test_an_outage_within_a_gap_is_drawn_as_down() -> None:
    gap = Span(NOW - 20 * HOUR, NOW - 17 * HOUR)
    assert drawn(over(NOW - 18.5 * HOUR), gaps=(gap,)) == "." * 4 + "?#?" + "." * 17


def test_incidents_of_30_days_are_counted_the_present_one_once() -> None:
    old, young, ahead = over(NOW - 31 * DAY), over(NOW - 29 * DAY), over(NOW + MINUTE)
    current = Incident("orders-1", NOW - MINUTE)
    ended = Incident("orders-1", NOW - MINUTE, ended=NOW + MINUTE)
    assert recent_incidents(TargetHistory((old, young, ended, ahead)), current, NOW) == [young, current]
    assert recent_incidents(TargetHistory(), None, NOW) == []


def test_an_incident_that_has_lasted_for_more_than_30_days_counts() -> None:
    current = Incident("orders-1", NOW - 40 * DAY)
    assert recent_incidents(TargetHistory(), current, NOW) == [current]


WITHIN = timedelta(seconds=17)
minutes = st.integers(-30 * 60, -1).map(lambda number: NOW + number * MINUTE + WITHIN)
spans = st.tuples(minutes, st.integers(1, 400)).map(lambda pair: Span(pair[0], pair[0] + pair[1] * MINUTE))
downs = st.lists(spans, max_size=4, unique_by=lambda span: span.began)


@given(downs, st.lists(spans, max_size=2), minutes)
def test_each_sign_is_true_of_each_minute_of_its_hour(down: list[Span], gaps: list[Span], first: datetime) -> None:
    """Everything begins and ends within a minute; each is read off once, at that place."""
    signs = drawn(*(over(one.began, one.ended - one.began) for one in down), gaps=tuple(gaps), since=first)
    for place, sign in enumerate(signs):
        begins = NOW - (24 - place) * HOUR
        moments = [begins + number * MINUTE + WITHIN for number in range(60)]
        failed = any(one.began <= at <= one.ended for one in down for at in moments)
        missed = any(one.began <= begins and begins + HOUR <= one.ended for one in gaps)
        assert sign == ("#" if failed else "?" if missed or first >= begins + HOUR else ".")


def test_what_happened_between_two_good_probes_is_counted_and_not_drawn_as_an_outage() -> None:
    restarted = Incident("orders-1", NOW - HOUR, ended=NOW - HOUR)
    assert draw_timeline(TargetHistory((restarted,)), None, NOW - DAY, NOW) == "." * 24
    assert len(recent_incidents(TargetHistory((restarted,)), None, NOW)) == 1
