"""What people are told when there is little room for alerts, and when: silence and noise are both bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind
from heartline.model.observation import Failure
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.budget import affordable, spent
from heartline.rules.decide import decide
from heartline.rules.reminders import next_reminder, reminded_of
from unit.samples import HOUR, MINUTE, NOW, SECOND, failure, seen

DOWN, REMINDER, RECOVERED, FLAPPING = AlertKind.DOWN, AlertKind.REMINDER, AlertKind.RECOVERED, AlertKind.FLAPPING
DAY = timedelta(days=1)
POLICY = Policy(confirmations=0, recover_after=1)
UP = State("orders", NOW - DAY, NOW - DAY, last_ok=NOW - MINUTE)
DEAD, OK = failure(), None
NOTHING_AFTER = [timedelta(0)] * 0


def at_minutes(*minutes: float) -> State:
    """Return a target that was found down at NOW, after alerts at so many minutes from then."""
    state = decide(UP, [seen(NOW, DEAD)], POLICY, NOW).state
    return replace(state, alerted=tuple(NOW + one * MINUTE for one in (*minutes, 0)))


def led(
    state: State, turns: Mapping[int, Failure | None], until: int, policy: Policy = POLICY
) -> list[tuple[AlertKind, float, bool]]:
    """Tick each minute; give the kind and the minute of each alert, and whether it says that it flaps."""
    made, now_is = list[Alert](), DEAD
    for minute in range(1, until + 1):
        now_is, now = turns.get(minute, now_is), NOW + minute * MINUTE
        decision = decide(state, [seen(now, now_is)], policy, now)
        state, made = decision.state, [*made, *decision.alerts]
    return [(alert.kind, (alert.at - NOW) / MINUTE, alert.flapping is not None) for alert in made]


def test_an_hour_has_room_for_six_alerts_and_its_first_moment_counts() -> None:
    five = [NOW - HOUR + one * MINUTE for one in range(5)]
    assert affordable(five, NOW, NOTHING_AFTER)
    assert not affordable([*five, NOW - MINUTE], NOW, NOTHING_AFTER)
    assert affordable([*five, NOW - MINUTE], NOW + SECOND, NOTHING_AFTER)


def test_a_day_has_room_for_24_alerts_and_its_first_moment_counts() -> None:
    hourly = [NOW - DAY + one * HOUR for one in range(24)]
    assert affordable(hourly[1:], NOW, NOTHING_AFTER)
    assert not affordable(hourly, NOW, NOTHING_AFTER)
    assert affordable(hourly, NOW + SECOND, NOTHING_AFTER)


def test_there_must_be_room_for_all_that_may_follow_too() -> None:
    three = [NOW - MINUTE] * 3
    assert affordable(three, NOW, [timedelta(0)] * 2)
    assert not affordable(three, NOW, [timedelta(0)] * 3)
    assert affordable(three, NOW, [HOUR] * 3)
    full = [NOW - DAY + HOUR + one * HOUR for one in range(23)]
    assert not affordable(full, NOW, [30 * MINUTE])
    assert affordable(full, NOW, [HOUR + SECOND])


def test_alerts_of_a_clock_that_was_ahead_count_as_made_now() -> None:
    assert not affordable([NOW + DAY] * 6, NOW, NOTHING_AFTER)
    assert spent([NOW + DAY], NOW) == (NOW, NOW)


def test_only_the_alerts_of_the_last_day_are_kept_and_not_without_end() -> None:
    assert spent([NOW - DAY - SECOND, NOW - DAY, NOW - HOUR], NOW) == (NOW - DAY, NOW - HOUR, NOW)
    assert 24 < len(spent([NOW - HOUR] * 100, NOW)) < 50


def test_a_recovery_for_which_there_is_no_room_is_told_as_soon_as_there_is() -> None:
    """Room for it, for what may break again and for that being flapping: half an hour after NOW."""
    state = at_minutes(-30, -25, -20)
    assert led(state, {1: OK}, until=60) == [(RECOVERED, 31, False)]


def test_an_outage_that_begins_before_there_is_room_for_the_end_of_another_is_told_with_that_end() -> None:
    state = at_minutes(-30, -25, -20)
    assert led(state, {1: OK, 29: DEAD}, until=33) == [(RECOVERED, 31, False), (DOWN, 31, True)]


def test_an_outage_that_lasts_is_told_also_where_there_is_no_room_for_the_end_of_another() -> None:
    assert led(at_minutes(-30, -25, -20), {1: OK, 5: DEAD}, until=60) == [(DOWN, 10, True)]


def test_a_reminder_is_due_though_it_is_about_another_outage_than_people_know_and_says_that_it_flaps() -> None:
    state, often = at_minutes(-30, -25, -20), replace(POLICY, remind_every=10 * MINUTE)
    assert led(state, {1: OK, 6: DEAD}, until=19, policy=often) == [(REMINDER, 10, True)]
    # Who acknowledged one outage has not acknowledged another.
    seen_to = replace(state, belief=replace(state.belief, acknowledged=reminded_of(state)))
    assert led(seen_to, {1: OK, 6: DEAD}, until=19, policy=often) == [(REMINDER, 10, True)]
    assert led(seen_to, {}, until=120, policy=often) == []


def test_an_outage_that_is_found_when_a_mute_ends_without_room_to_tell_the_end_of_another_is_told_as_flapping() -> None:
    """So many alerts of that day that there is room to say that it flaps, and for no more."""
    state = replace(at_minutes(*(-60 * hours for hours in range(21, 1, -1))), muted_until=NOW + 30 * MINUTE)
    assert led(state, {1: OK, 5: DEAD}, until=61) == [(DOWN, 30, True)]


def test_a_reminder_for_which_there_is_no_room_comes_as_soon_as_there_is() -> None:
    """Reminders that come often must leave room for a recovery, and for what may break again."""
    state, often = at_minutes(-30, -25, -20), replace(POLICY, remind_every=10 * MINUTE)
    assert led(state, {}, until=40, policy=often) == [(REMINDER, 36, False)]


@pytest.mark.parametrize(
    ("before", "turns", "every"),
    [
        ((), {}, 60),
        ((), {}, 10),
        ((-30, -25, -20), {}, 10),
        ((-30, -25, -20), {1: OK, 5: DEAD}, 10),
        ((-50, -49, -48, -47), {1: OK, 2: DEAD, 4: OK, 5: DEAD}, 1),
        (range(-60 * 21, -60, 60), {1: OK}, 20),
        (range(-60 * 23, -60, 60), {}, 30),
    ],
)
def test_the_next_reminder_that_status_and_mails_name_is_the_one_that_comes(
    before: Sequence[float], turns: Mapping[int, Failure | None], every: int
) -> None:
    """It comes with the first tick after that moment, also where it waits for room, unless the database changes."""
    policy = replace(POLICY, remind_every=every * MINUTE, settle_after=6 * HOUR)
    state, now_is, named = at_minutes(*before), DEAD, None
    for minute in range(1, 5 * 60):
        now_is, now = turns.get(minute, now_is), NOW + minute * MINUTE
        decision = decide(state, [seen(now, now_is)], policy, now)
        if minute not in turns:
            expected = next_reminder(state, policy)
            assert named in {None, expected}
            come = any(alert.kind in {REMINDER, FLAPPING} for alert in decision.alerts)
            assert come == (expected is not None and expected <= now)
            assert not come or now < expected + MINUTE
        state = decision.state
        named = decision.alerts[-1].remind_at if decision.alerts else None if minute in turns else named


def test_a_recovery_for_which_a_day_has_no_room_is_told_as_flapping() -> None:
    """So many alerts that reminders, should it break again, would have none."""
    state = at_minutes(*(-60 * hours for hours in range(21, 1, -1)))
    assert led(state, {1: OK}, until=2) == [(FLAPPING, 1, True)]


@pytest.mark.parametrize("every", [1, 10, 60])
def test_reminders_of_an_outage_that_lasts_for_days_leave_room_for_its_end(every: int) -> None:
    policy = replace(POLICY, remind_every=every * MINUTE)
    days = 3 * 24 * 60
    *reminders, last, again = led(at_minutes(), {days: OK, days + 1: DEAD}, until=days + 1, policy=policy)
    assert {kind for kind, *_ in reminders} == {REMINDER}
    assert (last, again) == ((RECOVERED, days, False), (DOWN, days + 1, False))
