"""Keep the promise that whoever was notified of a beginning hears the end, also when nobody watches it any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from heartline.model.alert import Alert
from heartline.model.belief import Addressees
from heartline.model.kinds import AlertKind, Status
from heartline.model.observation import Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.budget import affordable, after_notice, spent
from heartline.rules.decide import Decision, quiet_until

_ENDS = frozenset({AlertKind.RECOVERED, AlertKind.STABLE})


def addressed(before: State, decision: Decision, current: Addressees) -> Decision:
    """Return a decision whose alerts have their readers.

    The end of something goes to those who know of its beginning, by the state before the decision; all else to the
    target's recipients of now.
    """
    knowing = before.belief.addressees if before.belief else None
    of_conditions = {one.kind: one.addressees for one in before.conditions}
    alerts = list[Alert]()
    for alert in decision.alerts:
        over = alert.kind in _ENDS
        told = of_conditions.get(alert.condition.kind) if alert.condition and alert.condition.ended else None
        alerts.append(replace(alert, addressees=told or (knowing if over else None) or current))
        if over:
            knowing = None
        if alert.believed:
            knowing = _both(current, knowing)
    belief = decision.state.belief and replace(decision.state.belief, addressees=knowing)
    raised = {alert.condition.kind for alert in alerts if alert.condition}
    conditions = tuple(
        replace(one, addressees=_both(current, one.addressees)) if one.kind in raised else one
        for one in decision.state.conditions
    )
    state = replace(decision.state, belief=belief, conditions=conditions)
    return replace(decision, state=state, alerts=tuple(alerts))


def _both(current: Addressees, others: Addressees | None) -> Addressees:
    recipients = (*current.recipients, *(others.recipients if others else ()))
    return replace(current, recipients=tuple(dict.fromkeys(recipients)))


def welcome(before: State, decision: Decision, seen: Observation, policy: Policy, now: datetime) -> Decision:
    """Return a decision about a discovered target with the notice that it is watched, at first sight if it is up.

    One that is down then has an alert of its own.
    """
    state = decision.state
    first = before.first_seen is None and state.first_seen is not None and state.status is Status.UP
    room = affordable(state.alerted, now, after_notice(policy))
    if not first or decision.alerts or not room or quiet_until(state, policy, now):
        return decision
    alert = Alert(
        id=f"{state.alerts_made + 1:08d}",
        kind=AlertKind.WATCHED,
        target=state.target,
        at=now,
        first_seen=state.first_seen,
        endpoint=seen.endpoint,
        address=seen.address,
        phases=seen.phases,
        discovered=True,
    )
    state = replace(state, alerts_made=state.alerts_made + 1, alerted=spent(state.alerted, now))
    return replace(decision, state=state, alerts=(alert,))


def unwatch(state: State, now: datetime, discovered: Addressees | None = None) -> Decision:
    """Derive what follows for a target that the document does not name any more, or that RDS does not list any more.

    People who know that something is wrong are notified that nobody watches it; and the readers of one that was
    discovered in any case, since whoever takes a tag away need not be one of them. While it is muted, the state is
    unchanged instead. What is left of the state makes ids that are new, bounds the alerts, and keeps a mute, should the
    target be given back.
    """
    belief, notified = state.belief, discovered is not None and state.first_seen is not None
    if (state.notified or notified) and state.muted_until and now < state.muted_until:
        return Decision(state)
    left = State(
        state.target,
        stamp=state.stamp,
        alerted=state.alerted,
        muted_until=state.muted_until,
        mute_reason=state.mute_reason,
        alerts_made=state.alerts_made,
    )
    if not (state.notified or notified):
        return Decision(left)
    known = [one for one in state.conditions if one.notified]
    addressees = belief.addressees if belief else None
    for one in known:
        addressees = _both(addressees or one.addressees or Addressees(), one.addressees)
    incident = state.incident or state.find(belief.incident if belief else None)
    if incident:
        kinds = (*incident.notified, AlertKind.UNWATCHED)
        incident = replace(incident, ended=incident.ended or now, last_failed=state.last_failed, notified=kinds)
    left = replace(left, alerts_made=state.alerts_made + 1, alerted=spent(state.alerted, now))
    alert = Alert(
        id=f"{left.alerts_made:08d}",
        kind=AlertKind.UNWATCHED,
        target=state.target,
        at=now,
        first_seen=state.first_seen,
        incident=incident,
        condition=replace(known[0], addressees=None) if known and not belief else None,
        previous=state.failure or (belief.failure if belief else None),
        addressees=addressees or discovered,
        discovered=discovered is not None,
    )
    return Decision(left, (alert,), (incident,) if incident else ())
