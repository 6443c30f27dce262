"""Recognise a target that goes down and up again and again, and tell when it has settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from heartline.model.incident import FLAPPING_SUFFIX, Flapping, Incident, Span
from heartline.model.kinds import Status
from heartline.model.state import State
from heartline.model.target import Policy

# How much of the rhythm of two outages must pass in calm before a third is a new story, and the most of it.
_RHYTHM = 2
_MOST_RHYTHMS = 6


def settle_time(state: State, policy: Policy) -> timedelta:
    """Tell how long a target must stay up to count as settled: `settle_after`, longer for a slower rhythm."""
    rhythm = timedelta(seconds=_RHYTHM * (state.quiet_interval or 0))
    return min(max(policy.settle_after, rhythm), _MOST_RHYTHMS * policy.settle_after)


def went_down(state: State, incident: Incident, policy: Policy) -> State:
    """Count an outage that has begun: people were told of a short one before, and it had not settled since."""
    previous, flapping = state.previous, state.flapping
    if previous is None or previous.ended is None:
        return state
    quiet_interval, length = incident.began - previous.ended, _seconds(previous.began, previous.ended)
    if quiet_interval > settle_time(state, policy) and not (flapping and flapping.notified):
        flapping = None
    elif flapping is None and previous.notified and length < policy.settle_after.total_seconds():
        flapping = Flapping(f"{previous.id}{FLAPPING_SUFFIX}", previous.began, incident.began, 1, length, length)
    if flapping:
        flapping = replace(flapping, outages=flapping.outages + 1, stable_since=incident.began)
    return replace(state, quiet_interval=max(0.0, quiet_interval.total_seconds()), flapping=flapping)


def came_up(flapping: Flapping, began: datetime, ended: datetime) -> Flapping:
    """Add an outage that is over."""
    length = _seconds(began, ended)
    return replace(flapping, total=flapping.total + length, longest=max(flapping.longest, length), stable_since=ended)


def unobserved(flapping: Flapping, gap: Span) -> Flapping:
    """Begin the time anew for which it has been seen as it is."""
    return replace(flapping, stable_since=max(flapping.stable_since, gap.ended))


def has_settled(state: State, policy: Policy, now: datetime) -> bool:
    """Tell whether a spell is over: up for as long as its rhythm asks, or down for `settle_after`."""
    if state.flapping is None:
        return False
    rest = policy.settle_after if state.status is Status.DOWN else settle_time(state, policy)
    return now - state.flapping.stable_since >= rest


def _seconds(began: datetime, ended: datetime) -> float:
    return max(0.0, (ended - began).total_seconds())
