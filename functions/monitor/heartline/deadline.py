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

    def remaining(self) -> float:
        """Give the seconds left.

        Raises
        ------
        TimeoutError
            When there are none.
        """
        left = self.at - monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left

    def allows(self, seconds: float) -> bool:
        """Tell whether something that takes that long can still begin."""
        return self.at - monotonic() >= seconds
