"""Decide what the observations of one tick mean for one target, and whom to tell what.

Everything here is pure: the same arguments give the same decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from heartline.model.alert import Alert
from heartline.model.incident import Change, Incident, Outage, Span
from heartline.model.kinds import Status
from heartline.model.observation import Failure, Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.alerts import tell
from heartline.rules.flapping import came_up, unobserved, went_down
from heartline.rules.maintenance import open_until
from heartline.rules.server_changes import detect_change


@dataclass(frozen=True, slots=True)
class Decision:
    """Pair the new state of a target with the alerts that follow from it, oldest first.

    `ended` are the incidents whose record in the history is to be written, or written anew. `seen` is how the
    observations found the target, `unknown` where they came to no verdict.
    """

    state: State
    alerts: tuple[Alert, ...] = ()
    ended: tuple[Incident, ...] = ()
    seen: Status = Status.UNKNOWN


def quiet_until(state: State, policy: Policy, now: datetime) -> datetime | None:
    """Tell until when nobody is to be told of this target: it is muted, or maintained; None when neither."""
    window = open_until(policy.maintenance, now)
    muted = state.muted_until if state.muted_until and now < state.muted_until else None
    return max(filter(None, (window, muted)), default=None)


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
    return _verdict(state, observations, policy) is None


def decide(
    state: State, observations: Sequence[Observation], policy: Policy, now: datetime, gap: Span | None = None
) -> Decision:
    """Derive the new state and the alerts to send from what one tick saw.

    Parameters
    ----------
    state
        What was known of the target before this tick.
    observations
        All that this tick has seen, oldest first; at least one. A tick that ran out of time while
        `wants_another` still said yes leaves everything as it was.
    policy
        How many probes confirm a transition, how often a reminder is due, when nobody is told.
    now
        The time of the decision, in UTC.
    gap
        The time before this tick in which Heartline did not run, when ticks were missed.
    """
    verdict = _verdict(state, observations, policy)
    if verdict is None:
        return Decision(_with_gap(state, gap))
    if verdict.failure:
        observed, change = _failed(state, verdict.failure, observations, policy), None
    else:
        observed, change = detect_change(_healthy(state, observations), observations[-1], state.last_ok)
    within = state.outage is not None
    observed = _with_gap(observed, gap)
    if change:
        observed = _amend_last(observed, change) if within else _record(observed, change)
    if quiet_until(observed, policy, now):
        return Decision(observed, (), _ended(state, observed, ()), observed.status)
    notified, alerts = tell(observed, observations[-1], policy, now, None if within else change)
    return Decision(notified, alerts, _ended(state, notified, alerts), notified.status)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Say how a tick found a target: failed, or healthy where there is no failure."""

    failure: Failure | None = None


def _verdict(state: State, observations: Sequence[Observation], policy: Policy) -> _Verdict | None:
    """Judge the probes of one tick: what is up needs all to fail, what is down needs all to be healthy.

    Return None where it needs another probe.
    """
    first, last, number = observations[0], observations[-1], len(observations)
    if state.outage is None:
        if last.failure is None:
            return _Verdict()
        return _Verdict(last.failure) if number > policy.confirmations else None
    if first.failure:
        another = number == 1 and policy.confirmations and not _alike(first.failure, state.outage.failure)
        return None if another else _Verdict(first.failure)
    if last.failure:
        return _Verdict(last.failure)
    return _Verdict() if number >= policy.recover_after else None


def _alike(one: Failure, other: Failure) -> bool:
    return one.kind is other.kind


def _healthy(state: State, observations: Sequence[Observation]) -> State:
    """Return the state after a tick that found the target up."""
    if state.outage:
        return _come_up(state, state.outage, observations)
    first, last = observations[0], observations[-1]
    if state.up_since is None:
        state = replace(state, first_seen=last.at, up_since=last.at, last_ok=last.at)
    return state if first.healthy else replace(state, blips=state.blips + 1, last_blip=first.at)


def _failed(state: State, failure: Failure, observations: Sequence[Observation], policy: Policy) -> State:
    """Return the state after a tick that found the target down."""
    if state.outage:
        return _stay_down(state, state.outage, observations, policy)
    first, last = observations[0], observations[-1]
    incident = Incident(
        f"{state.target}-{first.at:%Y%m%dT%H%M%SZ}", first.at, state.last_ok, last.at, kinds=(failure.kind,)
    )
    down = replace(
        state,
        first_seen=state.first_seen or first.at,
        last_failed=last.at,
        outage=Outage(incident, failure),
    )
    return went_down(down, incident, policy)


def _stay_down(state: State, outage: Outage, observations: Sequence[Observation], policy: Policy) -> State:
    """Take over a failure of another kind once two probes agree on it."""
    failures = [seen.failure for seen in observations if seen.failure]
    failure = failures[-1]
    if _alike(failure, outage.failure):
        return replace(state, outage=replace(outage, failure=failure))
    if policy.confirmations and not (len(failures) > 1 and _alike(failure, failures[-2])):
        return state
    kinds = tuple(dict.fromkeys((*outage.incident.kinds, failure.kind)))
    return replace(state, outage=Outage(replace(outage.incident, kinds=kinds), failure))


def _come_up(state: State, outage: Outage, observations: Sequence[Observation]) -> State:
    began, ended = outage.incident.began, observations[0].at
    up = replace(
        state,
        up_since=ended,
        last_ok=observations[-1].at,
        outage=None,
        flapping=state.flapping and came_up(state.flapping, began, ended),
        acknowledged=False,
    )
    return _over(up, replace(outage.incident, ended=ended, last_failed=state.last_failed))


def _over(state: State, incident: Incident) -> State:
    """Keep an incident that is over, beside the one that people still believe in."""
    return replace(state, recent=(*(one for one in state.recent if one.id == state.notified), incident))


def _amend_last(state: State, change: Change) -> State:
    """Add what happened to the server to the incident that has just ended."""
    *others, last = state.recent
    return replace(state, recent=(*others, replace(last, changes=(*last.changes, change))))


def _record(state: State, change: Change) -> State:
    """Keep what happened between two good probes as an incident without a length, which counts towards flapping."""
    at = change.before
    record = Incident(f"{state.target}-{at:%Y%m%dT%H%M%SZ}", at, change.after, ended=at, changes=(change,))
    flapping = state.flapping and replace(state.flapping, outages=state.flapping.outages + 1, stable_since=at)
    return _over(replace(state, flapping=flapping), record)


# Of an incident through which Heartline is stopped again and again, the last of these are kept.
_MOST_GAPS = 20


def _with_gap(state: State, gap: Span | None) -> State:
    """Note in the incident that began, went on or ended in it that part of its bounds was not observed."""
    if gap is None or state.first_seen is None or state.first_seen >= gap.ended:
        return state
    touched = state.incident or state.previous
    if touched and (touched.ended is None or touched.ended >= gap.ended):
        # A tick that could not write its heartbeat is noticed with the ones that were missed before it.
        others = (one for one in touched.unobserved if one.began != gap.began)
        state = state.holding(replace(touched, unobserved=(*others, gap)[-_MOST_GAPS:]))
    return replace(state, flapping=state.flapping and unobserved(state.flapping, gap))


def _ended(before: State, state: State, alerts: Sequence[Alert]) -> tuple[Incident, ...]:
    """List the incidents that are over and are not as they were before."""
    incidents = [*state.recent, *(alert.incident for alert in alerts)]
    fresh = {one.id: one for one in incidents if one and one.ended and one not in before.recent}
    return tuple(fresh.values())
