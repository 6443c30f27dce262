"""Keep the promise that whoever was notified of a beginning hears the end, whatever becomes of the document."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from heartline.model.alert import Alert
from heartline.model.belief import Addressees
from heartline.model.kinds import AlertKind, Status
from heartline.model.observation import Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules import budget
from heartline.rules.decide import Decision, quiet_until

_BEGINNINGS = frozenset({AlertKind.DOWN, AlertKind.REMINDER, AlertKind.FLAPPING})
_ENDS = frozenset({AlertKind.RECOVERED, AlertKind.STABLE, AlertKind.UNWATCHED})


def addressed(before: State, decision: Decision, current: Addressees) -> Decision:
    """Return a decision whose alerts have their readers.

    The end of something goes to those who know of its beginning; all else to the target's recipients of now.

    Parameters
    ----------
    before
        The target's state before the decision.
    current
        The target's recipients, and how it is written to them.
    """
    knowing = before.belief.addressees if before.belief else None
    alerts = list[Alert]()
    for alert in decision.alerts:
        if alert.kind in _ENDS:
            alerts.append(replace(alert, addressees=knowing or current))
            knowing = None
        else:
            alerts.append(replace(alert, addressees=current))
        if alert.kind in _BEGINNINGS:
            knowing = _together(knowing, current)
    belief = decision.state.belief and replace(decision.state.belief, addressees=knowing)
    return replace(decision, state=replace(decision.state, belief=belief), alerts=tuple(alerts))


def welcome(before: State, decision: Decision, seen: Observation, policy: Policy, now: datetime) -> Decision:
    """Return a decision about a discovered target with the notice that it is watched, at first sight if it is up.

    One that is down then has an alert of its own.
    """
    state = decision.state
    first = before.first_seen is None and state.first_seen is not None and state.status is Status.UP
    affordable = budget.affordable(state.alerted, now, budget.after_notice(policy))
    if not first or decision.alerts or not affordable or quiet_until(state, policy, now):
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
    state = replace(state, alerts_made=state.alerts_made + 1, alerted=budget.spent(state.alerted, now))
    return replace(decision, state=state, alerts=(alert,))


def unwatch(state: State, now: datetime, discovered: Addressees | None = None) -> Decision:
    """Derive what follows for a target that the document does not name any more, or that RDS does not list any more.

    People who know that something is wrong are notified that nobody watches it; and the readers of one that was
    discovered in any case, since whoever takes a tag away need not be one of them. What is left of the state makes ids
    that are new, bounds the alerts, and keeps a mute, should the target be given back.
    """
    left = State(
        state.target,
        stamp=state.stamp,
        alerted=state.alerted,
        muted_until=state.muted_until,
        mute_reason=state.mute_reason,
        alerts_made=state.alerts_made,
    )
    if state.belief is None and (discovered is None or state.first_seen is None):
        return Decision(left)
    incident = state.incident or state.find(state.belief.incident if state.belief else None)
    if incident:
        told = (*incident.notified, AlertKind.UNWATCHED)
        incident = replace(incident, ended=incident.ended or now, last_failed=state.last_failed, notified=told)
    alert = _unwatched(state, now, discovered)
    left = replace(left, alerts_made=state.alerts_made + 1, alerted=budget.spent(state.alerted, now))
    return Decision(left, (replace(alert, incident=incident),), (incident,) if incident else ())


def _unwatched(state: State, now: datetime, discovered: Addressees | None) -> Alert:
    belief = state.belief
    return Alert(
        id=f"{state.alerts_made + 1:08d}",
        kind=AlertKind.UNWATCHED,
        target=state.target,
        at=now,
        first_seen=state.first_seen,
        previous=state.failure or (belief.failure if belief else None),
        addressees=(belief.addressees if belief else None) or discovered,
        discovered=discovered is not None,
    )


def _together(knowing: Addressees | None, current: Addressees) -> Addressees:
    if knowing is None:
        return current
    return replace(current, recipients=tuple(dict.fromkeys((*current.recipients, *knowing.recipients))))
