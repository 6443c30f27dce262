"""Read maintenance windows, and tell when one is open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from heartline.model import Window

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY = frozenset(range(7))
_WRITTEN = re.compile(
    r"(?:([A-Za-z]{3,5}(?:[-,][A-Za-z]{3,5})*)\s+)?(\d\d:\d\d)-(\d\d:\d\d)(?:\s+([A-Za-z0-9_+/-]{1,64}))?"
)
_MEND = (
    'give days, times and a time zone, like "Sun 02:00-04:00 Asia/Seoul", "Mon-Fri 22:30-00:15 UTC" or "daily '
    '03:00-03:30"; without a zone it is UTC'
)


def window(value: object) -> Window:
    """Read one window, such as "Sun 02:00-04:00 Asia/Seoul".

    Raises
    ------
    ValueError
        When it is none, empty or in no known time zone (IANA's names); the text is the mend.
    """
    written = _WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if written is None:
        raise ValueError(_MEND)
    try:
        begins, ends = time.fromisoformat(written[2]), _end(written[3])
        read = Window(_days(written[1] or "daily"), begins, ends, zone(written[4] or "UTC"))
    except ValueError:
        raise ValueError(_MEND) from None
    if written[2] == written[3]:
        raise ValueError(f"the window is empty: {_MEND}")
    return read


def zone(value: object) -> ZoneInfo:
    """Find a time zone by its IANA name.

    Raises
    ------
    ValueError
        When there is none of that name.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only a document that names a zone needs it

    try:
        return ZoneInfo(str(value))
    except (ValueError, KeyError, OSError):
        raise ValueError("no such time zone") from None


def windows(values: object) -> tuple[Window, ...]:
    """Read a list of windows.

    Raises
    ------
    ValueError
        When it is no list, or one of them is wrong.
    """
    if not isinstance(values, list):
        raise ValueError('give a list of windows, like ["Sun 02:00-04:00 Asia/Seoul"]')  # noqa: TRY004 - a wrong type is one more wrong value
    return tuple(window(value) for value in values)


def _end(written: str) -> time:
    return time.fromisoformat("00:00" if written == "24:00" else written)


def _days(written: str) -> frozenset[int]:
    """Read names of days and ranges of them; a range may go over the end of the week."""
    if written.lower() == "daily":
        return _EVERY_DAY
    days: set[int] = set()
    for part in written.lower().split(","):
        first, *last = [_DAYS.index(name[:3]) for name in part.split("-") if name[:3] in _DAYS and len(name) == 3]
        if len(last) != part.count("-") or len(last) > 1:
            raise ValueError(part)
        days.update((first + step) % 7 for step in range((last[0] - first) % 7 + 1 if last else 1))
    return frozenset(days)


def open_until(windows: Iterable[Window], now: datetime) -> datetime | None:
    """Tell when the windows that are open now will have closed; None when none is.

    Windows that follow one another without a break count as one.
    """
    end, seen = None, now
    listed: Sequence[Window] = tuple(windows)
    # Each round ends with a later closing; a week of daily windows that touch is told as seven days.
    for _ in range(8 * len(listed)):
        closing = max((closes for one in listed if (closes := _closing(one, seen))), default=None)
        if closing is None or (end is not None and closing <= end):
            break
        end = seen = closing
    return end


def _closing(window: Window, now: datetime) -> datetime | None:
    """Tell when a window closes that is open now; it may have opened the day before."""
    today = now.astimezone(window.zone).date()
    for day in (today, today - timedelta(days=1)):
        if day.weekday() not in window.days:
            continue
        last = day if window.begins < window.ends else day + timedelta(days=1)
        # By the clock on the wall, so that a beginning that the clock skips is at the jump; one that comes twice is at
        # its first coming, and an end at its last.
        local = now.astimezone(window.zone).replace(tzinfo=None)
        opened = local >= datetime.combine(day, window.begins) or _moment(day, window.begins, window, now, 0) <= now
        closes = max(_moment(last, window.ends, window, now, fold) for fold in (0, 1))
        if opened and now < closes:
            return closes
    return None


def _moment(day: date, at: time, window: Window, now: datetime, fold: int) -> datetime:
    return datetime.combine(day, at.replace(fold=fold), window.zone).astimezone(now.tzinfo)
