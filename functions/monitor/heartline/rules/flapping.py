"""Recognize times without rest, and their end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from heartline.model.belief import FLAPPING_SUFFIX, Flapping
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.counting import marked

# How many times its rhythm a target must rest, and the most of it.
_RHYTHMS = 2
_MOST_REST = timedelta(hours=6)
# And at least this many ticks after its last event: the first good one alone may be one of a rhythm.
_LEAST_TICKS = 2
# How many times its longest outage one must last that is not one of its rhythm; the most of it as above.
_OUTAGES = 2
# After so long a rest the next event begins anew, unless people believe that it flaps.
_FORGOTTEN = timedelta(hours=1)


def settle_time(flapping: Flapping, policy: Policy) -> timedelta:
    """Return how long a target must rest to count as stable.

    That is `settle_after`, longer for a slower rhythm, and no less than it takes to see `recover_after` good probes in
    more than one tick: a tick sees one of a target that is up.
    """
    rest = min(_RHYTHMS * timedelta(seconds=flapping.rhythm), _MOST_REST)
    return max(policy.settle_after, rest, max(_LEAST_TICKS, policy.recover_after) * policy.interval)


def least_outage(flapping: Flapping | None, policy: Policy) -> timedelta:
    """Return how long an outage must last to be reported by itself: longer than those that its flapping sums up."""
    longest = flapping.longest if flapping else 0
    return max(policy.settle_after, min(_OUTAGES * timedelta(seconds=longest), _MOST_REST))


def disturbed(state: State, at: datetime, name: str | None = None) -> State:
    """Return the state after an event: a target went down, failed for a moment, or was restarted."""
    known = state.flapping
    if known is None or (not known.notified and at - known.stable_since > _FORGOTTEN):
        return replace(state, flapping=begun(state, at, name))
    rest = max(0.0, (at - known.stable_since).total_seconds())
    return replace(state, flapping=replace(known, rhythm=max(rest, known.rhythm), stable_since=at))


def begun(state: State, at: datetime, name: str | None = None) -> Flapping:
    """Return the account of times without rest that begin with an event."""
    name = name or f"{state.target}-{at:%Y%m%dT%H%M%SZ}"
    return Flapping(f"{name}{FLAPPING_SUFFIX}", marked(state, at), at)
