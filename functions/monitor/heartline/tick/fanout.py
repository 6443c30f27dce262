"""Divide the tick of a large fleet among several runs, and take part in one that was divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.log import Event
from heartline.aws.queue import Queue
from heartline.common.deadline import Deadline
from heartline.common.text import sanitize
from heartline.model.heartbeat import Heartbeat
from heartline.services import Run, Services
from heartline.tick.run import run_tick
from heartline.tick.shards import read_shard, shards
from heartline.tick.summary import TickSummary

# Beyond so many a tick is divided: as many take two seconds of the third of a processor that 512 MB have.
TARGETS_PER_RUN = 100
# A shard's tick may be late by nearly an interval; one that no tick has looked at for longer has none.
_LATE = 2.5


def run_scheduled(services: Services, deadline: Deadline) -> TickSummary:
    """Run a tick, here or, beyond TARGETS_PER_RUN, in several runs.

    Parameters
    ----------
    services
        The services.
    deadline
        When this run must be over.

    Raises
    ------
    ClientError, BotoCoreError
        If the states could not be read, or no shard could be sent.
    """
    settings = services.settings
    if services.queue is None or len(settings.targets) <= TARGETS_PER_RUN:
        return run_tick(services, Run(settings.targets, services.clock(), deadline))
    return _fan_out(services, services.queue)


def _fan_out(services: Services, queue: Queue) -> TickSummary:
    """Send the shards, and sum up how the last ticks found the whole fleet."""
    began, at = monotonic(), services.clock()
    parts = shards(len(services.settings.targets), TARGETS_PER_RUN, at)
    unsent = queue.send([part.written() for part in parts])
    if unsent:
        services.log.error(
            Event.SHARDS_NOT_SENT, "shards not taken by SQS: their targets are not probed in this tick", detail=unsent
        )
    summary = _last_summary(services, at, began, faults=unsent, shards=len(parts))
    detail = {**summary.counts(), "shards": summary.shards}
    services.log.info(Event.FAN_OUT, "the tick is divided", tick=at.isoformat(), detail=detail)
    services.metrics.count(summary.metrics())
    return summary


def _last_summary(services: Services, at: datetime, began: float, *, faults: int, shards: int) -> TickSummary:
    """Sum up how the last ticks of all shards found their targets; those not seen for long are overruns."""
    targets = services.settings.targets
    up = down = None
    late = 0
    try:
        verdicts = _verdicts(services.store.heartbeats(), at, services.settings.interval)
        found = Counter(verdicts.get(target.name) for target in targets)
        up, down, late = found["up"], found["down"], found["late"]
    except (ClientError, BotoCoreError) as error:
        faults += 1
        services.log.error(Event.HEARTBEATS_NOT_READ, "heartbeats not read", error=error)
    return TickSummary(
        at,
        len(targets),
        up,
        down,
        unprobed=late,
        overruns=int(late > 0),
        faults=faults,
        duration_ms=round((monotonic() - began) * 1000),
        shards=shards,
    )


def _verdicts(heartbeats: Sequence[Heartbeat], at: datetime, interval: timedelta) -> dict[str, str]:
    """Return by target `up` or `down`, or `late` if its shard has not looked at it for long."""
    # Where none came at all, the schedule was off: that is no shard's fault.
    since = min([at, *(beat.at + interval for beat in heartbeats[-1:])]) - _LATE * interval
    verdicts: dict[str, str] = {}
    for beat in heartbeats:
        for names, verdict in ((beat.healthy, "up"), (beat.failed, "down")):
            verdicts |= dict.fromkeys(names, verdict if beat.at >= since else "late")
    return verdicts


def run_shards(services: Services, records: Sequence[Mapping[str, Any]], deadline: Deadline) -> dict[str, Any]:
    """Run the tick for the shards that messages name, and return which of them SQS is to keep.

    Parameters
    ----------
    services
        The services.
    records
        The messages as Lambda gives them.
    deadline
        When this run must be over; the time is shared among the messages.

    Returns
    -------
    dict
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    failed = [
        {"itemIdentifier": record["messageId"]}
        for place, record in enumerate(records)
        if not _run_shard(services, str(record["body"]), Deadline.after(deadline.left() / (len(records) - place)))
    ]
    return {"batchItemFailures": failed}


def _run_shard(services: Services, message: str, deadline: Deadline) -> bool:
    """Run the tick of one shard, unless its time is over; return False if SQS is to keep the message."""
    settings, log = services.settings, services.log
    try:
        shard = read_shard(message)
    except ValueError as fault:
        log.error(Event.SHARD_UNREADABLE, "a message names no shard of a tick", detail=sanitize(str(fault)))
        return False
    at = services.clock()
    if shard.stale(at, settings.interval):
        log.warning(Event.SHARD_STALE, "shard dropped: its tick is over", shard=shard.name, tick=shard.tick.isoformat())
        services.metrics.count({"Overruns": 1, "StaleShards": 1})
        return True
    try:
        # Where no target is left in it, there is still to be told of those that were.
        run_tick(services, Run(shard.members(settings.targets), at, deadline, shard.name))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is about this one shard
        log.error(Event.SHARD_FAILED, "shard failed", shard=shard.name, error=error)
        return False
    return True
