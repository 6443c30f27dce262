"""Probe here: each target in a thread of its own, a few computing at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from time import sleep
from typing import TypeVar

from heartline.common.deadline import Deadline
from heartline.model.observation import Failure, Observation
from heartline.model.target import Credential, Target
from heartline.probe import probe
from heartline.probe.slots import CPU_SLOTS
from heartline.prober.check import Attempt, Check, Steps, steps
from heartline.prober.credentials import Credentials

_ResultT = TypeVar("_ResultT")
# All may have to wait at once; threads begin as they are needed.
_MAX_THREADS = 512


class LocalProber:
    """Carry out checks in this process.

    Parameters
    ----------
    credentials
        Finds the targets' credentials.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def check_all(
        self, checks: Iterable[Check[_ResultT]], deadline: Deadline
    ) -> list[tuple[Target, Future[_ResultT] | None]]:
        """Begin each check when there is a slot for it to compute."""
        pool = ThreadPoolExecutor(_MAX_THREADS)
        begun = [(check.target, _begin(pool, partial(self._check, check, deadline), deadline)) for check in checks]
        # The threads end by themselves; to see each of a hundred do so costs as much as ten probes.
        pool.shutdown(wait=False)
        return begun

    def _check(self, check: Check[_ResultT], deadline: Deadline) -> _ResultT:
        needed = steps(check.target, self, _released(check.wants_another), deadline)
        return check.finish(_carry_out(needed, deadline))

    def find(self, target: Target, *, afresh: bool = False) -> Credential | Failure:
        """Return the target's credential, or why there is none; the caller's slot is released meanwhile."""
        with CPU_SLOTS.released():
            return self._credentials.find(target, afresh=afresh)


def probe_all(attempts: Sequence[Attempt], deadline: Deadline) -> list[Observation | None]:
    """Make attempts at once, and return their observations in order; None where there was no time for one."""
    pool = ThreadPoolExecutor(_MAX_THREADS)
    begun = [_begin(pool, partial(_probe_within, attempt, deadline), deadline) for attempt in attempts]
    pool.shutdown(wait=False)
    return [future.result() if future else None for future in begun]


def _probe_within(attempt: Attempt, deadline: Deadline) -> Observation | None:
    try:
        return _probe(attempt) if deadline.allows(attempt.target.timeout.total_seconds()) else None
    finally:
        CPU_SLOTS.leave()


def _probe(attempt: Attempt) -> Observation:
    return probe(attempt.target, attempt.credential, Deadline.after(attempt.target.timeout.total_seconds()))


def _released(wants_another: Callable[[Sequence[Observation]], bool]) -> Callable[[Sequence[Observation]], bool]:
    def released(seen: Sequence[Observation]) -> bool:
        with CPU_SLOTS.released():
            return wants_another(seen)

    return released


def _carry_out(steps: Steps, deadline: Deadline) -> list[Observation]:
    """Carry out steps in this thread, which holds a slot; none is held when this returns."""
    holds, answer = True, None
    try:
        while True:
            step = steps.send(answer)
            if isinstance(step, Attempt):
                answer = _probe(step)
                continue
            answer, holds = None, False
            CPU_SLOTS.leave()
            sleep(step.seconds)
            holds = CPU_SLOTS.take(deadline.left())
    except StopIteration as end:
        observations: list[Observation] = end.value
        return observations
    finally:
        if holds:
            CPU_SLOTS.leave()


def _begin(pool: ThreadPoolExecutor, work: Callable[[], _ResultT], deadline: Deadline) -> Future[_ResultT] | None:
    """Begin a thread for work when there is a slot for it to compute; return None if there never is."""
    if not CPU_SLOTS.take(deadline.left()):
        return None
    future: Future[_ResultT] = Future()
    try:
        pool.submit(_work, work, future)
    except RuntimeError:  # there are no more threads, but another that comes free would still take it up
        if future.cancel():
            CPU_SLOTS.leave()
            return None
    return future


def _work(work: Callable[[], _ResultT], future: Future[_ResultT]) -> None:
    """Do work, unless that was called off."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - as a pool does: it belongs to whoever waits
        future.set_exception(error)
