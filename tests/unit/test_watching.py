"""Whoever was notified of a beginning hears the end, also when the document names the target no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from heartline.model.alert import Alert
from heartline.model.belief import Addressees, Belief, Believed
from heartline.model.kinds import AlertKind, Kind
from heartline.model.observation import Failure
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.decide import Decision, decide
from heartline.rules.watching import addressed, unwatch, welcome
from unit.samples import HOUR, MINUTE, NOW, SERVER, answered, failure, seen

POLICY = Policy(confirmations=0, recover_after=1)
UP = State("orders", NOW - HOUR, NOW - HOUR, last_ok=NOW - MINUTE)
BEFORE = Addressees(("old@example.com", "both@example.com"), "ko", "Asia/Seoul")
NOW_NAMED = Addressees(("new@example.com", "both@example.com"))


def tick(state: State, result: Failure | None, at: datetime, readers: Addressees) -> Decision:
    return addressed(state, decide(state, [seen(at, result)], POLICY, at), readers)


def known_down(failed: Failure | None = None) -> State:
    """Return the state after those of before were notified that it is down."""
    return tick(UP, failed or failure(), NOW, BEFORE).state


def test_the_end_goes_to_those_who_know_of_the_beginning_in_their_language() -> None:
    decision = tick(known_down(), None, NOW + MINUTE, NOW_NAMED)
    assert [(alert.kind, alert.addressees) for alert in decision.alerts] == [(AlertKind.RECOVERED, BEFORE)]


def test_who_is_named_later_knows_from_the_next_reminder_and_hears_the_end_too() -> None:
    reminded = tick(known_down(), failure(), NOW + 2 * HOUR, NOW_NAMED)
    assert [(alert.kind, alert.addressees) for alert in reminded.alerts] == [(AlertKind.REMINDER, NOW_NAMED)]
    (recovered,) = tick(reminded.state, None, NOW + 3 * HOUR, NOW_NAMED).alerts
    assert recovered.addressees == Addressees(("new@example.com", "both@example.com", "old@example.com"))


def test_the_end_of_what_nobody_knew_with_addresses_goes_to_those_who_are_named_now() -> None:
    unknown = replace(known_down(), belief=replace(known_down().belief, addressees=None))
    (recovered,) = tick(unknown, None, NOW + MINUTE, NOW_NAMED).alerts
    assert recovered.addressees == NOW_NAMED


def test_an_incident_that_begins_with_the_end_of_another_is_known_to_those_who_are_named_now() -> None:
    """Both are found at the end of a mute."""
    healed = tick(replace(known_down(), muted_until=NOW + HOUR), None, NOW + MINUTE, NOW_NAMED).state
    broken = tick(healed, failure(), NOW + 2 * MINUTE, NOW_NAMED).state
    both = tick(broken, failure(), NOW + HOUR, NOW_NAMED)
    assert [(alert.kind, alert.addressees) for alert in both.alerts] == [
        (AlertKind.RECOVERED, BEFORE),
        (AlertKind.DOWN, NOW_NAMED),
    ]
    assert both.state.belief.addressees == NOW_NAMED


def test_a_notice_goes_to_those_who_are_named_now_and_makes_nobody_expect_an_end() -> None:
    state = addressed(UP, decide(UP, [answered(SERVER, NOW)], POLICY, NOW), BEFORE).state
    restarted = answered(replace(SERVER, started=NOW), NOW + MINUTE)
    decision = addressed(state, decide(state, [restarted], POLICY, NOW + MINUTE), NOW_NAMED)
    assert [(alert.kind, alert.addressees) for alert in decision.alerts] == [(AlertKind.RESTARTED, NOW_NAMED)]
    assert decision.state.belief is None


def test_a_notice_while_it_flaps_makes_nobody_expect_the_end_of_that() -> None:
    flaps = replace(UP, belief=Belief(Believed.FLAPPING, NOW, addressees=BEFORE))
    notice = Alert("00000001", AlertKind.EXPIRING, "orders", NOW)
    decision = addressed(flaps, Decision(flaps, (notice,)), NOW_NAMED)
    assert [alert.addressees for alert in decision.alerts] == [NOW_NAMED]
    assert decision.state.belief.addressees == BEFORE


def test_what_is_down_when_it_is_removed_is_told_as_no_longer_watched_to_those_who_know() -> None:
    decision = unwatch(replace(known_down(), last_failed=NOW + MINUTE), NOW + 2 * MINUTE)
    (alert,) = decision.alerts
    assert (alert.kind, alert.at, alert.addressees) == (AlertKind.UNWATCHED, NOW + 2 * MINUTE, BEFORE)
    assert (alert.previous, alert.first_seen) == (failure(), UP.first_seen)
    (ended,) = decision.ended
    assert alert.incident == ended
    assert (ended.began, ended.last_failed, ended.ended) == (NOW, NOW + MINUTE, NOW + 2 * MINUTE)
    assert ended.notified == (AlertKind.DOWN, AlertKind.UNWATCHED)


def test_what_recovered_in_a_mute_and_is_removed_in_it_is_told_after_it_with_the_end_that_it_had() -> None:
    muted = replace(known_down(failure(Kind.AUTH)), muted_until=NOW + HOUR)
    healed = tick(muted, None, NOW + MINUTE, NOW_NAMED).state
    assert unwatch(healed, NOW + HOUR - MINUTE) == Decision(healed)
    (alert,) = unwatch(healed, NOW + HOUR).alerts
    assert (alert.at, alert.incident.ended) == (NOW + HOUR, NOW + MINUTE)
    assert alert.previous.kind is Kind.AUTH


def test_what_flaps_with_no_outage_and_is_removed_is_told_so_too() -> None:
    belief = Belief(Believed.FLAPPING, NOW, addressees=BEFORE)
    decision = unwatch(replace(UP, belief=belief), NOW + MINUTE)
    assert [(alert.kind, alert.incident, alert.previous) for alert in decision.alerts] == [
        (AlertKind.UNWATCHED, None, None)
    ]
    assert decision.ended == ()


def test_what_is_down_and_known_to_flap_is_removed_with_its_outage_and_what_is_wrong_now() -> None:
    known = replace(known_down(failure(Kind.AUTH)).belief, kind=Believed.FLAPPING, incident=None)
    decision = unwatch(replace(known_down(), belief=known), NOW + MINUTE)
    assert [(alert.incident.began, alert.previous) for alert in decision.alerts] == [(NOW, failure())]


def test_what_is_well_is_removed_without_a_word() -> None:
    healed = tick(known_down(), None, NOW + MINUTE, BEFORE).state
    decision = unwatch(healed, NOW + 2 * MINUTE)
    assert (decision.alerts, decision.ended) == ((), ())
    assert (decision.state.alerted, decision.state.alerts_made) == ((NOW, NOW + MINUTE), 2)


def test_a_target_that_is_given_back_is_new_but_for_its_mute_and_the_bound_on_its_alerts() -> None:
    muted = unwatch(replace(UP, muted_until=NOW + HOUR, mute_reason="migration"), NOW + MINUTE).state
    assert muted == State("orders", muted_until=NOW + HOUR, mute_reason="migration")
    left = unwatch(known_down(), NOW + MINUTE).state
    assert left.alerted == (NOW, NOW + MINUTE)
    assert (left.outage, left.belief, left.first_seen) == (None, None, None)
    assert unwatch(UP, NOW + MINUTE).state == State("orders")


def test_an_incident_after_a_target_was_given_back_has_an_id_of_its_own() -> None:
    """Within the second in which it was removed."""
    left = unwatch(known_down(), NOW).state
    again = tick(left, failure(), NOW, BEFORE)
    (down,) = again.alerts
    assert down.incident.id != known_down().incident.id
    assert down.incident.id.endswith(f"{NOW + timedelta(seconds=1):%Y%m%dT%H%M%SZ}")


# ---- What RDS lists


def first_sight(state: State, result: Failure | None = None, policy: Policy = POLICY) -> Decision:
    observation = seen(NOW, result)
    return welcome(state, decide(state, [observation], policy, NOW), observation, policy, NOW)


def test_what_is_found_is_told_of_at_its_first_sight_and_never_again() -> None:
    decision = first_sight(State("orders"))
    (alert,) = decision.alerts
    assert (alert.kind, alert.id, alert.discovered) == (AlertKind.WATCHED, "00000001", True)
    assert (decision.state.alerts_made, decision.state.alerted) == (1, (NOW,))
    assert first_sight(decision.state).alerts == ()


def test_what_is_found_down_has_an_alert_of_its_own() -> None:
    assert [alert.kind for alert in first_sight(State("orders"), failure()).alerts] == [AlertKind.DOWN]


def test_what_is_found_in_a_quiet_time_or_beyond_the_budget_is_not_told_of() -> None:
    assert first_sight(State("orders", muted_until=NOW + HOUR)).alerts == ()
    assert first_sight(State("orders", alerted=(NOW - MINUTE,) * 4)).alerts == ()


def test_what_rds_lists_no_more_is_told_of_though_it_was_well() -> None:
    decision = unwatch(UP, NOW, NOW_NAMED)
    (alert,) = decision.alerts
    assert (alert.kind, alert.addressees, alert.previous, alert.discovered) == (
        AlertKind.UNWATCHED,
        NOW_NAMED,
        None,
        True,
    )
    assert unwatch(decision.state, NOW + MINUTE, NOW_NAMED).alerts == ()


def test_who_knows_that_it_was_down_hears_of_its_end_also_where_rds_lists_it_no_more() -> None:
    (alert,) = unwatch(known_down(), NOW + MINUTE, NOW_NAMED).alerts
    assert (alert.addressees, alert.previous) == (BEFORE, failure())


def test_what_was_discovered_and_leaves_while_it_is_muted_is_told_after_the_mute() -> None:
    muted = replace(UP, muted_until=NOW + HOUR)
    assert unwatch(muted, NOW + MINUTE, NOW_NAMED) == Decision(muted)
    assert [alert.kind for alert in unwatch(muted, NOW + HOUR, NOW_NAMED).alerts] == [AlertKind.UNWATCHED]
