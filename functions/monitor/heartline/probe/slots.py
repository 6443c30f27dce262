"""Let probes compute a few at a time, and wait as many as there are.

A hundred probes that begin at once on a third of a processor all take seconds, and healthy databases run
into their timeouts. So a probe gives its place up while it waits for the network, and one that has begun
goes before one that has not: its time is running.
"""

from __future__ import annotations

from threading import Condition, Lock

# Nobody inside computes that long: whoever waited so long goes on without a place rather than for ever.
_LONGEST_SECONDS = 5.0


class Slots:
    """Admit a few at a time, those that come back before those that are new.

    A place belongs to nobody: one thread may take it for another. `with turnstile:` stands around each wait
    of one who has a place, and gives the place up meanwhile.

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

    def take(self, seconds: float) -> bool:
        """Take a place that nobody comes back to; tell whether one came free within that many seconds."""
        with self._lock:
            if not self._new.wait_for(lambda: self._free > 0 and not self._coming_back, seconds):
                return False
            self._take()
            return True

    def leave(self) -> None:
        """Give a place up for good."""
        with self._lock:
            self._free += 1
            self._wake()

    def __enter__(self) -> None:
        self.leave()

    def __exit__(self, *_: object) -> None:
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
