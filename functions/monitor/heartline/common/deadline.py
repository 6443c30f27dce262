"""Keep the one time limit that several waits share."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True, slots=True)
class Deadline:
    """Mark a moment of the monotonic clock, in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Set the deadline that many seconds from now."""
        return cls(monotonic() + seconds)

    def left(self) -> float:
        """Give the seconds left, 0 when there are none."""
        return max(0.0, self.at - monotonic())

    def remaining(self) -> float:
        """Give the seconds left, as a socket's timeout.

        Raises
        ------
        TimeoutError
            When there are none: a socket would take 0 for "do not wait".
        """
        left = self.left()
        if not left:
            raise TimeoutError("the deadline has passed")
        return left

    def allows(self, seconds: float) -> bool:
        """Tell whether something that takes that long can still begin."""
        return self.left() >= seconds
