"""Draw the last 24 hours of a target from its history, by the hours of a clock; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from heartline.common.frozen import frozen
from heartline.messages.context import TargetHistory
from heartline.messages.wording import Wording
from heartline.model.incident import Incident, Span
from heartline.rules.availability import percent, share_up

UP, DOWN, UNWATCHED = ".", "#", "?"
_HOURS, _QUARTER = 24, 6
_HOUR = timedelta(hours=1)
_MONTH = timedelta(days=30)


@frozen
class Timeline:
    """The last hours of a target, each as the clock has it.

    Attributes
    ----------
    hours
        The hour of the day and its sign, the present hour last; those before the target was first seen are left out.
    share
        How much of them it was up, in percent.
    zone
        The name of the clock.
    """

    hours: tuple[tuple[int, str], ...]
    share: str
    zone: str

    @property
    def quarters(self) -> list[tuple[int, str]]:
        """The signs by quarters of the day, each with its first hour."""
        found: list[tuple[int, str]] = []
        for hour, sign in self.hours:
            if found and hour % _QUARTER:
                found[-1] = (found[-1][0], found[-1][1] + sign)
            else:
                found.append((hour, sign))
        return found


def recent_incidents(history: TargetHistory, current: Incident | None, now: datetime) -> list[Incident]:
    """Return the incidents of the 30 days before a moment, the current one last."""
    known = {one.id: one for one in history.incidents if now - _MONTH <= one.began <= now}
    if current:
        known.pop(current.id, None)
        known[current.id] = current
    return list(known.values())


def draw_timeline(
    history: TargetHistory, current: Incident | None, first_seen: datetime | None, now: datetime, wording: Wording
) -> Timeline | None:
    """Return the last 24 hours of a clock; None where nothing of them was observed."""
    # What happened between two good probes has no duration.
    incidents = [one for one in recent_incidents(history, current, now) if one.ended != one.began]
    outages = [Span(one.began, one.ended or now) for one in incidents]
    here, zone = wording.local(now)
    this = here.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    begins = [this - place * _HOUR for place in reversed(range(_HOURS))]
    seen = [one for one in begins if first_seen and first_seen < one + _HOUR]
    if not seen or first_seen is None:
        return None
    share = percent(share_up(outages, history.gaps, Span(max(seen[0], first_seen), now)).share)
    hours = tuple((wording.local(one)[0].hour, _sign(one, outages, history.gaps, now)) for one in seen)
    return Timeline(hours, share, zone) if share else None


def _sign(begins: datetime, outages: Sequence[Span], gaps: Sequence[Span], now: datetime) -> str:
    """Return up, down for a part of the hour, or not watched at all."""
    ends = begins + _HOUR
    if any(span.began < ends and span.ended >= begins for span in outages):
        return DOWN
    return UNWATCHED if any(gap.began <= begins and gap.ended >= min(ends, now) for gap in gaps) else UP
