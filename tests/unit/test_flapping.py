"""What people are told of a target that does not rest, alert by alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from heartline.config.windows import window
from heartline.model.alert import Alert
from heartline.model.belief import Belief, Believed, Counts, Flapping, Mark
from heartline.model.incident import Incident, Outage, Span
from heartline.model.kinds import AlertKind, Kind
from heartline.model.observation import Failure
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.decide import decide, wants_another
from heartline.rules.flapping import disturbed, settle_time
from heartline.rules.reminders import reminded_of
from unit.samples import HOUR, MINUTE, NOW, SECOND, failure, seen

DOWN, REMINDER, RECOVERED = AlertKind.DOWN, AlertKind.REMINDER, AlertKind.RECOVERED
FLAPPING, STABLE = AlertKind.FLAPPING, AlertKind.STABLE
POLICY = Policy(confirmations=0, recover_after=1)
UP = State("orders", NOW - HOUR, NOW - HOUR, last_ok=NOW - MINUTE)
# Tells what is wrong at a moment, if anything is.
Life = Callable[[datetime], Failure | None]


def flapping(down: timedelta, up: timedelta, cycles: int, *, then: Failure | None = None) -> Life:
    """Return the life of a database that is down and up by turns, from NOW on."""

    def at(moment: datetime) -> Failure | None:
        cycle, within = divmod(moment - NOW, down + up)
        if cycle >= cycles:
            return then
        return failure() if cycle >= 0 and within < down else None

    return at


def watch(
    life: Life, *, every: timedelta = MINUTE, until: timedelta, policy: Policy = POLICY, state: State = UP
) -> list[Alert]:
    """Return all alerts of a life that is looked at now and then."""
    return lived(life, every, until, policy, state)[1]


def lived(
    life: Life, every: timedelta, until: timedelta, policy: Policy = POLICY, state: State = UP
) -> tuple[State, list[Alert]]:
    """Return what is known after a life that is looked at now and then, and its alerts."""
    alerts: list[Alert] = []
    now = NOW
    while now <= NOW + until:
        observations = [seen(now, life(now))]
        while wants_another(state, observations, policy):
            at = observations[-1].at + policy.confirm_after
            observations.append(seen(at, life(at)))
        decision = decide(state, observations, policy, observations[-1].at)
        state, alerts, now = decision.state, [*alerts, *decision.alerts], now + every
    return state, alerts


def kinds(alerts: Sequence[Alert]) -> list[AlertKind]:
    return [alert.kind for alert in alerts]


def minutes(alerts: Sequence[Alert]) -> list[float]:
    return [(alert.at - NOW) / MINUTE for alert in alerts]


# Down for a minute and up for a minute: eight times.
EIGHT = flapping(MINUTE, MINUTE, 8)
TOLD = [DOWN, RECOVERED, DOWN, RECOVERED, DOWN]


def test_two_outages_are_told_one_by_one_and_a_third_within_the_hour_as_flapping() -> None:
    alerts = watch(EIGHT, until=HOUR / 2)
    assert (kinds(alerts), minutes(alerts)) == (TOLD, [0, 1, 2, 3, 4])
    assert [alert.flapping is not None for alert in alerts] == [False] * 4 + [True]
    assert [alert.tally is not None for alert in alerts] == [False] * 4 + [True]


def test_what_flaps_says_what_was_found_and_how_long_it_must_rest() -> None:
    *_, last = watch(EIGHT, until=HOUR / 2)
    assert (last.total.counts.outages, last.total.since, last.settle_seconds) == (3, NOW, 300)
    assert last.tally.counts.outages == 1


def test_it_is_stable_again_once_it_has_been_up_for_long_enough_and_there_is_room_for_what_may_follow() -> None:
    *_, last = watch(EIGHT, until=2 * HOUR)
    assert last.kind is STABLE
    assert last.at - last.flapping.stable_since >= 5 * MINUTE
    assert last.total.counts.outages == 8
    assert round(last.total.counts.down / 60) == 8
    assert last.settle_seconds is None


def test_after_it_was_stable_again_all_is_counted_and_told_anew() -> None:
    """A lone outage is told as any, and what flaps again is told of from then on."""
    again = flapping(MINUTE, 9 * MINUTE, 6)
    life: Life = lambda moment: EIGHT(moment) or again(moment - 70 * MINUTE)  # noqa: E731
    stable, *after, reminded = watch(life, until=3 * HOUR)[5:]
    assert (stable.kind, kinds(after)) == (STABLE, [DOWN, RECOVERED, DOWN])
    assert [alert.flapping is not None for alert in after] == [False, False, True]
    assert [(one.total.since, one.total.counts.outages) for one in (after[-1], reminded)] == [
        (stable.at, 2),
        (stable.at, 6),
    ]
    # It was at rest for most of an hour, and broke again: so long a rest is too short now.
    assert (reminded.kind, reminded.settle_seconds) == (REMINDER, 2 * 55 * 60)
    assert reminded.incident.began == NOW + 120 * MINUTE
    assert reminded.previous == failure()


@pytest.mark.parametrize(
    ("rhythm", "policy", "rest"),
    [
        (0, Policy(), 5),
        (2, Policy(), 5),
        (14, Policy(), 28),
        (170, Policy(), 340),
        (240, Policy(), 360),
        (240, Policy(settle_after=7 * HOUR), 420),
        # Two ticks at least, and as many as have good probes enough.
        (0, Policy(settle_after=MINUTE, recover_after=1), 2),
        (0, Policy(settle_after=MINUTE, recover_after=3), 3),
        (0, Policy(interval=15 * MINUTE), 30),
    ],
)
def test_it_must_rest_twice_as_long_as_it_ever_did_up_to_six_hours(rhythm: int, policy: Policy, rest: int) -> None:
    known = Flapping("one", Mark(NOW, Counts()), NOW, rhythm * 60.0)
    assert settle_time(known, policy) == rest * MINUTE


@pytest.mark.parametrize(
    ("after", "notified", "same"),
    [(HOUR, False, True), (HOUR + SECOND, False, False), (HOUR + SECOND, True, True), (-MINUTE, False, True)],
)
def test_an_event_more_than_an_hour_after_the_last_is_the_first_of_others_unless_people_know(
    after: timedelta, notified: bool, same: bool
) -> None:
    first = disturbed(UP, NOW, "orders-1")
    assert (first.flapping.id, first.flapping.rhythm) == ("orders-1-flapping", 0)
    known = replace(first, flapping=replace(first.flapping, notified=notified))
    again = disturbed(known, NOW + after).flapping
    named = "orders-1-flapping" if same else f"orders-{NOW + after:%Y%m%dT%H%M%SZ}-flapping"
    assert (again.id, again.stable_since) == (named, NOW + after)
    assert again.rhythm == (max(0.0, after.total_seconds()) if same else 0)
    assert again.start == (known.flapping.start if same else Mark(NOW + after, Counts()))


def test_a_slower_rhythm_must_rest_for_longer() -> None:
    alerts = watch(flapping(MINUTE, 14 * MINUTE, 8), until=6 * HOUR)
    (stable,) = [alert for alert in alerts if alert.kind is STABLE]
    assert stable.at - stable.flapping.stable_since >= 28 * MINUTE


def test_a_day_with_two_crash_loops_has_room_for_the_end_of_each() -> None:
    loop = flapping(2 * MINUTE, 2 * MINUTE, 4)
    alerts = watch(lambda moment: loop(NOW + (moment - NOW) % (4 * HOUR)), until=8 * HOUR - MINUTE)
    assert kinds(alerts) == [DOWN, RECOVERED, DOWN, RECOVERED, DOWN, STABLE] * 2
    # An hour after the first recovery: three alerts must fit into any hour then, this one and two of an outage.
    assert minutes(alerts)[5::6] == [63, 303]


@pytest.mark.parametrize(("many", "told"), [(17, [DOWN, STABLE]), (18, [DOWN])])
def test_the_end_comes_as_soon_as_the_day_has_room_for_reminders(many: int, told: list[AlertKind]) -> None:
    before = tuple(NOW - 15 * HOUR + number * 45 * MINUTE for number in range(many))
    assert kinds(watch(EIGHT, until=21 * MINUTE, state=replace(UP, alerted=before))) == told


def test_a_rest_that_does_not_last_makes_the_next_one_longer() -> None:
    """Three outages in five minutes, forty minutes of rest, and so on."""
    burst = flapping(MINUTE, MINUTE, 3)
    life: Life = lambda moment: burst(NOW + (moment - NOW) % (45 * MINUTE))  # noqa: E731
    told = kinds(watch(life, until=timedelta(days=1)))
    assert told.count(STABLE) <= 1
    assert len(told) <= 14


def test_what_flaps_and_stays_down_is_told_as_down_though_it_was_told_as_flapping() -> None:
    life = flapping(10 * MINUTE, 2 * MINUTE, 5, then=None)
    for_good: Life = lambda moment: life(moment) or (failure() if moment > NOW + 90 * MINUTE else None)  # noqa: E731
    alerts = watch(for_good, until=3 * HOUR, policy=replace(POLICY, remind_every=timedelta(hours=8)))
    known = [alert.at for alert in alerts if alert.believed is Believed.DOWN and alert.at > NOW + 90 * MINUTE]
    flapped = alerts[-1].at < NOW + 90 * MINUTE and alerts[-1].believed is Believed.DOWN
    assert flapped or known[0] <= NOW + 97 * MINUTE


def test_what_flapped_and_then_stays_down_for_long_is_reminded_of_and_over_as_any_outage() -> None:
    life: Life = lambda moment: EIGHT(moment) or (failure() if 16 <= (moment - NOW) / MINUTE < 136 else None)  # noqa: E731
    alerts = watch(life, until=5 * HOUR)
    assert (kinds(alerts), minutes(alerts)) == ([*TOLD, DOWN, REMINDER, RECOVERED], [0, 1, 2, 3, 4, 21, 81, 136])
    assert [alert.flapping is not None for alert in alerts[4:]] == [True, True, False, False]
    # The outage that lasts, and no other.
    assert {(alert.incident.began - NOW) / MINUTE for alert in alerts[5:]} == {16}


@pytest.mark.parametrize(
    ("lately", "minutes_down", "flaps"),
    [(2, 5, False), (2, 4, True), (3, 5, True)],
    ids=["it lasts", "not long enough", "no room for what may follow a plain outage"],
)
def test_what_flaps_and_stays_down_is_an_ordinary_outage_with_the_reminder_that_finds_it_so(
    lately: int, minutes_down: int, flaps: bool
) -> None:
    began = NOW - minutes_down * MINUTE
    state = replace(
        UP,
        outage=Outage(Incident("one", began), failure()),
        flapping=Flapping("one-flapping", Mark(NOW - 2 * HOUR, Counts()), began, notified=True),
        belief=Belief(Believed.DOWN, NOW - HOUR, "one"),
        alerted=(NOW - 30 * MINUTE,) * lately,
    )
    (reminded,) = decide(state, [seen(NOW, failure())], POLICY, NOW).alerts
    assert (reminded.kind, reminded.flapping is not None) == (REMINDER, flaps)


@pytest.mark.parametrize("asleep", [4, 30, 31])
def test_what_lasts_longer_than_what_it_summed_up_is_reported_after_a_crash_loop(asleep: int) -> None:
    """Down for three minutes of each six, for hours, and seen to by somebody; then for good."""
    life, state, alerts = flapping(3 * MINUTE, 3 * MINUTE, asleep, then=failure()), UP, list[Alert]()
    for minute in range(6 * asleep + 90):
        now = NOW + minute * MINUTE
        if state.belief:
            acknowledged = reminded_of(state) if minute < 6 * asleep else state.belief.acknowledged
            state = replace(state, belief=replace(state.belief, acknowledged=acknowledged))
        decision = decide(state, [seen(now, life(now))], POLICY, now)
        state, alerts = decision.state, [*alerts, *decision.alerts]
    known = [alert for alert in alerts if alert.incident.began == NOW + 6 * asleep * MINUTE]
    assert [(alert.kind, (alert.at - NOW) / MINUTE - 6 * asleep) for alert in known] == [(DOWN, 6), (REMINDER, 66)]


def test_outages_of_one_length_are_not_reported_one_by_one_however_long_they_are() -> None:
    alerts = watch(flapping(11 * MINUTE, MINUTE, 10_000), until=timedelta(days=2))
    assert len(alerts) < 15


@pytest.mark.parametrize(
    ("until", "longest"),
    [
        # The three before it is known to flap are none of its rhythm; the five after it are.
        (4, 0),
        (20, 60),
        (62, 30 * 60),
        (70, 30 * 60),
        # Stable again, it begins anew.
        (20 * 60, 0),
    ],
)
def test_the_longest_outage_of_a_rhythm_is_kept_until_it_rests(until: int, longest: int) -> None:
    """Eight of a minute, one of half an hour, one of two minutes."""

    def life(moment: datetime) -> Failure | None:
        minute = (moment - NOW) / MINUTE
        return EIGHT(moment) or (failure() if 30 <= minute < 60 or 65 <= minute < 67 else None)

    state, alerts = lived(life, MINUTE, until * MINUTE)
    assert state.flapping is not None
    assert state.flapping.longest == longest
    assert (alerts[-1].kind is STABLE) is (until == 20 * 60)


def test_reminders_of_what_flaps_come_half_as_often_each_time_also_where_it_is_up_then() -> None:
    life: Life = lambda moment: None if moment.second else failure()  # noqa: E731
    alerts = watch(life, until=15 * HOUR, policy=Policy(confirmations=1, confirm_after=3 * SECOND))
    assert kinds(alerts) == [FLAPPING, *[REMINDER] * 3]
    assert [(b.at - a.at) / HOUR for a, b in pairwise(alerts)] == [1, 2, 4]


def test_what_flapped_and_then_stays_down_for_a_moment_only_is_stable_later() -> None:
    """Longer than it ever rested, and shorter than the settling time."""
    life: Life = lambda moment: EIGHT(moment) or (failure() if 30 <= (moment - NOW) / MINUTE < 34 else None)  # noqa: E731
    alerts = watch(life, until=5 * HOUR)
    assert kinds(alerts) == [*TOLD, STABLE]


def test_acknowledging_while_it_flaps_stops_the_reminders_of_the_flapping_and_not_of_what_stays_down() -> None:
    """It is down in each seventh minute for three hours and a half, and then for good."""
    often, state, alerts = flapping(MINUTE, 6 * MINUTE, 30, then=failure()), UP, list[Alert]()
    for minute in range(6 * 60):
        now = NOW + minute * MINUTE
        if minute == 76:
            assert (alerts[-1].kind, alerts[-1].believed) == (REMINDER, Believed.FLAPPING)
            state = replace(state, belief=replace(state.belief, acknowledged=reminded_of(state)))
        decision = decide(state, [seen(now, often(now))], POLICY, now)
        state, alerts = decision.state, [*alerts, *decision.alerts]
    assert (kinds(alerts[6:]), minutes(alerts[6:])) == ([DOWN, REMINDER], [215, 275])


def test_each_gap_leaves_the_time_it_has_been_down_as_it_was() -> None:
    """Down for good after flapping, each fifth tick missed."""
    life = flapping(MINUTE, MINUTE, 4, then=None)
    state, now, alerts = UP, NOW, list[Alert]()
    for minute in range(24 * 60):
        now = NOW + minute * MINUTE
        wrong = life(now) if minute < 30 else failure()
        if minute % 5 == 4:
            continue
        gap = Span(now - 2 * MINUTE, now) if minute % 5 == 0 and minute else None
        decision = decide(state, [seen(now, wrong)], POLICY, now, gap)
        state, alerts = decision.state, [*alerts, *decision.alerts]
    last = [alert for alert in alerts if alert.kind in {DOWN, REMINDER}][-1]
    assert last.believed is Believed.DOWN
    assert last.tally.share == 1


def test_while_it_flaps_reminders_sum_up() -> None:
    alerts = watch(flapping(4 * MINUTE, 2 * MINUTE, 10_000), until=timedelta(days=3))
    reminders = [alert for alert in alerts if alert.kind is REMINDER]
    waits = [(two.at - one.at) / HOUR for one, two in pairwise(alerts)]
    assert max(waits) <= 24.1
    # About the last outage, also where that is over.
    assert all(alert.at - alert.incident.began < 6 * MINUTE for alert in alerts)
    assert len(alerts) < 30
    assert all(0.5 < alert.tally.share < 0.8 for alert in reminders[2:])


def test_two_kinds_in_turn_are_a_few_mails_a_day() -> None:
    """Misconfigured and out by turns, seven minutes each."""
    kinds_in_turn = [failure(Kind.AUTH), failure(Kind.REFUSED)]
    alerts = watch(lambda moment: kinds_in_turn[(moment - NOW) // (7 * MINUTE) % 2], until=timedelta(days=3))
    days = [(alert.at - NOW) // timedelta(days=1) for alert in alerts]
    assert days.count(0) <= 12
    assert days.count(2) <= 4


def test_frequent_failed_probes_are_told_as_flapping_although_it_never_was_down() -> None:
    """The third probe of each tick is good: no outage is ever confirmed."""
    policy, state, alerts = Policy(recover_after=1), UP, list[Alert]()
    for minute in range(60):
        now = NOW + minute * MINUTE
        observations = [seen(now, failure(Kind.CLOSED)), seen(now, failure(Kind.TIMEOUT)), seen(now)]
        decision = decide(state, observations, policy, now)
        state, alerts = decision.state, [*alerts, *decision.alerts]
    assert kinds(alerts) == [FLAPPING]
    assert (alerts[0].total.counts.outages, alerts[0].total.counts.failed_probes) == (0, 12)
    assert (alerts[0].failure, alerts[0].previous.kind) == (None, Kind.TIMEOUT)
    assert (alerts[0].incident, alerts[0].remind_at) == (None, alerts[0].at + HOUR)
    assert state.belief.failure.kind is Kind.TIMEOUT
    assert state.blips == 60


def with_blips(policy: Policy, pattern: str, state: State = UP) -> list[AlertKind | None]:
    """Return what is told in each of some ticks, a minute apart; in those marked `x` the first probe fails."""
    told = []
    for minute, mark in enumerate(pattern):
        now = NOW + minute * MINUTE
        observations = [seen(now, failure()), seen(now + SECOND)] if mark == "x" else [seen(now)]
        decision = decide(state, observations, policy, now + 2 * SECOND)
        state = decision.state
        told.append(decision.alerts[0].kind if decision.alerts else None)
    return told


@pytest.mark.parametrize("recover_after", [1, 2, 3, 5])
def test_it_is_stable_again_after_recover_after_good_probes_and_never_after_one(recover_after: int) -> None:
    policy = Policy(recover_after=recover_after, settle_after=61 * SECOND)
    told = with_blips(policy, "xxxxxx" + "." * 10)
    assert told[5] is FLAPPING
    assert told.index(STABLE) - 5 >= max(2, recover_after)


def test_a_failed_probe_after_it_was_stable_again_is_not_flapping_by_itself() -> None:
    assert with_blips(Policy(), "xxxxxx......x.x.x").count(FLAPPING) == 1


def test_failed_probes_in_a_mute_are_told_with_the_next_after_it_and_not_while_all_is_well() -> None:
    muted = replace(UP, muted_until=NOW + 6 * MINUTE)
    assert with_blips(Policy(), "xxxxxx......x", muted) == [None] * 12 + [FLAPPING]


def test_a_failed_probe_now_and_then_is_no_flapping() -> None:
    state, alerts = UP, list[Alert]()
    for minute in range(0, 24 * 60, 15):
        now = NOW + minute * MINUTE
        decision = decide(state, [seen(now, failure()), seen(now + SECOND)], Policy(), now)
        state, alerts = decision.state, [*alerts, *decision.alerts]
    assert alerts == []


def test_flapping_in_a_mute_is_not_told_at_all() -> None:
    muted = replace(UP, muted_until=NOW + 20 * MINUTE)
    assert watch(EIGHT, until=HOUR, state=muted) == []


def test_an_outage_that_breaks_into_a_window_and_heals_in_it_is_told_as_over_at_its_end() -> None:
    maintained = replace(POLICY, maintenance=(window("daily 02:16-03:00"),))
    alerts = watch(flapping(5 * MINUTE, HOUR, 1), until=HOUR, policy=maintained)
    assert (kinds(alerts), minutes(alerts)) == ([DOWN, RECOVERED], [0, 45])
    assert alerts[-1].incident.ended == NOW + 5 * MINUTE


def test_what_is_still_down_at_the_end_of_a_window_is_told_then() -> None:
    maintained = replace(POLICY, maintenance=(window("daily 02:15-03:00"),))
    alerts = watch(flapping(50 * MINUTE, HOUR, 1), until=HOUR, policy=maintained)
    assert (kinds(alerts), minutes(alerts)) == ([DOWN, RECOVERED], [45, 50])


def test_a_time_that_was_not_observed_is_no_rest() -> None:
    state, at = UP, NOW
    for result in (failure(), None) * 3:
        state, at = decide(state, [seen(at, result)], POLICY, at).state, at + MINUTE
    late = at + 2 * HOUR
    after_gap = decide(state, [seen(late)], POLICY, late, Span(at - MINUTE, late))
    assert kinds(after_gap.alerts) == [REMINDER]
    later = late + 5 * MINUTE
    assert kinds(decide(after_gap.state, [seen(later)], POLICY, later).alerts) == [STABLE]


def test_what_is_up_rests_also_while_each_second_tick_is_missed() -> None:
    """It flaps in a rhythm of 10 min, so that 20 min of rest are asked for; ticks that ran stand for a minute each."""
    state, stable, before = UP, list[datetime](), NOW - MINUTE
    life = flapping(MINUTE, 9 * MINUTE, 6)
    for minute in [*range(60), *range(60, 240, 2)]:
        now = NOW + minute * MINUTE
        gap = Span(before, now) if now - before > MINUTE else None
        decision = decide(state, [seen(now, life(now))], POLICY, now, gap)
        stable += [alert.at for alert in decision.alerts if alert.kind is STABLE]
        state, before = decision.state, now
    assert HOUR < stable[0] - NOW <= 100 * MINUTE


def test_what_fails_in_the_rhythm_of_missed_ticks_is_not_said_to_be_down_all_the_time() -> None:
    """Up 2 min of each 6, and each third tick missed: of the ticks that ran half saw it up."""
    life, state, alerts, before = flapping(4 * MINUTE, 2 * MINUTE, 10_000), UP, list[Alert](), NOW - MINUTE
    for minute in range(6 * 60):
        now = NOW + minute * MINUTE
        if minute % 3 == 2:
            continue
        gap = Span(before, now) if now - before > MINUTE else None
        decision = decide(state, [seen(now, life(now))], POLICY, now, gap)
        state, before, alerts = decision.state, now, [*alerts, *decision.alerts]
    shares = [alert.tally.share for alert in alerts if alert.kind is REMINDER]
    ran = [minute for minute in range(6 * 60) if minute % 3 != 2]
    down = sum(life(NOW + minute * MINUTE) is not None for minute in ran) / len(ran)
    assert shares[-1] == pytest.approx(down, abs=0.05)


@pytest.mark.parametrize("every", [1, 5, 15, 60])
@pytest.mark.parametrize("settle", [1, 300, 3600])
def test_whatever_the_interval_and_the_settling_time_a_day_has_24_alerts_at_most(every: int, settle: int) -> None:
    policy = replace(POLICY, settle_after=settle * SECOND, interval=every * MINUTE)
    life = flapping(every * MINUTE, every * MINUTE, 10_000)
    alerts = watch(life, every=every * MINUTE, until=timedelta(days=3), policy=policy)
    days = [(alert.at - NOW) // timedelta(days=1) for alert in alerts]
    assert max(days.count(day) for day in days) <= 24
