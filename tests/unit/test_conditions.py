"""Conditions: each is told once when it begins and once when it ends, by its thresholds and within the budget."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model.alert import Alert
from heartline.model.belief import Addressees
from heartline.model.condition import Condition
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.observation import Failure, Gauges, Server
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.decide import decide
from heartline.rules.watching import addressed, unwatch
from unit.samples import HOUR, MINUTE, NOW, SECOND, SERVER, answered, failure, seen

FILLING, LAGGING, WRAPAROUND, SLOW = AlertKind.FILLING, AlertKind.LAGGING, AlertKind.WRAPAROUND, AlertKind.SLOW
STANDBY = replace(SERVER, standby=True)
OPS, DBA = Addressees(("ops@example.com",)), Addressees(("dba@example.com",))


@dataclass
class Life:
    """One target, a tick a minute."""

    policy: Policy = field(default_factory=lambda: Policy(confirmations=0, recover_after=1))
    state: State = field(default_factory=lambda: State("orders"))
    now: datetime = NOW
    readers: Addressees = OPS
    alerts: list[Alert] = field(default_factory=list)

    def tick(
        self, gauges: Gauges | Failure, server: Server = SERVER, after: timedelta = MINUTE, ms: float = 1.0
    ) -> list[str]:
        """Run a tick that finds this; return the alerts by their kinds, with a mark at what has ended."""
        self.now += after
        if isinstance(gauges, Failure):
            observation = seen(self.now, gauges)
        else:
            observation = replace(answered(server, self.now), gauges=gauges, phases={Phase.QUERY: ms})
        decision = decide(self.state, [observation], self.policy, self.now)
        if decision.alerts:
            decision = addressed(self.state, decision, self.readers)
        self.state = decision.state
        self.alerts += decision.alerts
        return [f"{one.kind}{'.' if one.condition and one.condition.ended else ''}" for one in decision.alerts]

    def fill(self, percent: float, **more: timedelta) -> list[str]:
        return self.tick(Gauges(slots=1000, slots_used=round(10 * percent)), **more)

    def slow(self, ms: float, after: timedelta = MINUTE) -> list[str]:
        return self.tick(Gauges(), ms=ms, after=after)

    def age(self, billions: float, after: timedelta = HOUR) -> list[str]:
        return self.tick(Gauges(xid_age=round(billions * 10**9)), after=after)

    def mute(self, length: timedelta = HOUR) -> None:
        self.state = replace(self.state, muted_until=self.now + length)


@pytest.fixture
def life() -> Life:
    return Life()


# By its thresholds.


def test_slots_are_told_at_85_percent_and_once_below_75(life: Life) -> None:
    assert [life.fill(one) for one in (84.9, 85, 99, 75, 84.9, 85, 74.9, 84.9, 74)] == [
        *([], ["filling"], [], [], [], []),
        *(["filling."], [], []),
    ]
    began, ended = (one.condition for one in life.alerts)
    assert isinstance(began, Condition)
    assert isinstance(ended, Condition)
    assert (began.value, began.threshold, began.since) == (85, 85, NOW + 2 * MINUTE)
    assert (ended.value, ended.since, ended.ended) == (74.9, NOW + 2 * MINUTE, NOW + 7 * MINUTE)
    assert life.state.conditions == ()


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 40)), max_size=150))
def test_a_condition_is_told_once_an_episode_never_outside_its_thresholds_and_within_the_budget(
    found: list[tuple[int, int]],
) -> None:
    life, told, holds = Life(), False, False
    for percent, minutes in found:
        kinds = life.fill(percent, after=minutes * MINUTE)
        holds = percent >= 85 or (holds and percent >= 75)
        if kinds:
            assert kinds == (["filling"] if not told else ["filling."])
            told = not told
            assert holds is told
            assert percent >= 75 if told else percent < 85
    times = [one.at for one in life.alerts]
    for at in times:
        assert sum(timedelta(0) <= at - one <= HOUR for one in times) <= 6
        assert sum(timedelta(0) <= at - one <= 24 * HOUR for one in times) <= 24
    for _ in range(3):
        life.fill(0, after=25 * HOUR)
    assert len(life.alerts) % 2 == 0
    assert life.state.conditions == ()


EVENTS = st.one_of(
    st.builds(Gauges, st.just(100), st.integers(0, 100), st.integers(10**9, 2 * 10**9)),
    st.just(failure()),
    st.just(failure(Kind.AUTH)),
)


@given(st.lists(st.tuples(EVENTS, st.integers(1, 20)), max_size=120))
def test_with_outages_between_them_conditions_stay_within_the_budget_and_never_delay_an_outage(
    found: list[tuple[Gauges | Failure, int]],
) -> None:
    life, told = Life(Policy(confirmations=0, recover_after=1, slow_after=SECOND)), dict[str, bool]()
    for one, minutes in found:
        believed = life.state.belief
        kinds = life.tick(one, after=minutes * MINUTE, ms=1500 if minutes % 2 else 10)
        if isinstance(one, Failure) and believed is None:
            assert kinds == ["down"]
        for kind in kinds:
            name, over = kind.rstrip("."), kind.endswith(".")
            if name in {"slow", "filling", "wraparound"}:
                # It is told of an end only after a beginning, and of a beginning again only as a higher level.
                assert told.get(name, False) if over else not told.get(name, False) or name == "wraparound"
                told[name] = not over
    times = [one.at for one in life.alerts]
    for at in times:
        assert sum(timedelta(0) <= at - one <= HOUR for one in times) <= 6
        assert sum(timedelta(0) <= at - one <= 24 * HOUR for one in times) <= 24


@given(st.lists(st.booleans(), max_size=60))
def test_slow_is_three_of_the_last_five_ticks_and_over_after_five_quick_ones(slow: list[bool]) -> None:
    life = Life(Policy(confirmations=0, recover_after=1, slow_after=SECOND))
    holds = False
    for place, one in enumerate(slow):
        kinds = life.slow(1500 if one else 20)
        last = slow[max(0, place - 4) : place + 1]
        before, holds = holds, (any(last) or len(last) < 5) if holds else sum(last) >= 3
        expected = [] if before is holds else ["slow"] if holds else ["slow."]
        # Beyond two in an hour nothing is told of what was over before there was room.
        assert kinds in ([], expected) if len(life.alerts) >= 2 else kinds == expected
        assert holds == any(condition.level for condition in life.state.conditions)
        if before and not holds and not kinds:
            return


def test_nothing_is_slow_where_no_limit_is_set_and_no_more_where_it_is_taken_away() -> None:
    life = Life()
    assert [life.slow(4900) for _ in range(9)] == [[]] * 9
    life.policy = replace(life.policy, slow_after=SECOND)
    assert [life.slow(4900) for _ in range(3)] == [[], [], ["slow"]]
    life.policy = replace(life.policy, slow_after=None)
    assert life.slow(4900) == []
    assert life.state.conditions == ()


def test_a_value_between_its_two_thresholds_neither_begins_nor_ends_slowness() -> None:
    life = Life(Policy(confirmations=0, recover_after=1, slow_after=SECOND))
    assert [life.slow(999) for _ in range(9)] == [[]] * 9
    assert [life.slow(1000) for _ in range(3)][-1] == ["slow"]
    assert [life.slow(900) for _ in range(9)] == [[]] * 9
    assert [life.slow(700) for _ in range(5)] == [[], [], [], [], ["slow."]]


def test_slowness_is_since_the_first_of_the_ticks_that_make_it() -> None:
    life = Life(Policy(confirmations=0, recover_after=1, slow_after=SECOND))
    for slow in (True, False, False, False, True, False, False, False, True, True, True):
        life.slow(1500 if slow else 20)
    assert [one.condition and one.condition.since for one in life.alerts] == [NOW + 9 * MINUTE]


def test_wraparound_is_told_at_each_of_its_three_levels_once(life: Life) -> None:
    ages = (1.19, 1.2, 1.15, 1.25, 1.6, 1.55, 1.65, 1.9, 1.95, 1.45, 1.6, 0.2)
    told = [life.tick(Gauges(xid_age=int(age * 10**9)), after=HOUR) for age in ages]
    once, nothing = ["wraparound"], []
    assert told == [
        *(nothing, once, nothing, nothing, once, nothing, nothing, once, nothing),
        *(nothing, once, ["wraparound."]),
    ]
    assert [one.condition and one.condition.threshold for one in life.alerts[:3]] == [1.2e9, 1.6e9, 1.9e9]


@pytest.mark.parametrize(("first", "stays", "leaves"), [(1.2, 1.1, 1.099), (1.6, 1.5, 1.499), (1.9, 1.8, 1.799)])
def test_a_level_is_left_a_hundred_million_below_where_it_begins(
    life: Life, first: float, stays: float, leaves: float
) -> None:
    levels = list[int]()
    for age in (first, stays, leaves):
        life.age(age)
        levels.append(sum(one.level for one in life.state.conditions))
    assert levels[0] == levels[1] == levels[2] + 1


def test_a_level_that_is_left_and_reached_anew_is_told_anew_and_the_whole_has_one_beginning_and_one_end(
    life: Life,
) -> None:
    told = [life.age(one, after=6 * HOUR) for one in (1.7, 1.4, 1.65, 1.4, 1.0)]
    assert told == [["wraparound"], [], ["wraparound"], [], ["wraparound."]]
    assert {one.condition and one.condition.since for one in life.alerts} == {NOW + 6 * HOUR}


def test_a_level_is_told_at_the_end_of_a_mute_as_it_is_then(life: Life) -> None:
    """It was left and reached anew, and was higher or lower: people know of what they were told, and of no more."""
    for before, meanwhile, then, told in (
        (0.1, [1.7], 1.4, [1.2e9]),
        (1.3, [1.7], 1.4, []),
        (1.95, [0.1, 1.3], 1.7, [1.6e9]),
        (1.95, [0.1], 1.3, []),
    ):
        life = Life()
        life.age(before)
        life.mute(3 * HOUR)
        assert [life.age(one) for one in meanwhile] == [[]] * len(meanwhile)
        life.alerts.clear()
        life.age(then, after=4 * HOUR)
        assert [one.condition and one.condition.threshold for one in life.alerts] == told


def test_of_two_certificates_in_turn_the_one_that_ends_a_little_later_ends_nothing(life: Life) -> None:
    for days, others in ((30, 30.9), (7, 7.9), (1, 1.9)):
        life = Life()
        first, second = (replace(SERVER, certificate_expires=NOW + timedelta(days=one)) for one in (days, others))
        assert life.tick(Gauges(), first) == ["expiring"]
        level = [one.level for one in life.state.conditions]
        for _ in range(3):
            assert life.tick(Gauges(), second, after=HOUR / 2) == []
        assert [one.level for one in life.state.conditions] == level
        third = replace(SERVER, certificate_expires=NOW + timedelta(days=others + 0.3))
        for _ in range(3):
            life.tick(Gauges(), third, after=HOUR / 2)
        assert [one.level for one in life.state.conditions] != level


def test_a_standby_lags_once_two_ticks_say_so(life: Life) -> None:
    told = [life.tick(Gauges(replay_delay=delay), STANDBY) for delay in (299, 3000, 0, 0, 0, 0, 400, 400, 160, 149)]
    assert told == [[], [], [], [], [], [], [], ["lagging"], [], ["lagging."]]


def test_a_standby_that_is_promoted_no_longer_lags(life: Life) -> None:
    assert [life.tick(Gauges(replay_delay=400), STANDBY) for _ in range(2)] == [[], ["lagging"]]
    assert [life.tick(Gauges(), SERVER, after=after) for after in (MINUTE, HOUR)] == [["failed-over"], ["lagging."]]


def test_what_a_server_does_not_say_changes_nothing(life: Life) -> None:
    life.fill(90)
    before = life.state
    assert life.tick(Gauges()) == []
    assert life.state is before


@pytest.mark.parametrize("gauges", [Gauges(), Gauges(1000, 500, 10**9, 0.0)], ids=["silent", "well"])
def test_a_target_that_is_well_keeps_the_very_same_state(life: Life, gauges: Gauges) -> None:
    """So that a tick in steady health writes nothing of it."""
    life.tick(gauges)
    before = life.state
    assert life.tick(gauges) == []
    assert life.state is before


def test_the_servers_behind_one_name_end_a_condition_together(life: Life) -> None:
    servers = [replace(SERVER, system=str(number)) for number in range(2)]
    full, empty = Gauges(100, 95), Gauges(100, 10)
    for number in range(6):
        life.tick(empty, servers[number % 2])
    assert life.state.several
    told = [life.tick(full if number % 2 else empty, servers[number % 2]) for number in range(200)]
    assert [kinds for kinds in told if kinds] == [["filling"]]
    told = [life.tick(empty, servers[number % 2]) for number in range(61)]
    assert [place for place, kinds in enumerate(told) if kinds] == [60]


def test_of_several_servers_the_worst_says_which_level_is_left(life: Life) -> None:
    """One was frozen in part, and the other in whole: there is a level that one of them still has."""
    servers = [replace(SERVER, system=str(number)) for number in range(2)]

    def tick(number: int, billions: float) -> list[str]:
        return life.tick(Gauges(xid_age=round(billions * 10**9)), servers[number % 2])

    for number in range(6):
        tick(number, 0.2)
    assert life.state.several
    life.now += 2 * HOUR
    told = [tick(number, 1.95 if number % 2 else 0.2) for number in range(4)]
    assert [kinds for kinds in told if kinds] == [["wraparound"]]
    assert [tick(number, 1.3 if number % 2 else 0.2) for number in range(200)] == [[]] * 200
    assert [one.level for one in life.state.conditions] == [1]
    told = [tick(number, 0.2) for number in range(70)]
    assert [place for place, kinds in enumerate(told) if kinds] == [60]


def test_a_level_that_is_left_is_not_told_by_the_server_that_is_below_it(life: Life) -> None:
    servers = [replace(SERVER, system=str(number)) for number in range(2)]
    for number in range(6):
        life.tick(Gauges(xid_age=0), servers[number % 2])
    life.mute(3 * HOUR)
    for number, billions in enumerate((1.95, 1.7, 1.7, *[0.2] * 30)):
        life.tick(Gauges(xid_age=round(billions * 10**9)), servers[number % 2], after=MINUTE)
    assert [one.level for one in life.state.conditions] == [3]
    told = [life.tick(Gauges(xid_age=200_000_000), servers[number % 2], after=HOUR / 2) for number in range(9)]
    assert told == [[]] * 9
    assert life.state.conditions == ()


# Muted, windowed and in outages as all alerts are.


def test_what_begins_and_ends_in_a_mute_is_never_told(life: Life) -> None:
    life.fill(10)
    life.state = replace(life.state, muted_until=life.now + HOUR)
    assert [life.fill(one) for one in (90, 95, 70)] == [[], [], []]
    assert life.fill(70, after=2 * HOUR) == []


def test_what_holds_at_the_end_of_a_mute_is_told_then_with_what_is_so_then(life: Life) -> None:
    life.fill(10)
    life.state = replace(life.state, muted_until=life.now + HOUR)
    assert [life.fill(90), life.fill(97, after=2 * HOUR)] == [[], ["filling"]]
    condition = life.alerts[-1].condition
    assert condition is not None
    assert (condition.value, condition.since) == (97, NOW + 2 * MINUTE)


def test_what_ends_in_a_mute_is_told_after_it_unless_it_is_back(life: Life) -> None:
    for last, told in ((70, ["filling."]), (90, [])):
        life = Life()
        life.fill(90)
        life.state = replace(life.state, muted_until=life.now + HOUR)
        assert life.fill(60) == []
        assert life.fill(last, after=2 * HOUR) == told


def test_a_beginning_and_an_end_between_which_nothing_was_told_are_none(life: Life) -> None:
    life.fill(10)
    life.mute(1.5 * MINUTE)
    assert [life.fill(90), life.fill(70)] == [[], []]


def test_what_ends_in_a_mute_and_is_back_goes_on_since_it_first_began(life: Life) -> None:
    life.fill(90)
    life.mute()
    assert [life.fill(60), life.fill(90), life.fill(90, after=HOUR), life.fill(60)] == [[], [], [], ["filling."]]
    assert life.alerts[-1].condition is not None
    assert life.alerts[-1].condition.since == NOW + MINUTE


def test_an_end_is_told_with_what_was_measured_then_where_a_server_says_nothing_now(life: Life) -> None:
    life.fill(90)
    life.mute()
    life.fill(60)
    assert life.tick(Gauges(), after=2 * HOUR) == ["filling."]
    assert life.alerts[-1].condition is not None
    assert life.alerts[-1].condition.value == 60


def test_what_ends_while_another_goes_on_ends_alone(life: Life) -> None:
    both, one = Gauges(100, 90, 1_300_000_000), Gauges(100, 10, 1_300_000_000)
    assert [life.tick(both), life.tick(one, after=2 * HOUR), life.tick(Gauges(100, 10, 0), after=HOUR)] == [
        *(["filling", "wraparound"], ["filling."], ["wraparound."]),
    ]


def test_a_mail_of_a_condition_alone_has_what_was_measured_and_one_of_a_certificate_alone_when_it_ends(
    life: Life,
) -> None:
    expires = NOW + timedelta(days=20)
    server, gauges = replace(SERVER, certificate_expires=expires), Gauges(100, 90)
    assert life.tick(gauges, server) == ["expiring", "filling"]
    life.tick(failure(), after=HOUR)
    assert life.tick(gauges, replace(server, started=NOW))[0] == "recovered"
    assert [(one.kind.value, one.gauges, one.expires) for one in life.alerts] == [
        *(("expiring", gauges, expires), ("filling", gauges, None), ("down", None, None), ("recovered", None, None)),
    ]


def test_what_was_held_back_is_not_told_while_it_is_not_seen() -> None:
    """It holds until five quick ticks; a mail that says so names no quick one."""
    life = Life(Policy(confirmations=0, recover_after=1, slow_after=SECOND))
    life.slow(20)
    life.mute(4.5 * MINUTE)
    assert [life.slow(one) for one in (1500, 1500, 1500, 1500, 20, 20, 1500)] == [[], [], [], [], [], [], ["slow"]]


def test_an_end_that_was_held_back_is_not_told_while_it_may_be_back() -> None:
    life = Life(Policy(confirmations=0, recover_after=1, slow_after=SECOND))
    assert [life.slow(1500) for _ in range(3)][-1] == ["slow"]
    life.mute(6.5 * MINUTE)
    assert [life.slow(20) for _ in range(6)] == [[]] * 6
    told = [life.slow(one) for one in (1500, 20, 20, 20, 20, 20)]
    assert told == [[], [], [], [], [], ["slow."]]


def test_what_is_held_back_is_not_told_in_an_outage(life: Life) -> None:
    life.fill(10)
    life.mute(1.5 * MINUTE)
    told = [life.fill(90), life.tick(failure()), life.tick(failure()), life.fill(90, after=3 * HOUR)]
    assert told == [[], ["down"], [], ["recovered", "filling"]]


@pytest.mark.parametrize("hours", [0.1, 0.9, 2, 5, 8])
def test_conditions_leave_an_outage_its_alerts_however_often_they_come_and_go(life: Life, hours: float) -> None:
    """It is down, and up again, and is never said to flap."""
    for turn in range(500):
        life.fill(90 if turn % 2 else 10, after=5 * MINUTE)
    told = [life.tick(failure()) for _ in range(round(hours * 60))]
    assert {kind for kinds in told for kind in kinds} <= {"down", "reminder"}
    assert told[0] == ["down"]
    assert life.state.flapping is None or not life.state.flapping.notified
    assert life.fill(10)[:1] == ["recovered"]


def test_what_holds_for_a_day_is_told_beside_outages_that_come_all_the_time(life: Life) -> None:
    def a_turn(percent: float) -> bool:
        told = life.tick(failure()), life.fill(percent), life.fill(percent, after=3 * HOUR)
        return any("filling" in kinds for kinds in told)

    assert not any(a_turn(10) for _ in range(5))
    # The eighth turn of three hours ends a day after the first began; what comes and goes within it is not told.
    assert [a_turn(percent) for percent in (90, 10, *[90] * 8)] == [*[False] * 9, True]


def test_an_outage_is_told_alone_and_leaves_a_condition_as_it_is(life: Life) -> None:
    assert [life.fill(90), life.tick(failure())] == [["filling"], ["down"]]
    assert life.fill(50) == ["recovered"]
    # There is room for it once all that may have to follow a notice fits too.
    assert [life.fill(50, after=30 * MINUTE), life.fill(50, after=31 * MINUTE)] == [[], ["filling."]]


def test_one_who_was_told_of_a_beginning_hears_its_end(life: Life) -> None:
    life.fill(90)
    life.readers = DBA
    life.fill(10)
    assert [one.addressees for one in life.alerts] == [OPS, OPS]
    life.tick(Gauges(xid_age=1_300_000_000), after=HOUR)
    assert life.alerts[-1].addressees == DBA
    assert [one.condition and one.condition.addressees for one in life.alerts] == [None] * 3


def test_whoever_was_told_of_any_level_hears_the_end(life: Life) -> None:
    for age, readers in ((1.3, OPS), (1.7, DBA), (1.4, DBA), (1.65, DBA), (0.1, DBA)):
        life.readers = readers
        life.age(age, after=6 * HOUR)
    assert [one.addressees for one in life.alerts[:-1]] == [OPS, DBA, DBA]
    assert life.alerts[-1].addressees == Addressees(("dba@example.com", "ops@example.com"))


def test_whoever_knows_of_a_condition_hears_that_nobody_watches_it_any_more(life: Life) -> None:
    life.fill(50)
    assert unwatch(life.state, life.now).alerts == ()
    life.fill(90)
    (alert,) = unwatch(life.state, life.now).alerts
    assert (alert.kind, alert.addressees, alert.incident) == (AlertKind.UNWATCHED, OPS, None)
    assert alert.condition is not None
    assert alert.condition.kind.value == "filling"
    muted = replace(life.state, muted_until=life.now + HOUR)
    assert unwatch(muted, life.now).state == muted


@given(st.lists(st.builds(Gauges, *[st.none() | st.integers(0, 2**33)] * 4), max_size=20))
def test_whatever_a_server_says_is_followed(found: list[Gauges]) -> None:
    life = Life(Policy(confirmations=0, recover_after=1, slow_after=SECOND))
    for gauges in found:
        life.tick(gauges, STANDBY, ms=2000)
    assert all(one.level >= one.notified or one.ended for one in life.state.conditions)
