"""Recognize the time in which Heartline did not run, and take it out of what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from heartline.model.incident import Span
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.counting import not_observed

# A tick that comes later than this many intervals after the last one has missed one.
MISSED = 1.5
# A tick notes its beginning when it ends, so the last one known is up to two intervals old while all is well.
_SILENT_AFTER = 2.5
# Of an incident through which Heartline is stopped again and again, the last of these are kept.
_MOST_GAPS = 20


def missed(last: datetime | None, at: datetime, interval: timedelta) -> Span | None:
    """Return the time before a moment in which Heartline did not run, when ticks were missed."""
    if last is None or at - last <= MISSED * interval:
        return None
    return Span(last, at)


def silence(last: datetime | None, now: datetime, interval: timedelta) -> Span | None:
    """Return the time since the last tick, if by now there should have been others."""
    return Span(last, now) if last and now - last > _SILENT_AFTER * interval else None


def unprobed_since(seen: datetime | None, last: datetime | None, now: datetime, interval: timedelta) -> datetime | None:
    """Return when ticks last came to a verdict on a target, if that is long ago although they ran."""
    silent = silence(last, now, interval)
    until = silent.began if silent else now
    return seen if seen and until - seen > _SILENT_AFTER * interval else None


def unknown_time(state: State, gap: Span | None, policy: Policy) -> Span | None:
    """Return what of a gap is unknown of a target: a tick may have saved its state and then failed."""
    if gap is None:
        return None
    known = (state.last_ok, state.last_failed, state.mark.at if state.mark else None)
    began = max((at for at in known if at and at < gap.ended), default=gap.began)
    return missed(max(began, gap.began), gap.ended, policy.interval)


def note_gap(state: State, gap: Span | None, policy: Policy) -> State:
    """Note in what began, went on or ended in it that a time was not observed."""
    if gap is None or state.first_seen is None or state.first_seen >= gap.ended:
        return state
    touched = state.incident or state.previous
    if touched and touched.ended and touched.ended < gap.ended:
        touched = None
    if touched:
        # A tick that could not write its heartbeat is noticed with the ones that were missed before it.
        others = (one for one in touched.unobserved if one.began != gap.began)
        state = state.holding(replace(touched, unobserved=(*others, gap)[-_MOST_GAPS:]))
    elif state.belief is None:
        return state
    unseen, flapping = _unseen(gap, state.gap, policy), state.flapping
    if flapping and not state.outage:
        rested = min(unseen.ended, flapping.stable_since + (unseen.ended - unseen.began))
        flapping = replace(flapping, stable_since=max(rested, flapping.stable_since))
    return replace(state, counts=not_observed(state.counts, unseen, touched), gap=gap, flapping=flapping)


def _unseen(gap: Span, known: Span | None, policy: Policy) -> Span:
    """Return what of a gap nothing is known of: a gap can grow, and each tick stands for the interval after it.

    Without that, what fails in the rhythm of the missed ticks would look worse than it is, and hardly ever rest.
    """
    began = known.ended if known and known.began == gap.began else gap.began + policy.interval
    return Span(min(began, gap.ended), gap.ended)
