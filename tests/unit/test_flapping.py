"""What people are told of a target that goes down and up again and again, alert by alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartline.config.windows import window
from heartline.model.alert import Alert
from heartline.model.incident import Span
from heartline.model.kinds import AlertKind, Kind
from heartline.model.observation import Failure
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.decide import decide, wants_another
from unit.samples import HOUR, MINUTE, NOW, SECOND, failure, seen

DOWN, REMINDER, RECOVERED = AlertKind.DOWN, AlertKind.REMINDER, AlertKind.RECOVERED
UNSTABLE, SETTLED = AlertKind.UNSTABLE, AlertKind.SETTLED
# Settles after five minutes.
POLICY = Policy(confirmations=0, recover_after=1)
UP = State("orders", NOW - HOUR, NOW - HOUR, last_ok=NOW - MINUTE)
# Tells what is wrong at a moment, if anything is.
Life = Callable[[datetime], Failure | None]


def flapping(down: timedelta, up: timedelta, cycles: int, *, then: Failure | None = None) -> Life:
    """Give the life of a database that is down and up by turns, from NOW on."""

    def at(moment: datetime) -> Failure | None:
        cycle, within = divmod(moment - NOW, down + up)
        if cycle >= cycles:
            return then
        return failure() if cycle >= 0 and within < down else None

    return at


def watch(life: Life, *, every: timedelta, until: timedelta, policy: Policy = POLICY, state: State = UP) -> list[Alert]:
    """Give all alerts of a life that is looked at now and then."""
    alerts: list[Alert] = []
    now = NOW
    while now <= NOW + until:
        observations = [seen(now, life(now))]
        while wants_another(state, observations, policy):
            at = observations[-1].at + policy.confirm_after
            observations.append(seen(at, life(at)))
        decision = decide(state, observations, policy, observations[-1].at)
        state, alerts, now = decision.state, [*alerts, *decision.alerts], now + every
    return alerts


def kinds(alerts: Sequence[Alert]) -> list[AlertKind]:
    return [alert.kind for alert in alerts]


def minutes(alerts: Sequence[Alert]) -> list[float]:
    return [(alert.at - NOW) / MINUTE for alert in alerts]


EIGHT = flapping(12 * SECOND, 12 * SECOND, 8)


def test_eight_outages_of_12_seconds_are_told_in_four_alerts() -> None:
    alerts = watch(EIGHT, every=10 * SECOND, until=HOUR)
    assert kinds(alerts) == [DOWN, RECOVERED, UNSTABLE, SETTLED]
    assert alerts[-1].failure is None


@pytest.mark.parametrize("policy", [replace(POLICY, recover_after=2), Policy(confirm_after=SECOND)], ids=["2", "3"])
@pytest.mark.parametrize("phase", range(10))
def test_they_are_four_alerts_at_most_however_the_ticks_fall(phase: int, policy: Policy) -> None:
    later: Life = lambda moment: EIGHT(moment - 24 * SECOND + phase * SECOND)  # noqa: E731
    notified = kinds(watch(later, every=10 * SECOND, until=HOUR, policy=policy))
    assert notified in ([DOWN, RECOVERED, UNSTABLE, SETTLED], [DOWN, RECOVERED])


def test_the_summary_counts_the_outages_that_were_seen_and_their_length() -> None:
    *_, settled = watch(flapping(20 * SECOND, 20 * SECOND, 8), every=10 * SECOND, until=HOUR)
    assert (settled.kind, settled.flapping.outages) == (SETTLED, 8)
    assert (settled.flapping.total, settled.flapping.longest) == (160, 20)
    assert (settled.flapping.began, settled.incident.ended) == (NOW, NOW + 300 * SECOND)


def test_the_summary_comes_once_it_has_been_up_for_five_minutes() -> None:
    *_, settled = watch(EIGHT, every=10 * SECOND, until=HOUR)
    assert timedelta(0) <= settled.at - settled.incident.ended - 5 * MINUTE < 10 * SECOND


def test_what_flaps_and_then_stays_down_is_told_after_five_minutes_and_from_then_on_as_any_outage() -> None:
    life = flapping(MINUTE, MINUTE, 4, then=failure())
    alerts = watch(life, every=MINUTE, until=3 * HOUR)
    assert kinds(alerts) == [DOWN, RECOVERED, UNSTABLE, SETTLED, REMINDER]
    assert minutes(alerts) == [0, 1, 2, 13, 73]
    assert alerts[3].failure is not None
    assert alerts[3].incident.ended is None
    assert alerts[3].remind_at == NOW + 73 * MINUTE


def test_what_settled_down_is_told_when_it_recovers_at_last() -> None:
    life: Life = lambda moment: flapping(MINUTE, MINUTE, 4, then=failure())(moment) if moment < NOW + HOUR else None  # noqa: E731
    alerts = watch(life, every=MINUTE, until=2 * HOUR)
    assert kinds(alerts) == [DOWN, RECOVERED, UNSTABLE, SETTLED, RECOVERED]
    assert (alerts[-1].incident.began, alerts[-1].incident.ended) == (NOW + 8 * MINUTE, NOW + HOUR)


def test_a_slow_rhythm_is_two_stories_and_then_one_of_flapping() -> None:
    """Eleven minutes are longer than five; from the second time on they are a rhythm."""
    alerts = watch(flapping(MINUTE, 10 * MINUTE, 8), every=MINUTE, until=3 * HOUR)
    assert kinds(alerts) == [DOWN, RECOVERED, DOWN, RECOVERED, UNSTABLE, SETTLED]
    assert minutes(alerts) == [0, 1, 11, 12, 22, 98]
    assert alerts[-1].flapping.outages == 7


def test_an_hourly_outage_is_told_each_time() -> None:
    alerts = watch(flapping(MINUTE, 59 * MINUTE, 3), every=MINUTE, until=4 * HOUR)
    assert kinds(alerts) == [DOWN, RECOVERED] * 3


def test_outages_that_last_are_told_each_time_however_soon_the_next_begins() -> None:
    alerts = watch(flapping(10 * MINUTE, MINUTE, 5), every=MINUTE, until=2 * HOUR)
    assert kinds(alerts) == [DOWN, RECOVERED] * 5


def test_a_target_that_settled_and_breaks_later_begins_a_new_story() -> None:
    again: Life = lambda moment: EIGHT(moment) or EIGHT(moment - HOUR)  # noqa: E731
    alerts = watch(again, every=10 * SECOND, until=2 * HOUR)
    assert kinds(alerts) == [DOWN, RECOVERED, UNSTABLE, SETTLED] * 2
    assert alerts[4].flapping is None


def test_a_new_story_does_not_carry_the_failure_of_the_one_that_settled() -> None:
    again: Life = lambda moment: EIGHT(moment) or EIGHT(moment - HOUR)  # noqa: E731
    alerts = watch(again, every=10 * SECOND, until=2 * HOUR)
    assert (alerts[4].kind, alerts[4].previous) == (DOWN, None)


def test_while_it_flaps_neither_reminders_nor_other_failures_are_told() -> None:
    turns: Life = lambda moment: EIGHT(moment) and failure(list(Kind)[(moment - NOW) // (24 * SECOND)])  # noqa: E731
    often = replace(POLICY, remind_every=MINUTE)
    assert kinds(watch(turns, every=10 * SECOND, until=HOUR, policy=often)) == [DOWN, RECOVERED, UNSTABLE, SETTLED]


def test_flapping_in_a_mute_is_not_told_at_all() -> None:
    muted = replace(UP, muted_until=NOW + 10 * MINUTE)
    assert watch(EIGHT, every=10 * SECOND, until=HOUR, state=muted) == []


def test_flapping_that_outlasts_a_mute_is_told_as_an_outage_and_then_as_flapping() -> None:
    muted = replace(UP, muted_until=NOW + 10 * MINUTE)
    alerts = watch(flapping(MINUTE, MINUTE, 10), every=MINUTE, until=HOUR, state=muted)
    assert kinds(alerts) == [DOWN, RECOVERED, UNSTABLE, SETTLED]
    assert minutes(alerts) == [10, 11, 12, 24]


def test_flapping_that_ends_in_a_mute_is_summed_up_after_it() -> None:
    alerts = watch(EIGHT, every=10 * SECOND, until=MINUTE)
    assert kinds(alerts) == [DOWN, RECOVERED, UNSTABLE]
    maintained = replace(POLICY, maintenance=(window("daily 02:16-03:00"),))
    alerts = watch(EIGHT, every=10 * SECOND, until=HOUR, policy=maintained)
    assert kinds(alerts) == [DOWN, RECOVERED, UNSTABLE, SETTLED]
    assert alerts[-1].at == NOW + 45 * MINUTE


def test_an_outage_that_breaks_into_a_window_and_heals_in_it_is_told_as_over_at_its_end() -> None:
    maintained = replace(POLICY, maintenance=(window("daily 02:16-03:00"),))
    alerts = watch(flapping(5 * MINUTE, HOUR, 1), every=MINUTE, until=HOUR, policy=maintained)
    assert (kinds(alerts), minutes(alerts)) == ([DOWN, RECOVERED], [0, 45])
    assert alerts[-1].incident.ended == NOW + 5 * MINUTE


def test_what_is_still_down_at_the_end_of_a_window_is_told_then() -> None:
    maintained = replace(POLICY, maintenance=(window("daily 02:15-03:00"),))
    alerts = watch(flapping(50 * MINUTE, HOUR, 1), every=MINUTE, until=HOUR, policy=maintained)
    assert (kinds(alerts), minutes(alerts)) == ([DOWN, RECOVERED], [45, 50])


def test_what_was_not_observed_does_not_count_as_calm() -> None:
    state, at = UP, NOW
    for result in (failure(), None, failure(), None):
        state, at = decide(state, [seen(at, result)], POLICY, at).state, at + MINUTE
    late = at + 2 * HOUR
    after_gap = decide(state, [seen(late)], POLICY, late, Span(at, late))
    assert after_gap.alerts == ()
    assert kinds(decide(after_gap.state, [seen(late + 5 * MINUTE)], POLICY, late + 5 * MINUTE).alerts) == [SETTLED]


@settings(max_examples=75)
@given(
    down=st.integers(60, 600),
    up=st.integers(60, 600),
    cycles=st.integers(3, 10),
    every=st.sampled_from([20, 30, 60]),
    ends_down=st.booleans(),
)
def test_the_alerts_do_not_grow_with_the_number_of_short_outages(
    down: int, up: int, cycles: int, every: int, ends_down: bool
) -> None:
    life = flapping(down * SECOND, up * SECOND, cycles, then=failure() if ends_down else None)
    rare = replace(POLICY, remind_every=timedelta(days=30))
    alerts = watch(life, every=every * SECOND, until=cycles * (down + up) * SECOND + 40 * MINUTE, policy=rare)
    # An outage that is seen to last for five minutes is told by itself, and so is its end.
    long = cycles if down + every > 300 else 0
    assert len(alerts) <= 6 + 2 * long
