"""Faults of the monitor itself."""

from __future__ import annotations

from collections.abc import Sequence


class HeartlineError(Exception):
    """Report a fault of the monitor itself or of what it was given, never of a database."""


class ConfigurationError(HeartlineError):
    """Report every fault of a configuration at once, each with its place and fix."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        listed = "\n".join(f"- {fault}" for fault in self.faults)
        super().__init__(f"Heartline cannot start; fix its configuration:\n{listed}")


class EventError(HeartlineError):
    """Report an event that is neither a tick's nor a command's, and which are known."""


class CommandError(HeartlineError):
    """Report a mistake in a command, and what would be right.

    Parameters
    ----------
    fault
        What is wrong, and the fix.
    known
        The words that would be right in its place, where they can be listed.
    """

    def __init__(self, fault: str, known: Sequence[str] = ()) -> None:
        self.known = tuple(known)
        super().__init__(fault)


class ProberError(HeartlineError):
    """Report that the probe function could not be reached, failed, or gave an answer that cannot be read."""
