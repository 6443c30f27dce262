"""When a report comes."""

from __future__ import annotations

from datetime import time

from heartline.common.frozen import frozen

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ENDINGS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}


@frozen
class Recurrence:
    """Recur once a week, on a day of which Monday is 0, or once a month, by the clock of a place."""

    monthly: bool
    day: int
    at: time

    def __str__(self) -> str:
        """Return it as the document has it."""
        day = f"{self.day}{_ENDINGS.get(self.day, 'th')}" if self.monthly else WEEKDAYS[self.day]
        return f"{day} {self.at:%H:%M}"
