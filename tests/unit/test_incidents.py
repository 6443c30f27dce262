"""How incidents are bounded and named, by probes of which each takes some seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from heartline.messages.compose import Message, compose
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.model.incident import Change, Incident
from heartline.model.kinds import AlertKind, Kind
from heartline.model.observation import Failure, Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.decide import decide
from heartline.rules.incidents import amend_last
from unit.samples import HOUR, MINUTE, NOW, SECOND, SERVER, TARGET, answered, failure, seen

UP = State("orders", NOW - HOUR, NOW - HOUR, last_ok=NOW - MINUTE)
DEAD, OK = failure(), None
THRICE, ONCE = Policy(), Policy(confirmations=0, recover_after=1)
FOUR = 4 * SECOND


def probes(at: datetime, *results: Failure | None) -> list[Observation]:
    """Return probes that take four seconds each, and begin each ten."""
    begins = [at + place * 10 * SECOND for place in range(len(results))]
    return [replace(seen(one, result), ended=one + FOUR) for one, result in zip(begins, results, strict=True)]


def after(state: State, observations: Sequence[Observation], policy: Policy = THRICE) -> State:
    return decide(state, observations, policy, observations[-1].until).state


def test_an_incident_begins_when_the_first_failed_probe_had_failed_and_has_its_name_from_that() -> None:
    state = after(State("orders"), probes(NOW, DEAD, DEAD, DEAD))
    assert state.incident.id == "orders-20261123T021504Z"
    assert (state.incident.began, state.since) == (NOW + FOUR, NOW + FOUR)
    assert (state.incident.last_failed, state.last_failed) == (NOW + 20 * SECOND, NOW + 20 * SECOND)
    # It is watched since the first probe began, and has no rest since it had failed.
    assert (state.first_seen, state.flapping.stable_since) == (NOW, NOW + FOUR)
    assert state.flapping.id == f"{state.incident.id}-flapping"


def test_what_is_up_at_first_sight_was_good_when_that_probe_began_and_is_up_since_it_had_ended() -> None:
    state = after(State("orders"), probes(NOW, OK))
    assert (state.first_seen, state.last_ok, state.since) == (NOW, NOW, NOW + FOUR)


def test_a_clock_that_was_set_back_since_the_last_good_probe_does_not_put_that_after_the_failure() -> None:
    ahead = after(replace(UP, last_ok=NOW + HOUR), probes(NOW, DEAD, DEAD, DEAD))
    assert ahead.incident.last_ok == NOW + FOUR
    # Nor does one that is set back meanwhile put the end before the beginning.
    healed = after(ahead, probes(NOW - HOUR, OK, OK))
    assert healed.previous.ended == healed.previous.began == NOW + FOUR


def test_an_incident_ends_when_the_first_good_probe_had_succeeded() -> None:
    state = after(after(UP, probes(NOW, DEAD, DEAD, DEAD)), probes(NOW + HOUR, OK, OK))
    assert (state.previous.ended, state.since, state.flapping.stable_since) == (NOW + HOUR + FOUR,) * 3
    assert state.last_ok == NOW + HOUR + 10 * SECOND
    assert state.counts.down == HOUR.total_seconds()


def test_each_incident_has_its_name_from_its_own_time_and_those_within_a_second_one_each() -> None:
    """A restart, two outages and another restart within a second, and an outage a minute later."""
    state, names = after(UP, [answered(SERVER, NOW - MINUTE)], ONCE), list[str]()
    restarted = [replace(SERVER, started=NOW - number * SECOND) for number in (2, 1)]
    moments = [NOW + place * SECOND / 10 for place in range(6)]
    found = [answered(restarted[0]), seen(failed=DEAD), answered(restarted[0]), seen(failed=DEAD)]
    found += [answered(restarted[0]), answered(restarted[1])]
    for at, one in zip(moments, found, strict=True):
        state = after(state, [replace(one, at=at)], ONCE)
        names.append((state.incident or state.previous).id[-7:-1])
    state = after(state, [seen(NOW + MINUTE, DEAD)], ONCE)
    assert names == ["021500", "021501", "021501", "021502", "021502", "021503"]
    assert state.incident.id.endswith("T021600Z")


def test_of_incidents_that_are_over_and_known_to_be_only_the_last_is_kept() -> None:
    state = UP
    for hour in range(3):
        state = after(state, [seen(NOW + hour * HOUR, DEAD)], ONCE)
        state = after(state, [seen(NOW + hour * HOUR + MINUTE)], ONCE)
    assert [one.began for one in state.recent] == [NOW + 2 * HOUR]


def test_the_last_failure_of_a_tick_is_the_one_that_counts() -> None:
    late = [failure(Kind.TIMEOUT), failure(Kind.CLOSED), failure(Kind.CLOSED)]
    assert after(UP, probes(NOW, *late)).failure.kind is Kind.CLOSED


@pytest.mark.parametrize(
    ("hours", "still", "over"),
    [
        ([(Kind.AUTH, 5), (Kind.REFUSED, 3)], ("STILL DOWN", "1 h"), "up again after 3 h"),
        ([(Kind.REFUSED, 5), (Kind.AUTH, 3)], ("STILL CANNOT LOG IN", "2 h"), "accessible again after 8 h"),
        ([(Kind.REFUSED, 5), (Kind.AUTH, 1), (Kind.TIMEOUT, 1)], ("STILL DOWN", "3 h"), "up again after 6 h"),
        ([(Kind.REFUSED, 2), (Kind.TIMEOUT, 3)], ("STILL DOWN", "3 h"), "up again after 5 h"),
    ],
)
def test_mails_say_how_long_it_was_an_outage_and_how_long_a_misconfiguration(
    hours: list[tuple[Kind, int]], still: tuple[str, str], over: str
) -> None:
    state, mails, begins = UP, list[Message](), NOW
    spans = [(failure(kind), length) for kind, length in hours]
    for wrong, length in [*spans, (OK, 0)]:
        for minute in range(0, length * 60 or 1, 30):
            at = begins + minute * MINUTE
            decision = decide(state, [seen(at, wrong)], ONCE, at)
            state = decision.state
            mails += [compose((TargetAlerts(TARGET, (one,)),), AlertContext(1), at) for one in decision.alerts]
        begins += length * HOUR
    reminder = [mail for mail in mails if "STILL" in mail.subject][-1]
    assert reminder.subject.startswith(f"[{still[0]}")
    assert f" for {still[1]} " in reminder.when
    assert mails[-1].when.startswith(f"{over} ")


def test_what_turns_into_an_outage_is_one_since_the_first_probe_of_the_tick_that_says_so() -> None:
    state = after(UP, probes(NOW, *[failure(Kind.AUTH)] * 3))
    state = after(state, probes(NOW + MINUTE, failure(Kind.AUTH), DEAD, DEAD))
    assert state.incident.severity_since == NOW + MINUTE + 10 * SECOND + FOUR
    assert state.incident.kinds == (Kind.AUTH, DEAD.kind)


def test_two_kinds_of_outage_in_one_tick_agree_that_it_is_no_misconfiguration_any_more() -> None:
    state = after(UP, probes(NOW, *[failure(Kind.AUTH)] * 3))
    decision = decide(state, probes(NOW + MINUTE, failure(Kind.TIMEOUT), DEAD), THRICE, NOW + 2 * MINUTE)
    assert [(one.kind, one.failure) for one in decision.alerts] == [(AlertKind.DOWN, DEAD)]
    # Of one severity, each probe of a kind of its own changes nothing.
    known = decision.state
    assert after(known, probes(NOW + 3 * MINUTE, failure(Kind.TIMEOUT), failure(Kind.STARTING))).failure == DEAD


def test_all_that_happened_to_a_server_within_an_outage_is_kept_and_the_incident_that_people_know_beside_it() -> None:
    first, known, last = (
        Incident(f"orders-{place}", NOW, ended=NOW, changes=(Change(AlertKind.RESTARTED, NOW, None),))
        for place in range(3)
    )
    change = Change(AlertKind.UPGRADED, NOW + MINUTE, NOW)
    *others, amended = amend_last(State("orders", recent=(first, known, last)), change).recent
    assert others == [first, known]
    assert amended == replace(last, changes=(*last.changes, change))
