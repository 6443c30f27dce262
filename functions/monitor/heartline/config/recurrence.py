"""Parse when a report comes."""

from __future__ import annotations

import re
from datetime import time

from heartline.model.recurrence import WEEKDAYS, Recurrence

_WRITTEN = re.compile(rf"(?:({'|'.join(WEEKDAYS)})|(\d\d?)[a-z]{{2}}) +(\d\d:\d\d)", re.ASCII | re.IGNORECASE)
# Every month has these.
_DAYS = range(1, 29)
_FIX = 'give a day of the week or of the month, 1st to 28th, and a time, like "Mon 09:00" or "1st 09:00"'


def recurrence(value: object) -> Recurrence:
    """Return what is written like "Mon 09:00" or "1st 09:00".

    Raises
    ------
    ValueError
        When it is anything else; the text is the fix.
    """
    written = _WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if written is None:
        raise ValueError(_FIX)
    weekday, day, at = written.groups()
    try:
        read = Recurrence(day is not None, int(day) if day else WEEKDAYS.index(weekday.title()), time.fromisoformat(at))
    except ValueError:
        raise ValueError(_FIX) from None
    if (read.monthly and read.day not in _DAYS) or str(read).lower() != " ".join(written[0].lower().split()):
        raise ValueError(_FIX)
    return read
