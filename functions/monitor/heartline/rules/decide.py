"""Decide what the observations of one tick mean for one target, and which alerts follow.

Facts are what probes say; belief is what people were last notified of. The same arguments give the same decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from heartline.common.frozen import frozen
from heartline.model.alert import Alert
from heartline.model.incident import Incident, Span
from heartline.model.kinds import Status
from heartline.model.observation import Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.alerts import notify
from heartline.rules.facts import judge, observe
from heartline.rules.gaps import note_gap, unknown_time
from heartline.rules.maintenance import open_until


@frozen
class Decision:
    """The new state of a target with the alerts that follow from it, oldest first.

    Attributes
    ----------
    ended
        The incidents whose record in the history is to be written, or written anew.
    seen
        How the observations found the target; `unknown` where they came to no verdict.
    """

    state: State
    alerts: tuple[Alert, ...] = ()
    ended: tuple[Incident, ...] = ()
    seen: Status = Status.UNKNOWN


def quiet_until(state: State, policy: Policy, now: datetime) -> datetime | None:
    """Return until when nobody is to be notified of this target: it is muted, or maintained; None when neither."""
    muted = state.muted_until if state.muted_until and now < state.muted_until else None
    return max(filter(None, (open_until(policy.maintenance, now), muted)), default=None)


def wants_another(state: State, observations: Sequence[Observation], policy: Policy) -> bool:
    """Return True if this tick needs one more probe before it can decide.

    Parameters
    ----------
    state
        What was known of the target before this tick.
    observations
        What this tick has seen so far, oldest first; at least one.
    policy
        How many probes confirm a transition.
    """
    return judge(state, observations, policy) is Status.UNKNOWN


def decide(
    state: State, observations: Sequence[Observation], policy: Policy, now: datetime, gap: Span | None = None
) -> Decision:
    """Derive the new state and the alerts from what one tick saw.

    Parameters
    ----------
    state
        What was known of the target before this tick.
    observations
        All that this tick has seen, oldest first; at least one. A tick that ran out of time while
        `wants_another` still said yes changes nothing but what was not observed.
    policy
        How many probes confirm a transition, how often a reminder is due, when nobody is notified.
    now
        The time of the decision, in UTC.
    gap
        The time before this tick in which Heartline did not run, when ticks were missed.
    """
    facts = observe(state, observations, policy)
    known, alerts = note_gap(facts.state, unknown_time(state, gap, policy), policy), tuple[Alert, ...]()
    if facts.seen is not Status.UNKNOWN and not quiet_until(known, policy, now):
        known, alerts = notify(replace(facts, state=known), observations[-1], policy, now)
    incidents = [*(alert.incident for alert in alerts), *known.recent]
    ended = {one.id: one for one in incidents if one and one.ended and one not in state.recent}
    return Decision(known, alerts, tuple(ended.values()), facts.seen)
