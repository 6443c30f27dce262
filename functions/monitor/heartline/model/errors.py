"""Faults of the monitor itself."""

from __future__ import annotations

from collections.abc import Sequence


class HeartlineError(Exception):
    """Report a fault of the monitor itself or of what it was told, never of a database."""


class ConfigurationError(HeartlineError):
    """Report every fault of a configuration at once, each with its place and mend."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        listed = "\n".join(f"- {fault}" for fault in self.faults)
        super().__init__(f"Heartline cannot start; mend its configuration:\n{listed}")


class CommandError(HeartlineError):
    """Report an event or command that cannot be carried out, and what would be right."""
