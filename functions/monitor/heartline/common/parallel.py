"""Make calls that wait for a service in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# Each call waits for DynamoDB for some milliseconds.
_MAX_THREADS = 8

_T = TypeVar("_T")
_R = TypeVar("_R")


def at_once(call: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    """Call a function for each item, some in parallel; return the results in the items' order."""
    listed = list(items)
    if len(listed) < 2:
        return [call(one) for one in listed]
    with ThreadPoolExecutor(min(_MAX_THREADS, len(listed))) as pool:
        return list(pool.map(call, listed))
