"""Recognise the time in which Heartline did not run."""

from __future__ import annotations

from datetime import datetime, timedelta

from heartline.model.incident import Span

# A tick that comes later than this many intervals after the last one has missed one.
_MISSED = 1.5


def missed(last: datetime | None, at: datetime, interval: timedelta) -> Span | None:
    """Give the time before a moment in which Heartline did not run, when ticks were missed."""
    if last is None or at - last <= _MISSED * interval:
        return None
    return Span(last, at)
