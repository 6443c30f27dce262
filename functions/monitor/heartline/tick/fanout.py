"""Divide the tick of a large fleet among several runs, and take part in one that was divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.queue import Queue
from heartline.common.text import sanitize
from heartline.model.heartbeat import Heartbeat
from heartline.services import Heartline
from heartline.tick.run import run_tick
from heartline.tick.shards import read_shard, shards

# A shard's tick may be late by nearly an interval; one that no tick has looked at for longer has none.
_LATE = 2.5


def run_scheduled(heartline: Heartline, seconds: float) -> dict[str, Any]:
    """Run a tick, here or, beyond a run's share of targets, in several runs.

    Parameters
    ----------
    heartline
        The parts.
    seconds
        How long this run may take.

    Raises
    ------
    ClientError, BotoCoreError
        When the states could not be read, or nothing could be handed on.
    """
    if heartline.queue is None or len(heartline.targets) <= heartline.share:
        return run_tick(heartline, seconds)
    return _fan_out(heartline, heartline.queue)


def _fan_out(heartline: Heartline, queue: Queue) -> dict[str, Any]:
    """Hand the tick on, and tell how the last one found the whole fleet."""
    began, at = monotonic(), heartline.clock()
    parts = shards(len(heartline.targets), heartline.share, at)
    unsent = queue.send([part.written() for part in parts])
    counts = {**_found(heartline, at), "shards": len(parts)}
    duration = round((monotonic() - began) * 1000)
    if unsent:
        counts["Faults"] += unsent
        heartline.log.error("shards not taken by SQS: their targets are not probed in this tick", number=unsent)
    heartline.log.info("fan-out", extra={"tick": at.isoformat(), "duration_ms": duration, **counts})
    heartline.metrics.count({name: number for name, number in counts.items() if name != "shards"})
    return {
        "tick": at.isoformat(),
        "targets": len(heartline.targets),
        "up": counts.get("TargetsUp", 0),
        "down": counts.get("TargetsDown", 0),
        "alerts": {"sent": 0, "pending": 0},
        "duration_ms": duration,
        "shards": len(parts),
    }


def _found(heartline: Heartline, at: datetime) -> dict[str, int]:
    """Count how the last ticks of all shards found their targets; those not looked at for long are overruns."""
    try:
        heartbeats = heartline.store.heartbeats()
    except (ClientError, BotoCoreError) as error:
        heartline.log.error("heartbeats not read", reason=type(error).__name__)
        return {"Faults": 1}
    # Where none came at all, the schedule was off: that is no shard's fault.
    last = min([at, *(beat.at + heartline.interval for beat in heartbeats[-1:])])
    verdicts = _verdicts(heartbeats, last - _LATE * heartline.interval)
    found = Counter(verdicts.get(target.name) for target in heartline.targets)
    late = found["late"]
    return {
        "TargetsUp": found["up"],
        "TargetsDown": found["down"],
        "TargetsUnprobed": late,
        "Overruns": int(late > 0),
        "Faults": 0,
    }


def _verdicts(heartbeats: Sequence[Heartbeat], since: datetime) -> dict[str, str]:
    verdicts: dict[str, str] = {}
    for beat in heartbeats:
        for names, verdict in ((beat.healthy, "up"), (beat.failed, "down")):
            verdicts |= dict.fromkeys(names, verdict if beat.at >= since else "late")
    return verdicts


def run_shards(heartline: Heartline, records: Sequence[Mapping[str, Any]], left: Callable[[], float]) -> dict[str, Any]:
    """Run the tick for the shards that messages name, and tell SQS which of them to keep.

    Parameters
    ----------
    heartline
        The parts.
    records
        The messages as Lambda gives them.
    left
        Gives the seconds left for this run; they are shared among the messages.

    Returns
    -------
    dict
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    failed = [
        {"itemIdentifier": record["messageId"]}
        for place, record in enumerate(records)
        if not _run_shard(heartline, str(record["body"]), left() / (len(records) - place))
    ]
    return {"batchItemFailures": failed}


def _run_shard(heartline: Heartline, message: str, seconds: float) -> bool:
    """Run the tick of one shard, unless its time is over; False when it has to be told as failed."""
    try:
        shard = read_shard(message)
    except ValueError as fault:
        heartline.log.error("message left alone: it names no shard of a tick", reason=sanitize(str(fault)))
        return False
    if shard.stale(heartline.clock(), heartline.interval):
        heartline.log.warning("shard dropped: its tick is over", shard=shard.shard, tick=shard.tick.isoformat())
        heartline.metrics.count({"Overruns": 1, "StaleShards": 1})
        return True
    members = shard.members(heartline.targets)
    if not members:
        return True
    try:
        run_tick(replace(heartline, targets=members, shard=shard.name), seconds)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is about this one shard
        heartline.log.error("shard failed", shard=shard.shard, reason=type(error).__name__)
        return False
    return True
