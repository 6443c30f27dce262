"""Prepare passwords for SCRAM as PostgreSQL does, which is not quite as RFC 4013 says."""

from __future__ import annotations

import unicodedata
from stringprep import (
    in_table_a1,
    in_table_b1,
    in_table_c3,
    in_table_c4,
    in_table_c5,
    in_table_c6,
    in_table_c7,
    in_table_c8,
    in_table_c9,
    in_table_c12,
    in_table_c21_c22,
    in_table_d1,
    in_table_d2,
)

_PROHIBITED = (
    in_table_a1,
    in_table_c21_c22,
    in_table_c3,
    in_table_c4,
    in_table_c5,
    in_table_c6,
    in_table_c7,
    in_table_c8,
    in_table_c9,
)


def saslprep(password: str) -> str:
    """Return the form of a password that PostgreSQL derives a role's SCRAM secret from.

    A password that RFC 4013 forbids is used as it is; an ASCII one is not looked at. See `pg_saslprep` in
    src/common/saslprep.c, and where its result is used: scram_build_secret in src/backend/libpq/auth-scram.c and
    pg_fe_scram_init in src/interfaces/libpq/fe-auth-scram.c.
    """
    if password.isascii():
        return password
    # U+200B stands in both tables; PostgreSQL takes it for a space.
    mapped = "".join(
        " " if in_table_c12(char) else char for char in password if in_table_c12(char) or not in_table_b1(char)
    )
    if not mapped or any(prohibited(char) for char in mapped for prohibited in _PROHIBITED) or _mixed(mapped):
        return password
    return unicodedata.normalize("NFKC", mapped)


def _mixed(text: str) -> bool:
    """Return True if directions are mixed in a way that RFC 3454, 6, forbids."""
    if not any(map(in_table_d1, text)):
        return False
    return any(map(in_table_d2, text)) or not in_table_d1(text[0]) or not in_table_d1(text[-1])
