"""The texts of each language: one file each, with the same keys and placeholders."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path

from heartline.common.frozen import frozen
from heartline.common.text import sanitize

# A cause and a next step are words of other sentences, and have words of their own.
_MAX_WORD = 500
_TEXTS = Path(__file__).parent / "texts"
LANGUAGES = tuple(sorted(file.stem for file in _TEXTS.glob("*.toml")))


@frozen
class Language:
    """The texts of one language, by dotted keys."""

    code: str
    texts: Mapping[str, str]

    def text(self, key: str, /, **words: object) -> str:
        """Return a text with the words in its placeholders; no word can add a line break or a control character."""
        return self.texts[key].format_map({name: sanitize(str(word), _MAX_WORD) for name, word in words.items()})

    def length(self, span: timedelta) -> str:
        """Return a duration in its two largest units, such as "40 s", "14 min", "2 h 5 min", "3 days 4 h"."""
        seconds = max(0, round(span.total_seconds()))
        if seconds < 120:
            return self.text("length.s", s=seconds)
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
        if hours < 1:
            return self.text("length.min", min=minutes)
        if days < 2:
            return self.text(f"length.h{'_min' if minutes % 60 else ''}", h=hours, min=minutes % 60)
        return self.text(f"length.days{'_h' if hours % 24 else ''}", days=days, h=hours % 24)


@cache
def language(code: str) -> Language:
    """Return a language, one of LANGUAGES; each file is read once."""
    return Language(code, _flat(tomllib.loads((_TEXTS / f"{code}.toml").read_text(encoding="utf-8"))))


def _flat(table: Mapping[str, object], above: str = "") -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            texts |= _flat(value, f"{above}{key}.")
        else:
            texts[f"{above}{key}"] = str(value)
    return texts
