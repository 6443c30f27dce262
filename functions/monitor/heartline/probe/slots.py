"""Limit how many probes compute at once; any number may wait for the network.

A hundred probes that start at once on a third of a processor all take seconds, and healthy databases run into their
timeouts. So a probe releases its slot while it waits for the network, and one that has started goes before one that
has not: its time is running.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from threading import Condition, Lock

# No slot is held that long: a thread that has waited so long goes on without one rather than for ever.
_MAX_WAIT_SECONDS = 5.0


class Slots:
    """A semaphore that admits returning threads before new ones.

    A slot belongs to no thread: one may take it for another.

    Parameters
    ----------
    slots
        How many may be taken at once.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._returning = 0
        self._lock = Lock()
        self._for_returning = Condition(self._lock)
        self._for_new = Condition(self._lock)
        self._released = _Released(self)

    def take(self, seconds: float) -> bool:
        """Take a slot for a new probe; return False if none came free within that many seconds."""
        with self._lock:
            if not self._for_new.wait_for(lambda: self._free > 0 and not self._returning, seconds):
                return False
            self._take()
            return True

    def leave(self) -> None:
        """Release a slot for good."""
        with self._lock:
            self._free += 1
            self._wake()

    def released(self) -> AbstractContextManager[None]:
        """Release the caller's slot inside the block, around a wait, and take one again after it."""
        return self._released

    def take_again(self) -> None:
        """Take a slot before any new probe; after some seconds, go on without one."""
        with self._lock:
            if self._free <= 0:
                self._returning += 1
                self._for_returning.wait_for(lambda: self._free > 0, _MAX_WAIT_SECONDS)
                self._returning -= 1
            self._take()

    def _take(self) -> None:
        self._free -= 1
        if self._free > 0:
            self._wake()

    def _wake(self) -> None:
        (self._for_returning if self._returning else self._for_new).notify()


class _Released(AbstractContextManager[None]):
    """The block around a wait; a class, since a generator would cost each wait a microsecond more."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    def __enter__(self) -> None:
        self._slots.leave()

    def __exit__(self, *_: object) -> None:
        self._slots.take_again()


# One for the process: its probes share one interpreter lock, and on Lambda seldom more than one processor.
CPU_SLOTS = Slots(2)
