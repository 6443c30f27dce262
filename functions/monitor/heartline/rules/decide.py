"""Decide what the observations of one tick mean for one target, and whom to tell what.

Everything here is pure: the same arguments give the same decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from heartline.model.alert import Alert
from heartline.model.incident import Change, Incident, Span
from heartline.model.kinds import Status
from heartline.model.observation import Failure, Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.alerts import amended, tell
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
    return _verdict(state, observations, policy) is _Verdict.UNCLEAR


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
    if verdict is _Verdict.UNCLEAR:
        return Decision(_with_gap(state, gap))
    observed = _with_gap(_TRANSITIONS[state.status, verdict](state, observations, policy), gap)
    within, change = state.status is Status.DOWN, None
    if verdict is _Verdict.HEALTHY:
        observed, change = detect_change(observed, observations[-1], state.last_ok)
    if change:
        observed = _amend_last(observed, change) if within else _record(observed, change)
    if quiet_until(observed, policy, now):
        return Decision(observed, (), _ended(state, observed, ()), observed.status)
    notified, alerts = tell(observed, observations[-1], policy, now, None if within else change)
    return Decision(notified, alerts, _ended(state, notified, alerts), notified.status)


class _Verdict(Enum):
    HEALTHY = auto()
    FAILED = auto()
    UNCLEAR = auto()


def _verdict(state: State, observations: Sequence[Observation], policy: Policy) -> _Verdict:
    """Judge the probes of one tick: what is up needs all to fail, what is down needs all to be healthy."""
    first, last, number = observations[0], observations[-1], len(observations)
    if state.status is not Status.DOWN:
        if last.healthy:
            return _Verdict.HEALTHY
        return _Verdict.FAILED if number > policy.confirmations else _Verdict.UNCLEAR
    if first.failure:
        another = number == 1 and policy.confirmations and not _alike(first.failure, state.failure)
        return _Verdict.UNCLEAR if another else _Verdict.FAILED
    if last.failure:
        return _Verdict.FAILED
    return _Verdict.HEALTHY if number >= policy.recover_after else _Verdict.UNCLEAR


def _alike(one: Failure, other: Failure | None) -> bool:
    return other is not None and one.kind is other.kind


def _first_good(state: State, observations: Sequence[Observation], _: Policy) -> State:
    last = observations[-1]
    seen = replace(state, status=Status.UP, first_seen=last.at, since=last.at, last_ok=last.at)
    return _count_blip(seen, observations)


def _stay_up(state: State, observations: Sequence[Observation], _: Policy) -> State:
    return _count_blip(state, observations)


def _count_blip(state: State, observations: Sequence[Observation]) -> State:
    first = observations[0]
    return state if first.healthy else replace(state, blips=state.blips + 1, last_blip=first.at)


def _go_down(state: State, observations: Sequence[Observation], policy: Policy) -> State:
    first, last, failure = observations[0], observations[-1], observations[-1].failure
    assert failure is not None  # noqa: S101 - the verdict is that it failed
    incident = Incident(
        f"{state.target}-{first.at:%Y%m%dT%H%M%SZ}", first.at, state.last_ok, last.at, kinds=(failure.kind,)
    )
    down = replace(
        state,
        status=Status.DOWN,
        first_seen=state.first_seen or state.since or first.at,
        since=first.at,
        last_failed=last.at,
        incident=incident,
        failure=failure,
    )
    return went_down(down, incident, policy)


def _stay_down(state: State, observations: Sequence[Observation], policy: Policy) -> State:
    """Take over a failure of another kind once two probes agree on it."""
    failures = [seen.failure for seen in observations if seen.failure]
    failure = failures[-1]
    assert state.incident is not None  # noqa: S101 - what is down has one
    if _alike(failure, state.failure):
        return replace(state, failure=failure)
    if policy.confirmations and not (len(failures) > 1 and _alike(failure, failures[-2])):
        return state
    kinds = tuple(dict.fromkeys((*state.incident.kinds, failure.kind)))
    return replace(amended(state, state.incident.id, kinds=kinds), failure=failure)


def _come_up(state: State, observations: Sequence[Observation], _: Policy) -> State:
    first, incident = observations[0], state.incident
    assert incident is not None  # noqa: S101 - what is down has one
    up = amended(state, incident.id, ended=first.at, last_failed=state.last_failed)
    return replace(
        up,
        status=Status.UP,
        first_seen=state.first_seen or state.since,
        since=first.at,
        last_ok=observations[-1].at,
        incident=None,
        previous=up.incident,
        flapping=state.flapping and came_up(state.flapping, incident.began, first.at),
        failure=None,
        acknowledged=False,
    )


_Transition = Callable[[State, Sequence[Observation], Policy], State]
_TRANSITIONS: Mapping[tuple[Status, _Verdict], _Transition] = {
    (Status.UNKNOWN, _Verdict.HEALTHY): _first_good,
    (Status.UNKNOWN, _Verdict.FAILED): _go_down,
    (Status.UP, _Verdict.HEALTHY): _stay_up,
    (Status.UP, _Verdict.FAILED): _go_down,
    (Status.DOWN, _Verdict.HEALTHY): _come_up,
    (Status.DOWN, _Verdict.FAILED): _stay_down,
}


def _amend_last(state: State, change: Change) -> State:
    """Add what happened to the server to the incident that has just ended."""
    assert state.previous is not None  # noqa: S101 - it has just ended
    return amended(state, state.previous.id, changes=(*state.previous.changes, change))


def _record(state: State, change: Change) -> State:
    """Keep what happened between two good probes as an incident without a length, which counts towards flapping."""
    at = change.before
    record = Incident(f"{state.target}-{at:%Y%m%dT%H%M%SZ}", at, change.after, ended=at, changes=(change,))
    flapping = state.flapping and replace(state.flapping, outages=state.flapping.outages + 1, stable_since=at)
    return replace(state, previous=record, flapping=flapping)


# Of an incident through which Heartline is stopped again and again, the last of these are kept.
_MOST_GAPS = 20


def _with_gap(state: State, gap: Span | None) -> State:
    """Note in the incident that began, went on or ended in it that part of its bounds was not observed."""
    watched = state.first_seen or state.since
    if gap is None or watched is None or watched >= gap.ended:
        return state
    touched = state.incident or state.previous
    if touched and (touched.ended is None or touched.ended >= gap.ended):
        # A tick that could not write its heartbeat is noticed with the ones that were missed before it.
        others = (one for one in touched.unobserved if one.began != gap.began)
        state = amended(state, touched.id, unobserved=(*others, gap)[-_MOST_GAPS:])
    return replace(state, flapping=state.flapping and unobserved(state.flapping, gap))


def _ended(before: State, state: State, alerts: Sequence[Alert]) -> tuple[Incident, ...]:
    """List the ended incidents that are not as they were before."""
    incidents = [state.previous, *(alert.incident for alert in alerts)]
    fresh = {one.id: one for one in incidents if one and one.ended and one != before.previous}
    return tuple(fresh.values())
