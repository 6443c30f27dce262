"""Let probes compute a few at a time, and wait as many as there are.

A hundred probes that begin at once on a third of a processor all take seconds, and healthy databases run
into their timeouts. So a probe gives its place up while it waits for the network, and one that has begun
goes before one that has not: its time is running.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

# Nobody inside computes that long: whoever waited so long goes on without a place rather than for ever.
_LONGEST_SECONDS = 5.0


class Turnstile:
    """Admit a few at a time, those that come back before those that are new.

    Parameters
    ----------
    places
        How many may be inside at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._coming_back = 0
        self._lock = Lock()
        self._back = Condition(self._lock)
        self._new = Condition(self._lock)

    @contextmanager
    def entered(self, seconds: float) -> Iterator[bool]:
        """Hold a place for the block; tell whether one came free within that many seconds."""
        with self._lock:
            admitted = self._new.wait_for(lambda: self._free > 0 and not self._coming_back, seconds)
            if admitted:
                self._take()
        try:
            yield admitted
        finally:
            if admitted:
                self._leave()

    def __enter__(self) -> None:
        """Give the place up for the block: `with PACE:` stands around each wait for the network."""
        self._leave()

    def __exit__(self, *_: object) -> None:
        """Take a place again."""
        with self._lock:
            if self._free <= 0:
                self._coming_back += 1
                self._back.wait_for(lambda: self._free > 0, _LONGEST_SECONDS)
                self._coming_back -= 1
            self._take()

    def _leave(self) -> None:
        with self._lock:
            self._free += 1
            self._wake()

    def _take(self) -> None:
        self._free -= 1
        if self._free > 0:
            self._wake()

    def _wake(self) -> None:
        (self._back if self._coming_back else self._new).notify()


# One for the process: its probes share one interpreter lock, and on Lambda seldom more than one processor.
PACE = Turnstile(2)
