"""Read what a server says before it knows in which encoding a client wants it."""

from __future__ import annotations

import re

_SMALL = r"\u0430-\u044f\u0451\u0456\u0457\u0454\u0491"  # of Russian and Ukrainian
_CAPITAL = r"\u0410-\u042f\u0401\u0406\u0407\u0404\u0490"
_TURKISH = r"\u011e\u011f\u0130\u0131\u015e\u015f"
_CYRILLIC = rf"(?=.*[{_SMALL}]{{4}})(?:[\0-\x7f\xa0«»—]|(?<![a-z{_SMALL}])[{_CAPITAL}]?[{_SMALL}]+(?![a-z]))+"
# After UTF-8, the encodings in which a postmaster's messages come (PostgreSQL documentation, 23.3 Character Set
# Support: those of a server, for the languages that PostgreSQL is translated into), in order. Bytes fit several of
# them: what is read must be in the language's own letters.
_LIKELY = (
    ("euc_jp", re.compile(r"(?=.*[\u3041-\u30fe])[\0-\x7f\u3000-\u30ff\u4e00-\u9fff\uff01-\uff9f]+", re.DOTALL)),
    ("cp949", re.compile(r"(?=.*[\uac00-\ud7a3]{2})[\0-\x7f\u3001-\u3011\uac00-\ud7a3]+", re.DOTALL)),
    *((encoding, re.compile(_CYRILLIC, re.DOTALL)) for encoding in ("koi8_u", "cp1251", "iso8859_5")),
    (
        "cp1252",
        re.compile(
            r"(?:[\0-\x7f\xa0«»\u2019\u201c\u201d\u2013]|(?<![\xc0-\xffA-Za-z])\xbf|"
            r"(?<![\xc0-\xff]{3})[\xc0-\xc5\xc7-\xcf\xd1-\xd6\xd9-\xdc\xdf-\xe5\xe7-\xef\xf1-\xf6\xf9-\xfc\xffŒœŸ])+"
        ),
    ),
    ("iso8859_9", re.compile(rf"(?=.*[{_TURKISH}])[\0-\x7f\xa0«»\xc7\xd6\xdc\xe7\xf6\xfc{_TURKISH}]+", re.DOTALL)),
    ("gb2312", re.compile(r"[\0-\x7f\u3001-\u3011\u4e00-\u9fff\uff01-\uff5e]+")),
)


def decode(said: bytes) -> str | None:
    """Return what was said, or None where its encoding is not clear: no words are better than wrong ones."""
    try:
        return said.decode()
    except UnicodeDecodeError:
        return next((text for encoding, letters in _LIKELY if (text := _decoded(said, encoding, letters))), None)


def _decoded(said: bytes, encoding: str, letters: re.Pattern[str]) -> str | None:
    try:
        text = said.decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if letters.fullmatch(text) else None
