"""All that is due at a moment is one call, and whoever is slow or fails does so alone."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import wait
from datetime import UTC, datetime
from threading import Event, Lock
from time import monotonic

import pytest

import heartline.prober.rounds
from heartline.common.deadline import Deadline
from heartline.model.observation import Observation
from heartline.model.target import Credential, Endpoint, Target
from heartline.prober.check import Attempt, Check, Pause, Steps
from heartline.prober.rounds import CheckRun, Rounds

LIMIT = 20.0
SEEN = Observation(datetime(2026, 11, 24, tzinfo=UTC), Endpoint())


class Calls:
    """Make attempts, and keep the names of each call's targets."""

    def __init__(self) -> None:
        self.names: list[list[str]] = []
        self._lock = Lock()

    def __call__(self, attempts: Sequence[Attempt]) -> Sequence[Observation | None]:
        with self._lock:
            self.names.append(sorted(attempt.target.name for attempt in attempts))
        return [SEEN for _ in attempts]


def attempt(name: str) -> Attempt:
    return Attempt(Target(name), Credential(Endpoint()))


def probing(name: str, probes: int, pause: float = 0.05, slow: Event | None = None) -> CheckRun[int]:
    """Need so many probes with pauses between them, and give their number as the result."""

    def steps() -> Steps:
        seen = []
        if slow:
            slow.wait(LIMIT)
        for number in range(probes):
            if number:
                yield Pause(pause)
            one = yield attempt(name)
            if one is None:
                break
            seen.append(one)
        return seen

    return CheckRun(Check(Target(name), lambda _: False, len), steps())


def results(runs: Sequence[CheckRun[int]]) -> list[int]:
    wait([run.future for run in runs], LIMIT)
    return [run.future.result(0) for run in runs]


def test_what_is_due_at_a_moment_is_one_call() -> None:
    calls, runs = Calls(), [probing(name, probes) for name, probes in (("a", 1), ("b", 3), ("c", 3))]
    Rounds(calls, 100, Deadline.after(LIMIT)).carry_out(runs)
    assert results(runs) == [1, 3, 3]
    assert calls.names == [["a", "b", "c"], ["b", "c"], ["b", "c"]]


def test_different_pauses_are_different_calls() -> None:
    calls, runs = Calls(), [probing("a", 2, 0.05), probing("b", 2, 0.3)]
    Rounds(calls, 100, Deadline.after(LIMIT)).carry_out(runs)
    assert calls.names == [["a", "b"], ["a"], ["b"]]


def test_a_call_has_no_more_attempts_than_it_may() -> None:
    calls, runs = Calls(), [probing(str(number), 1) for number in range(7)]
    Rounds(calls, 3, Deadline.after(LIMIT)).carry_out(runs)
    assert sorted(map(len, calls.names)) == [1, 3, 3]
    assert sorted(name for names in calls.names for name in names) == list("0123456")


def test_a_target_whose_credential_takes_long_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartline.prober.rounds, "_LINGER_SECONDS", 0.1)
    found = Event()
    runs = [probing("slow", 1, slow=found), probing("quick", 1)]
    calls = Calls()

    def make(attempts: Sequence[Attempt]) -> Sequence[Observation | None]:
        found.set()
        return calls(attempts)

    Rounds(make, 100, Deadline.after(LIMIT)).carry_out(runs)
    assert results(runs) == [1, 1]
    assert calls.names == [["quick"], ["slow"]]


def test_a_call_that_fails_ends_its_own_checks() -> None:
    def make(attempts: Sequence[Attempt]) -> Sequence[Observation | None]:
        if len(attempts) == 1:
            raise OSError("hunter2")
        return [SEEN for _ in attempts]

    runs = [probing(name, probes) for name, probes in (("a", 1), ("b", 1), ("c", 2))]
    Rounds(make, 100, Deadline.after(LIMIT)).carry_out(runs)
    assert results(runs[:2]) == [1, 1]
    assert isinstance(runs[2].future.exception(LIMIT), OSError)


def test_what_fails_in_a_check_is_its_own() -> None:
    def steps() -> Steps:
        yield attempt("bad")
        raise KeyError("hunter2")

    bad: CheckRun[int] = CheckRun(Check(Target("bad"), lambda _: False, len), steps())
    good = probing("good", 2)
    Rounds(Calls(), 100, Deadline.after(LIMIT)).carry_out([bad, good])
    assert isinstance(bad.future.exception(LIMIT), KeyError)
    assert results([good]) == [2]


def test_what_there_was_no_time_for_ends_the_check_with_what_was_seen() -> None:
    answers = iter([[SEEN], [None]])
    run = probing("a", 3)
    Rounds(lambda _: next(answers), 100, Deadline.after(LIMIT)).carry_out([run])
    assert results([run]) == [1]


def test_who_does_not_answer_is_waited_for_until_the_deadline_and_decides_nothing_later() -> None:
    over, decided = Event(), []

    def make(attempts: Sequence[Attempt]) -> Sequence[Observation | None]:
        over.wait(LIMIT)
        return [SEEN for _ in attempts]

    run: CheckRun[None] = CheckRun(Check(Target("a"), lambda _: False, decided.append), _once())
    began = monotonic()
    Rounds(make, 100, Deadline.after(0.2)).carry_out([run])
    assert 0.2 <= monotonic() - began < LIMIT / 2
    assert run.fail(TimeoutError())
    over.set()
    assert isinstance(run.future.exception(LIMIT), TimeoutError)
    assert not run.fail(OSError())
    assert decided == []


def _once() -> Steps:
    yield attempt("a")
    return []
