"""What a report says of a time is what was stored of it, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from heartline.model.belief import Counts, Flapping, Mark
from heartline.model.condition import Condition, ConditionKind
from heartline.model.incident import Incident, Outage, Span
from heartline.model.kinds import Phase
from heartline.model.latencies import Trend, sample
from heartline.model.observation import Server
from heartline.model.state import BlipCount, State
from heartline.model.target import Target
from heartline.rules.gaps import unprobed_since
from heartline.rules.periods import Known, TargetPeriod, count_ticks, sum_up, watched_span
from unit.samples import HOUR, MINUTE, failure

DAY = 24 * HOUR
ENDED = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEEK = Span(ENDED - 7 * DAY, ENDED)
NOW = ENDED + 4 * timedelta(seconds=1)
UP = State("orders", ENDED - 90 * DAY, ENDED - 90 * DAY)


def incident(began: datetime, length: timedelta | None = 10 * MINUTE) -> Incident:
    return Incident(f"orders-{began:%Y%m%dT%H%M%SZ}", began, ended=began + length if length is not None else None)


def found(state: State | None = UP, *incidents: Incident, gaps: tuple[Span, ...] = (), **known: object) -> TargetPeriod:
    stored = Known(Target("orders"), state, incidents=incidents, **known)  # type: ignore[arg-type]
    return sum_up(stored, gaps, WEEK, MINUTE, NOW)


def test_a_target_with_nothing_to_say_of_is_quiet() -> None:
    assert (found().quiet, found().well, found().measured.share, found().since) == (True, True, 1, None)


@pytest.mark.parametrize(
    ("began", "length", "counted", "down"),
    [
        (WEEK.began - DAY, 10 * MINUTE, 0, 0),
        (WEEK.began - 5 * MINUTE, 10 * MINUTE, 1, 5 * 60),
        (WEEK.began + DAY, 10 * MINUTE, 1, 10 * 60),
        (WEEK.began + DAY, timedelta(0), 1, 0),
        (ENDED - 5 * MINUTE, 10 * MINUTE, 1, 5 * 60),
        (ENDED, 10 * MINUTE, 0, 0),
    ],
)
def test_of_incidents_those_within_the_time_count_as_far_as_they_are_in_it(
    began: datetime, length: timedelta, counted: int, down: float
) -> None:
    period = found(UP, incident(began, length))
    assert len(period.incidents) == counted
    assert period.measured.share == pytest.approx(1 - down / (7 * 86400))
    assert period.quiet == (counted == 0)


def test_what_is_down_now_is_an_incident_until_the_end_of_the_time() -> None:
    open_one = incident(ENDED - HOUR, None)
    period = found(replace(UP, outage=Outage(open_one, failure())))
    assert period.incidents == (open_one,)
    assert period.measured.share == pytest.approx(1 - 3600 / (7 * 86400))
    assert not period.well


def test_what_went_down_after_the_time_is_not_well_and_no_incident_of_it() -> None:
    period = found(replace(UP, outage=Outage(incident(ENDED + timedelta(seconds=1), None), failure())))
    assert (period.incidents, period.measured.share, period.well, period.quiet) == ((), 1, False, False)


def test_what_flaps_or_was_never_up_is_not_well() -> None:
    flapping = Flapping("x", Mark(ENDED - HOUR, Counts()), ENDED, notified=True)
    assert not found(replace(UP, flapping=flapping)).well
    assert found(replace(UP, flapping=replace(flapping, notified=False))).well
    assert not found(replace(UP, up_since=None)).well
    assert not found(None).well


def test_what_no_tick_has_looked_at_for_long_is_not_well() -> None:
    assert not found(UP, unprobed_since=ENDED - DAY).well


@pytest.mark.parametrize(
    ("seen", "last", "since"),
    [
        (0, 0, None),
        (-2.4, 0, None),
        (-2.6, 0, -2.6),
        (-2.6, -2.4, -2.6),
        # No tick has run since, so nobody could have looked.
        (-60, -60, None),
        (-60, -59, None),
        (-60, -50, -60),
        (None, 0, None),
    ],
)
def test_a_target_is_unprobed_where_ticks_ran_and_came_to_no_verdict(
    seen: float | None, last: float, since: float | None
) -> None:
    moments = [None if minutes is None else NOW + minutes * MINUTE for minutes in (seen, last, since)]
    assert unprobed_since(moments[0], moments[1], NOW, MINUTE) == moments[2]


def test_alerts_that_wait_are_a_warning() -> None:
    assert (found(UP, pending=3).warnings, found(UP, pending=3).quiet) == (1, False)


def test_a_shorter_life_is_told() -> None:
    period = found(replace(UP, first_seen=ENDED - DAY), incident(ENDED - 12 * HOUR, HOUR))
    assert period.since == ENDED - DAY
    assert period.measured.share == pytest.approx(23 / 24)


def test_the_time_in_which_heartline_did_not_run_counts_for_nothing() -> None:
    period = found(UP, incident(ENDED - DAY, HOUR), gaps=(Span(ENDED - 2 * DAY, ENDED - DAY),))
    assert period.measured.share == pytest.approx(1 - 1 / (6 * 24))
    assert found(UP, gaps=(Span(WEEK.began - DAY, ENDED),)).measured.share is None


def test_more_incidents_than_were_read_leave_the_availability_unknown() -> None:
    newest = [incident(ENDED - place * HOUR) for place in range(3, 0, -1)]
    period = found(UP, *newest, complete=False)
    assert (period.incomplete, period.measured.share, len(period.incidents)) == (True, None, 3)
    assert not period.quiet
    reaching_back = found(UP, incident(WEEK.began - DAY), *newest, complete=False)
    assert (reaching_back.incomplete, len(reaching_back.incidents)) == (False, 3)


def test_failed_probes_of_the_time_are_counted_and_no_others() -> None:
    counts = [(WEEK.began - 2 * DAY, 1), (WEEK.began + DAY, 20), (ENDED - HOUR, 300), (ENDED, 4000)]
    state = replace(UP, blip_counts=tuple(BlipCount(at, 1, probes) for at, probes in counts))
    assert found(state).measured.failed_probes == 320
    assert found(state).quiet


@pytest.mark.parametrize(("days", "warnings"), [(29.9, 1), (30.1, 0), (-1, 1)])
def test_a_certificate_that_ends_within_30_days_is_a_warning(days: float, warnings: int) -> None:
    held = Condition(ConditionKind.EXPIRING, ENDED - DAY, -29, -30, level=1)
    state = replace(UP, server=Server("16.4", certificate_expires=NOW + days * DAY), conditions=(held,) * warnings)
    assert (found(state).warnings, found(state).quiet) == (warnings, not warnings)


def test_conditions_that_hold_are_warnings() -> None:
    filling = Condition(ConditionKind.FILLING, ENDED - DAY, 87, 85, level=1)
    slow = Condition(ConditionKind.SLOW, ENDED - DAY, 1200, 1000, level=0, sightings=(ENDED,))
    assert found(replace(UP, conditions=(filling, slow))).warnings == 1


def hours(*milliseconds: float) -> Trend:
    return Trend(tuple(sample({Phase.LOGIN: one}) for one in milliseconds))


def test_the_slowest_hours_are_those_of_the_time_by_the_hours_that_are_over() -> None:
    """At 09:00:04 the last hour that is over began at 08:00."""
    period = found(UP, trend=hours(10, 500, 20, 300))
    slowest = [(at, round(spent, -1)) for at, spent in period.slowest(3)]
    assert slowest == [(ENDED - 3 * HOUR, 500), (ENDED - HOUR, 300), (ENDED - 2 * HOUR, 20)]
    assert len(period.hours) == 168
    assert period.hours[0] == (WEEK.began, None)


def test_hours_after_the_time_are_left_out() -> None:
    known = Known(Target("orders"), UP, trend=hours(10, 20, 999))
    period = sum_up(known, (), WEEK, MINUTE, ENDED + 90 * MINUTE)
    assert [(at, round(spent)) for at, spent in period.slowest(3)] == [(ENDED - HOUR, 20), (ENDED - 2 * HOUR, 10)]


@pytest.mark.parametrize(
    ("gaps", "missed"),
    [
        ([], 0),
        # A tick at 10:00 and the next one at 10:02: that of 10:01 was missed.
        ([(24 * 60, 2)], 1),
        ([(24 * 60, 2), (48 * 60, 11)], 11),
        # The same noted twice, by two runs.
        ([(24 * 60, 5), (24 * 60, 6)], 5),
        ([(-60, 30)], 0),
        ([(7 * 24 * 60 + 5, 30)], 0),
        # As far as it is in the time: the ticks of 50 minutes.
        ([(-10, 60)], 49),
        ([(-10, 7 * 24 * 60 + 20)], 10079),
    ],
)
def test_ticks_are_missed_between_two_that_ran(gaps: list[tuple[int, int]], missed: int) -> None:
    spans = [Span(WEEK.began + at * MINUTE, WEEK.began + (at + length) * MINUTE) for at, length in gaps]
    ticks = count_ticks(spans, WEEK, MINUTE)
    assert (ticks.expected, ticks.missed) == (10080, missed)


@pytest.mark.parametrize(
    ("first_seen", "began"),
    [([-90, -3], -7), ([-3, -2], -3), ([-2, None], -2), ([None], -7)],
)
def test_ticks_count_from_when_the_first_target_was_watched(first_seen: list[int | None], began: int) -> None:
    states = [day and replace(UP, first_seen=ENDED + day * DAY) for day in first_seen]
    known = [Known(Target("orders"), state or None) for state in states]
    assert watched_span(known, WEEK) == Span(ENDED + began * DAY, ENDED)


def test_the_longest_gaps_come_first() -> None:
    spans = [
        Span(WEEK.began + day * DAY, WEEK.began + day * DAY + length * MINUTE)
        for day, length in ((1, 3), (2, 9), (3, 5))
    ]
    assert [one.began for one in count_ticks(spans, WEEK, MINUTE).gaps] == [WEEK.began + day * DAY for day in (2, 3, 1)]


def test_ticks_that_come_more_seldom_are_fewer() -> None:
    gap = Span(WEEK.began + DAY, WEEK.began + DAY + 15 * MINUTE)
    ticks = count_ticks([gap], WEEK, 5 * MINUTE)
    assert (ticks.expected, ticks.missed) == (2016, 2)
