"""Draft the alerts of one decision, and with each what people believe from then on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from heartline.model.alert import Alert
from heartline.model.belief import Belief, Believed
from heartline.model.condition import Condition
from heartline.model.incident import Change, Incident
from heartline.model.kinds import AlertKind
from heartline.model.observation import Failure, Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.budget import affordable, after_reminder, spent
from heartline.rules.counting import marked, tally
from heartline.rules.flapping import settle_time
from heartline.rules.reminders import next_reminder


class Drafts:
    """The alerts of one decision, oldest first, and the state that follows from them."""

    def __init__(self, state: State, last: Observation, policy: Policy, now: datetime) -> None:
        self.state, self.alerts = state, list[Alert]()
        self.last, self.policy, self.now = last, policy, now
        # All of them leave in one mail: what it counts is since the one before.
        self._since = state.mark

    def may(self, plan: Sequence[timedelta]) -> bool:
        """Return True if there is room for one more alert, and for what may have to follow it."""
        return affordable(self.state.alerted, self.now, plan)

    def add(
        self,
        kind: AlertKind,
        incident: Incident | None = None,
        change: Change | None = None,
        condition: Condition | None = None,
    ) -> None:
        """Add an alert, and count it."""
        state, last, now = self.state, self.last, self.now
        if incident:
            incident = replace(incident, notified=(*incident.notified, kind))
            state = state.holding(incident)
        alert = Alert(
            id=f"{state.alerts_made + 1:08d}",
            kind=kind,
            target=state.target,
            at=now,
            first_seen=state.first_seen,
            endpoint=last.endpoint,
            address=last.address,
            phases=last.phases,
            incident=incident,
            failure=state.failure,
            previous=state.belief.failure if state.belief else None,
            change=change,
            condition=condition,
            gauges=last.gauges if condition else None,
            expires=last.server.certificate_expires if kind is AlertKind.EXPIRING and last.server else None,
        )
        self.alerts.append(self._summed_up(alert))
        self.state = replace(
            state,
            mark=marked(state, now),
            alerted=spent(state.alerted, now),
            alerts_made=state.alerts_made + 1,
        )

    def notify(self, kind: AlertKind, reminders: int, blip: Failure | None = None) -> None:
        """Add an alert of what is wrong now, and let people believe it from then on; nobody has acknowledged that."""
        self.add(kind, self.state.incident or self.state.last_outage)
        state, alert = self.state, self.alerts[-1]
        belief = Belief(
            Believed.of(state.failure),
            self.now,
            state.incident.id if state.incident else None,
            state.failure or blip or alert.previous,
            reminders,
        )
        self.state = replace(state, belief=belief)
        due = next_reminder(self.state, self.policy)
        self.alerts[-1] = replace(alert, believed=belief.kind, previous=blip or alert.previous, remind_at=due)

    def flap(self, reminders: int, blip: Failure | None = None) -> None:
        """Notify people that what is up flaps, where there is room for what may have to follow."""
        if self.may(after_reminder(Believed.FLAPPING, flapping=True)):
            kind = AlertKind.REMINDER if self.state.known_flapping else AlertKind.FLAPPING
            self.begin_flapping()
            self.notify(kind, reminders, blip)

    def begin_flapping(self) -> None:
        """Let people know with the next alert that it flaps."""
        flapping = self.state.flapping and replace(self.state.flapping, notified=True)
        self.state = replace(self.state, flapping=flapping)

    def _summed_up(self, alert: Alert) -> Alert:
        """Add what was found since the last alert, and since it flaps."""
        state, now = self.state, self.now
        flapping = None if alert.condition else state.known_flapping
        if self._since and (flapping or alert.kind is AlertKind.REMINDER):
            alert = replace(alert, tally=tally(self._since, state, now, self.policy))
        if flapping is None:
            return alert
        settle = None if alert.kind is AlertKind.STABLE else settle_time(flapping, self.policy).total_seconds()
        return replace(
            alert, flapping=flapping, total=tally(flapping.start, state, now, self.policy), settle_seconds=settle
        )
