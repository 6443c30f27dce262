"""The rules of deciding hold for every life that a target can lead."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from heartline.config.windows import window
from heartline.model.alert import Alert
from heartline.model.heartbeat import Heartbeat, freshen
from heartline.model.incident import Incident, Span
from heartline.model.kinds import AlertKind, Status
from heartline.model.observation import Failure, Observation
from heartline.model.state import State, Stored
from heartline.model.target import Policy
from heartline.rules.decide import Decision, decide, wants_another
from heartline.storage.schema import FORMAT, plain, read_target, wire
from unit.samples import MINUTE, NOW, SECOND, failure, failures, seen

DOWN, CHANGED, REMINDER, RECOVERED = AlertKind.DOWN, AlertKind.CHANGED, AlertKind.REMINDER, AlertKind.RECOVERED
UNSTABLE, SETTLED = AlertKind.UNSTABLE, AlertKind.SETTLED
NONE, OPEN, FLAPPING = "nothing is wrong", "an outage goes on", "it goes down and up"
# What may be said next, by what was said last.
NEXT = {
    None: {DOWN},
    DOWN: {CHANGED, REMINDER, RECOVERED},
    CHANGED: {CHANGED, REMINDER, RECOVERED},
    REMINDER: {CHANGED, REMINDER, RECOVERED},
    RECOVERED: {DOWN, UNSTABLE},
    UNSTABLE: {SETTLED},
    SETTLED: {CHANGED, REMINDER, RECOVERED, DOWN, UNSTABLE},
}
# Maintenance, and by each the same again in minutes of a day in UTC: NOW is 02:15.
WINDOWS = {None: (0, 0), "daily 02:20-02:50 UTC": (140, 170), "daily 22:00-02:30 UTC": (1320, 150)}


@dataclass
class Outage:
    """Keep what was so, from the probes alone."""

    began: datetime
    ended: datetime | None = None
    notified: list[AlertKind] = field(default_factory=list)

    @property
    def length(self) -> float:
        return max(0.0, (self.ended - self.began).total_seconds())


class Life(RuleBasedStateMachine):
    """Lead a target through ticks, clocks, mutes and restarts; keep a second account of what is so and was told."""

    sequences = ticks = 0
    spoken: dict[AlertKind, int] = {}  # noqa: RUF012 - counts over all sequences

    @initialize(
        confirmations=st.integers(0, 3),
        recover_after=st.integers(1, 3),
        remind_minutes=st.integers(1, 90),
        settle_seconds=st.sampled_from([20, 60, 300, 900]),
        maintained=st.sampled_from(list(WINDOWS)),
        clock_may_step=st.sampled_from([False, False, True]),
    )
    def begin(  # noqa: PLR0917 - hypothesis gives them by name
        self,
        confirmations: int,
        recover_after: int,
        remind_minutes: int,
        settle_seconds: int,
        maintained: str | None,
        clock_may_step: bool,
    ) -> None:
        Life.sequences += 1
        maintenance = (window(maintained),) if maintained else ()
        remind_every, settle_after = remind_minutes * MINUTE, settle_seconds * SECOND
        self.policy = Policy(confirmations, 3 * SECOND, recover_after, remind_every, settle_after, maintenance)
        self.window = WINDOWS[maintained]
        self.now, self.last_tick, self.missed = NOW, NOW, False
        self.state, self.stepped_back, self.clock_may_step = State("orders"), False, clock_may_step
        # What is so.
        self.status, self.kind, self.stable_since, self.blips = Status.UNKNOWN, None, NOW, 0
        self.outages: list[Outage] = []
        # What people believe, from the alerts alone.
        self.belief, self.believed, self.told_kind = NONE, None, None
        self.notified: list[Alert] = []
        self.reminders = self.changes = 0
        self.acknowledged, self.muted_until = False, None
        self.history: dict[str, Incident] = {}

    @rule(seconds=st.one_of(st.integers(1, 120), st.integers(1, 3 * 3600), st.integers(1, 3 * 86400)))
    def clock_goes_on(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.clock_may_step)
    @rule(seconds=st.integers(1, 3 * 3600))
    def clock_steps_back(self, seconds: int) -> None:
        self.now -= timedelta(seconds=seconds)
        self.stepped_back = True

    @rule(seconds=st.integers(90, 6 * 3600))
    def ticks_are_missed(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.missed = True

    @rule()
    def restart(self) -> None:
        """Keep nothing but what DynamoDB has."""
        document = {"format": FORMAT, "state": self.state, "outbox": {}, "version": 1, "status": self.state.status}
        read = read_target("orders", plain(wire(document)))
        assert isinstance(read, Stored), read
        assert read.state == self.state
        self.state = read.state

    @rule(minutes=st.integers(1, 180))
    def mute(self, minutes: int) -> None:
        self.muted_until = self.now + minutes * MINUTE
        self.state = replace(self.state, muted_until=self.muted_until, mute_reason="work")

    @rule()
    def unmute(self) -> None:
        self.muted_until = None
        self.state = replace(self.state, muted_until=None, mute_reason=None)

    @precondition(lambda self: self.status is Status.DOWN)
    @rule()
    def acknowledge(self) -> None:
        self.acknowledged = True
        self.state = replace(self.state, acknowledged=True)

    @rule(
        cycles=st.integers(1, 5),
        down=st.integers(1, 90),
        up=st.integers(1, 90),
        slow=st.sampled_from([1, 1, 10]),
        wrong=failures,
    )
    def flap(self, cycles: int, down: int, up: int, slow: int, wrong: Failure) -> None:
        for _ in range(cycles):
            self.tick([wrong] * 4)
            self.now += down * slow * SECOND
            self.tick([None] * 3)
            self.now += up * slow * SECOND

    @rule(number=st.integers(2, 8), every=st.sampled_from([10, 60, 300]), wrong=st.none() | failures)
    def stay(self, number: int, every: int, wrong: Failure | None) -> None:
        for _ in range(number):
            self.tick([wrong] * 4)
            self.now += every * SECOND

    @rule(results=st.lists(st.one_of(st.none(), failures), min_size=1, max_size=5))
    def probe(self, results: list[Failure | None]) -> None:
        self.tick(results)

    @rule(result=st.none() | st.just(failure()))
    def steadily(self, result: Failure | None) -> None:
        self.tick([result] * 4)

    def tick(self, results: list[Failure | None]) -> None:
        """Probe until it is clear, or the outcomes (the time) run out; then decide."""
        Life.ticks += 1
        self.now += SECOND
        before, began = self.state, self.now
        observations: list[Observation] = []
        for result in results:
            observations.append(seen(self.now, result))
            if not wants_another(before, observations, self.policy):
                break
            self.now += self.policy.confirm_after
        gap = Span(self.last_tick, began) if self.missed and self.last_tick < began else None
        decision = self.decided(observations, gap)
        clear = self.follow(observations, gap)
        self.last_tick, self.missed = began, False
        if not clear:
            self.nothing_but(gap, before, decision)
            return
        self.state = decision.state
        self.history.update({one.id: one for one in decision.ended})
        self.check_state(observations, gap)
        self.check_alerts(decision.alerts)
        self.check_history()
        assert decision.seen is self.status
        ok, failed = (("orders",), ()) if self.status is Status.UP else ((), ("orders",))
        self.state = freshen(Stored(self.state), Heartbeat(began, ok, failed)).state

    def nothing_but(self, gap: Span | None, before: State, decision: Decision) -> None:
        """Hold a tick that came to no verdict to changing nothing but what it knows of a time that nobody watched."""
        state = decision.state
        assert (decision.alerts, decision.ended, decision.seen) == ((), (), Status.UNKNOWN)
        if gap is None or self.status is Status.UNKNOWN:
            assert state == before
            return
        assert replace(state, outage=before.outage, recent=before.recent, flapping=before.flapping) == before
        if before.incident and not self.stepped_back:
            assert replace(state.incident, unobserved=before.incident.unobserved) == before.incident
            assert state.incident.unobserved[-1] == gap
        self.state, self.stable_since = state, max(self.stable_since, gap.ended)

    def decided(self, observations: list[Observation], gap: Span | None) -> Decision:
        arguments = (self.state, observations, self.policy, self.now, gap)
        kept = deepcopy(arguments)
        decision = decide(*arguments)
        assert arguments == kept
        assert decide(*kept) == decision
        return decision

    def follow(self, observations: list[Observation], gap: Span | None) -> bool:
        """Keep the second account of what is so; tell whether this tick made anything clear."""
        failures, first, known = [one.failure for one in observations], observations[0].at, self.status
        if known is not Status.DOWN:
            if all(failures) and len(failures) == self.policy.confirmations + 1:
                self.status, self.kind, self.stable_since = Status.DOWN, failures[-1].kind, first
                self.outages.append(Outage(first))
            elif failures[-1] is None:
                self.status, self.blips = Status.UP, self.blips + (len(failures) > 1)
            else:
                return False
        elif not any(failures):
            if len(failures) < self.policy.recover_after:
                return False
            self.status, self.stable_since, self.acknowledged, self.outages[-1].ended = Status.UP, first, False, first
        elif not self.follow_kind(failures):
            return False
        if gap and known is not Status.UNKNOWN:
            self.stable_since = max(self.stable_since, gap.ended)
        return True

    def follow_kind(self, failures: list[Failure | None]) -> bool:
        """Believe in another kind of failure once two probes agree on it, or one must do."""
        kinds = [one.kind for one in failures if one]
        alone = self.policy.confirmations == 0
        if failures[0] and len(failures) == 1 and not alone and kinds[0] is not self.kind:
            return False
        if alone or (len(kinds) > 1 and kinds[-1] is kinds[-2]):
            self.kind = kinds[-1]
        return True

    def quiet(self) -> bool:
        """Tell the same as `quiet_until`, in another way."""
        begins, ends = self.window
        minute = self.now.hour * 60 + self.now.minute
        maintained = begins <= minute < ends if begins <= ends else minute >= begins or minute < ends
        return maintained or (self.muted_until is not None and self.now < self.muted_until)

    def check_state(self, observations: list[Observation], gap: Span | None) -> None:
        state = self.state
        assert (state.status, state.blips, state.acknowledged) == (self.status, self.blips, self.acknowledged)
        if self.status is Status.DOWN:
            assert state.incident.began == state.since == self.outages[-1].began
            assert state.failure.kind is self.kind
        fresh = observations[0].at
        touched = self.outages and (self.status is Status.DOWN or self.outages[-1].ended == fresh)
        if gap and touched and state.first_seen != fresh and not self.stepped_back:
            assert (state.incident or state.previous).unobserved[-1] == gap

    def check_alerts(self, alerts: tuple[Alert, ...]) -> None:
        if self.quiet():
            assert alerts == ()
            return
        due = self.expected()
        for alert in alerts:
            HEARD[alert.kind](self, alert)
            self.check(alert)
            self.notified.append(alert)
        continued = [alert.kind for alert in alerts if alert.kind in {CHANGED, REMINDER}]
        assert continued == ([due] if due else [])
        # Who reads the mails now knows what is so.
        if self.belief is FLAPPING:
            longest = self.policy.settle_after * (1 if self.status is Status.DOWN else 6)
            assert self.now - self.stable_since < longest
        else:
            assert (self.belief is OPEN) == (self.status is Status.DOWN)
            assert self.believed is None or self.believed is self.outages[-1]

    def interval(self) -> timedelta:
        return min(self.policy.remind_every * 2**self.reminders, max(self.policy.remind_every, timedelta(days=1)))

    def expected(self) -> AlertKind | None:
        """Tell what is due of an outage that people know of and that goes on."""
        if self.belief is not OPEN or self.status is not Status.DOWN or self.believed is not self.outages[-1]:
            return None
        due = not self.acknowledged and self.now - self.notified[-1].at >= self.interval()
        changed = self.kind is not self.told_kind
        if due:
            self.reminders, self.changes = self.reminders + 1, 0
        elif changed and self.changes < 3:
            self.changes += 1
        else:
            return None
        return CHANGED if changed else REMINDER

    def hear_down(self, alert: Alert) -> None:
        """A new story; one that begins soon after a short one that was told is no new one, unless it lasts."""
        assert (self.belief, self.status) == (NONE, Status.DOWN)
        now, *earlier = reversed(self.outages)
        settle_after = self.policy.settle_after
        if (
            earlier
            and earlier[0].notified
            and earlier[0].length < settle_after.total_seconds()
            and not self.stepped_back
        ):
            quiet_interval = now.began - earlier[0].ended
            assert quiet_interval > settle_after or self.now - self.stable_since >= settle_after
        self.belief, self.believed, self.told_kind = OPEN, now, alert.failure.kind
        self.reminders = self.changes = 0

    def hear_more(self, alert: Alert) -> None:
        assert self.belief is OPEN
        assert alert.previous.kind is self.told_kind
        assert (alert.failure.kind is self.told_kind) == (alert.kind is REMINDER)
        self.told_kind = alert.failure.kind

    def hear_recovered(self, alert: Alert) -> None:
        assert self.belief is OPEN
        assert self.believed.ended is not None
        assert (alert.incident.began, alert.incident.ended) == (self.believed.began, self.believed.ended)
        assert alert.previous.kind is self.told_kind
        assert (alert.failure is not None) == (self.status is Status.DOWN)
        self.belief, self.believed = NONE, None

    def hear_unstable(self, alert: Alert) -> None:
        assert (self.belief, self.status) == (NONE, Status.DOWN)
        now, earlier = self.outages[-1], self.outages[-2]
        assert any(one.notified for one in self.outages[:-1])
        assert self.stepped_back or now.began - earlier.ended <= 6 * self.policy.settle_after
        assert alert.settle_seconds >= self.policy.settle_after.total_seconds()
        self.belief = FLAPPING

    def hear_settled(self, alert: Alert) -> None:
        assert self.belief is FLAPPING
        assert self.now - self.stable_since >= self.policy.settle_after
        assert (alert.failure is not None) == (self.status is Status.DOWN)
        self.belief, self.believed = (OPEN, self.outages[-1]) if self.status is Status.DOWN else (NONE, None)
        self.told_kind, self.reminders, self.changes = self.kind, 0, 0

    def check(self, alert: Alert) -> None:
        """Check what holds for each alert: who, when, and of which outage."""
        assert alert.id == f"{len(self.notified) + 1:08d}"
        assert (alert.at, alert.target) == (self.now, "orders")
        outage = [one for one in self.outages if one.began == alert.incident.began][-1]
        outage.notified.append(alert.kind)
        assert self.stepped_back or list(alert.incident.notified) == outage.notified
        if alert.failure:
            assert alert.failure.kind is self.kind
        reminds = self.belief is OPEN and not self.acknowledged
        assert alert.remind_at == (self.now + self.interval() if reminds else None)
        assert (alert.flapping is not None) == (alert.kind in {UNSTABLE, SETTLED})
        if alert.flapping and not self.stepped_back:
            self.check_spell(alert)
        self.check_bounds(alert.incident)
        Life.spoken[alert.kind] = Life.spoken.get(alert.kind, 0) + 1

    def check_spell(self, alert: Alert) -> None:
        """Sum up the outages once more."""
        flapping = alert.flapping
        outages = [one for one in self.outages if one.began >= flapping.began]
        over = [one.length for one in outages if one.ended]
        assert (flapping.began, flapping.outages) == (outages[0].began, len(outages))
        assert (flapping.total, flapping.longest) == (pytest.approx(sum(over)), max(over))

    def check_bounds(self, incident: Incident) -> None:
        """Times can be in order only where the clock was."""
        if not self.stepped_back:
            bounds = [incident.last_ok, incident.began, incident.last_failed, incident.ended, self.now]
            known = [bound for bound in bounds if bound]
            assert known == sorted(known)
            assert incident.last_ok is None or incident.last_ok < incident.began

    def check_history(self) -> None:
        """Every outage that is over has its record, with all that was told of it."""
        if not self.stepped_back:
            kept = sorted(self.history.values(), key=lambda one: one.began)
            over = [(one.began, one.ended, one.notified) for one in self.outages if one.ended]
            assert [(one.began, one.ended, list(one.notified)) for one in kept] == over
            for one in kept[-1:]:
                self.check_bounds(one)

    @invariant()
    def each_alert_may_follow_the_one_before(self) -> None:
        kinds = [None, *(alert.kind for alert in getattr(self, "notified", ()))]
        for before, after in pairwise(kinds):
            assert after in NEXT[before]


HEARD: dict[AlertKind, Callable[[Life, Alert], None]] = {
    DOWN: Life.hear_down,
    CHANGED: Life.hear_more,
    REMINDER: Life.hear_more,
    RECOVERED: Life.hear_recovered,
    UNSTABLE: Life.hear_unstable,
    SETTLED: Life.hear_settled,
}


def test_people_know_what_is_so_in_every_life(
    capsys: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=400, stateful_step_count=30))
    record_property("sequences", Life.sequences)
    record_property("ticks", Life.ticks)
    with capsys.disabled():
        notified = ", ".join(f"{number} {kind}" for kind, number in sorted(Life.spoken.items()))
        print(f"\ndeciding: {Life.sequences} sequences, {Life.ticks} ticks; told: {notified}")
    assert Life.spoken.keys() == NEXT.keys() - {None}, "the sequences do not reach every kind of alert"
