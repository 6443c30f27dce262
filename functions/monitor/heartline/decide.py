"""Decide what the observations of one tick mean for one target, and whom to tell what.

Everything here is pure: the same arguments give the same decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from heartline.model import Alert, AlertKind, Incident, Observation, Policy, State, Status


@dataclass(frozen=True, slots=True)
class Decision:
    """Pair the new state of a target with the alerts that follow from it, oldest first."""

    state: State
    alerts: tuple[Alert, ...] = ()


def wants_another(state: State, observations: Sequence[Observation], policy: Policy) -> bool:
    """Tell whether this tick needs one more probe before it can decide.

    Parameters
    ----------
    state
        What was known of the target before this tick.
    observations
        What this tick has seen so far, oldest first; at least one.
    policy
        How many probes confirm a transition.
    """
    last = observations[-1]
    if state.status is Status.DOWN:
        return last.healthy and len(observations) < policy.recover_after
    return not last.healthy and len(observations) <= policy.confirmations


def decide(state: State, observations: Sequence[Observation], policy: Policy, now: datetime) -> Decision:
    """Derive the new state and the alerts to send from what one tick saw.

    Parameters
    ----------
    state
        What was known of the target before this tick.
    observations
        All that this tick has seen, oldest first; at least one. A tick that ran out of time while
        `wants_another` still said yes leaves everything as it was.
    policy
        How many probes confirm a transition, and how often a reminder is due.
    now
        The time of the decision, in UTC.
    """
    if wants_another(state, observations, policy):
        return Decision(state)
    observed = (_while_down if state.status is Status.DOWN else _while_up)(state, observations)
    if observed.muted_until is not None and now < observed.muted_until:
        return Decision(observed)
    return _tell(observed, observations[-1], policy, now)


def _while_up(state: State, observations: Sequence[Observation]) -> State:
    first, last = observations[0], observations[-1]
    if last.healthy:
        if state.status is Status.UNKNOWN:
            state = replace(state, status=Status.UP, since=last.at, last_ok=last.at)
        if not first.healthy:
            state = replace(state, blips=state.blips + 1, last_blip=first.at)
        return state
    incident = Incident(f"{state.target}-{first.at:%Y%m%dT%H%M%SZ}", first.at, state.last_ok)
    return replace(state, status=Status.DOWN, since=first.at, incident=incident, failure=last.failure)


def _while_down(state: State, observations: Sequence[Observation]) -> State:
    first, last = observations[0], observations[-1]
    if not last.healthy:
        return replace(state, failure=last.failure)
    told = state.told and replace(state.told, ended=state.told.ended or first.at)
    return replace(
        state,
        status=Status.UP,
        since=first.at,
        last_ok=last.at,
        incident=None,
        failure=None,
        told=told,
        acknowledged=False,
    )


def _tell(state: State, last: Observation, policy: Policy, now: datetime) -> Decision:
    alerts = []
    if state.told and state.told.ended:
        over = replace(state, failure=None)
        alerts.append(_alert(over, AlertKind.RECOVERED, last, now, incident=state.told))
        state = replace(state, told=None, told_at=None, told_failure=None, alerts_made=state.alerts_made + 1)
    if kind := _due(state, policy, now):
        alert = _alert(state, kind, last, now, incident=state.told or state.incident)
        alerts.append(alert if state.acknowledged else replace(alert, remind_at=now + policy.remind_every))
        state = replace(
            state,
            told=state.told or state.incident,
            told_at=now,
            told_failure=state.failure,
            alerts_made=state.alerts_made + 1,
        )
    return Decision(state, tuple(alerts))


def _due(state: State, policy: Policy, now: datetime) -> AlertKind | None:
    """Name the alert that a target which is down is due, if any."""
    if state.status is not Status.DOWN or state.failure is None:
        return None
    if state.told is None or state.told_at is None or state.told_failure is None:
        return AlertKind.DOWN
    if state.failure.kind is not state.told_failure.kind:
        return AlertKind.CHANGED
    if not state.acknowledged and now - state.told_at >= policy.remind_every:
        return AlertKind.REMINDER
    return None


def _alert(state: State, kind: AlertKind, last: Observation, now: datetime, *, incident: Incident | None) -> Alert:
    return Alert(
        id=f"{state.alerts_made + 1:08d}",
        kind=kind,
        target=state.target,
        at=now,
        endpoint=last.endpoint,
        incident=incident,
        failure=state.failure,
        previous=state.told_failure,
        phases=last.phases,
    )
