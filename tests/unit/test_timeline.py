"""The timeline of the last 24 hours and the incidents of 30 days are true of the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.i18n.language import language
from heartline.messages.context import TargetHistory
from heartline.messages.timeline import Timeline, draw_timeline, recent_incidents
from heartline.messages.wording import Wording
from heartline.model.incident import Incident, Span
from unit.samples import HOUR, MINUTE, NOW

# A quarter past two: the last of the 24 cells is the hour from two on, the first one that from three on, yesterday.
LONG_AGO = NOW - 1000 * HOUR
DAY = 24 * HOUR
FIRST = NOW.replace(minute=0) - 23 * HOUR
WORDING = Wording(language("en"))


def over(began: datetime, lasted: timedelta = 5 * MINUTE) -> Incident:
    return Incident(f"orders-{began:%Y%m%dT%H%M%SZ}", began, began - MINUTE, ended=began + lasted)


def timeline(
    *incidents: Incident,
    gaps: tuple[Span, ...] = (),
    current: Incident | None = None,
    since: datetime | None = LONG_AGO,
    zone: str | None = None,
    now: datetime = NOW,
) -> Timeline | None:
    wording = Wording(language("en"), ZoneInfo(zone) if zone else None)
    return draw_timeline(TargetHistory(incidents, gaps), current, since, now, wording)


def drawn(*incidents: Incident, **known: object) -> str:
    found = timeline(*incidents, **known)  # type: ignore[arg-type]
    return "".join(sign for _, sign in found.hours) if found else ""


def test_a_day_of_which_nothing_is_told_was_up() -> None:
    assert drawn() == "." * 24


@pytest.mark.parametrize(
    ("began", "lasted", "places"),
    [
        (NOW - 10 * MINUTE, 5 * MINUTE, [23]),
        (FIRST, 5 * MINUTE, [0]),
        (FIRST + 2 * HOUR - 2 * MINUTE, 4 * MINUTE, [1, 2]),
        (FIRST - 7 * HOUR, 8 * HOUR - MINUTE, [0]),
        (FIRST - HOUR, 50 * MINUTE, []),
    ],
)
def test_an_hour_in_part_of_which_it_was_down_is_drawn_as_down(
    began: datetime, lasted: timedelta, places: list[int]
) -> None:
    assert [place for place, sign in enumerate(drawn(over(began, lasted))) if sign == "#"] == places


def test_what_is_down_now_is_drawn_as_down_until_now_even_from_this_very_moment() -> None:
    assert drawn(current=Incident("orders-1", NOW - 30 * MINUTE)) == "." * 22 + "##"
    assert drawn(current=Incident("orders-1", NOW))[-1] == "#"
    full = NOW.replace(minute=0)
    assert drawn(current=Incident("orders-1", full), now=full) == "." * 23 + "#"


def test_what_was_before_the_first_sight_is_left_out() -> None:
    assert drawn(since=NOW - 130 * MINUTE) == "..."
    assert drawn(since=NOW - MINUTE) == "."
    assert drawn(since=FIRST + MINUTE) == "." * 24
    assert drawn(since=None) == ""


def test_an_hour_in_which_heartline_did_not_run_at_all_is_not_called_up() -> None:
    gap = Span(FIRST + 4 * HOUR, FIRST + 7 * HOUR)
    assert drawn(gaps=(gap,)) == "." * 4 + "???" + "." * 17
    assert drawn(gaps=(Span(NOW - 30 * MINUTE, NOW),)) == "." * 23 + "?"


def test_an_hour_that_was_watched_in_part_is_drawn_as_it_was_seen() -> None:
    assert drawn(gaps=(Span(FIRST + 4.5 * HOUR, FIRST + 5.5 * HOUR),)) == "." * 24


def test_an_outage_within_a_gap_is_drawn_as_down() -> None:
    gap = Span(FIRST + 4 * HOUR, FIRST + 7 * HOUR)
    assert drawn(over(FIRST + 5.5 * HOUR), gaps=(gap,)) == "." * 4 + "?#?" + "." * 17


@pytest.mark.parametrize(
    ("zone", "hours", "clock"),
    [(None, (3, 2), "UTC"), ("Asia/Seoul", (12, 11), "KST"), ("Asia/Kathmandu", (9, 8), "UTC+0545")],
)
def test_the_hours_are_those_of_the_reader_s_clock(zone: str | None, hours: tuple[int, int], clock: str) -> None:
    found = timeline(zone=zone)
    assert found
    assert (found.hours[0][0], found.hours[-1][0], found.zone) == (*hours, clock)


def test_an_outage_stands_in_the_hour_in_which_the_reader_s_clock_had_it() -> None:
    """At 06:10 UTC it is 11:55 in Nepal."""
    found = timeline(over(NOW.replace(hour=6, minute=10) - DAY), zone="Asia/Kathmandu")
    assert found
    assert [hour for hour, sign in found.hours if sign == "#"] == [11, 12]


def test_when_clocks_are_put_back_an_hour_comes_twice() -> None:
    found = timeline(zone="Europe/Berlin", now=datetime(2026, 10, 25, 9, 30, tzinfo=UTC))
    assert found
    assert len(found.hours) == 24
    assert [hour for hour, _ in found.hours].count(2) == 2


def test_the_quarters_of_a_day_begin_at_their_hours() -> None:
    found = timeline(since=NOW - 9 * HOUR)
    assert found
    assert found.quarters == [(17, "."), (18, "......"), (0, "...")]


@pytest.mark.parametrize(
    ("incidents", "since", "share"),
    [
        ((), LONG_AGO, "100%"),
        ((over(NOW - HOUR, 30 * MINUTE),), NOW - 2 * HOUR, "75.00%"),
        ((over(NOW - HOUR, MINUTE / 60),), NOW - 10 * HOUR, "99.99%"),
        ((over(FIRST - HOUR, HOUR),), LONG_AGO, "100%"),
    ],
)
def test_the_availability_is_that_of_the_hours_that_are_drawn(
    incidents: tuple[Incident, ...], since: datetime, share: str
) -> None:
    found = timeline(*incidents, since=since)
    assert found
    assert found.share == share


def test_what_was_not_observed_at_all_has_no_timeline() -> None:
    assert timeline(since=NOW) is None
    assert timeline(since=NOW - HOUR, gaps=(Span(NOW - 2 * HOUR, NOW),)) is None


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
    hours = [begins for place in range(24) if (begins := FIRST + place * HOUR) + HOUR > first]
    for begins, sign in zip(hours if signs else (), signs, strict=True):
        ends = min(begins + HOUR, NOW)
        moments = [begins + number * MINUTE + WITHIN for number in range(60)]
        failed = any(one.began <= at <= one.ended for one in down for at in moments)
        missed = any(one.began <= begins and ends <= one.ended for one in gaps)
        assert sign == ("#" if failed else "?" if missed else ".")


def test_what_happened_between_two_good_probes_is_counted_and_not_drawn_as_an_outage() -> None:
    restarted = Incident("orders-1", NOW - HOUR, ended=NOW - HOUR)
    assert drawn(restarted) == "." * 24
    assert len(recent_incidents(TargetHistory((restarted,)), None, NOW)) == 1
