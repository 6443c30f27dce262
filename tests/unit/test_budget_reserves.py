"""What the budget keeps for alerts that must come, and what it lets people have before."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model.belief import Believed
from heartline.model.target import Policy
from heartline.rules.budget import (
    affordable,
    after_down,
    after_lasting,
    after_notice,
    after_reminder,
    after_settled,
    after_stable,
    after_up,
    earliest,
    reminder_interval,
    spent,
)
from unit.samples import HOUR, MINUTE, NOW, SECOND

DAY = timedelta(days=1)


def busiest(sent: list[datetime], length: timedelta) -> int:
    return max(sum(timedelta(0) <= at - one <= length for one in sent) for at in sent)


@given(
    st.lists(st.integers(1, 24 * 60), max_size=24, unique=True),
    st.tuples(*[st.integers(0, 50)] * 4),
)
def test_after_a_recovery_that_was_afforded_the_worst_that_can_follow_fits(
    ago: list[int], delays: tuple[int, ...]
) -> None:
    """Down and flapping, an outage after all; then at each reminder that it is up, that it stays down, an outage."""
    before = [NOW - minutes * MINUTE for minutes in ago]
    if before and (busiest(before, HOUR) > 6 or busiest(before, DAY) > 24):
        return
    if not affordable(before, NOW, after_up(Policy())):
        return
    sent, at = [*before, NOW, NOW + SECOND, NOW + 2 * SECOND], NOW + 2 * SECOND
    for hours, delay in zip((1, 2, 4, 8), delays, strict=True):
        at += hours * HOUR + delay * MINUTE
        sent += [at, at + 6 * MINUTE, at + 7 * MINUTE]
        at += 7 * MINUTE
    assert busiest(sent, HOUR) <= 6
    assert busiest(sent, DAY) <= 24


@pytest.mark.parametrize(
    ("every", "reminders", "hours"),
    [
        (HOUR, 0, [1, 3, 7, 15]),
        (HOUR, 1, [2, 6, 14]),
        (HOUR, 2, [4, 12]),
        (5 * HOUR, 0, [5, 15]),
        (DAY, 0, [24]),
        (2 * DAY, 0, []),
        # Reminders that are asked for more often wait for room: no more is kept for them.
        (10 * MINUTE, 0, [1, 3, 7, 15]),
        (MINUTE, 5, [1, 3, 7, 15]),
    ],
)
def test_room_is_kept_for_three_alerts_a_second_after_each_reminder_of_the_coming_day(
    every: timedelta, reminders: int, hours: list[int]
) -> None:
    """A reminder of what flaps; that it stays down; that it is an outage after all."""
    plan = after_down(Policy(remind_every=every), reminders)
    assert plan == [timedelta(0)] * 3 + [hour * HOUR + SECOND for hour in hours for _ in range(3)]


def test_room_is_kept_for_what_may_follow_at_once() -> None:
    """After good news: it is down, and an outage. After a notice, and after a DOWN, one more."""
    hourly = after_down(Policy())[3:]
    assert after_up(Policy()) == [timedelta(0)] * 2 + hourly
    reminders = hourly[::3]
    assert after_notice(Policy()) == [timedelta(0)] * 3 + reminders
    assert after_stable(Policy()) == [timedelta(0)] * 2 + reminders
    assert after_settled(Policy(), 0) == [timedelta(0)] * 3 + reminders
    for kind, at_once in ((Believed.DOWN, 0), (Believed.MISCONFIGURED, 1)):
        assert after_lasting(Policy(), kind) == [timedelta(0)] * at_once + reminders
    kept = [
        after_reminder(kind, flapping=flapping)
        for flapping in (False, True)
        for kind in (Believed.DOWN, Believed.MISCONFIGURED, Believed.FLAPPING)
    ]
    assert kept == [[timedelta(0)] * number for number in (3, 3, 2, 0, 1, 2)]


@pytest.mark.parametrize(
    ("ago", "at_once", "comes"),
    [
        ([], 3, 0),
        ([50, 40, 30], 2, 0),
        ([50, 40, 30], 3, 10),
        ([50, 40, 30], 4, 20),
        ([59] * 5, 5, 1),
        # A day has room for 24.
        (range(60, 61 * 23, 60), 0, 0),
        (range(60, 61 * 23, 60), 1, 60),
    ],
)
def test_an_alert_is_affordable_as_soon_as_others_are_an_hour_or_a_day_ago(
    ago: list[int], at_once: int, comes: int
) -> None:
    alerted, plan = sorted(NOW - minutes * MINUTE for minutes in ago), [timedelta(0)] * at_once
    due = earliest(alerted, NOW, plan)
    assert due == (NOW + comes * MINUTE + SECOND if comes else NOW)


def test_what_happens_seldom_is_always_afforded() -> None:
    """An outage each five hours, with its recovery."""
    before = [NOW - (5 * times + 0.5 * half) * HOUR for times in range(5) for half in (0, 1)][1:]
    assert affordable(before, NOW, after_up(Policy()))


def test_alerts_of_a_clock_that_was_ahead_count_as_of_now() -> None:
    ahead = [NOW + number * HOUR for number in range(1, 7)]
    assert not affordable(ahead, NOW, [])
    assert spent(ahead, NOW) == (NOW,) * 7


def test_alerts_are_forgotten_after_a_day() -> None:
    assert spent([NOW - DAY - SECOND, NOW - DAY], NOW) == (NOW - DAY, NOW)


@pytest.mark.parametrize(("number", "hours"), [(0, 1), (1, 2), (4, 16), (5, 24), (400, 24)])
def test_reminders_come_twice_as_late_each_time_up_to_a_day(number: int, hours: int) -> None:
    assert reminder_interval(Policy(), number) == hours * HOUR
