"""Write times, durations and what a server says, for people to read."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

# Control characters, format characters (right-to-left marks among them), lone surrogates, line and
# paragraph separators: https://www.unicode.org/reports/tr44/#General_Category_Values
_UNFIT = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def tame(said: str, most: int = 300) -> str:
    """Cut hostile text to `most` characters, on one line, without any that change how the rest is shown."""
    fit = "".join(" " if unicodedata.category(c) in _UNFIT else c for c in said[: 2 * most])
    line = " ".join(fit.split())
    return line if len(line) <= most else line[: most - 3] + "..."


def moment(at: datetime) -> str:
    """Write a time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def length(span: timedelta) -> str:
    """Write a duration in its two largest units: "40 s", "14 min", "2 h 5 min", "3 days 4 h"."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours < 1:
        return f"{minutes} min"
    if days < 2:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} days {hours % 24} h" if hours % 24 else f"{days} days"
