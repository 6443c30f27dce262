"""Parse maintenance windows."""

from __future__ import annotations

import re
from datetime import time
from typing import TYPE_CHECKING

from heartline.model.target import Window

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY = frozenset(range(7))
_WRITTEN = re.compile(
    r"(?:([A-Za-z]{3,5}(?:[-,][A-Za-z]{3,5})*)\s+)?(\d\d:\d\d)-(\d\d:\d\d)(?:\s+([A-Za-z0-9_+/-]{1,64}))?"
)
_FIX = (
    'give days, times and a time zone, like "Sun 02:00-04:00 Asia/Seoul", "Mon-Fri 22:30-00:15 UTC" or "daily '
    '03:00-03:30"; without a zone it is UTC'
)


def window(value: object) -> Window:
    """Return one window, written like "Sun 02:00-04:00 Asia/Seoul".

    Raises
    ------
    ValueError
        When it is not a window, is empty, or has an unknown time zone (IANA's names); the text is the fix.
    """
    written = _WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if written is None:
        raise ValueError(_FIX)
    try:
        begins, ends = time.fromisoformat(written[2]), _end(written[3])
        read = Window(_days(written[1] or "daily"), begins, ends, zone(written[4] or "UTC"))
    except ValueError:
        raise ValueError(_FIX) from None
    if written[2] == written[3]:
        raise ValueError(f"the window is empty: {_FIX}")
    return read


def zone(value: object) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises
    ------
    ValueError
        When there is no such time zone.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only a document that names a zone needs it

    try:
        return ZoneInfo(str(value))
    except (ValueError, KeyError, OSError):
        raise ValueError("no such time zone") from None


def windows(values: object) -> tuple[Window, ...]:
    """Return the windows of a list.

    Raises
    ------
    ValueError
        When it is not a list, or one of them is wrong.
    """
    if not isinstance(values, list):
        raise ValueError('give a list of windows, like ["Sun 02:00-04:00 Asia/Seoul"]')  # noqa: TRY004 - a wrong type is one more wrong value
    return tuple(window(value) for value in values)


def _end(written: str) -> time:
    return time.fromisoformat("00:00" if written == "24:00" else written)


def _days(written: str) -> frozenset[int]:
    """Return the days that are written as names and ranges; a range may go over the end of the week."""
    if written.lower() == "daily":
        return _EVERY_DAY
    days: set[int] = set()
    for part in written.lower().split(","):
        first, *last = [_DAYS.index(name[:3]) for name in part.split("-") if name[:3] in _DAYS and len(name) == 3]
        if len(last) != part.count("-") or len(last) > 1:
            raise ValueError(part)
        days.update((first + step) % 7 for step in range((last[0] - first) % 7 + 1 if last else 1))
    return frozenset(days)
