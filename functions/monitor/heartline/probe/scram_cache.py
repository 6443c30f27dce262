"""Cache salted passwords: half of a login's processor time goes into salting."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, SupportsInt

import scramp.core


def cache_salted_passwords() -> None:
    """Make scramp cache salted passwords, for the whole process.

    RFC 5802, 3: "a client implementation MAY cache ClientKey&ServerKey (or just SaltedPassword)". The salt is
    part of the cache's key, and PostgreSQL makes a new one whenever a role's password is set.
    """
    scramp.core.hi = _hi


def _hi(hf: Callable[[], Any], password: bytes, salt: bytes, iterations: SupportsInt) -> bytes:
    return _salted(hf().name, password, salt, int(iterations))


@lru_cache(maxsize=1024)
def _salted(digest: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac(digest, password, salt, iterations)
