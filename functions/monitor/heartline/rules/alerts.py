"""Tell people what they do not know yet: set what they believe of a target against what is so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from heartline.model.alert import Alert
from heartline.model.incident import Change, Incident, Outage
from heartline.model.kinds import AlertKind, Status
from heartline.model.observation import Observation
from heartline.model.state import State, Warned
from heartline.model.target import Policy
from heartline.rules.flapping import has_settled, settle_time

# Reminders come twice as late each time, up to this; a failure that keeps changing its kind is told so often
# between two of them.
_LONGEST_INTERVAL = timedelta(days=1)
_MOST_CHANGES = 3
# How many days before the end of a certificate people are told.
_DAYS_BEFORE = (30, 7, 1)
# A name that leads to several servers has a certificate of each.
_MOST_WARNED = 32


def tell(
    state: State, last: Observation, policy: Policy, now: datetime, change: Change | None = None
) -> tuple[State, tuple[Alert, ...]]:
    """Make the alerts after which people know what is so, oldest first.

    Parameters
    ----------
    state
        What is so, and what was told.
    last
        The observation that it follows from.
    policy
        How often a reminder is due, and when a target counts as settled.
    now
        The time of the decision, in UTC.
    change
        What happened to the server since the last good probe, where there was no outage to tell it with.
    """
    telling = _Telling(state, last, policy, now)
    telling.recovered()
    if has_settled(state, policy, now):
        telling.settled()
    if telling.state.outage:
        telling.down(telling.state.outage)
    elif change:
        telling.changed(change)
    telling.expiring()
    return telling.state, tuple(telling.alerts)


class _Telling:
    """Gather the alerts of one decision, and with each what people believe from then on."""

    def __init__(self, state: State, last: Observation, policy: Policy, now: datetime) -> None:
        self.state, self.alerts = state, list[Alert]()
        self._last, self._policy, self._now = last, policy, now

    def recovered(self) -> None:
        """Tell that what was told is over; where it has gone down again in a time of quiet, with the failure of now."""
        believed = self.state.find(self.state.notified)
        if believed and believed.ended:
            self._tell(AlertKind.RECOVERED, believed)
            self.state = replace(self.state, notified=None, notified_failure=None)

    def settled(self) -> None:
        """End a spell; one that nobody was told of ends in silence."""
        flapping, down = self.state.flapping, self.state.status is Status.DOWN
        if flapping and flapping.notified:
            self._restart_reminders()
            self._tell(AlertKind.SETTLED, self.state.incident if down else self.state.previous)
            incident = self.state.incident.id if self.state.incident else None
            self.state = replace(self.state, notified=incident, notified_failure=self.state.failure)
        self.state = replace(self.state, flapping=None)

    def down(self, outage: Outage) -> None:
        """Tell that it is down, in the word for what people know already; while it flaps they know enough."""
        flapping, incident = self.state.flapping, outage.incident
        if self.state.notified:
            if kind := self._more():
                self._tell(kind, incident)
        elif flapping is None:
            self._restart_reminders()
            self._tell(AlertKind.DOWN, incident)
            self.state = replace(self.state, notified=incident.id)
        elif not flapping.notified:
            self._restart_reminders()
            self.state = replace(self.state, flapping=replace(flapping, notified=True))
            self._tell(AlertKind.UNSTABLE, incident)

    def changed(self, change: Change) -> None:
        """Tell what happened between two good probes; of what flaps people know enough."""
        if not (self.state.flapping and self.state.flapping.notified):
            self._tell(change.kind, self.state.previous, change=change)

    def expiring(self) -> None:
        """Tell once at each of some days before the server's certificate ends."""
        expires = self._last.server.certificate_expires if self._last.server else None
        if expires is None or self.state.status is not Status.UP:
            return
        days = min((one for one in _DAYS_BEFORE if expires - self._now <= timedelta(days=one)), default=None)
        others = tuple(one for one in self.state.warned if one.expires != expires)
        if days is None or any(one.days <= days for one in self.state.warned if one.expires == expires):
            return
        self._tell(AlertKind.EXPIRING, None, expires=expires)
        self.state = replace(self.state, warned=(*others, Warned(expires, days))[-_MOST_WARNED:])

    def _more(self) -> AlertKind | None:
        """Name what is due of an incident that was told: another kind of failure, or a reminder."""
        state, before, failure = self.state, self.state.notified_failure, self.state.failure
        since = self._now - (state.notified_at or self._now)
        due = not state.acknowledged and since >= _interval(self._policy, state.reminders)
        changed = before is not None and failure is not None and before.kind is not failure.kind
        if due:
            self.state = replace(state, reminders=state.reminders + 1, changes=0)
        elif changed and state.changes < _MOST_CHANGES:
            self.state = replace(state, changes=state.changes + 1)
        else:
            return None
        return AlertKind.CHANGED if changed else AlertKind.REMINDER

    def _restart_reminders(self) -> None:
        self.state = replace(self.state, reminders=0, changes=0)

    def _tell(self, kind: AlertKind, incident: Incident | None, **details: object) -> None:
        """Make one alert, and note that it was told."""
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
            flapping=state.flapping if kind in _OF_SPELLS else None,
            failure=state.failure,
            previous=state.notified_failure,
            phases=self._last.phases,
            remind_at=self._remind_at(kind),
            settle_seconds=settle_time(state, self._policy).total_seconds() if kind is AlertKind.UNSTABLE else None,
        )
        self.alerts.append(replace(alert, **details))  # type: ignore[arg-type]
        self.state = replace(
            state,
            notified_at=self._now,
            notified_failure=state.failure or state.notified_failure,
            alerts_made=state.alerts_made + 1,
        )

    def _remind_at(self, kind: AlertKind) -> datetime | None:
        state = self.state
        if kind in {AlertKind.RECOVERED, AlertKind.UNSTABLE} or state.status is not Status.DOWN or state.acknowledged:
            return None
        return self._now + _interval(self._policy, state.reminders)


_OF_SPELLS = frozenset({AlertKind.UNSTABLE, AlertKind.SETTLED})


def _interval(policy: Policy, reminders: int) -> timedelta:
    """Tell how long after the last alert the next reminder is due: doubled each time, a day at most."""
    doubled: timedelta = policy.remind_every * 2 ** min(reminders, 30)
    return min(doubled, max(policy.remind_every, _LONGEST_INTERVAL))
