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
from heartline.tick.workers import Outcome, follow_all

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
        outcomes, loaded = follow_all(heartline, at, Deadline(deadline.at - reserve))
    except (ClientError, BotoCoreError) as error:
        heartline.log.critical("states not read: nothing is decided in this tick", reason=type(error).__name__)
        heartline.meter.count({"Faults": 1})
        raise
    beaten = _beat(heartline, at, outcomes, loaded)
    counts = _count(outcomes) | _deliver(heartline, outcomes, deadline)
    counts["Faults"] += sum(outcome.faulty for outcome in outcomes) + (not beaten)
    counts["TickDuration"] = round((monotonic() - began) * 1000)
    _tell(heartline, at, outcomes, counts)
    return {
        "tick": at.isoformat(),
        "targets": len(heartline.targets),
        "up": counts["TargetsUp"],
        "down": counts["TargetsDown"],
        "alerts": {"sent": counts["AlertsSent"], "pending": counts["AlertsPending"]},
        "duration_ms": counts["TickDuration"],
    }


def _count(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Count what became of the targets."""
    statuses = [outcome.state.status for outcome in outcomes]
    return {
        "TargetsUp": statuses.count(Status.UP),
        "TargetsDown": statuses.count(Status.DOWN),
        "TargetsUnprobed": sum(outcome.unprobed for outcome in outcomes),
        "Blips": sum(outcome.blips for outcome in outcomes),
        "Overruns": int(any(outcome.overrun for outcome in outcomes)),
    }


def _deliver(heartline: Heartline, outcomes: Sequence[Outcome], deadline: Deadline) -> dict[str, int]:
    """Have told what waits to be told, and count what became of it."""
    if not any(outcome.alerts or outcome.contested for outcome in outcomes):
        return dict.fromkeys(("AlertsSent", "AlertsRefused", "AlertsPending", "OldestAlert", "Faults"), 0)
    from heartline.tick.deliver import deliver  # noqa: PLC0415 - a tick that tells nothing does without all that tells

    return deliver(heartline, outcomes, deadline)


def _tell(heartline: Heartline, at: datetime, outcomes: Sequence[Outcome], counts: Mapping[str, int]) -> None:
    """Write the tick's one line, and its metrics; what is so of the whole fleet is told where all of it is known."""
    shard = {} if heartline.shard is None else {"shard": heartline.shard}
    heartline.log.info("tick", extra={"tick": at.isoformat(), **shard, **counts})
    not_of_a_shard = _FLEET_WIDE if shard else frozenset()
    heartline.meter.count({name: number for name, number in counts.items() if name not in not_of_a_shard})
    for outcome in outcomes:
        if outcome.last and outcome.seen is not Status.UNKNOWN:
            heartline.meter.probed(outcome.target.name, outcome.last)


def _beat(heartline: Heartline, at: datetime, outcomes: Sequence[Outcome], loaded: Loaded) -> bool:
    """Write that this tick has run, and which were missed before it; tell whether it could."""
    before = loaded.heartbeat
    if loaded.unsure:
        heartline.log.error("heartbeat not written: the last one could not be read, or a newer Heartline wrote it")
        return False
    seen = {
        status: tuple(sorted(outcome.target.name for outcome in outcomes if outcome.seen is status))
        for status in (Status.UP, Status.DOWN)
    }
    earlier = {
        outcome.target.name: look
        for outcome in outcomes
        if outcome.seen is Status.UNKNOWN and (look := _last_look(outcome.state))
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
