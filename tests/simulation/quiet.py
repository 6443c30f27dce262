"""When nobody is to be told, worked out from the wall clock of the window's place."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from simulation.world import Window

DOUBT = 2.0  # seconds about the edges in which either is right
Span = tuple[float, float]


@dataclass(slots=True)
class Quiet:
    """The spans of quiet that windows make, as sure ones and possible ones, and the mute that is on.

    They differ where an hour comes twice or not at all: a window that begins in it may begin at either. One that
    ends in it ends at the first.
    """

    sure: list[Span] = field(default_factory=list)
    possible: list[Span] = field(default_factory=list)
    muted: Span = (0.0, 0.0)

    def surely(self, instant: float) -> bool:
        return _within(self.sure, instant, -DOUBT) or self.muted[0] + DOUBT <= instant < self.muted[1] - DOUBT

    def possibly(self, instant: float) -> bool:
        return _within(self.possible, instant, DOUBT) or self.muted[0] - DOUBT <= instant < self.muted[1] + DOUBT


def of_windows(windows: tuple[Window, ...], begins: float, ends: float) -> Quiet:
    """List the spans of all windows within these bounds."""
    quiet = Quiet()
    for window in windows:
        zone = ZoneInfo(window.zone)
        day = datetime.fromtimestamp(begins, UTC).date() - timedelta(days=2)
        while day <= datetime.fromtimestamp(ends, UTC).date() + timedelta(days=2):
            if day.weekday() in window.days:
                last = day + timedelta(days=1) if window.ends <= window.begins else day
                first = [_instant(day, window.begins, zone, fold) for fold in (0, 1)]
                until = [_instant(last, window.ends, zone, fold) for fold in (0, 1)]
                quiet.sure.append((max(first), min(until)))
                quiet.possible.append((min(first), until[0]))
            day += timedelta(days=1)
    quiet.sure, quiet.possible = _joined(quiet.sure), _joined(quiet.possible)
    return quiet


def _instant(day: object, at: tuple[int, int], zone: ZoneInfo, fold: int) -> float:
    hour, minute = at
    return datetime.combine(day, time(hour, minute, fold=fold), zone).timestamp()  # type: ignore[arg-type]


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for begins, ends in sorted(span for span in spans if span[0] < span[1]):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
        else:
            joined.append((begins, ends))
    return joined


def _within(spans: list[Span], instant: float, margin: float) -> bool:
    place = bisect_right(spans, (instant + margin, float("inf"))) - 1
    return place >= 0 and spans[place][0] - margin <= instant < spans[place][1] + margin
