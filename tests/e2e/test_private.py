"""A private database: the function in the VPC probes for the monitor outside."""

from __future__ import annotations

import pytest

from e2e.conftest import Database
from e2e.project import Project, Stack
from local.mailbox import state
from template.created import VPC

RECIPIENT = "private@example.com"


@pytest.fixture(scope="module")
def private(project: Project, answers: dict[str, str]) -> Stack:
    return project.deploy("heartline-private", **answers | {"AlertRecipients": RECIPIENT}, **VPC)


def test_the_prober_probes_and_the_monitor_decides(private: Stack, database: Database) -> None:
    assert private.invoke("scheduled")["up"] == 1
    database.server.kill()
    private.tick_until("DOWN", RECIPIENT)
    database.server.start()
    private.tick_until("RECOVERED", RECIPIENT)
    assert [*map(state, private.aws.mails(RECIPIENT))] == ["DOWN", "RECOVERED"]


def test_a_prober_that_does_not_start_is_the_monitor_s_own_fault(private: Stack) -> None:
    (before,) = private.invoke("status")["targets"]
    functions, prober = private.aws.client("lambda"), private.resources["ProbeFunction"]
    functions.put_function_concurrency(FunctionName=prober, ReservedConcurrentExecutions=0)
    try:
        assert private.invoke("scheduled")["alerts"] == {"sent": 0, "pending": 0}
    finally:
        functions.delete_function_concurrency(FunctionName=prober)
    (after,) = private.invoke("status")["targets"]
    assert (after["status"], after["since"]) == (before["status"], before["since"])
    assert private.records("MonitorLogs", "tick")[-1]["detail"]["Faults"] >= 1
    assert private.invoke("scheduled")["up"] == 1
    assert private.records("MonitorLogs", "tick")[-1]["detail"]["Faults"] == 0


def test_the_prober_logs_that_it_probed_and_no_password(private: Stack, watched: Database) -> None:
    assert {one["detail"]["probes"] for one in private.records("ProbeLogs", "probes")} == {1}
    assert watched.password not in "".join(private.log("ProbeLogs") + private.log("MonitorLogs"))
