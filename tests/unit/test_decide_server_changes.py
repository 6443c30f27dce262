"""What people are told of what happened between two probes: once, as part of the story, and not in times of quiet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from heartline.config.windows import window
from heartline.model.alert import Alert
from heartline.model.incident import Change, Evidence, Incident
from heartline.model.kinds import AlertKind, Kind, Status
from heartline.model.observation import Failure, Observation, Server
from heartline.model.state import State, Stored
from heartline.model.target import Policy
from heartline.rules.decide import Decision, decide
from heartline.storage.schema import FORMAT, plain, read_target, wire
from unit.samples import HOUR, MINUTE, NOW, SECOND, SERVER, answered, failure, seen

RESTARTED, DOWN, RECOVERED = AlertKind.RESTARTED, AlertKind.DOWN, AlertKind.RECOVERED
FLAPPING, STABLE, EXPIRING = AlertKind.FLAPPING, AlertKind.STABLE, AlertKind.EXPIRING
DAY = timedelta(days=1)
POLICY = Policy(confirmations=0, recover_after=1)


def restarted(times: int = 1) -> Server:
    """Return the server after so many restarts."""
    return replace(SERVER, started=NOW - 20 * HOUR + times * MINUTE)


@dataclass
class Life:
    """A target that was seen healthy for an hour, and all that was made of it since."""

    policy: Policy = POLICY
    now: datetime = NOW
    state: State = field(default_factory=lambda: State("orders"))
    alerts: list[Alert] = field(default_factory=list)
    ended: dict[str, Incident] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for _ in range(2):
            self.see(SERVER)

    def see(self, *results: Server | Failure, after: timedelta = MINUTE) -> list[AlertKind]:
        """Tick once, so long after the last time; give the kinds of the alerts."""
        self.now += after
        observations = [self._seen(one, self.now + place * SECOND) for place, one in enumerate(results)]
        decision = self.decided(observations)
        before, self.state = self.state, decision.state
        if decision.state == before:
            assert decision.alerts == decision.ended == ()
        self.alerts += decision.alerts
        self.ended |= {one.id: one for one in decision.ended}
        return [alert.kind for alert in decision.alerts]

    def decided(self, observations: list[Observation]) -> Decision:
        return decide(self.state, observations, self.policy, observations[-1].at)

    def mute(self, until: timedelta) -> None:
        self.state = replace(self.state, muted_until=self.now + until)

    @staticmethod
    def _seen(result: Server | Failure, at: datetime) -> Observation:
        return seen(at, result) if isinstance(result, Failure) else answered(result, at)


@pytest.fixture
def life() -> Life:
    return Life()


def test_a_restart_is_told_once_and_then_nothing_is_written(life: Life) -> None:
    assert life.see(restarted()) == [RESTARTED]
    stable_since = life.state
    assert [life.see(restarted()) for _ in range(5)] == [[]] * 5
    assert life.state == stable_since


def test_a_restart_for_which_there_is_no_room_is_no_flapping_and_told_once_there_is(life: Life) -> None:
    life.state = replace(life.state, alerted=(life.now,) * 3)
    assert [life.see(restarted()), life.see(restarted())] == [[], []]
    assert [life.see(restarted(), after=HOUR), life.see(restarted())] == [[RESTARTED], []]


@pytest.mark.parametrize("first", [(restarted(),), (failure(), SERVER)], ids=["restart", "blip"])
def test_a_second_event_for_which_there_is_no_room_is_told_as_flapping_that_sums_up_both(
    first: tuple[Server | Failure, ...],
) -> None:
    life = Life(replace(POLICY, confirmations=1))
    life.state = replace(life.state, alerted=(life.now,) * 3)
    assert [life.see(*first), life.see(restarted(2))] == [[], [FLAPPING]]
    assert life.state.pending_changes == ()
    counts = life.alerts[-1].total.counts
    assert counts.changes + counts.failed_probes == 2


def test_of_restarts_for_which_there_is_no_room_at_all_the_last_five_are_kept(life: Life) -> None:
    life.state = replace(life.state, alerted=(life.now,) * 6)
    assert [life.see(restarted(times)) for times in range(1, 8)] == [[]] * 7
    assert [one.started for one in life.state.pending_changes] == [restarted(times).started for times in range(3, 8)]
    assert life.see(restarted(7), after=2 * HOUR) == [RESTARTED] * 3
    # The incident beside it is its own, where that is still known.
    assert [one.incident for one in life.alerts] == [None] * 3


@given(st.lists(st.sampled_from([0, 1, 2, 3]), min_size=4, max_size=12))
def test_restarts_that_go_on_are_told_three_times_and_then_once_as_flapping(lulls: list[int]) -> None:
    life, told = Life(), list[AlertKind]()
    for times, quiet_interval in enumerate(lulls, 1):
        told += life.see(restarted(times))
        assert [life.see(restarted(times)) for _ in range(quiet_interval)] == [[]] * quiet_interval
    assert told == [RESTARTED] * 3 + [FLAPPING]
    assert len(life.ended) == len(lulls)
    assert life.alerts[-1].total.counts.changes == 4
    assert life.alerts[-1].remind_at == life.alerts[-1].at + HOUR


def test_a_restart_is_kept_as_an_incident_without_a_length_between_the_two_probes(life: Life) -> None:
    before = life.state.last_ok
    life.see(restarted())
    (kept,) = life.ended.values()
    assert (kept.last_ok, kept.began, kept.ended) == (before, life.now, life.now)
    assert (kept.kinds, kept.notified) == ((), (RESTARTED,))
    assert life.alerts[-1].change == kept.changes[0]
    assert life.alerts[-1].incident == kept == life.state.previous
    assert life.state.status is Status.UP
    assert life.state.incident is None


# Within an outage it is a part of the story.


def test_a_restart_within_an_outage_is_a_fact_of_its_end(life: Life) -> None:
    good = life.state.last_ok
    notified = [life.see(one) for one in (failure(), failure(), restarted(), restarted())]
    assert notified == [[DOWN], [], [RECOVERED], []]
    (change,) = life.alerts[-1].incident.changes
    assert (change.kind, change.after, change.before) == (RESTARTED, good, life.now - MINUTE)
    (kept,) = life.ended.values()
    assert kept.changes == (change,)


def test_a_failover_that_is_found_with_the_last_of_the_good_probes_is_a_fact_of_the_end_too() -> None:
    life = Life(replace(POLICY, recover_after=2))
    life.see(failure())
    assert life.see(SERVER, restarted()) == [RECOVERED]
    assert [change.kind for change in life.alerts[-1].incident.changes] == [RESTARTED]


def test_an_outage_that_goes_on_after_a_good_probe_of_another_server_keeps_the_fact_for_its_end() -> None:
    life = Life(replace(POLICY, confirmations=1))
    assert life.see(failure(), failure()) == [DOWN]
    assert life.see(failure(Kind.TIMEOUT), restarted()) == []
    assert life.state.status is Status.DOWN
    assert life.see(restarted()) == [RECOVERED]
    assert [change.kind for change in life.alerts[-1].incident.changes] == [RESTARTED]


def test_a_blip_in_which_the_server_restarted_is_told_as_the_restart() -> None:
    life = Life(replace(POLICY, confirmations=2))
    assert life.see(failure(), restarted()) == [RESTARTED]
    assert life.state.blips == 1


def test_an_earlier_incident_is_not_told_again_with_a_later_restart(life: Life) -> None:
    life.see(failure())
    life.see(SERVER)
    first = life.state.previous
    assert life.see(restarted(), after=HOUR) == [RESTARTED]
    assert life.alerts[-1].incident.id != first.id
    assert life.ended[first.id] == first


# Times of quiet.


def test_a_restart_while_muted_is_never_told_but_kept(life: Life) -> None:
    life.mute(10 * MINUTE)
    assert [life.see(restarted()) for _ in range(20)] == [[]] * 20
    (kept,) = life.ended.values()
    assert ([change.kind for change in kept.changes], kept.notified) == ([RESTARTED], ())


def test_a_restart_in_a_maintenance_window_is_never_told_but_kept() -> None:
    life = Life(replace(POLICY, maintenance=(window("Mon 02:00-03:00 UTC"),)))
    assert [life.see(restarted()) for _ in range(100)] == [[]] * 100
    (kept,) = life.ended.values()
    assert kept.notified == ()


def test_an_outage_after_a_restart_that_nobody_was_told_of_is_no_relapse(life: Life) -> None:
    life.mute(90 * SECOND)
    assert life.see(restarted()) == []
    assert life.see(failure()) == [DOWN]


def test_a_restart_in_an_outage_that_heals_while_muted_is_told_with_its_end(life: Life) -> None:
    assert life.see(failure()) == [DOWN]
    life.mute(10 * MINUTE)
    assert life.see(restarted()) == []
    assert life.see(restarted(), after=HOUR) == [RECOVERED]
    assert [change.kind for change in life.alerts[-1].incident.changes] == [RESTARTED]


def test_a_restart_after_the_end_of_the_quiet_is_told(life: Life) -> None:
    life.mute(90 * SECOND)
    life.see(restarted())
    assert life.see(restarted(2)) == [RESTARTED]


# Flapping.


def test_the_first_outage_after_a_restart_is_told_as_any_and_so_is_its_end(life: Life) -> None:
    life.see(restarted())
    assert life.see(failure()) == [DOWN]
    assert life.alerts[-1].flapping is None
    assert life.see(restarted()) == [RECOVERED]


def test_an_outage_long_after_a_restart_is_a_story_of_its_own(life: Life) -> None:
    life.see(restarted())
    assert life.see(failure(), after=HOUR) == [DOWN]


def test_a_restart_while_it_flaps_is_counted_and_not_told(life: Life) -> None:
    turns = [failure(), SERVER] * 3
    assert [life.see(one) for one in turns] == [[DOWN], [RECOVERED], [DOWN], [RECOVERED], [DOWN], []]
    assert life.see(restarted()) == []
    notified = [kind for _ in range(120) for kind in life.see(restarted())]
    assert notified[-1] is STABLE
    assert life.alerts[-1].total.counts.changes == 1
    (kept,) = (one for one in life.ended.values() if one.changes)
    assert kept.notified == ()


def test_each_reminder_counts_the_restarts_since_the_alert_before_it_and_all_of_them(life: Life) -> None:
    """It restarts each minute, for a day."""
    for times in range(1, 24 * 60):
        life.see(restarted(times))
    *_, first_known, first, second, third, _fourth = life.alerts
    assert [first_known.kind, first.kind, second.kind, third.kind] == [FLAPPING] + [AlertKind.REMINDER] * 3
    # An hour, two and four of them, a restart a minute; the first four were told before.
    assert [one.tally.counts.changes for one in (first, second, third)] == [60, 120, 240]
    assert [one.tally.since for one in (first, second, third)] == [first_known.at, first.at, second.at]
    assert [one.total.counts.changes for one in (first, second, third)] == [64, 184, 424]


def test_a_restart_begins_the_rest_anew(life: Life) -> None:
    for one in [failure(), SERVER] * 3:
        life.see(one)
    for _ in range(100):
        life.see(SERVER)
    assert life.alerts[-1].kind is STABLE
    other = Life()
    for one in [failure(), SERVER] * 3:
        other.see(one)
    for minute in range(100):
        other.see(restarted() if minute > 62 else SERVER)
    assert other.alerts[-1].at > life.alerts[-1].at


def test_a_change_for_which_there_is_no_room_is_told_as_soon_as_there_is(life: Life) -> None:
    """Two outages have left none in the hour; it is no flapping by itself."""
    for one in [failure(), SERVER] * 2:
        life.see(one)
    told = [kind for _ in range(100) for kind in life.see(restarted(2))]
    assert told == [AlertKind.RESTARTED]
    assert life.alerts[-1].incident.changes == (life.alerts[-1].change,)
    assert life.alerts[-1].at - life.alerts[-1].change.before > HOUR / 2


def test_changes_for_which_there_is_no_room_are_told_one_by_one_or_as_flapping(life: Life) -> None:
    for one in [failure(), SERVER] * 2:
        life.see(one)
    told = [kind for times in (2, 2, 3, 3) for kind in life.see(restarted(times))]
    assert told == []
    later = [kind for _ in range(100) for kind in life.see(restarted(3))]
    assert later in ([AlertKind.RESTARTED] * 2, [AlertKind.FLAPPING, STABLE])


def test_that_several_servers_take_turns_is_told_as_soon_as_there_is_room(life: Life) -> None:
    """Three restarts have left none."""
    for times in (1, 2, 3):
        life.see(restarted(times))
    told = [kind for _ in range(100) for kind in life.see(restarted(2)) + life.see(restarted(3))]
    assert told == [AlertKind.FAILED_OVER]
    assert life.alerts[-1].change.several


# Several servers under one name.


@given(st.integers(2, 8).flatmap(lambda k: st.lists(st.integers(0, k - 1), min_size=2, max_size=40)))
def test_several_servers_in_turn_are_told_once_and_then_write_nothing(order: list[int]) -> None:
    life = Life()
    for turn in order:
        life.see(replace(SERVER, started=SERVER.started - turn * HOUR, system=str(turn)))
    for _ in range(30):
        life.see(replace(SERVER, started=SERVER.started - order[-1] * HOUR, system=str(order[-1])), after=HOUR)
    several = [alert for alert in life.alerts if alert.change and alert.change.several]
    assert len(several) == life.state.several
    stable_since, known = life.state, set(order) if several else set()
    for turn in known:
        assert life.see(replace(SERVER, started=SERVER.started - turn * HOUR, system=str(turn))) == []
    assert life.state == stable_since


def test_several_servers_that_are_found_while_muted_are_told_once_after_it(life: Life) -> None:
    life.mute(10 * MINUTE)
    other = replace(SERVER, system="1")
    told = [life.see(one) for one in (other, SERVER) * 10]
    assert told == [[]] * 9 + [[AlertKind.FAILED_OVER]] + [[]] * 10
    assert life.alerts[-1].change.several


# The end of the server's certificate.


def ending(expires: datetime) -> Server:
    return replace(SERVER, certificate_expires=expires)


def warnings(life: Life) -> list[tuple[datetime, float]]:
    """List which certificate was told of, and how many days before its end."""
    return [(alert.expires, (alert.expires - alert.at) / DAY) for alert in life.alerts if alert.kind is EXPIRING]


@given(st.lists(st.integers(1, 60), min_size=30, max_size=120))
def test_the_end_of_a_certificate_is_told_once_at_30_7_and_1_days_before(hours: list[int]) -> None:
    life, expires = Life(), NOW + 40 * DAY
    crossed = set[int]()
    for step in hours:
        left = expires - life.now - step * HOUR
        if left <= timedelta(0):
            break
        life.see(ending(expires), after=step * HOUR)
        crossed |= {next(days for days in (1, 7, 30) if left <= days * DAY)} if left <= 30 * DAY else set()
        assert len(warnings(life)) == len(crossed)
    assert {alert.kind for alert in life.alerts} <= {EXPIRING}
    assert [min(days for days in (1, 7, 30) if left <= days) for _, left in warnings(life)] == sorted(crossed)[::-1]


def test_the_end_of_a_certificate_is_told_exactly_at_30_7_and_1_days_by_ticks_of_a_minute(life: Life) -> None:
    expires = life.now + 31 * DAY
    for left in (30, 7, 1):
        life.see(ending(expires), after=expires - left * DAY - life.now - MINUTE)
        assert life.see(ending(expires)) == [EXPIRING]
        assert life.see(ending(expires)) == []
    assert [left for _, left in warnings(life)] == [30, 7, 1]
    (condition,) = life.state.conditions
    assert (condition.level, condition.notified, condition.since) == (3, 3, expires - 30 * DAY)


def test_a_certificate_that_is_first_seen_late_is_told_of_at_once_and_not_for_the_days_before(life: Life) -> None:
    expires = life.now + 5 * DAY
    assert [life.see(ending(expires)), life.see(ending(expires))] == [[EXPIRING], []]
    assert life.see(ending(expires), after=4 * DAY) == [EXPIRING]


def test_a_new_certificate_is_told_of_anew_and_is_no_change_of_the_server(life: Life) -> None:
    first, second = life.now + 5 * DAY, life.now + 90 * DAY
    assert [life.see(ending(first)), life.see(ending(second))] == [[EXPIRING], []]
    assert life.see(ending(second), after=HOUR) == [EXPIRING]
    assert life.alerts[-1].condition is not None
    assert life.alerts[-1].condition.ended == life.now
    assert life.see(ending(second), after=61 * DAY) == [EXPIRING]
    assert [expires for expires, _ in warnings(life)] == [first, second, second]


def test_the_end_of_a_certificate_that_nears_in_a_time_of_quiet_is_told_after_it(life: Life) -> None:
    expires = life.now + 31 * DAY
    life.see(ending(expires))
    life.mute(3 * DAY)
    assert life.see(ending(expires), after=2 * DAY) == []
    assert [life.see(ending(expires), after=2 * DAY), life.see(ending(expires))] == [[EXPIRING], []]


def test_the_end_of_a_certificate_is_told_while_it_flaps_and_says_nothing_of_that(life: Life) -> None:
    for one in [failure(), SERVER] * 40:
        life.see(one)
    assert life.see(ending(life.now + 5 * DAY)) == [EXPIRING]
    assert (life.alerts[-1].flapping, life.alerts[-1].believed) == (None, None)
    assert life.state.belief is not None


def test_the_end_of_a_certificate_waits_for_room_among_other_alerts(life: Life) -> None:
    expires = life.now + 5 * DAY
    life.state = replace(life.state, alerted=(life.now,) * 3)
    assert [life.see(ending(expires), after=HOUR), life.see(ending(expires))] == [[], [EXPIRING]]


def test_the_end_of_a_certificate_waits_for_the_end_of_an_outage_and_leaves_room_for_another(life: Life) -> None:
    expires = life.now + 31 * DAY
    life.see(ending(expires))
    assert life.see(failure(), after=2 * DAY) == [DOWN]
    assert [life.see(ending(expires)), life.see(ending(expires))] == [[RECOVERED], []]
    assert [life.see(ending(expires), after=HOUR), life.see(ending(expires))] == [[EXPIRING], []]


def test_a_good_probe_of_a_target_that_stays_down_tells_of_no_certificate() -> None:
    life = Life(replace(POLICY, confirmations=1))
    assert life.see(failure(), failure()) == [DOWN]
    assert life.see(failure(Kind.TIMEOUT), ending(life.now + 5 * DAY)) == []
    assert life.see(ending(life.now + 5 * DAY)) == [RECOVERED]
    assert life.see(ending(life.now + 5 * DAY), after=2 * HOUR) == [EXPIRING]


def test_a_server_that_shows_no_certificate_is_told_nothing_of(life: Life) -> None:
    assert life.see(ending(life.now + 31 * DAY)) == []
    assert life.see(SERVER, after=2 * DAY) == []


def test_the_certificates_of_two_servers_in_turn_are_each_told_of_once() -> None:
    life = Life()
    one, other = (replace(SERVER, system=None, started=None, certificate_expires=NOW + days * DAY) for days in (5, 6))
    notified = [kind for server in (one, other) * 10 for kind in life.see(server)]
    assert notified.count(EXPIRING) <= 2


def test_a_certificate_that_was_renewed_by_a_server_that_says_less_is_not_told(life: Life) -> None:
    """As one that is asked a query of one's own from now on."""
    old, renewed = ending(life.now + 31 * DAY), replace(ending(life.now + 400 * DAY), system=None, started=None)
    assert [life.see(old), life.see(renewed)] == [[], []]
    assert life.see(renewed, after=2 * DAY) == []


def test_a_certificate_of_a_server_that_is_gone_is_not_told(life: Life) -> None:
    """One of several, that was removed while the others stay."""
    gone, stays = replace(ending(life.now + 31 * DAY), started=NOW), replace(ending(life.now + 400 * DAY), system="1")
    for server in (stays, SERVER, stays, gone, stays):
        life.see(server)
    assert life.see(stays, after=2 * DAY) == []


# What is stored.

texts = st.text(max_size=10)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(tzinfo=NOW.tzinfo))  # noqa: DTZ001 - its zone follows
servers = st.builds(
    Server,
    version=st.none() | texts,
    started=st.none() | moments,
    standby=st.none() | st.booleans(),
    read_only=st.none() | st.booleans(),
    system=st.none() | texts,
    timeline=st.none() | st.integers(1, 2**31),
    resets=st.lists(moments, max_size=5).map(tuple),
    certificate_expires=st.none() | moments,
)
evidence = st.lists(st.builds(Evidence, texts, texts, texts), max_size=3).map(tuple)
changes = st.builds(
    Change,
    st.sampled_from(AlertKind),
    moments,
    after=st.none() | moments,
    started=st.none() | moments,
    evidence=evidence,
    several=st.booleans(),
)
states = st.builds(
    State,
    target=st.just("orders"),
    up_since=moments,
    recent=st.builds(Incident, texts, moments, changes=st.lists(changes, max_size=2).map(tuple)).map(
        lambda one: (one,)
    ),
    server=st.none() | servers,
    address=st.none() | texts,
    known=st.lists(texts, max_size=8).map(tuple),
    several=st.booleans(),
)


def item(state: State, outbox: tuple[Alert, ...] = ()) -> dict[str, Any]:
    """Return what is stored of a state, in DynamoDB's own notation."""
    named = {one.id: one for one in outbox}
    return wire({"format": FORMAT, "state": state, "outbox": named, "version": 1, "status": state.status})


@given(states)
def test_what_is_known_of_a_server_comes_back_as_it_was(state: State) -> None:
    assert read_target("orders", plain(item(state))) == Stored(state, (), 1)


@given(changes, st.none() | moments)
def test_what_is_to_be_told_comes_back_as_it_was(change: Change, expires: datetime | None) -> None:
    alert = Alert("00000001", change.kind, "orders", NOW, change=change, expires=expires)
    stored = Stored(State("orders", alerts_made=1), (alert,), 1)
    assert read_target("orders", plain(item(stored.state, (alert,)))) == stored


def test_an_item_of_before_there_were_fingerprints_is_read_and_its_first_server_is_no_change(life: Life) -> None:
    life.see(failure())
    life.see(SERVER)
    old = item(life.state)
    for name in ("server", "address", "known", "several", "conditions"):
        old["state"]["M"].pop(name, None)
    old["state"]["M"]["recent"]["L"][0]["M"].pop("changes")
    read = read_target("orders", plain(old))
    assert isinstance(read, Stored)
    assert (read.state.server, read.state.known, read.state.several, read.state.conditions) == (None, (), False, ())
    life.state = read.state
    assert [life.see(restarted()), life.see(restarted(2))] == [[], [RESTARTED]]


# Whatever is seen.

some_servers = st.builds(
    Server,
    version=st.none() | st.sampled_from(["17.6", "18.0"]),
    started=st.none() | st.sampled_from([NOW - HOUR, NOW]),
    standby=st.none() | st.booleans(),
    system=st.none() | st.sampled_from(["1", "2"]),
    timeline=st.none() | st.integers(1, 2),
    resets=st.sampled_from([(), (NOW,) * 4, (NOW - HOUR,) * 4]),
    certificate_expires=st.none() | st.sampled_from([NOW + 5 * DAY, NOW + 400 * DAY]),
)
results = st.lists(st.one_of(some_servers, st.sampled_from([failure(), failure(Kind.TIMEOUT)])), max_size=25)


@given(results, some_servers)
def test_in_every_life_what_goes_on_as_it_is_writes_nothing_and_tells_nothing(
    before: list[Server | Failure], server: Server
) -> None:
    life = Life()
    for one in before:
        life.see(one)
    life.see(server)
    life.see(server, after=6 * HOUR)  # by then all has settled
    stable_since = life.state
    assert [life.see(server), life.see(server)] == [[], []]
    assert life.state == stable_since


@given(results)
def test_in_every_life_no_tick_tells_of_a_server_what_it_tells_as_an_outage(phase_bars: list[Server | Failure]) -> None:
    life = Life()
    for one in phase_bars:
        was_down = life.state.status is Status.DOWN
        notified = [kind for kind in life.see(one) if kind not in {EXPIRING, STABLE, FLAPPING}]
        assert len(notified) <= 1
        changed = [alert for alert in life.alerts[-len(notified) :] if notified and alert.change]
        assert not (changed and (was_down or isinstance(one, Failure)))


@given(results)
def test_in_every_life_in_quiet_nothing_is_told_and_the_history_is_the_same(phase_bars: list[Server | Failure]) -> None:
    loud, quiet = Life(), Life()
    quiet.mute(100 * DAY)
    for one in phase_bars:
        loud.see(one)
        assert quiet.see(one) == []
    assume(loud.ended)
    assert {name: one.changes for name, one in quiet.ended.items()} == {
        name: one.changes for name, one in loud.ended.items()
    }
