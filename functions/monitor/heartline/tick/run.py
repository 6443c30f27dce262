"""Run one tick: follow all targets, write that it ran, send what waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from heartline.common.deadline import Deadline
from heartline.model.heartbeat import Heartbeat
from heartline.model.kinds import Status
from heartline.model.state import State
from heartline.rules.gaps import missed
from heartline.services import Heartline
from heartline.storage.states import Loaded
from heartline.tick.workers import TargetResult, run_targets

# The share of a tick's time that is kept for saving and sending after the last probe, and the most of it.
_RESERVE = 0.3
_RESERVE_SECONDS = 12
_FLEET_WIDE = frozenset({"TargetsUp", "TargetsDown"})


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
        results, loaded = run_targets(heartline, at, Deadline(deadline.at - reserve))
    except (ClientError, BotoCoreError) as error:
        heartline.log.critical("states not read: nothing is decided in this tick", reason=type(error).__name__)
        heartline.metrics.count({"Faults": 1})
        raise
    beaten = _beat(heartline, at, results, loaded)
    counts = _count(results) | _deliver(heartline, results, deadline)
    counts["Faults"] += sum(result.faulty for result in results) + (not beaten)
    counts["TickDuration"] = round((monotonic() - began) * 1000)
    _tell(heartline, at, results, counts)
    return {
        "tick": at.isoformat(),
        "targets": len(heartline.targets),
        "up": counts["TargetsUp"],
        "down": counts["TargetsDown"],
        "alerts": {"sent": counts["AlertsSent"], "pending": counts["AlertsPending"]},
        "duration_ms": counts["TickDuration"],
    }


def _count(results: Sequence[TargetResult]) -> dict[str, int]:
    """Count what became of the targets."""
    statuses = [result.state.status for result in results]
    return {
        "TargetsUp": statuses.count(Status.UP),
        "TargetsDown": statuses.count(Status.DOWN),
        "TargetsUnprobed": sum(result.unprobed for result in results),
        "Blips": sum(result.blips for result in results),
        "Overruns": int(any(result.overrun for result in results)),
    }


def _deliver(heartline: Heartline, results: Sequence[TargetResult], deadline: Deadline) -> dict[str, int]:
    """Have told what waits to be told, and count what became of it."""
    if not any(result.alerts or result.contested for result in results):
        return dict.fromkeys(("AlertsSent", "AlertsRefused", "AlertsPending", "OldestAlert", "Faults"), 0)
    from heartline.tick.deliver import deliver  # noqa: PLC0415 - a tick that tells nothing does without all that tells

    return deliver(heartline, results, deadline)


def _tell(heartline: Heartline, at: datetime, results: Sequence[TargetResult], counts: Mapping[str, int]) -> None:
    """Write the tick's one line, and its metrics; what is so of the whole fleet is told where all of it is known."""
    shard = {} if heartline.shard is None else {"shard": heartline.shard}
    heartline.log.info("tick", extra={"tick": at.isoformat(), **shard, **counts})
    not_of_a_shard = _FLEET_WIDE if shard else frozenset()
    heartline.metrics.count({name: number for name, number in counts.items() if name not in not_of_a_shard})
    for result in results:
        if result.last and result.seen is not Status.UNKNOWN:
            heartline.metrics.probed(result.target.name, result.last)


def _beat(heartline: Heartline, at: datetime, results: Sequence[TargetResult], loaded: Loaded) -> bool:
    """Write that this tick has run, and which were missed before it; tell whether it could."""
    before = loaded.heartbeat
    if loaded.unsure:
        heartline.log.error("heartbeat not written: the last one could not be read, or a newer Heartline wrote it")
        return False
    seen = {
        status: tuple(sorted(result.target.name for result in results if result.seen is status))
        for status in (Status.UP, Status.DOWN)
    }
    earlier = {
        result.target.name: look
        for result in results
        if result.seen is Status.UNKNOWN and (look := _last_look(result.state))
    }
    try:
        if gap := missed(loaded.last, at, heartline.interval):
            heartline.history.note_gap(gap)
            heartline.log.warning("ticks were missed", since=gap.began.isoformat(), until=gap.ended.isoformat())
        heartline.store.beat(Heartbeat(at, seen[Status.UP], seen[Status.DOWN], earlier), before, heartline.shard)
    except (ClientError, BotoCoreError) as error:
        heartline.log.error("heartbeat not written", reason=type(error).__name__)
        return False
    return True


def _last_look(state: State) -> datetime | None:
    return state.last_ok if state.status is Status.UP else state.last_failed
