"""Make what comes from outside fit to be read."""

from __future__ import annotations

import unicodedata

# Control characters, format characters (right-to-left marks among them), lone surrogates, line and
# paragraph separators: https://www.unicode.org/reports/tr44/#General_Category_Values
_UNFIT = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

# https://www.unicode.org/reports/tr11/
_WIDE = frozenset("WF")


def sanitize(said: str, most: int = 300) -> str:
    """Cut hostile text to `most` characters, on one line, without any that change how the rest is shown."""
    fit = "".join(" " if unicodedata.category(c) in _UNFIT else c for c in said[: 2 * most])
    line = " ".join(fit.split())
    return line if len(line) <= most else line[: most - 3] + "..."


def columns(text: str) -> int:
    """Count the columns of a terminal that a text takes: characters of East Asia take two."""
    return sum(2 if unicodedata.east_asian_width(char) in _WIDE else 1 for char in text)
