"""A time limit that several waits share."""

from __future__ import annotations

from time import monotonic

from heartline.common.frozen import frozen


@frozen
class Deadline:
    """A moment of the monotonic clock, in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that many seconds from now."""
        return cls(monotonic() + seconds)

    def left(self) -> float:
        """Return the remaining seconds, 0 when the deadline has passed."""
        return max(0.0, self.at - monotonic())

    def remaining(self) -> float:
        """Return the remaining seconds as a socket's timeout.

        Raises
        ------
        TimeoutError
            When the deadline has passed: 0 would make a socket non-blocking.
        """
        left = self.left()
        if not left:
            raise TimeoutError("the deadline has passed")
        return left

    def allows(self, seconds: float) -> bool:
        """Return True if at least that many seconds remain."""
        return self.left() >= seconds
