"""Recognize the time in which Heartline did not run."""

from __future__ import annotations

from datetime import datetime, timedelta

from heartline.model.incident import Span
from heartline.model.state import State
from heartline.model.target import Policy

# A tick that comes later than this many intervals after the last one has missed one.
_MISSED = 1.5


def missed(last: datetime | None, at: datetime, interval: timedelta) -> Span | None:
    """Return the time before a moment in which Heartline did not run, when ticks were missed."""
    if last is None or at - last <= _MISSED * interval:
        return None
    return Span(last, at)


def unknown_time(state: State, gap: Span | None, policy: Policy) -> Span | None:
    """Return what of a gap is unknown of a target: a tick may have saved its state and then failed."""
    if gap is None:
        return None
    known = (state.last_ok, state.last_failed, state.mark.at if state.mark else None)
    began = max((at for at in known if at and at < gap.ended), default=gap.began)
    return missed(max(began, gap.began), gap.ended, policy.interval)
