"""Close the difference between what probes say and what people believe, within the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from heartline.model.alert import Alert
from heartline.model.belief import Belief, Believed, Flapping
from heartline.model.incident import Incident, Outage
from heartline.model.kinds import AlertKind, Status
from heartline.model.observation import Failure, Observation
from heartline.model.state import State, Warned
from heartline.model.target import Policy
from heartline.rules import budget
from heartline.rules.counting import frequent, marked, tally
from heartline.rules.facts import Facts
from heartline.rules.flapping import begun, calmed, is_calm, settle_time

# How many days before the end of a certificate people are notified.
_DAYS_BEFORE = (30, 7, 1)
# A name that leads to several servers has a certificate of each.
_MOST_WARNED = 32
_OF_WRONG = frozenset({AlertKind.DOWN, AlertKind.REMINDER, AlertKind.FLAPPING})
_OF_FLAPPING = _OF_WRONG | {AlertKind.STABLE}


def notify(facts: Facts, last: Observation, policy: Policy, now: datetime) -> tuple[State, tuple[Alert, ...]]:
    """Return the state and the alerts that bring belief to the facts, as far as the budget allows, oldest first.

    Parameters
    ----------
    facts
        What is known, and what was new in this tick.
    last
        The observation that it follows from.
    policy
        How often a reminder is due, and when a target counts as settled.
    now
        The time of the decision, in UTC.
    """
    notifier = _Notifier(facts.state, last, policy, now)
    notifier.end()
    if notifier.state.outage:
        notifier.worsen(notifier.state.outage)
    notifier.remind()
    notifier.mention(facts)
    notifier.expire()
    return notifier.state, tuple(notifier.alerts)


def reminded_of(state: State) -> str | None:
    """Return the id of what reminders are about now: an incident, or else the flapping; None where there are none."""
    if state.belief is None:
        return None
    incident = state.incident
    if incident and state.belief.incident == incident.id:
        return incident.id
    return state.flapping.id if state.flapping else state.belief.incident


def next_reminder(state: State, policy: Policy) -> datetime | None:
    """Return when the next reminder is due; None where nothing is wrong, or it was acknowledged."""
    belief = state.belief
    if belief is None or (belief.acknowledged and belief.acknowledged == reminded_of(state)):
        return None
    return belief.told_at + budget.reminder_interval(policy, belief.reminders)


class _Notifier:
    """Gather the alerts of one decision, and with each what people believe from then on."""

    def __init__(self, state: State, last: Observation, policy: Policy, now: datetime) -> None:
        self.state, self.alerts = state, list[Alert]()
        self._last, self._policy, self._now = last, policy, now

    def end(self) -> None:
        """Notify people that what they believe is over."""
        belief, flapping = self.state.belief, self.state.flapping
        if belief is None:
            return
        if flapping and flapping.notified:
            self._end_flapping(flapping)
            return
        believed = self.state.find(belief.incident)
        if believed is None or not believed.ended:
            return
        if self._may(budget.after_up(self._policy)):
            self._alert(AlertKind.RECOVERED, believed)
            self.state = replace(self.state, belief=None)
        elif self.state.outage is None:
            self._flap(belief.reminders)

    def worsen(self, outage: Outage) -> None:
        """Notify people that it is down, that it is an outage after all, or that it stays down."""
        belief = self.state.belief
        if belief is None:
            plain = self._may(budget.after_down(self._policy))
        elif self._worse(belief, outage):
            plain = self._is_flapping or self._may(budget.after_down(self._policy, belief.reminders))
        elif belief.kind is Believed.FLAPPING and self._lasts(outage):
            plain = True
        else:
            return
        if not plain:
            self._begin_flapping()
        first = belief is None or (not self._is_flapping and outage.incident.notified.count(AlertKind.DOWN) < 2)
        reminders = 0 if belief is None or first else belief.reminders
        self._down(AlertKind.DOWN, outage, reminders)

    def remind(self) -> None:
        """Remind people of what is still wrong."""
        belief, outage, due = self.state.belief, self.state.outage, next_reminder(self.state, self._policy)
        if belief is None or self.alerts or due is None or self._now < due:
            return
        if outage:
            self._settle(belief, outage)
            if self._may(budget.after_reminder(_believed(outage.failure), flapping=self._is_flapping)):
                self._down(AlertKind.REMINDER, outage, belief.reminders + 1)
        elif not self._is_flapping:
            self._flap(belief.reminders + 1)
        elif self._may(budget.after_reminder(Believed.FLAPPING, flapping=True)):
            self._flaps(AlertKind.REMINDER, belief.reminders + 1)

    def mention(self, facts: Facts) -> None:
        """Notify people of what happened between two good probes, and of frequent failures."""
        if self.state.belief:
            return
        if change := facts.change or self.state.untold:
            if self._may(budget.after_notice(self._policy)):
                self._alert(change.kind, self.state.previous if facts.change else None, change=change)
                self.state = replace(self.state, untold=None)
            elif not change.several:
                self._flap(0)
        elif facts.blip and frequent(self.state, self._policy):
            self._flap(0, facts.blip)

    def expire(self) -> None:
        """Notify people once at each of some days before the server's certificate ends."""
        expires = self._last.server.certificate_expires if self._last.server else None
        if expires is None or self.state.status is not Status.UP:
            return
        days = min((one for one in _DAYS_BEFORE if expires - self._now <= timedelta(days=one)), default=None)
        others = tuple(one for one in self.state.warned if one.expires != expires)
        if days is None or any(one.days <= days for one in self.state.warned if one.expires == expires):
            return
        if self._may(budget.after_notice(self._policy)):
            self._alert(AlertKind.EXPIRING, None, expires=expires)
            self.state = replace(self.state, warned=(*others, Warned(expires, days))[-_MOST_WARNED:])

    def _end_flapping(self, flapping: Flapping) -> None:
        """Notify people that it has been up for as long as its rhythm asks."""
        calm = is_calm(flapping, self._policy, self._now)
        if calm and self.state.outage is None and self._may(budget.after_up(self._policy)):
            self._alert(AlertKind.STABLE, self._last_outage())
            # Failures before that are accounted for: a single one after it is not frequent.
            rested = calmed(self.state, flapping, self._now)
            self.state = replace(self.state, belief=None, flapping=rested, recent_blips=())

    def _settle(self, belief: Belief, outage: Outage) -> None:
        """Take what has been down for as long as its rhythm asks for an ordinary outage, and two outages for no one."""
        flapping, room = self.state.flapping, budget.after_reminder(Believed.DOWN, flapping=False)
        if not self._is_flapping:
            if belief.incident != outage.incident.id:
                self._begin_flapping()
        elif flapping and self._now - outage.incident.began >= settle_time(flapping, self._policy) and self._may(room):
            self.state = replace(self.state, flapping=begun(self.state, outage.incident.began, outage.incident.id))

    def _worse(self, belief: Belief, outage: Outage) -> bool:
        return belief.kind is Believed.MISCONFIGURED and not outage.failure.kind.misconfigured

    def _lasts(self, outage: Outage) -> bool:
        return self._now - outage.incident.began >= self._policy.settle_after

    @property
    def _is_flapping(self) -> bool:
        return self.state.flapping is not None and self.state.flapping.notified

    def _may(self, plan: Sequence[timedelta]) -> bool:
        return budget.affordable(self.state.alerted, self._now, plan)

    def _down(self, kind: AlertKind, outage: Outage, reminders: int) -> None:
        self._believe(_believed(outage.failure), outage.incident.id, reminders, kind)
        self._alert(kind, outage.incident)
        self._know(outage.failure)

    def _flap(self, reminders: int, blip: Failure | None = None) -> None:
        """Notify people for the first time that it flaps, where there is room for what may have to follow."""
        if self._may(budget.after_reminder(Believed.FLAPPING, flapping=True)):
            self._begin_flapping()
            self._flaps(AlertKind.FLAPPING, reminders, blip)

    def _flaps(self, kind: AlertKind, reminders: int, blip: Failure | None = None) -> None:
        self._believe(Believed.FLAPPING, None, reminders, kind)
        self._know(blip)
        self._alert(kind, self._last_outage())
        self._know(self.state.failure)

    def _last_outage(self) -> Incident | None:
        """Return the incident that is open, or the last one where that was an outage."""
        last = self.state.incident or self.state.previous
        return last if last and last.kinds else None

    def _begin_flapping(self) -> None:
        flapping = self.state.flapping or begun(self.state, self._now)
        self.state = replace(self.state, flapping=replace(flapping, notified=True))

    def _believe(self, word: Believed, incident: str | None, reminders: int, kind: AlertKind) -> None:
        """Let people believe something from now on; what they acknowledged stays so while they are only reminded."""
        before = self.state.belief or Belief(word, self._now)
        kept = before.acknowledged if kind is AlertKind.REMINDER else None
        belief = replace(
            before, kind=word, told_at=self._now, incident=incident, reminders=reminders, acknowledged=kept
        )
        self.state = replace(self.state, belief=belief)

    def _know(self, failure: Failure | None) -> None:
        """Let people know of a failure."""
        if failure and self.state.belief:
            self.state = replace(self.state, belief=replace(self.state.belief, failure=failure))

    def _alert(self, kind: AlertKind, incident: Incident | None, **details: object) -> None:
        """Make one alert, and count it."""
        state = self.state
        if incident:
            incident = replace(incident, notified=(*incident.notified, kind))
            state = state.holding(incident)
        alert = Alert(
            id=f"{state.alerts_made + 1:08d}",
            kind=kind,
            target=state.target,
            at=self._now,
            first_seen=state.first_seen,
            endpoint=self._last.endpoint,
            address=self._last.address,
            incident=incident,
            failure=state.failure,
            previous=state.belief.failure if state.belief else None,
            phases=self._last.phases,
        )
        if state.belief and kind in _OF_WRONG:
            alert = replace(alert, believed=state.belief.kind, remind_at=next_reminder(state, self._policy))
        alert = self._summed_up(replace(alert, **details))  # type: ignore[arg-type]
        self.alerts.append(alert)
        self.state = replace(
            state,
            mark=marked(state, self._now),
            alerted=budget.spent(state.alerted, self._now),
            alerts_made=state.alerts_made + 1,
        )

    def _summed_up(self, alert: Alert) -> Alert:
        """Add what was found since the last alert, and since it flaps."""
        state, flapping = self.state, self.state.flapping
        if alert.kind is AlertKind.REMINDER and state.mark:
            alert = replace(alert, tally=tally(state.mark, state, self._now))
        if flapping is None or not flapping.notified or alert.kind not in _OF_FLAPPING:
            return alert
        settle = None if alert.kind is AlertKind.STABLE else settle_time(flapping, self._policy).total_seconds()
        return replace(
            alert,
            flapping=flapping,
            tally=tally(state.mark, state, self._now) if state.mark else None,
            total=tally(flapping.start, state, self._now),
            settle_seconds=settle,
        )


def _believed(failure: Failure) -> Believed:
    return Believed.MISCONFIGURED if failure.kind.misconfigured else Believed.DOWN
