"""The rules of deciding hold for every life that a target can lead."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from heartline.decide import Decision, decide, wants_another
from heartline.items import Heartbeat, freshen
from heartline.model import Alert, AlertKind, Failure, Incident, Kind, Observation, Policy, State, Status, Stored
from unit.samples import MINUTE, NOW, SECOND, failures, seen

OPENING, BETWEEN = {AlertKind.DOWN}, {AlertKind.CHANGED, AlertKind.REMINDER}


class Life(RuleBasedStateMachine):
    """Lead a target through ticks, mutes and clocks, and keep a second account of what is true and what was told."""

    @initialize(
        confirmations=st.integers(0, 3),
        recover_after=st.integers(1, 3),
        remind_minutes=st.integers(1, 90),
    )
    def begin(self, confirmations: int, recover_after: int, remind_minutes: int) -> None:
        self.policy = Policy(confirmations, 3 * SECOND, recover_after, remind_minutes * MINUTE)
        self.now = NOW
        self.state = State("orders")
        self.stepped_back = False
        self.status = Status.UNKNOWN
        self.began: datetime | None = None
        self.blips = 0
        self.told: list[Alert] = []
        self.open: Incident | None = None
        self.ended: datetime | None = None
        self.told_kind: Kind | None = None

    @rule(seconds=st.integers(1, 3 * 3600))
    def clock_goes_on(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(seconds=st.integers(1, 3 * 3600))
    def clock_steps_back(self, seconds: int) -> None:
        self.now -= timedelta(seconds=seconds)
        self.stepped_back = True

    @rule(minutes=st.integers(1, 180))
    def mute(self, minutes: int) -> None:
        self.state = replace(self.state, muted_until=self.now + minutes * MINUTE, mute_reason="work")

    @rule()
    def unmute(self) -> None:
        self.state = replace(self.state, muted_until=None, mute_reason=None)

    @precondition(lambda self: self.status is Status.DOWN)
    @rule()
    def acknowledge(self) -> None:
        self.state = replace(self.state, acknowledged=True)

    @rule(outcomes=st.lists(st.one_of(st.none(), failures), min_size=1, max_size=5))
    def tick(self, outcomes: list[Failure | None]) -> None:
        """Probe until it is clear, or the outcomes (the time) run out."""
        before, began = self.state, self.now
        observations: list[Observation] = []
        for outcome in outcomes:
            observations.append(seen(self.now, outcome))
            self.now += self.policy.confirm_after
            if not wants_another(before, observations, self.policy):
                break
        decision = self.decided(observations)
        clear = self.follow(observations)
        if not clear:
            assert decision == Decision(before)
            return
        self.state = decision.state
        self.check_state(before, observations)
        self.check_alerts(decision, before, observations)
        if observations[-1].healthy and self.state.status is Status.UP:
            self.state = freshen(Stored(self.state), Heartbeat(began, ("orders",))).state

    def decided(self, observations: list[Observation]) -> Decision:
        arguments = (self.state, observations, self.policy, self.now)
        kept = deepcopy(arguments)
        decision = decide(*arguments)
        assert arguments == kept
        assert decide(*kept) == decision
        return decision

    def follow(self, observations: list[Observation]) -> bool:
        """Keep the second account of what is true; tell whether this tick made anything clear."""
        healthy = [seen.healthy for seen in observations]
        first = observations[0].at
        if self.status is not Status.DOWN:
            if not any(healthy) and len(healthy) == self.policy.confirmations + 1:
                self.status, self.began = Status.DOWN, first
            elif healthy[-1]:
                self.status = Status.UP
                self.blips += len(healthy) > 1
            else:
                return False
        elif all(healthy):
            if len(healthy) < self.policy.recover_after:
                return False
            self.status, self.began = Status.UP, None
            if self.open and self.ended is None:
                self.ended = first
        return True

    def check_state(self, before: State, observations: list[Observation]) -> None:
        state = self.state
        assert (state.status, state.blips) == (self.status, self.blips)
        if self.status is Status.DOWN:
            assert state.incident.began == state.since == self.began
            assert state.failure == observations[-1].failure
        steady = before.status is Status.UP and len(observations) == 1 and observations[0].healthy
        if steady and before.told is None:
            assert state == before

    def check_alerts(self, decision: Decision, before: State, observations: list[Observation]) -> None:
        muted = before.muted_until is not None and self.now < before.muted_until
        if muted:
            assert decision.alerts == ()
            return
        spoken_at, was_open = before.told_at, self.open
        for alert in decision.alerts:
            self.tell(alert)
        # Who reads the mails now knows what is true.
        assert (self.open is not None) == (self.status is Status.DOWN)
        if self.open is None:
            return
        assert self.open.began == self.began
        assert self.told_kind is observations[-1].failure.kind
        overdue = was_open is self.open and self.now - spoken_at >= self.policy.remind_every
        if not decision.alerts:
            assert before.acknowledged or not overdue

    def tell(self, alert: Alert) -> None:
        """Keep the second account of what was told, in which each alert must make sense."""
        assert not self.told or alert.id > self.told[-1].id
        assert (alert.at, alert.target) == (self.now, "orders")
        if alert.kind is AlertKind.DOWN:
            assert self.open is None
            self.open, self.told_kind = alert.incident, alert.failure.kind
        elif alert.kind is AlertKind.RECOVERED:
            assert self.open is not None
            assert alert.incident == replace(self.open, ended=self.ended)
            assert alert.previous.kind is self.told_kind
            self.open = self.ended = self.told_kind = None
        else:
            assert alert.incident == self.open
            assert alert.previous.kind is self.told_kind
            assert (alert.failure.kind is self.told_kind) == (alert.kind is AlertKind.REMINDER)
            if alert.kind is AlertKind.REMINDER:
                assert alert.at - self.told[-1].at >= self.policy.remind_every
                assert not self.state.acknowledged
            self.told_kind = alert.failure.kind
        self.check_bounds(alert.incident)
        self.told.append(alert)

    def check_bounds(self, incident: Incident) -> None:
        """Times can be in order only where the clock was."""
        if not self.stepped_back:
            assert incident.last_ok is None or incident.last_ok < incident.began
            assert incident.ended is None or incident.began < incident.ended <= self.now

    @invariant()
    def a_story_begins_with_down_and_ends_with_recovered(self) -> None:
        kinds = [alert.kind for alert in getattr(self, "told", ())]
        for place, kind in enumerate(kinds):
            follows = kinds[place - 1] if place else AlertKind.RECOVERED
            assert (kind in OPENING) == (follows is AlertKind.RECOVERED)
            assert kind in OPENING | BETWEEN | {AlertKind.RECOVERED}


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestLife = Life.TestCase
