"""Follow all targets through one tick at once: observe, decide, save."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime

from aws_lambda_powertools import Logger

from heartline.common.deadline import Deadline
from heartline.model.alert import Alert
from heartline.model.kinds import Status
from heartline.model.observation import Failure, Observation
from heartline.model.state import State, Stored, Unreadable
from heartline.model.target import Target
from heartline.probe.slots import CPU_SLOTS
from heartline.prober.check import check
from heartline.rules.decide import Decision, decide, wants_another
from heartline.rules.gaps import _MISSED, missed
from heartline.services import Heartline
from heartline.storage.states import Loaded


@dataclass(frozen=True, slots=True)
class TargetResult:
    """Tell what became of one target in a tick; `seen` is how its probes found it, if they came to a verdict.

    `last` is the last of them, and `alerts` is what is to be told. `blips` counts what turned out to be nothing. A
    `contested` one was decided by another run, an `unprobed` one had no time, and a `faulty` one met a fault of the
    monitor or of what it relies on.
    """

    target: Target
    state: State
    alerts: tuple[Alert, ...] = ()
    seen: Status = Status.UNKNOWN
    last: Observation | None = None
    blips: int = 0
    contested: bool = False
    unprobed: bool = False
    faulty: bool = False

    @property
    def overrun(self) -> bool:
        """Tell whether there was no time to come to a verdict."""
        return self.seen is Status.UNKNOWN and not (self.contested or self.faulty)


def run_targets(heartline: Heartline, at: datetime, deadline: Deadline) -> tuple[list[TargetResult], Loaded]:
    """Follow all targets at once, whatever happens to one of them; give also what was stored before."""
    # A thread for each, since all may have to wait at once.
    pool = ThreadPoolExecutor(len(heartline.targets) + 1)
    try:
        names, since = [target.name for target in heartline.targets], at - _MISSED * heartline.interval
        loading = pool.submit(heartline.store.load, names, heartline.shard, since)
        following = [
            (target, _start(pool, _TargetRun(heartline, target, loading, at, deadline)))
            for target in _slowest_first(heartline.targets, loading)
        ]
        wait([future for _, future in following if future])
        loaded = loading.result()
    finally:
        # They end by themselves; to see each of a hundred do so costs as much as ten probes.
        pool.shutdown(wait=False)
    results = [_outcome(heartline, target, future, loaded.targets[target.name]) for target, future in following]
    return results, loaded


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


def _start(pool: ThreadPoolExecutor, follower: _TargetRun) -> Future[TargetResult] | None:
    """Begin a thread for a target when there is something for it to compute; None when that time never comes."""
    if not CPU_SLOTS.take(follower.deadline.left()):
        return None
    future: Future[TargetResult] = Future()
    try:
        pool.submit(_follow, follower, future)
    except RuntimeError:  # there are no more threads, but another that comes free would still take it up
        if future.cancel():
            CPU_SLOTS.leave()
            return None
    return future


def _follow(follower: _TargetRun, future: Future[TargetResult]) -> None:
    """Follow a target, unless that was called off."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(follower.follow())
    except BaseException as error:  # noqa: BLE001 - as a pool does: it belongs to whoever waits
        future.set_exception(error)


def _outcome(
    heartline: Heartline, target: Target, future: Future[TargetResult] | None, before: Stored | Unreadable
) -> TargetResult:
    """Give what became of a target; one that the monitor failed at, or did not come to, is left as it was."""
    if future is None:
        return _unprobed(heartline, target, before)
    error = future.exception()
    if error is None:
        return future.result()
    _log_fault(heartline.log, target, error)
    return replace(left(target, before), faulty=True)


@dataclass(frozen=True, slots=True)
class _TargetRun:
    """Follow one target through one tick, while what is stored of it may still be on its way."""

    heartline: Heartline
    target: Target
    loading: Future[Loaded]
    at: datetime
    deadline: Deadline

    def follow(self) -> TargetResult:
        """Observe the target, decide, and save what changed."""
        heartline, target = self.heartline, self.target
        observations = check(target, heartline.credentials, self._wants_another, self.deadline)
        before = self._stored()
        if isinstance(before, Unreadable):
            heartline.log.error("stored item left alone", target=target.name, reason=before.reason)
            return replace(left(target, before), faulty=True)
        if not observations:
            return _unprobed(heartline, target, before)
        gap = missed(self._last_look(before.state), self.at, heartline.interval)
        decision = decide(before.state, observations, target.policy, heartline.clock(), gap)
        if failure := observations[-1].failure:
            _log_failure(heartline.log, target, failure, decision.state)
        alerts, blips = (*before.outbox, *decision.alerts), decision.state.blips - before.state.blips
        result = TargetResult(target, decision.state, alerts, decision.seen, observations[-1], blips)
        return result if self._save(before, decision) else replace(left(target, before), contested=True)

    def _save(self, before: Stored, decision: Decision) -> bool:
        if decision.state == before.state:
            return True
        alerts = tuple(replace(alert, waiting=self.heartline.channel_names) for alert in decision.alerts)
        saved = self.heartline.store.save(before, decision.state, alerts, decision.ended)
        if not saved:
            self.heartline.log.info("another run has decided: this decision is dropped", target=self.target.name)
        return saved

    def _wants_another(self, seen: Sequence[Observation]) -> bool:
        before = self._stored()
        return isinstance(before, Stored) and wants_another(before.state, seen, self.target.policy)

    def _stored(self) -> Stored | Unreadable:
        return self.loading.result().targets[self.target.name]

    def _last_look(self, state: State) -> datetime | None:
        """Tell when the target was probed last: by the last tick, unless it was not in the document then."""
        loaded = self.loading.result()
        if self.target.name in loaded.looks:
            return loaded.looks[self.target.name]
        if loaded.heartbeat is None and not loaded.looks:
            return None
        return max(filter(None, (state.last_ok, state.last_failed)), default=None)


def _unprobed(heartline: Heartline, target: Target, before: Stored | Unreadable) -> TargetResult:
    heartline.log.error("no time to probe: the target is left as it was", target=target.name)
    return replace(left(target, before), unprobed=True)


def left(target: Target, before: Stored | Unreadable) -> TargetResult:
    """Give the outcome for a target that is left as it was."""
    if isinstance(before, Unreadable):
        return TargetResult(target, State(target.name))
    return TargetResult(target, before.state, before.outbox)


def _log_failure(log: Logger, target: Target, failure: Failure, state: State) -> None:
    log.warning(
        "failure",
        target=target.name,
        status=state.status,
        incident=state.incident.id if state.incident else None,
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
