"""Draw the last 24 hours of a target from its history; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from heartline.messages.context import TargetHistory
from heartline.model.incident import Incident, Span

UP, DOWN, UNWATCHED = ".", "#", "?"
_HOURS = 24
_MONTH = timedelta(days=30)


def recent_incidents(history: TargetHistory, current: Incident | None, now: datetime) -> list[Incident]:
    """Return the incidents of the 30 days before a moment, the current one last."""
    known = {one.id: one for one in history.incidents if now - _MONTH <= one.began <= now}
    if current:
        known.pop(current.id, None)
        known[current.id] = current
    return list(known.values())


def draw_timeline(history: TargetHistory, current: Incident | None, first_seen: datetime | None, now: datetime) -> str:
    """Return a character for each of the last 24 hours: up, down for a part of it, or not watched at all."""
    # What happened between two good probes has no duration.
    incidents = [one for one in recent_incidents(history, current, now) if one.ended != one.began]
    outages = [Span(one.began, one.ended or now) for one in incidents]
    hours = [now - timedelta(hours=_HOURS - place) for place in range(_HOURS)]
    signs = [_hour(begins, outages, history.gaps, first_seen) for begins in hours]
    # An incident that begins at this very moment still belongs to the last hour.
    return "".join(signs[:-1]) + (DOWN if current and current.ended is None else signs[-1])


def _hour(begins: datetime, outages: Sequence[Span], gaps: Sequence[Span], first_seen: datetime | None) -> str:
    ends = begins + timedelta(hours=1)
    if any(span.began < ends and span.ended >= begins for span in outages):
        return DOWN
    unseen = first_seen is None or first_seen >= ends
    return UNWATCHED if unseen or any(gap.began <= begins and gap.ended >= ends for gap in gaps) else UP
