"""Find when a maintenance window closes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from heartline.model.target import Window


def open_until(windows: Iterable[Window], now: datetime) -> datetime | None:
    """Return when the windows that are open now will have closed; None when none is.

    Windows that follow one another without a break count as one.
    """
    end, listed = None, tuple(windows)
    # Each round ends with a later closing; a week of daily windows that touch is told as seven days.
    for _ in range(8 * len(listed)):
        closings = [closes for one in listed if (closes := _closing(one, end or now))]
        if not closings:
            break
        end = max(closings)
    return end


def _closing(window: Window, now: datetime) -> datetime | None:
    """Return when a window closes that is open now; it may have opened the day before."""
    today = now.astimezone(window.zone).date()
    for day in (today, today - timedelta(days=1)):
        if day.weekday() not in window.days:
            continue
        last = day if window.begins < window.ends else day + timedelta(days=1)
        # By the clock on the wall, so that a beginning that the clock skips is at the jump; a beginning or an end that
        # comes twice is at its first coming.
        local = now.astimezone(window.zone).replace(tzinfo=None)
        opened = local >= datetime.combine(day, window.begins) or _moment(day, window.begins, window, now) <= now
        closes = _moment(last, window.ends, window, now)
        if opened and now < closes:
            return closes
    return None


def _moment(day: date, at: time, window: Window, now: datetime) -> datetime:
    return datetime.combine(day, at, window.zone).astimezone(now.tzinfo)
