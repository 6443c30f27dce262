"""When a tick last ran, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from heartline.common.frozen import frozen
from heartline.model.kinds import Status
from heartline.model.state import Stored


@frozen
class Heartbeat:
    """Record when a tick last ran, and what it found.

    Attributes
    ----------
    healthy, failed
        The names of the targets that it found up, and down.
    earlier
        When the targets without a verdict in this tick last had one.
    others
        The names of further targets of which something may be stored: new ones, and those that are no longer watched
        and have alerts that wait.
    interval
        After how many seconds a tick was to come then; 0 where that is not known.
    latencies
        How many milliseconds the last probe of each healthy one took, in their order; 0 where it is not known.
    samples, sampled
        How long the probes of each healthy one took at some ticks of the hour, in their order, and when the last was.
    """

    at: datetime
    healthy: tuple[str, ...]
    failed: tuple[str, ...] = ()
    earlier: Mapping[str, datetime] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    latencies: tuple[int, ...] = ()
    interval: float = 0
    samples: tuple[str, ...] = ()
    sampled: datetime | None = None

    def sampled_by_target(self) -> dict[str, str]:
        """Return this hour's samples by the names of the targets."""
        return dict(zip(self.healthy, self.samples, strict=False))

    def looks(self) -> dict[str, datetime]:
        """Return when each target last had a verdict."""
        return {**self.earlier, **dict.fromkeys((*self.healthy, *self.failed), self.at)}

    def milliseconds(self) -> dict[str, int]:
        """Return how long the last probe of each healthy target took, where that is known."""
        return {name: spent for name, spent in zip(self.healthy, self.latencies, strict=False) if spent}


def freshen(stored: Stored, heartbeat: Heartbeat) -> Stored:
    """Return the state with the last tick's time as that of its last good probe, or of its last failed one."""
    state = stored.state
    found = heartbeat.healthy if state.status is Status.UP else heartbeat.failed
    at = heartbeat.at if state.target in found else heartbeat.earlier.get(state.target)
    if at is None or state.status is Status.UNKNOWN:
        return stored
    if state.status is Status.UP:
        return replace(stored, state=replace(state, last_ok=_later(state.last_ok, at)))
    return replace(stored, state=replace(state, last_failed=_later(state.last_failed, at)))


def _later(known: datetime | None, seen: datetime) -> datetime:
    return seen if known is None else max(known, seen)
