"""Say things in the reader's language: a file of texts each, with the same keys and placeholders."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from heartline.common.text import sanitize

# A cause and a next step are words of other sentences, and have words of their own.
_MOST_WORD = 500
_TEXTS = Path(__file__).parent / "texts"
LANGUAGES = tuple(sorted(file.stem for file in _TEXTS.glob("*.toml")))


@dataclass(frozen=True, slots=True)
class Language:
    """Hold the texts of one language, by dotted keys."""

    code: str
    texts: Mapping[str, str]

    def say(self, key: str, /, **words: object) -> str:
        """Give a text with the words in their places; no word can break a line or bring in a control character."""
        return self.texts[key].format_map({name: sanitize(str(word), _MOST_WORD) for name, word in words.items()})

    def length(self, span: timedelta) -> str:
        """Write a duration in its two largest units, such as "40 s", "14 min", "2 h 5 min", "3 days 4 h"."""
        seconds = max(0, round(span.total_seconds()))
        if seconds < 120:
            return self.say("length.s", s=seconds)
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
        if hours < 1:
            return self.say("length.min", min=minutes)
        if days < 2:
            return self.say(f"length.h{'_min' if minutes % 60 else ''}", h=hours, min=minutes % 60)
        return self.say(f"length.days{'_h' if hours % 24 else ''}", days=days, h=hours % 24)


@cache
def language(code: str) -> Language:
    """Read the texts of a language, one of LANGUAGES."""
    return Language(code, _flat(tomllib.loads((_TEXTS / f"{code}.toml").read_text(encoding="utf-8"))))


def _flat(table: Mapping[str, object], above: str = "") -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            texts |= _flat(value, f"{above}{key}.")
        else:
            texts[f"{above}{key}"] = str(value)
    return texts
