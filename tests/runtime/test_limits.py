"""Where a tick meets Lambda's limits of time and memory, nothing is lost, told twice or told wrongly."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from local import peers
from local.function import event
from local.processes import wait_until
from runtime.documents import fleet, watching

if TYPE_CHECKING:
    from local.aws import EmulatedAws
    from local.postgres import Postgres
    from local.wire import Call
    from runtime.conftest import Start
    from runtime.emulator import Function

SAVE = "dynamodb:PutItem target#demo/state"
LEAST = 256 << 20  # bytes: the template's least MemorySize
SHORT = {"AWS_LAMBDA_FUNCTION_TIMEOUT": "4"}
UNKNOWN: dict[str, Any] = {}  # an event that needs nothing but that all is imported


def warm(function: Function) -> None:
    """Have all imported; the emulator counts that as time of the first event, and a busy machine may need longer."""
    wait_until(lambda: function.send(UNKNOWN).startswith("{"), "the function to be warm")


def results(*functions: Function) -> list[tuple[int, int]]:
    """Tick, and give how many were down and how many alerts were sent each time."""
    answers = [function.invoke(event("scheduled")) for function in functions]
    return [(answer["down"], answer["alerts"]["sent"]) for answer in answers]


def test_a_tick_without_time_for_a_verdict_ends_by_itself(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    # Six probes of half a second, in two thirds of the three seconds that are left for them.
    function = start(watching(environment, timeout=0.5, confirmations=5) | SHORT)
    warm(function)
    database.freeze()
    assert results(function) == [(0, 0)]
    assert function.metrics[-1]["Overruns"] == [1.0]
    assert results(start(watching(environment))) == [(1, 1)]
    assert [mail.state for mail in aws.mails] == ["DOWN"]


@pytest.mark.parametrize(
    ("hanging", "carried_out"), [("dynamodb:BatchGetItem", False), (SAVE, True)], ids=["read", "saved"]
)
def test_what_lambda_ended_in_a_tick_is_told_by_the_next(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws, hanging: str, *, carried_out: bool
) -> None:
    function = start(watching(environment) | SHORT)
    warm(function)
    database.kill()
    aws.hang(hanging, carried_out=carried_out)
    assert function.send(event("scheduled")) == "Task timed out after 4.00 seconds"
    aws.accept()
    following = start(watching(environment))
    assert results(following, following) == [(1, 1), (1, 0)]
    assert [mail.state for mail in aws.mails] == ["DOWN"]


class Killer:
    """Kill a function's runtime once a call has been carried out, as Lambda does where memory runs out."""

    def __init__(self, function: Function, label: str) -> None:
        self._function = function
        self._label = label

    def before(self, call: Call) -> None:
        pass

    def after(self, call: Call) -> None:
        if call.label == self._label:
            self._function.runtime.kill()


def test_what_was_killed_in_a_tick_is_told_by_the_next(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    function = start(watching(environment))
    database.kill()
    with aws.seen_by(Killer(function, SAVE)):
        killed = function.invoke(event("scheduled"))
    assert killed["errorType"] == "Runtime.ExitError"
    assert aws.mails == []
    assert results(function, function) == [(1, 1), (1, 0)]
    assert [mail.state for mail in aws.mails] == ["DOWN"]


def limit(function: Function, more: int) -> None:
    """Let the runtime have so many bytes of address space more than it has, once all is imported."""
    warm(function)
    size = function.runtime.memory_info().vms + more
    function.runtime.rlimit(psutil.RLIMIT_AS, (size, size))


def test_a_tick_without_memory_is_an_error_and_the_next_tells(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    function = start(watching(environment))
    limit(function, 0)
    database.kill()
    assert "errorType" in function.invoke(event("scheduled"))
    assert aws.mails == []
    following = start(watching(environment))
    assert results(following, following) == [(1, 1), (1, 0)]
    assert [mail.state for mail in aws.mails] == ["DOWN"]


def test_a_target_without_memory_for_its_probe_is_unprobed_and_its_state_unchanged(
    start: Start, environment: dict[str, str], aws: EmulatedAws
) -> None:
    with peers.Peer(peers.listens) as silent:
        function = start(fleet(environment, map(str, range(30)), silent.port, timeout=0.5))
        # It builds the client of the table, which needs memory too.
        function.invoke({"command": "status"})
        limit(function, 64 << 20)  # the stacks of some threads
        function.invoke(event("scheduled"))
    lines = [json.loads(line) for line in function.log.splitlines() if line.startswith('{"level"')]
    left = {line["target"] for line in lines if line["event"] == "unprobed"}
    items = aws.client("dynamodb").scan(TableName=environment["STATE_TABLE"])["Items"]
    assert left
    assert left.isdisjoint(item["pk"]["S"].removeprefix("target#") for item in items)


def test_a_run_s_hundred_targets_need_less_than_the_least_memory(
    start: Start, environment: dict[str, str], aws: EmulatedAws
) -> None:
    with socket.socket() as closed:
        closed.bind((peers.HOST, 0))
        function = start(fleet(environment, map(str, range(100)), closed.getsockname()[1]))
        assert results(function) == [(100, 100)]
    status = Path(f"/proc/{function.runtime.pid}/status").read_text()
    (peak,) = [int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM:")]
    assert len(aws.mails) == 1
    assert peak < LEAST
