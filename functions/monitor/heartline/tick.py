"""Run one tick: follow all targets, write that it ran, send what waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from heartline.deadline import Deadline
from heartline.fleet import Fleet
from heartline.follow import Outcome, follow_all, missed
from heartline.holding import Holding
from heartline.items import Heartbeat
from heartline.model import Status
from heartline.notify import Delivery
from heartline.parts import Heartline
from heartline.store import Loaded

# The share of a tick's time that is kept for saving and sending after the last probe, and the most of it.
_RESERVE = 0.3
_RESERVE_SECONDS = 12


def run_tick(heartline: Heartline, seconds: float) -> dict[str, Any]:
    """Probe all targets, save what changed, send what waits.

    Parameters
    ----------
    heartline
        The parts.
    seconds
        How long the tick may take.

    Returns
    -------
    dict
        As the contract says: tick, targets, up, down, alerts and duration_ms.

    Raises
    ------
    ClientError, BotoCoreError
        When the states could not be read: then nothing could be decided.
    """
    began, at, deadline = monotonic(), heartline.clock(), Deadline.after(seconds)
    reserve = min(_RESERVE * seconds, _RESERVE_SECONDS)
    try:
        outcomes, loaded = follow_all(heartline, at, Deadline(deadline.at - reserve))
    except (ClientError, BotoCoreError) as error:
        heartline.log.critical("states not read: nothing is decided in this tick", reason=type(error).__name__)
        _measure(heartline, {"Faults": 1})
        raise
    beaten = _beat(heartline, at, outcomes, loaded)
    counts = _count(outcomes) | _deliver(heartline, outcomes, deadline)
    counts["AlertsPending"] = max(0, counts["AlertsPending"] - counts["AlertsSent"])
    counts["Faults"] += sum(outcome.faulty for outcome in outcomes) + (not beaten)
    duration = round((monotonic() - began) * 1000)
    heartline.log.info("tick", extra={"tick": at.isoformat(), "duration_ms": duration, **counts})
    _measure(heartline, counts, duration)
    return {
        "tick": at.isoformat(),
        "targets": len(heartline.targets),
        "up": counts["TargetsUp"],
        "down": counts["TargetsDown"],
        "alerts": {"sent": counts["AlertsSent"], "pending": counts["AlertsPending"]},
        "duration_ms": duration,
    }


def _count(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Count what became of the targets, and what waited to be told before it was sent."""
    statuses = [outcome.state.status for outcome in outcomes]
    return {
        "TargetsUp": statuses.count(Status.UP),
        "TargetsDown": statuses.count(Status.DOWN),
        "TargetsUnprobed": sum(outcome.unprobed for outcome in outcomes),
        "AlertsPending": sum(outcome.waiting for outcome in outcomes),
    }


def _deliver(heartline: Heartline, outcomes: Sequence[Outcome], deadline: Deadline) -> dict[str, int]:
    """Send what waits, and count what became of it."""
    # Not the request's id: Lambda starts a request that failed again under the same one.
    holding = Holding(heartline.outbox, uuid4().hex, heartline.clock, heartline.log)
    fleet = _fleet(heartline, outcomes)
    delivery = Delivery(holding, heartline.channels, fleet, heartline.history, deadline, heartline.clock, heartline.log)
    sent = delivery.drain(outcome.target for outcome in outcomes if outcome.waiting or outcome.contested)
    return {"AlertsSent": sent, "AlertsRefused": delivery.refused, "Faults": holding.faults}


def _measure(heartline: Heartline, counts: Mapping[str, int], duration: int | None = None) -> None:
    """Write the tick's metrics as one line of the log.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
    """
    for name, number in counts.items():
        heartline.metrics.add_metric(name, MetricUnit.Count, number)
    if duration is not None:
        heartline.metrics.add_metric("TickDuration", MetricUnit.Milliseconds, duration)
    heartline.metrics.flush_metrics()


def _fleet(heartline: Heartline, outcomes: Sequence[Outcome]) -> Fleet:
    states = [outcome.state for outcome in outcomes]
    failures = tuple(state.failure for state in states if state.status is Status.DOWN and state.failure)
    return Fleet(len(heartline.targets), failures, function=heartline.function, region=heartline.region)


def _beat(heartline: Heartline, at: datetime, outcomes: Sequence[Outcome], loaded: Loaded) -> bool:
    """Write that this tick has run, and which were missed before it; tell whether it could."""
    before = loaded.heartbeat
    if loaded.unsure:
        heartline.log.error("heartbeat not written: the last one could not be read")
        return False
    seen = {
        status: tuple(sorted(outcome.target.name for outcome in outcomes if outcome.seen is status))
        for status in (Status.UP, Status.DOWN)
    }
    try:
        if gap := missed(before.at if before else None, at, heartline.interval):
            heartline.history.note_gap(gap)
            heartline.log.warning("ticks were missed", since=gap.began.isoformat(), until=gap.ended.isoformat())
        heartline.store.beat(Heartbeat(at, seen[Status.UP], seen[Status.DOWN]), before)
    except (ClientError, BotoCoreError) as error:
        heartline.log.error("heartbeat not written", reason=type(error).__name__)
        return False
    return True
