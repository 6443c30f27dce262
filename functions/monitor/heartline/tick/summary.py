"""Sum up what a tick found and did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from heartline.common.frozen import frozen
from heartline.services import EVENTS

_FLEET_WIDE = frozenset({"TargetsUp", "TargetsDown"})
_OF_A_RUN = frozenset({"TickDuration"})


@frozen
class DeliverySummary:
    """Count what became of the alerts.

    Attributes
    ----------
    sent
        Alerts that every channel has accepted.
    refused
        Batches and recipients that a channel refused.
    pending, oldest_seconds
        Alerts that still wait for a channel, and the age of the oldest.
    faults
        Outboxes that could not be read or written.
    """

    sent: int = 0
    refused: int = 0
    pending: int = 0
    oldest_seconds: int = 0
    faults: int = 0


@frozen
class TickSummary:
    """Count what a tick found and did.

    Attributes
    ----------
    at, duration_ms
        When it began, and how long it took.
    targets, up, down
        All of its targets, and those of each status; None where that is not known.
    unprobed
        Targets that there was no time for.
    blips
        Failures that the next probe did not confirm.
    overruns
        1 if there was no time to come to a verdict on every target.
    faults
        Faults of the monitor, or of what it relies on, but those of delivery.
    delivery
        What became of the alerts.
    conditions
        How many of them each condition holds of, by its name as a metric.
    unconfirmed
        Alerts of which no recipient's server took a mail for minutes, as far as that is known.
    shard, shards
        Which part of a divided tick it is; or into how many a tick was divided.
    """

    at: datetime
    targets: int
    up: int | None = None
    down: int | None = None
    unprobed: int = 0
    blips: int = 0
    overruns: int = 0
    faults: int = 0
    duration_ms: int = 0
    delivery: DeliverySummary = field(default_factory=DeliverySummary)
    conditions: Mapping[str, int] = field(default_factory=dict)
    unconfirmed: int = 0
    shard: str | None = None
    shards: int | None = None

    @property
    def well(self) -> bool:
        """Return True if every target had a verdict and every alert that was sent was accepted, without any fault."""
        delivery = self.delivery
        if (self.up or 0) + (self.down or 0) < self.targets:
            return False
        return not (self.faults or self.unprobed or self.overruns or delivery.faults or delivery.refused)

    def answer(self) -> dict[str, Any]:
        """Return what the function answers to the schedule."""
        answer = {
            "tick": self.at.isoformat(),
            "targets": self.targets,
            "up": self.up or 0,
            "down": self.down or 0,
            "alerts": {"sent": self.delivery.sent, "pending": self.delivery.pending},
            "duration_ms": self.duration_ms,
        }
        return answer if self.shards is None else answer | {"shards": self.shards}

    def counts(self) -> dict[str, int]:
        """Return all that is known, by the names of the metrics."""
        counts = {
            "TargetsUp": self.up,
            "TargetsDown": self.down,
            "TargetsUnprobed": self.unprobed,
            "Blips": self.blips,
            **self.conditions,
            "Overruns": self.overruns,
            "Faults": self.faults + self.delivery.faults,
            "AlertsSent": self.delivery.sent,
            "AlertsRefused": self.delivery.refused,
            "AlertsPending": self.delivery.pending,
            "AlertsUnconfirmed": self.unconfirmed,
            "OldestAlert": self.delivery.oldest_seconds,
            "TickDuration": self.duration_ms,
        }
        return {name: count for name, count in counts.items() if count is not None}

    def metrics(self) -> dict[str, int]:
        """Return what becomes a metric: of a divided tick, the whole knows who is up, and a part how long it took."""
        others = _FLEET_WIDE if self.shard else _OF_A_RUN if self.shards else frozenset()
        if self.shard == EVENTS:  # an alarm takes the time of a tick for a sign that the schedule runs
            others = _FLEET_WIDE | _OF_A_RUN
        return {name: count for name, count in self.counts().items() if name not in others}
