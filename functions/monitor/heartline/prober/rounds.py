"""Advance many checks at once, and gather the probes that they ask for into rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic
from typing import Any, Generic, TypeVar

from heartline.common.deadline import Deadline
from heartline.model.observation import Observation
from heartline.prober.check import Attempt, Check, Pause, Steps

_ResultT = TypeVar("_ResultT")
# Makes some attempts at once, and returns their observations in order; None where there was no time for one.
MakeAttempts = Callable[[Sequence[Attempt]], Sequence[Observation | None]]
_Step = Attempt | Pause | None
# To find credentials and to save decisions: as many at once as wait for AWS.
_WORKERS = 16
_MAX_CALLS = 8
# So long a round waits for checks whose next step is still being worked out.
_LINGER_SECONDS = 1.0


class CheckRun(Generic[_ResultT]):
    """Advance one check; its result, or the error that ended it, comes to be in its future.

    Parameters
    ----------
    check, steps
        The check, and the probes and pauses that it needs.
    """

    def __init__(self, check: Check[_ResultT], steps: Steps) -> None:
        self.check = check
        self.future: Future[_ResultT] = Future()
        self._steps = steps
        self._observations: Sequence[Observation] | None = None
        self._ended = False
        self._lock = Lock()

    def advance(self, seen: Observation | None) -> _Step:
        """Return what the check needs next; None if it has ended, and is only to be finished."""
        try:
            return self._steps.send(seen)
        except StopIteration as end:
            if self._end():
                self._observations = end.value
            return None

    def finish(self) -> None:
        """Work out the result of a check that has ended, unless it ended by an error."""
        if self._observations is None:
            return
        try:
            self.future.set_result(self.check.finish(self._observations))
        except BaseException as error:  # noqa: BLE001 - as a pool does: it belongs to whoever waits
            self.future.set_exception(error)

    def fail(self, error: BaseException) -> bool:
        """End the check by an error; return False if it has ended already."""
        ends = self._end()
        if ends:
            self.future.set_exception(error)
        return ends

    def _end(self) -> bool:
        with self._lock:
            ended, self._ended = self._ended, True
        return not ended


class Rounds:
    """Carry out checks in rounds: all attempts that are due at a moment are made in as few calls as can be.

    Parameters
    ----------
    make
        Makes the attempts of one call; what it raises ends their checks.
    size
        The most attempts of a call.
    deadline
        When to wait no longer.
    """

    def __init__(self, make: MakeAttempts, size: int, deadline: Deadline) -> None:
        self._make = make
        self._size = size
        self._deadline = deadline
        self._workers = ThreadPoolExecutor(_WORKERS)
        self._calls = ThreadPoolExecutor(_MAX_CALLS)
        # How many workers it comes from, and what the checks need next.
        self._advanced: SimpleQueue[tuple[int, list[tuple[CheckRun[Any], _Step]]]] = SimpleQueue()
        self._busy = 0
        self._due: list[tuple[CheckRun[Any], Attempt]] = []
        self._due_since = 0.0
        self._paused: list[tuple[float, int, CheckRun[Any]]] = []
        self._order = count()

    def carry_out(self, runs: Sequence[CheckRun[Any]]) -> None:
        """Advance all checks until none needs another probe, or the deadline has passed."""
        running = len(runs)
        for run in runs:
            self._work_out(run)
        while running and self._deadline.left():
            now = monotonic()
            while self._paused and self._paused[0][0] <= now:
                self._work_out(heappop(self._paused)[2])
            if self._due and (not self._busy or now >= self._due_since + _LINGER_SECONDS):
                self._call()
            try:
                workers, advanced = self._advanced.get(timeout=self._wait(now))
            except Empty:
                continue
            self._busy -= workers
            running -= self._note(advanced)
        self._workers.shutdown(wait=False)
        self._calls.shutdown(wait=False)

    def _wait(self, now: float) -> float:
        """Return for how many seconds there is nothing to begin."""
        waits = [self._deadline.left()]
        if self._paused:
            waits.append(self._paused[0][0] - now)
        if self._due:
            waits.append(self._due_since + _LINGER_SECONDS - now)
        return max(0.0, min(waits))

    def _note(self, advanced: Sequence[tuple[CheckRun[Any], _Step]]) -> int:
        """Note what checks need next, and return how many need nothing; equal pauses end at the same moment."""
        now = monotonic()
        for run, step in advanced:
            if isinstance(step, Pause):
                heappush(self._paused, (now + step.seconds, next(self._order), run))
            elif isinstance(step, Attempt):
                self._due_since = self._due_since if self._due else now
                self._due.append((run, step))
        return sum(step is None for _, step in advanced)

    def _work_out(self, run: CheckRun[Any]) -> None:
        self._busy += 1
        self._workers.submit(lambda: self._advanced.put((1, [(run, self._advance(run, None))])))

    def _call(self) -> None:
        for start in range(0, len(self._due), self._size):
            self._calls.submit(self._carry, self._due[start : start + self._size])
        self._due = []

    def _carry(self, due: Sequence[tuple[CheckRun[Any], Attempt]]) -> None:
        """Make the attempts of one call, and advance their checks."""
        try:
            seen = self._make([attempt for _, attempt in due])
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits for these
            for run, _ in due:
                run.fail(error)
            self._advanced.put((0, [(run, None) for run, _ in due]))
        else:
            self._advanced.put((0, [(run, self._advance(run, one)) for (run, _), one in zip(due, seen, strict=True)]))

    def _advance(self, run: CheckRun[Any], seen: Observation | None) -> _Step:
        try:
            step = run.advance(seen)
        except Exception as error:  # noqa: BLE001 - likewise
            run.fail(error)
            return None
        if step is None:
            self._workers.submit(run.finish)
        return step
