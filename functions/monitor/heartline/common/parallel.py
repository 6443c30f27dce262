"""Make calls that wait, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# Claims, clearings and releases at once: each waits for DynamoDB for some milliseconds.
_AT_ONCE = 8


_T = TypeVar("_T")


_R = TypeVar("_R")


def at_once(call: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    """Make calls that each wait for DynamoDB, some at a time, and give their answers in order."""
    listed = list(items)
    if len(listed) < 2:
        return [call(one) for one in listed]
    with ThreadPoolExecutor(min(_AT_ONCE, len(listed))) as pool:
        return list(pool.map(call, listed))
