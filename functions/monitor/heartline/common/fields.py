"""Parse the small values that people write: durations, addresses, names.

Each reader raises ValueError with the fix as its text, and never repeats the value: it may be a password in the wrong
place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd])", re.ASCII)
# RFC 5321 4.5.3.1 caps an address at 254 octets; quoted local parts and address literals are not taken.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._:%-]{1,253}", re.ASCII)
# As many as a resource of AWS can have.
_MOST_TAGS = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def duration(value: object, least: float, most: float) -> timedelta:
    """Return the duration of a number of seconds, or of text such as "90s", "5m", "2h" or "1d".

    Parameters
    ----------
    value
        The value as written.
    least, most
        The bounds in seconds, both included.

    Raises
    ------
    ValueError
        When it is neither, or out of bounds.
    """
    seconds = -1.0
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        seconds = float(value)
    elif isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        seconds = float(match[1]) * _UNITS[match[2]]
    if not least <= seconds <= most:
        raise ValueError(f'give seconds, or text like "90s", "5m", "2h", from {_short(least)} to {_short(most)}')
    return timedelta(seconds=seconds)


def _short(seconds: float) -> str:
    for unit, size in reversed(_UNITS.items()):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def address(value: object) -> str:
    """Return one bare e-mail address.

    Raises
    ------
    ValueError
        When it is not one.
    """
    if not isinstance(value, str) or len(value) > 254 or not _ADDRESS.fullmatch(value):
        raise ValueError("give a bare e-mail address, like oncall@example.com")
    return value


def addresses(values: object) -> tuple[str, ...]:
    """Return a list of e-mail addresses without duplicates.

    Raises
    ------
    ValueError
        When it is empty, too long for one SendEmail call (50 recipients), or contains something else.
    """
    if not isinstance(values, list) or not 1 <= len(values) <= 50:
        raise ValueError('give a list of 1 to 50 addresses, like ["oncall@example.com"]')
    return tuple(dict.fromkeys(address(value) for value in values))


def name(value: object) -> str:
    """Return a target's name.

    Raises
    ------
    ValueError
        When it is not 1 to 64 letters, digits, dots, hyphens and underscores.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("give 1 to 64 letters, digits, dots, hyphens and underscores")
    return value


def tags(value: object) -> Mapping[str, str]:
    """Return a table of short texts by their names.

    Raises
    ------
    ValueError
        When it is none, has more than 50, or holds what is no short text.
    """
    if isinstance(value, Mapping) and len(value) <= _MOST_TAGS:
        texts = (text for pair in value.items() for text in pair)
        if all(isinstance(text, str) and 1 <= len(text) <= 64 and text.isprintable() for text in texts):
            return dict(value)
    raise ValueError('give a table of short texts, like { team = "payments", stage = "production" }')


def host(value: object) -> str:
    """Return a host name or an IP address.

    Raises
    ------
    ValueError
        When it has a character that neither can have, or is longer than a name can be (RFC 1035, 2.3.4).
    """
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise ValueError("give a host name or address alone, without scheme, port or path")
    return value


def text(value: object) -> str:
    """Return a short text, such as a user's or a database's name.

    Raises
    ------
    ValueError
        When it is not 1 to 512 printable characters.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= 512 or not value.isprintable():
        raise ValueError("give a text of 1 to 512 printable characters")
    return value


def query(value: object) -> str:
    """Return one SQL statement.

    Raises
    ------
    ValueError
        When it is empty, or longer than a probe sends.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > 4000 or "\0" in value:
        raise ValueError("give one SQL statement of at most 4000 characters")
    return value.strip()
