"""Let probes compute a few at a time, and wait as many as there are.

A hundred probes that begin at once on a third of a processor all take seconds, and healthy databases run
into their timeouts. So a probe gives its slot up while it waits for the network, and one that has begun
goes before one that has not: its time is running.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

# Nobody computes that long: whoever waited so long goes on without a slot rather than for ever.
_LONGEST_SECONDS = 5.0


class Slots:
    """Admit a few at a time, those that come back before those that are new.

    A slot belongs to nobody: one thread may take it for another.

    Parameters
    ----------
    number
        How many may compute at once.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._coming_back = 0
        self._lock = Lock()
        self._back = Condition(self._lock)
        self._new = Condition(self._lock)

    def take(self, seconds: float) -> bool:
        """Take a slot that nobody comes back to; return False if none came free within that many seconds."""
        with self._lock:
            if not self._new.wait_for(lambda: self._free > 0 and not self._coming_back, seconds):
                return False
            self._take()
            return True

    def leave(self) -> None:
        """Give a slot up for good."""
        with self._lock:
            self._free += 1
            self._wake()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Give the caller's slot up while the block waits, and take one again at its end."""
        self.leave()
        try:
            yield
        finally:
            self._come_back()

    def _come_back(self) -> None:
        with self._lock:
            if self._free <= 0:
                self._coming_back += 1
                self._back.wait_for(lambda: self._free > 0, _LONGEST_SECONDS)
                self._coming_back -= 1
            self._take()

    def _take(self) -> None:
        self._free -= 1
        if self._free > 0:
            self._wake()

    def _wake(self) -> None:
        (self._back if self._coming_back else self._new).notify()


# One for the process: its probes share one interpreter lock, and on Lambda seldom more than one processor.
CPU_SLOTS = Slots(2)
