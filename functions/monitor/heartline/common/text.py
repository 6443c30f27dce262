"""Sanitize and measure text."""

from __future__ import annotations

import unicodedata

# Control characters, format characters (right-to-left marks among them), lone surrogates, line and
# paragraph separators: https://www.unicode.org/reports/tr44/#General_Category_Values
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

# https://www.unicode.org/reports/tr11/
_WIDE = frozenset("WF")


def sanitize(text: str, limit: int = 300) -> str:
    """Return a text from outside on one line of at most `limit` characters, without any that change how it is shown."""
    safe = "".join(" " if unicodedata.category(c) in _UNSAFE else c for c in text[: 2 * limit])
    line = " ".join(safe.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def columns(text: str) -> int:
    """Return the columns of a terminal that a text takes: wide characters of East Asia take two."""
    return sum(2 if unicodedata.east_asian_width(char) in _WIDE else 1 for char in text)
