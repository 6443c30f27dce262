"""The rules of deciding, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from heartline.config.windows import window
from heartline.model.incident import Span
from heartline.model.kinds import AlertKind, Kind, Phase, Status
from heartline.model.observation import Failure, Observation
from heartline.model.state import State
from heartline.model.target import Endpoint, Policy
from heartline.rules.decide import Decision, decide, quiet_until, wants_another
from heartline.rules.reminders import next_reminder, reminded_of
from heartline.rules.watching import unwatch
from unit.samples import HOUR, MINUTE, NOW, SECOND, failure, seen

POLICY = Policy(confirmations=2, recover_after=2, remind_every=HOUR)
UP = State("orders", NOW - HOUR, NOW - HOUR, last_ok=NOW - MINUTE)
OK = None
DEAD = failure(Kind.REFUSED)


def tick(state: State, *results: Failure | None, at: datetime = NOW, policy: Policy = POLICY) -> Decision:
    """Decide on probes three seconds apart."""
    observations = [seen(at + 3 * place * SECOND, result) for place, result in enumerate(results)]
    return decide(state, observations, policy, observations[-1].at)


def kinds(decision: Decision) -> list[AlertKind]:
    return [alert.kind for alert in decision.alerts]


def down(at: datetime = NOW) -> State:
    return tick(replace(UP, last_ok=at - MINUTE), DEAD, DEAD, DEAD, at=at).state


def test_a_healthy_target_at_first_sight_is_up_without_a_word() -> None:
    decision = tick(State("orders"), OK)
    assert (decision.state.status, decision.alerts) == (Status.UP, ())
    assert decision.state.last_ok == NOW


def test_a_target_that_is_down_at_first_sight_is_told_and_was_never_seen_good() -> None:
    decision = tick(State("orders"), DEAD, DEAD, DEAD)
    assert kinds(decision) == [AlertKind.DOWN]
    assert decision.alerts[0].incident.last_ok is None


def test_a_target_that_begins_with_a_blip_is_up_since_a_probe_that_was_healthy() -> None:
    state = tick(State("orders"), DEAD, OK).state
    assert state.status is Status.UP
    assert state.since == NOW + 3 * SECOND


def test_a_target_is_down_after_the_first_failure_and_all_confirmations() -> None:
    decision = tick(UP, DEAD, DEAD, DEAD)
    assert (decision.state.status, kinds(decision)) == (Status.DOWN, [AlertKind.DOWN])
    assert decision.alerts[0].incident.began == decision.state.since == NOW
    assert decision.alerts[0].incident.last_ok == NOW - MINUTE
    assert decision.alerts[0].first_seen == UP.first_seen
    assert decision.ended == ()


def test_an_alert_says_what_the_last_probe_of_the_tick_met() -> None:
    """A name may lead to another server with each probe."""
    met = [
        Observation(
            NOW + place * SECOND,
            Endpoint(f"db-{place}.example.com"),
            {Phase.CONNECT: float(place)},
            replace(DEAD, cause=f"Number {place} refused the connection."),
            address=f"192.0.2.{place}",
        )
        for place in (1, 2, 3)
    ]
    (alert,) = decide(UP, met, POLICY, met[-1].at).alerts
    assert (alert.endpoint.host, alert.address) == ("db-3.example.com", "192.0.2.3")
    assert alert.phases == {Phase.CONNECT: 3}
    assert alert.failure.cause == "Number 3 refused the connection."


def test_each_alert_of_a_target_has_the_next_number() -> None:
    """Two of them are made in one tick, and one when the target is no longer watched."""
    muted = replace(down(), muted_until=NOW + HOUR)
    healed = tick(muted, OK, OK, at=NOW + MINUTE).state
    broken = tick(healed, DEAD, DEAD, DEAD, at=NOW + 5 * MINUTE).state
    both = tick(broken, DEAD, at=NOW + HOUR)
    reminded = tick(both.state, DEAD, at=NOW + 2 * HOUR)
    removed = unwatch(reminded.state, NOW + 2 * HOUR)
    given_back = tick(removed.state, DEAD, DEAD, DEAD, at=NOW + 3 * HOUR)
    made = [*both.alerts, *reminded.alerts, *removed.alerts, *given_back.alerts]
    assert [alert.id for alert in made] == ["00000002", "00000003", "00000004", "00000005", "00000006"]


def test_no_confirmations_make_the_first_failure_enough() -> None:
    assert kinds(tick(UP, DEAD, policy=replace(POLICY, confirmations=0))) == [AlertKind.DOWN]


def test_one_healthy_probe_among_the_confirmations_makes_a_blip_without_an_alert() -> None:
    for results in ((DEAD, OK), (DEAD, DEAD, OK)):
        decision = tick(UP, *results)
        good = NOW + 3 * (len(results) - 1) * SECOND
        assert (decision.alerts, decision.seen) == ((), Status.UP)
        assert (decision.state.blips, decision.state.last_ok) == (1, good)


def test_a_blip_does_not_count_towards_the_next_tick() -> None:
    after = tick(UP, DEAD, DEAD, OK).state
    assert wants_another(after, [seen(failed=DEAD)], POLICY)
    assert tick(after, DEAD, DEAD) == Decision(after)


def test_a_tick_that_runs_out_of_time_changes_nothing() -> None:
    assert tick(UP, DEAD, DEAD) == Decision(UP)
    assert tick(down(), OK) == Decision(down())
    # Nor does it remind.
    assert tick(down(), OK, at=NOW + 2 * HOUR) == Decision(down())


def test_a_target_is_up_after_enough_healthy_probes_in_a_row() -> None:
    decision = tick(down(), OK, OK, at=NOW + HOUR / 2)
    assert (decision.state.status, kinds(decision)) == (Status.UP, [AlertKind.RECOVERED])
    recovered = decision.alerts[0]
    assert (recovered.incident.began, recovered.incident.ended) == (NOW, NOW + HOUR / 2)
    assert recovered.previous == DEAD
    assert decision.state.incident is decision.state.failure is decision.state.belief is None


def test_the_last_good_probe_is_the_last_of_those_that_confirmed_the_recovery() -> None:
    healed = tick(down(), OK, OK, at=NOW + HOUR).state
    assert healed.last_ok == NOW + HOUR + 3 * SECOND
    again = tick(healed, DEAD, DEAD, DEAD, at=NOW + 2 * HOUR)
    assert again.alerts[0].incident.last_ok == NOW + HOUR + 3 * SECOND


def test_a_failure_among_the_healthy_probes_keeps_a_target_down() -> None:
    assert not wants_another(down(), [seen(), seen(failed=DEAD)], replace(POLICY, recover_after=3))
    decision = tick(down(), OK, DEAD, at=NOW + MINUTE)
    assert (decision.state.status, decision.alerts) == (Status.DOWN, ())
    assert decision.state.since == NOW


def test_what_was_misconfigured_and_is_an_outage_is_told_at_once_and_once() -> None:
    locked = failure(Kind.AUTH, sqlstate="28P01")
    state = tick(UP, locked, locked, locked).state
    first = tick(state, DEAD, DEAD, at=NOW + MINUTE)
    assert kinds(first) == [AlertKind.DOWN]
    assert (first.alerts[0].failure.kind, first.alerts[0].previous.kind) == (Kind.REFUSED, Kind.AUTH)
    assert first.state.incident.kinds == (Kind.AUTH, Kind.REFUSED)
    assert kinds(tick(first.state, DEAD, at=NOW + 2 * MINUTE)) == []


def test_any_other_kind_of_failure_is_told_with_the_next_reminder() -> None:
    locked = failure(Kind.AUTH, sqlstate="28P01")
    milder = tick(down(), locked, locked, at=NOW + MINUTE)
    assert (milder.alerts, milder.state.failure) == ((), locked)
    reminded = tick(milder.state, locked, at=NOW + HOUR + MINUTE)
    assert kinds(reminded) == [AlertKind.REMINDER]
    assert (reminded.alerts[0].failure.kind, reminded.alerts[0].previous.kind) == (Kind.AUTH, Kind.REFUSED)
    assert kinds(tick(reminded.state, DEAD, DEAD, at=NOW + HOUR + 2 * MINUTE)) == [AlertKind.DOWN]


def test_another_kind_of_failure_is_no_change_until_a_second_probe_agrees() -> None:
    late, other = failure(Kind.TIMEOUT), failure(Kind.CLOSED)
    assert wants_another(down(), [seen(failed=late)], POLICY)
    assert not wants_another(down(), [seen(failed=DEAD)], POLICY)
    for results in ((late, DEAD), (late, other), (late, OK), (OK, late)):
        decision = tick(down(), *results, at=NOW + MINUTE)
        assert (decision.alerts, decision.state.failure, decision.seen) == ((), DEAD, Status.DOWN)


def test_without_confirmations_one_probe_is_enough_for_a_change() -> None:
    once, late = replace(POLICY, confirmations=0), failure(Kind.TIMEOUT)
    assert not wants_another(down(), [seen(failed=late)], once)
    assert tick(down(), late, at=NOW + MINUTE, policy=once).state.failure == late


def test_another_text_of_the_same_kind_is_no_change() -> None:
    other = replace(DEAD, cause="It says something else.", said="pid 4242")
    decision = tick(down(), other, at=NOW + MINUTE)
    assert (decision.alerts, decision.state.failure) == ((), other)


def test_a_reminder_says_for_how_much_of_the_time_since_the_last_alert_it_was_down() -> None:
    (reminded,) = tick(down(), DEAD, at=NOW + 2 * HOUR).alerts
    assert (reminded.tally.share, reminded.tally.counts.outages) == (1, 0)
    assert reminded.tally.since == NOW + 6 * SECOND


def test_a_reminder_comes_when_its_time_has_passed_since_the_last_word() -> None:
    state = down()
    notified_at = state.belief.notified_at
    assert kinds(tick(state, DEAD, at=notified_at + HOUR - SECOND)) == []
    reminded = tick(state, DEAD, at=notified_at + HOUR)
    assert kinds(reminded) == [AlertKind.REMINDER]
    assert reminded.alerts[0].incident == reminded.state.incident
    assert kinds(tick(reminded.state, DEAD, at=notified_at + HOUR + MINUTE)) == []


def reminders(policy: Policy, until: timedelta) -> list[float]:
    """Return the hours after which an outage that lasts is brought to mind."""
    state, every, notified = down(), timedelta(minutes=30), []
    began = state.belief.notified_at
    for step in range(1, until // every + 1):
        decision = tick(state, DEAD, at=began + step * every, policy=policy)
        state, notified = decision.state, [*notified, *((alert.at - began) / HOUR for alert in decision.alerts)]
    return notified


def test_reminders_within_an_hour_come_as_asked_for_and_leave_half_of_its_six_alerts_to_what_must_be_told() -> None:
    """A recovery, the next outage, and that it is no mere misconfiguration: none of them waits for a reminder."""
    policy = replace(POLICY, remind_every=10 * MINUTE)
    pattern = "d" * 5 + "u" + "d" * 120
    state, told = UP, []
    for minute, mark in enumerate(pattern):
        results = (DEAD, DEAD, DEAD) if mark == "d" and state.outage is None else (DEAD,) if mark == "d" else (OK, OK)
        decision = tick(state, *results, at=NOW + minute * MINUTE, policy=policy)
        state, told = decision.state, [*told, *((minute, kind) for kind in kinds(decision))]
    assert told == [
        (0, AlertKind.DOWN),
        (5, AlertKind.RECOVERED),
        (6, AlertKind.DOWN),
        (61, AlertKind.REMINDER),
        (81, AlertKind.REMINDER),
        (121, AlertKind.REMINDER),
    ]


def test_each_reminder_comes_twice_as_late_as_the_one_before_and_then_daily() -> None:
    assert reminders(POLICY, timedelta(days=5)) == [1, 3, 7, 15, 31, 55, 79, 103]


def test_reminders_that_are_asked_for_rarely_do_not_come_more_often() -> None:
    assert reminders(replace(POLICY, remind_every=timedelta(days=2)), timedelta(days=7)) == [48, 96, 144]


def test_each_alert_of_an_outage_says_when_the_next_reminder_is_due() -> None:
    notified = tick(UP, DEAD, DEAD, DEAD)
    reminded = tick(notified.state, DEAD, at=notified.state.belief.notified_at + HOUR)
    assert notified.alerts[0].remind_at == notified.alerts[0].at + HOUR
    assert reminded.alerts[0].remind_at == reminded.alerts[0].at + 2 * HOUR
    assert tick(reminded.state, OK, OK, at=NOW + 2 * HOUR).alerts[0].remind_at is None


def test_reminders_begin_anew_when_a_misconfiguration_becomes_an_outage_and_only_the_first_time() -> None:
    locked, state, waits = failure(Kind.AUTH), UP, []
    for hour, results in [
        *((0, [locked] * 3), (1.1, [locked]), (3.2, [locked]), (4, [DEAD, DEAD]), (5.1, [DEAD])),
        *((6, [locked, locked]), (7.2, [locked]), (8, [DEAD, DEAD])),
    ]:
        decision = tick(state, *results, at=NOW + hour * HOUR)
        state = decision.state
        waits += [(alert.kind, (alert.remind_at - alert.at) / HOUR) for alert in decision.alerts]
    down, reminder = AlertKind.DOWN, AlertKind.REMINDER
    assert waits == [(down, 1), (reminder, 2), (reminder, 4), (down, 1), (reminder, 2), (reminder, 4), (down, 4)]


def test_reminders_begin_anew_with_each_incident() -> None:
    reminded = tick(down(), DEAD, at=NOW + 2 * HOUR).state
    healed = tick(reminded, OK, OK, at=NOW + 3 * HOUR).state
    again = tick(healed, DEAD, DEAD, DEAD, at=NOW + 9 * HOUR)
    assert kinds(again) == [AlertKind.DOWN]
    assert again.alerts[0].remind_at == again.alerts[0].at + HOUR


def test_acknowledging_stops_the_reminders_of_what_was_acknowledged_and_nothing_else() -> None:
    locked = failure(Kind.AUTH)
    state = acknowledged(tick(UP, locked, locked, locked).state)
    assert kinds(tick(state, locked, at=NOW + 5 * HOUR)) == []
    worse = tick(state, DEAD, DEAD, at=NOW + 5 * HOUR)
    assert kinds(worse) == [AlertKind.DOWN]
    assert kinds(tick(worse.state, DEAD, at=NOW + 7 * HOUR)) == [AlertKind.REMINDER]
    over = tick(state, OK, OK, at=NOW + 5 * HOUR)
    assert kinds(over) == [AlertKind.RECOVERED]
    again = tick(over.state, DEAD, DEAD, DEAD, at=NOW + 9 * HOUR)
    assert kinds(tick(again.state, DEAD, at=NOW + 11 * HOUR)) == [AlertKind.REMINDER]


def test_what_is_well_has_no_reminders_and_nothing_to_acknowledge() -> None:
    assert (reminded_of(UP), next_reminder(UP, POLICY)) == (None, None)


def acknowledged(state: State) -> State:
    return replace(state, belief=replace(state.belief, acknowledged=reminded_of(state)))


def test_what_breaks_and_heals_inside_a_mute_is_never_told() -> None:
    broken = tick(replace(UP, muted_until=NOW + HOUR), DEAD, DEAD, DEAD)
    healed = tick(broken.state, OK, OK, at=NOW + MINUTE)
    after = tick(healed.state, OK, at=NOW + 2 * HOUR)
    assert broken.alerts == healed.alerts == after.alerts == ()
    assert (broken.state.status, healed.state.status) == (Status.DOWN, Status.UP)


def test_what_is_still_wrong_after_a_mute_is_told_as_it_began() -> None:
    broken = tick(replace(UP, muted_until=NOW + HOUR), DEAD, DEAD, DEAD).state
    decision = tick(broken, DEAD, at=NOW + HOUR)
    assert kinds(decision) == [AlertKind.DOWN]
    assert decision.alerts[0].incident.began == NOW


def test_what_was_told_before_a_mute_and_heals_inside_it_is_told_as_over_after_it() -> None:
    muted = replace(down(), muted_until=NOW + HOUR)
    healed = tick(muted, OK, OK, at=NOW + MINUTE)
    decision = tick(healed.state, OK, at=NOW + HOUR)
    assert (healed.alerts, kinds(decision)) == ((), [AlertKind.RECOVERED])
    assert decision.alerts[0].incident.ended == NOW + MINUTE


def test_what_heals_and_breaks_again_inside_a_mute_is_told_as_two_incidents() -> None:
    muted = replace(down(), muted_until=NOW + HOUR)
    healed = tick(muted, OK, OK, at=NOW + MINUTE).state
    broken = tick(healed, DEAD, DEAD, DEAD, at=NOW + 5 * MINUTE).state
    decision = tick(broken, DEAD, at=NOW + HOUR)
    assert kinds(decision) == [AlertKind.RECOVERED, AlertKind.DOWN]
    first, second = (alert.incident for alert in decision.alerts)
    assert (first.began, first.ended, second.began) == (NOW, NOW + MINUTE, NOW + 5 * MINUTE)
    assert first.id != second.id


def test_what_was_told_before_a_mute_is_told_as_over_after_it_though_others_came_and_went_in_it() -> None:
    state = replace(down(), muted_until=NOW + HOUR)
    for minute in (1, 5, 9):
        healed = tick(state, OK, OK, at=NOW + minute * MINUTE).state
        state = tick(healed, DEAD, DEAD, DEAD, at=NOW + (minute + 1) * MINUTE).state
    healed = tick(state, OK, OK, at=NOW + 20 * MINUTE).state
    (recovered,) = tick(healed, OK, at=NOW + HOUR).alerts
    assert (recovered.kind, recovered.incident.began) == (AlertKind.RECOVERED, NOW)
    assert len(healed.recent) == 2


def test_a_clock_that_steps_back_neither_reminds_nor_repeats() -> None:
    assert kinds(tick(down(), DEAD, at=NOW - timedelta(days=1))) == []


GAP = Span(NOW - 2 * HOUR, NOW)


def after_gap(state: State, *results: Failure | None) -> Decision:
    """Decide on the first probes after a time in which Heartline did not run."""
    observations = [seen(NOW + 3 * place * SECOND, result) for place, result in enumerate(results)]
    return decide(state, observations, POLICY, observations[-1].at, GAP)


def test_an_outage_that_is_found_after_a_gap_says_that_it_may_have_begun_in_it() -> None:
    seen_good = replace(UP, last_ok=GAP.began)
    (alert,) = after_gap(seen_good, DEAD, DEAD, DEAD).alerts
    assert (alert.incident.last_ok, alert.incident.began, alert.incident.unobserved) == (GAP.began, NOW, (GAP,))


def test_an_outage_that_goes_on_after_a_gap_keeps_the_gap_until_its_end_is_told() -> None:
    state = after_gap(down(at=NOW - 3 * HOUR), DEAD).state
    (recovered,) = tick(state, OK, OK, at=NOW + MINUTE).alerts
    assert (recovered.kind, recovered.incident.unobserved) == (AlertKind.RECOVERED, (GAP,))


def test_an_outage_that_is_over_after_a_gap_says_that_it_may_have_ended_in_it() -> None:
    before = replace(down(at=NOW - 3 * HOUR), last_failed=GAP.began)
    decision = after_gap(before, OK, OK)
    (recovered,) = decision.alerts
    assert (recovered.incident.last_failed, recovered.incident.ended) == (GAP.began, NOW)
    assert recovered.incident.unobserved == (GAP,)
    assert decision.ended == (decision.state.previous,)
    assert decision.state.previous == recovered.incident


def test_a_gap_leaves_a_healthy_target_and_its_last_incident_as_they_were() -> None:
    healed = tick(down(at=NOW - 5 * HOUR), OK, OK, at=NOW - 4 * HOUR).state
    assert after_gap(healed, OK) == Decision(healed, seen=Status.UP)
    assert after_gap(State("orders"), DEAD, DEAD, DEAD).state.incident.unobserved == ()


def test_an_incident_that_is_over_is_to_be_recorded_once() -> None:
    healed = tick(down(), OK, OK, at=NOW + MINUTE)
    assert healed.ended == (healed.alerts[0].incident,)
    assert healed.ended[0].notified == (AlertKind.DOWN, AlertKind.RECOVERED)
    assert tick(healed.state, OK, at=NOW + 2 * MINUTE).ended == ()


def test_an_incident_that_heals_in_a_mute_is_recorded_then_and_again_when_its_end_is_told() -> None:
    healed = tick(replace(down(), muted_until=NOW + HOUR), OK, OK, at=NOW + MINUTE)
    (kept,) = healed.ended
    assert (kept.ended, kept.notified) == (NOW + MINUTE, (AlertKind.DOWN,))
    (again,) = tick(healed.state, OK, at=NOW + HOUR).ended
    assert again == replace(kept, notified=(AlertKind.DOWN, AlertKind.RECOVERED))


def test_the_last_failed_probe_of_an_incident_is_the_last_that_was_seen_to_fail() -> None:
    decision = tick(UP, DEAD, DEAD, DEAD)
    assert decision.state.incident.last_failed == NOW + 6 * SECOND


def test_quiet_lasts_as_long_as_the_longer_of_mute_and_window() -> None:
    maintained = replace(POLICY, maintenance=(window("daily 02:00-03:00"),))
    assert quiet_until(UP, POLICY, NOW) is None
    assert quiet_until(UP, maintained, NOW) == NOW + 45 * MINUTE
    assert quiet_until(replace(UP, muted_until=NOW + HOUR), maintained, NOW) == NOW + HOUR
    assert quiet_until(replace(UP, muted_until=NOW + MINUTE), maintained, NOW) == NOW + 45 * MINUTE
    assert quiet_until(replace(UP, muted_until=NOW), POLICY, NOW) is None


def test_bounds_contain_what_happened_while_a_probe_went_on() -> None:
    """It failed within the first failed probe, and came back within the last failed one or the first good one."""
    slow = replace(POLICY, confirmations=0, recover_after=1)

    def probe(at: datetime, result: Failure | None) -> Observation:
        return replace(seen(at, result), ended=at + 5 * SECOND)

    blip = [probe(NOW, DEAD), probe(NOW + 8 * SECOND, OK)]
    begun = decide(State("orders"), blip, POLICY, NOW + 13 * SECOND).state
    assert (begun.first_seen, begun.up_since) == (NOW + 8 * SECOND, NOW + 13 * SECOND)
    assert (begun.recent_blips, begun.flapping.stable_since) == ((NOW,), NOW + 13 * SECOND)
    good = decide(UP, blip, POLICY, NOW + 13 * SECOND).state
    failed = probe(NOW + MINUTE, DEAD)
    state = decide(good, [failed], slow, failed.until).state
    back = probe(NOW + 2 * MINUTE, OK)
    (recovered,) = decide(state, [back], slow, back.until).alerts
    bounds = recovered.incident
    assert (bounds.last_ok, bounds.began) == (NOW + 8 * SECOND, NOW + MINUTE + 5 * SECOND)
    assert (bounds.last_failed, bounds.ended) == (NOW + MINUTE, NOW + 2 * MINUTE + 5 * SECOND)


def test_a_clock_that_is_set_back_gives_no_two_incidents_one_id() -> None:
    state, names = UP, list[str]()
    for _ in range(3):
        broken = tick(state, DEAD, DEAD, DEAD)
        names.append(broken.state.incident.id)
        state = tick(broken.state, OK, OK, at=NOW + SECOND).state
    assert names == sorted(set(names))


def test_a_time_that_was_not_observed_counts_for_no_share() -> None:
    """Down for ninety minutes; in the last hour before the reminder Heartline did not run."""
    state = tick(down(), DEAD, at=NOW + HOUR / 2).state
    late = NOW + HOUR + HOUR / 2
    (reminded,) = decide(state, [seen(late, DEAD)], POLICY, late, Span(NOW + HOUR / 2, late)).alerts
    assert reminded.tally.share == 1
    assert reminded.tally.counts.unobserved == 59 * 60
    assert reminded.tally.counts.down < 32 * 60


def test_what_is_told_at_the_end_of_a_mute_counts_since_the_mail_before_it() -> None:
    """RECOVERED and DOWN leave together, and there is no room for the mails of one more outage by itself."""
    earlier = tuple(NOW - hours * 55 * MINUTE for hours in range(8, 0, -1))
    state = replace(down(), muted_until=NOW + HOUR, alerted=earlier)
    for minute in range(1, 61):
        # It goes down in minutes 6, 16, 26, 36, 46 and 56.
        results = (OK, OK) if minute % 10 in {3, 4, 5} else (DEAD, DEAD, DEAD)
        decision = tick(state, *results, at=NOW + minute * MINUTE)
        state = decision.state
    assert [alert.kind for alert in decision.alerts] == [AlertKind.RECOVERED, AlertKind.DOWN]
    assert decision.alerts[1].flapping
    assert decision.alerts[1].tally.counts.outages == 6
