"""What a check is: a named sentence of a rule of DESIGN.md, and the shape of its answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from simulation.oracle.account import Account


@dataclass(frozen=True, slots=True)
class Breach:
    """What is wrong; the same `key` is the same fault, and is reported once."""

    key: Hashable
    text: str


# The words of what can happen to a server.
EVENTS = {"restarted", "crashed", "failed-over", "replaced", "upgraded"}
# None where it does not apply to this tick, True where it holds.
Answer: TypeAlias = Breach | bool | None
Check: TypeAlias = "Callable[[Account], Answer]"
CHECKS: list[tuple[str, str, Check]] = []
OF_MAILS: list[tuple[str, str, Check]] = []


def rule(name: str, *, of_mails: bool = False) -> Callable[[Check], Check]:
    """Add a check to those of a rule; one `of_mails` does not apply to a tick without."""

    def add(check: Check) -> Check:
        (OF_MAILS if of_mails else CHECKS).append((name, f"{name}: {check.__name__.replace('_', ' ')}", check))
        return check

    return add


def span(seconds: float) -> str:
    """Write a length of time for people."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
