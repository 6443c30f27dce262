"""Run one tick: credential and probe, decide, store, notify."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import uuid4

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from heartline.channels import Channel
from heartline.credentials import Credentials
from heartline.deadline import Deadline
from heartline.decide import decide, wants_another
from heartline.items import Heartbeat
from heartline.model import Failure, State, Status, Stored, Target, Unreadable
from heartline.notify import Delivery
from heartline.observe import observe
from heartline.store import Loaded, Store
from heartline.turnstile import PACE

# The share of a tick's time that is kept for saving and sending after the last probe, and the most of it.
_RESERVE = 0.3
_RESERVE_SECONDS = 12


@dataclass(frozen=True, slots=True)
class Heartline:
    """Hold the parts that a run puts together."""

    targets: tuple[Target, ...]
    store: Store
    credentials: Credentials
    channels: tuple[Channel, ...]
    clock: Callable[[], datetime]
    log: Logger


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Tell what became of one target in a tick."""

    target: Target
    state: State
    waiting: int = 0
    healthy: bool = False
    contested: bool = False
    unprobed: bool = False


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
    outcomes, last_beat = _follow_all(heartline, Deadline(deadline.at - reserve))
    healthy = sorted(outcome.target.name for outcome in outcomes if outcome.healthy)
    _beat(heartline, Heartbeat(at, tuple(healthy)), last_beat)
    # Not the request's id: Lambda starts a request that failed again under the same one.
    owner = uuid4().hex
    delivery = Delivery(heartline.store, heartline.channels, owner, deadline, heartline.clock, heartline.log)
    sent = delivery.drain(outcome.target for outcome in outcomes if outcome.waiting or outcome.contested)
    statuses = [outcome.state.status for outcome in outcomes]
    summary = {
        "tick": at.isoformat(),
        "targets": len(heartline.targets),
        "up": statuses.count(Status.UP),
        "down": statuses.count(Status.DOWN),
        "alerts": {"sent": sent, "pending": max(0, sum(outcome.waiting for outcome in outcomes) - sent)},
        "duration_ms": round((monotonic() - began) * 1000),
    }
    heartline.log.info("tick", extra={**summary, "unprobed": sum(outcome.unprobed for outcome in outcomes)})
    return summary


def _follow_all(heartline: Heartline, deadline: Deadline) -> tuple[list[_Outcome], Heartbeat | None]:
    """Follow all targets at once, whatever happens to one of them; give also the heartbeat of the last tick."""
    # A thread for each, since all may have to wait at once.
    pool = ThreadPoolExecutor(len(heartline.targets) + 1)
    try:
        loading = pool.submit(heartline.store.load, [target.name for target in heartline.targets])
        following = [
            (target, _start(pool, heartline, target, loading, deadline))
            for target in _slowest_first(heartline.targets, loading)
        ]
        wait([future for _, future in following if future])
        loaded = loading.result()
    finally:
        # They end by themselves; to see each of a hundred do so costs as much as ten probes.
        pool.shutdown(wait=False)
    outcomes = [_outcome(heartline, target, future, loaded.targets[target.name]) for target, future in following]
    return outcomes, loaded.heartbeat


def _slowest_first(targets: Sequence[Target], loading: Future[Loaded]) -> Iterator[Target]:
    """Give the targets in turn, from when it is known those that are down first: they may take their whole timeout."""
    waiting, known = list(reversed(targets)), False
    while waiting:
        if not known and loading.done() and loading.exception() is None:
            stored = loading.result().targets
            waiting.sort(key=lambda target: _is_down(stored[target.name]))
            known = True
        yield waiting.pop()


def _is_down(stored: Stored | Unreadable) -> bool:
    return isinstance(stored, Stored) and stored.state.status is Status.DOWN


def _start(
    pool: ThreadPoolExecutor, heartline: Heartline, target: Target, loading: Future[Loaded], deadline: Deadline
) -> Future[_Outcome] | None:
    """Begin a thread for a target when there is something for it to compute; None when that time never comes."""
    if not PACE.take(deadline.left()):
        return None
    try:
        return pool.submit(_follow, heartline, target, loading, deadline)
    except RuntimeError:  # no more threads
        PACE.leave()
        return None


def _outcome(
    heartline: Heartline, target: Target, future: Future[_Outcome] | None, before: Stored | Unreadable
) -> _Outcome:
    """Give what became of a target; one that the monitor failed at, or did not come to, is left as it was."""
    if future is None:
        return _unprobed(heartline, target, before)
    error = future.exception()
    if error is None:
        return future.result()
    _log_fault(heartline.log, target, error)
    return _left(target, before)


def _follow(heartline: Heartline, target: Target, loading: Future[Loaded], deadline: Deadline) -> _Outcome:
    """Observe one target, decide, and save what changed."""

    def stored() -> Stored | Unreadable:
        return loading.result().targets[target.name]

    def undecided(seen: Any) -> bool:  # noqa: ANN401
        before = stored()
        return isinstance(before, Stored) and wants_another(before.state, seen, target.policy)

    observations = observe(target, heartline.credentials, undecided, deadline)
    before = stored()
    if isinstance(before, Unreadable):
        heartline.log.error("stored item left alone", target=target.name, reason=before.reason)
        return _left(target, before)
    if not observations:
        return _unprobed(heartline, target, before)
    last = observations[-1]
    decision = decide(before.state, observations, target.policy, heartline.clock())
    if last.failure is not None:
        _log_failure(heartline.log, target, last.failure, decision.state)
    alerts = tuple(replace(alert, waiting=tuple(c.name for c in heartline.channels)) for alert in decision.alerts)
    changed = decision.state != before.state
    if changed and not heartline.store.save(before, decision.state, alerts):
        heartline.log.info("another run has decided: this decision is dropped", target=target.name)
        return replace(_left(target, before), contested=True)
    healthy = last.healthy and decision.state.status is Status.UP
    return _Outcome(target, decision.state, len(before.outbox) + len(alerts), healthy)


def _unprobed(heartline: Heartline, target: Target, before: Stored | Unreadable) -> _Outcome:
    heartline.log.error("no time to probe: the target is left as it was", target=target.name)
    return replace(_left(target, before), unprobed=True)


def _left(target: Target, before: Stored | Unreadable) -> _Outcome:
    if isinstance(before, Unreadable):
        return _Outcome(target, State(target.name))
    return _Outcome(target, before.state, len(before.outbox))


def _beat(heartline: Heartline, heartbeat: Heartbeat, before: Heartbeat | None) -> None:
    try:
        heartline.store.beat(heartbeat, before)
    except (ClientError, BotoCoreError) as error:
        heartline.log.error("heartbeat not written", reason=type(error).__name__)


def _log_failure(log: Logger, target: Target, failure: Failure, state: State) -> None:
    log.warning(
        "failure",
        target=target.name,
        status=state.status,
        phase=failure.phase,
        kind=failure.kind,
        sqlstate=failure.sqlstate,
        cause=failure.cause,
    )


def _log_fault(log: Logger, target: Target, error: BaseException) -> None:
    """Log where a fault of the monitor arose, without the exception's text: it may quote anything."""
    where = traceback.extract_tb(error.__traceback__)
    log.error(
        "target left as it was by a fault of the monitor",
        target=target.name,
        error=type(error).__name__,
        where=[f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in where[-8:]],
    )
