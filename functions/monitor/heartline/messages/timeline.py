"""Show how a target has been lately, from its history; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from heartline.messages.context import TargetHistory
from heartline.model.incident import Incident, Span

UP, DOWN, UNWATCHED = ".", "#", "?"
_HOURS = 24
_MONTH = timedelta(days=30)


def incidents_until(past: TargetHistory, current: Incident | None, now: datetime) -> list[Incident]:
    """List the incidents of the last 30 days before a moment, the current one last."""
    known = {one.id: one for one in past.incidents if now - _MONTH <= one.began <= now}
    if current:
        known.pop(current.id, None)
        known[current.id] = current
    return list(known.values())


def strip(past: TargetHistory, current: Incident | None, first_seen: datetime | None, now: datetime) -> str:
    """Draw the last 24 hours, a character an hour: up, down for a part of it, or not watched at all."""
    # What happened between two good probes has no length.
    incidents = [one for one in incidents_until(past, current, now) if one.ended != one.began]
    downs = [Span(one.began, one.ended or now) for one in incidents]
    hours = [now - timedelta(hours=_HOURS - place) for place in range(_HOURS)]
    signs = [_hour(begins, downs, past.gaps, first_seen) for begins in hours]
    # What begins now is still in the last hour.
    return "".join(signs[:-1]) + (DOWN if current and current.ended is None else signs[-1])


def _hour(begins: datetime, downs: Sequence[Span], gaps: Sequence[Span], first_seen: datetime | None) -> str:
    ends = begins + timedelta(hours=1)
    if any(span.began < ends and span.ended >= begins for span in downs):
        return DOWN
    unseen = first_seen is None or first_seen >= ends
    return UNWATCHED if unseen or any(gap.began <= begins and gap.ended >= ends for gap in gaps) else UP
