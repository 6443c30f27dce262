"""The rules of deciding, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from heartline.decide import Decision, decide, wants_another
from heartline.model import AlertKind, Failure, Kind, Policy, State, Status
from unit.samples import HOUR, MINUTE, NOW, SECOND, failure, seen

POLICY = Policy(confirmations=2, recover_after=2, remind_every=HOUR)
UP = State("orders", Status.UP, since=NOW - HOUR, last_ok=NOW - MINUTE)
OK = None
DEAD = failure(Kind.REFUSED)


def tick(state: State, *outcomes: Failure | None, at: datetime = NOW, policy: Policy = POLICY) -> Decision:
    """Decide on probes three seconds apart."""
    observations = [seen(at + 3 * place * SECOND, outcome) for place, outcome in enumerate(outcomes)]
    return decide(state, observations, policy, observations[-1].at)


def kinds(decision: Decision) -> list[AlertKind]:
    return [alert.kind for alert in decision.alerts]


def down(at: datetime = NOW) -> State:
    return tick(UP, DEAD, DEAD, DEAD, at=at).state


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


def test_no_confirmations_make_the_first_failure_enough() -> None:
    assert kinds(tick(UP, DEAD, policy=replace(POLICY, confirmations=0))) == [AlertKind.DOWN]


def test_one_healthy_probe_among_the_confirmations_makes_a_blip_without_an_alert() -> None:
    for outcomes in ((DEAD, OK), (DEAD, DEAD, OK)):
        decision = tick(UP, *outcomes)
        assert decision == Decision(replace(UP, blips=1, last_blip=NOW))


def test_a_blip_does_not_count_towards_the_next_tick() -> None:
    after = tick(UP, DEAD, DEAD, OK).state
    assert wants_another(after, [seen(failed=DEAD)], POLICY)
    assert tick(after, DEAD, DEAD) == Decision(after)


def test_a_tick_that_runs_out_of_time_changes_nothing() -> None:
    assert tick(UP, DEAD, DEAD) == Decision(UP)
    assert tick(down(), OK) == Decision(down())


def test_a_target_is_up_after_enough_healthy_probes_in_a_row() -> None:
    decision = tick(down(), OK, OK, at=NOW + HOUR / 2)
    assert (decision.state.status, kinds(decision)) == (Status.UP, [AlertKind.RECOVERED])
    recovered = decision.alerts[0]
    assert (recovered.incident.began, recovered.incident.ended) == (NOW, NOW + HOUR / 2)
    assert recovered.previous == DEAD
    assert decision.state.incident is decision.state.failure is decision.state.told is None


def test_a_failure_among_the_healthy_probes_keeps_a_target_down() -> None:
    decision = tick(down(), OK, DEAD, at=NOW + MINUTE)
    assert (decision.state.status, decision.alerts) == (Status.DOWN, ())
    assert decision.state.since == NOW


def test_another_kind_of_failure_is_told_as_a_change_once() -> None:
    first = tick(down(), failure(Kind.AUTH, sqlstate="28P01"), at=NOW + MINUTE)
    assert kinds(first) == [AlertKind.CHANGED]
    assert (first.alerts[0].failure.kind, first.alerts[0].previous.kind) == (Kind.AUTH, Kind.REFUSED)
    assert kinds(tick(first.state, failure(Kind.AUTH), at=NOW + 2 * MINUTE)) == []


def test_another_text_of_the_same_kind_is_no_change() -> None:
    decision = tick(down(), replace(DEAD, cause="It says something else.", said="pid 4242"), at=NOW + MINUTE)
    assert decision.alerts == ()


def test_a_reminder_comes_when_its_time_has_passed_since_the_last_word() -> None:
    state = down()
    told_at = state.told_at
    assert kinds(tick(state, DEAD, at=told_at + HOUR - SECOND)) == []
    reminded = tick(state, DEAD, at=told_at + HOUR)
    assert kinds(reminded) == [AlertKind.REMINDER]
    assert reminded.alerts[0].incident == state.incident
    assert kinds(tick(reminded.state, DEAD, at=told_at + HOUR + MINUTE)) == []


def test_a_change_puts_the_next_reminder_off() -> None:
    changed = tick(down(), failure(Kind.TIMEOUT), at=NOW + HOUR / 2).state
    assert kinds(tick(changed, failure(Kind.TIMEOUT), at=NOW + HOUR + MINUTE)) == []


def test_an_acknowledged_incident_has_no_reminders_but_changes_and_an_end() -> None:
    state = replace(down(), acknowledged=True)
    assert kinds(tick(state, DEAD, at=NOW + 5 * HOUR)) == []
    assert kinds(tick(state, failure(Kind.STARTING), at=NOW + 5 * HOUR)) == [AlertKind.CHANGED]
    over = tick(state, OK, OK, at=NOW + 5 * HOUR)
    assert kinds(over) == [AlertKind.RECOVERED]
    assert not over.state.acknowledged


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


def test_a_clock_that_steps_back_neither_reminds_nor_repeats() -> None:
    assert kinds(tick(down(), DEAD, at=NOW - timedelta(days=1))) == []
