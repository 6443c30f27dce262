"""A tick measures itself for alarms and dashboards, writes no zero that costs, and logs the whole story."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.function import event
from local.peers import Peer, closes, forwards, healthy
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    import socket

    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres

Serve = Callable[[Callable[..., None]], Peer]
Printed = pytest.CaptureFixture[str]
Counts = dict[str, float]
MEASURED = {"metrics": True}


def measured(text: str) -> list[dict[str, Any]]:
    """Read the lines that CloudWatch takes metrics from."""
    return [line for line in map(json.loads, text.splitlines()) if "_aws" in line]


def metrics(line: dict[str, Any]) -> dict[str, tuple[float, str]]:
    """Return the values and units that CloudWatch takes from a line."""
    (declared,) = line["_aws"]["CloudWatchMetrics"]
    return {metric["Name"]: (line[metric["Name"]][0], metric["Unit"]) for metric in declared["Metrics"]}


def dimensions(line: dict[str, Any]) -> dict[str, str]:
    (declared,) = line["_aws"]["CloudWatchMetrics"]
    (names,) = declared["Dimensions"]
    return {name: line[name] for name in names}


def counted(printed: Printed) -> Counts:
    """Return what one tick wrote of the fleet since the last look, but how long it took."""
    (line,) = (line for line in measured(printed.readouterr().out) if "target" not in line)
    return {name: value for name, (value, _) in metrics(line).items() if name != "TickDuration"}


def by_target(printed: Printed) -> dict[str, dict[str, tuple[float, str]]]:
    """Return what one tick wrote of each target since the last look."""
    return {line["target"]: metrics(line) for line in measured(printed.readouterr().out) if "target" in line}


def watch_each(monitor: Monitor, **differing: dict[str, Any]) -> None:
    """Let the document hold these targets, each with keys of its own."""
    documents = []
    for name, keys in differing.items():
        monitor.watch(name, **keys)
        documents.append(monitor.environment["TARGETS"])
    monitor.environment["TARGETS"] = "".join(documents)


@pytest.fixture
def steady(serve: Serve) -> dict[str, Any]:
    """Return the keys of a target that stays up, whatever becomes of the database."""
    return {"host": "127.0.0.1", "port": serve(healthy).port, "user": ROLE}


# ---- The fleet


def test_a_healthy_tick_writes_three_metrics_in_one_line(monitor: Monitor, capsys: Printed) -> None:
    duration = monitor.tick()["duration_ms"]
    (line,) = measured(capsys.readouterr().out)
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Heartline"
    assert dimensions(line) == {"service": "heartline"}
    assert metrics(line) == {
        "TargetsUp": (1, "Count"),
        "TargetsDown": (0, "Count"),
        "TickDuration": (duration, "Milliseconds"),
    }


@pytest.mark.parametrize(
    ("names", "service"),
    [
        ({"POWERTOOLS_SERVICE_NAME": "heartline-prod", "AWS_LAMBDA_FUNCTION_NAME": "monitor-1"}, "heartline-prod"),
        ({"AWS_LAMBDA_FUNCTION_NAME": "monitor-1"}, "monitor-1"),
    ],
)
def test_two_stacks_are_told_apart_in_their_metrics(
    environment: dict[str, str], names: dict[str, str], service: str
) -> None:
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    program = "import app, json, sys; app.lambda_handler(json.load(sys.stdin), None)"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | path | environment | names,
        input=json.dumps(event("scheduled")),
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    )
    assert [dimensions(line) for line in measured(ran.stdout)] == [{"service": service}]


def test_metrics_count_what_is_up_and_down_and_each_alert_that_is_sent(
    monitor: Monitor, database: Postgres, capsys: Printed, steady: dict[str, Any]
) -> None:
    watch_each(monitor, a={"secret": SECRET}, b={"secret": SECRET}, c=steady)
    monitor.tick()
    assert counted(capsys) == {"TargetsUp": 3, "TargetsDown": 0}
    database.kill()
    monitor.tick()
    assert counted(capsys) == {"TargetsUp": 1, "TargetsDown": 2, "AlertsSent": 2}
    monitor.tick()
    assert counted(capsys) == {"TargetsUp": 1, "TargetsDown": 2}


def test_a_blip_is_counted_once(monitor: Monitor, database: Postgres, serve: Serve, capsys: Printed) -> None:
    connections = count()

    def fails_once(connection: socket.socket) -> None:
        (closes if next(connections) == 1 else forwards(database.port))(connection)

    monitor.watch("demo", secret=SECRET, port=serve(fails_once).port)
    blips = []
    for _ in range(3):
        monitor.tick()
        blips.append(counted(capsys).get("Blips"))
    assert blips == [None, 1, None]


def test_orders_are_not_measured(monitor: Monitor, capsys: Printed) -> None:
    monitor.watch("demo", secret=SECRET, metrics=True)
    for command in ("status", "probe", "test-alert", "unmute"):
        monitor.order(command)
    assert measured(capsys.readouterr().out) == []


# ---- Alerts that wait


def test_a_refused_mail_waits_older_and_older_until_it_is_sent(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, capsys: Printed
) -> None:
    aws.refuse_mail()
    database.kill()
    monitor.tick()
    waiting = {"TargetsUp": 0, "TargetsDown": 1, "AlertsPending": 1, "AlertsRefused": 1}
    assert counted(capsys).items() >= waiting.items()
    monitor.pass_time(minutes=6)
    monitor.tick()
    counts = counted(capsys)
    assert 360 <= counts.pop("OldestAlert") < 390
    assert counts == waiting
    aws.accept_mail()
    monitor.tick()
    assert counted(capsys) == {"TargetsUp": 0, "TargetsDown": 1, "AlertsSent": 1}


def test_the_age_of_alerts_is_in_seconds(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, capsys: Printed
) -> None:
    aws.refuse_mail()
    database.kill()
    monitor.tick()
    capsys.readouterr()
    monitor.pass_time(minutes=1)
    monitor.tick()
    (line,) = measured(capsys.readouterr().out)
    assert metrics(line)["OldestAlert"][1] == "Seconds"


def test_of_several_alerts_the_oldest_tells_the_age(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, capsys: Printed, serve: Serve
) -> None:
    dead = {"host": "127.0.0.1", "user": ROLE, "port": serve(closes).port}
    watch_each(monitor, a=dead, b={"secret": SECRET})
    aws.refuse_mail()
    monitor.tick()
    monitor.pass_time(minutes=6)
    database.kill()
    monitor.tick()
    capsys.readouterr()
    monitor.pass_time(minutes=1)
    monitor.tick()
    counts = counted(capsys)
    assert counts["AlertsPending"] == 2
    assert 420 <= counts["OldestAlert"] < 450


def test_an_alert_that_there_was_no_time_to_send_waits(monitor: Monitor, database: Postgres, capsys: Printed) -> None:
    database.kill()
    # Enough for the probes, too little for a mail.
    monitor.tick(seconds=6)
    assert counted(capsys).items() >= {"TargetsDown": 1, "AlertsPending": 1}.items()


# ---- Ticks that end too early


def test_a_tick_without_time_to_probe_is_an_overrun(monitor: Monitor, capsys: Printed) -> None:
    monitor.tick()
    capsys.readouterr()
    monitor.tick(seconds=1.5)
    assert counted(capsys) == {"TargetsUp": 1, "TargetsDown": 0, "TargetsUnprobed": 1, "Overruns": 1}


def test_a_tick_without_time_for_confirmations_is_an_overrun_and_tells_nobody(
    monitor: Monitor, database: Postgres, capsys: Printed
) -> None:
    monitor.watch("demo", secret=SECRET, confirm_after=20)
    monitor.tick()
    capsys.readouterr()
    database.kill()
    monitor.tick(seconds=15)
    assert counted(capsys) == {"TargetsUp": 1, "TargetsDown": 0, "Overruns": 1}
    assert monitor.mails == []


def test_a_tick_without_time_to_see_a_recovery_through_is_an_overrun(
    monitor: Monitor, database: Postgres, capsys: Printed
) -> None:
    monitor.watch("demo", secret=SECRET, confirm_after=20, confirmations=0, recover_after=2)
    database.kill()
    monitor.tick()
    database.start()
    capsys.readouterr()
    monitor.tick(seconds=15)
    assert counted(capsys) == {"TargetsUp": 0, "TargetsDown": 1, "Overruns": 1}


def test_several_targets_without_a_verdict_are_one_overrun(
    monitor: Monitor, capsys: Printed, steady: dict[str, Any]
) -> None:
    watch_each(monitor, a=steady, b=steady, c=steady)
    monitor.tick(seconds=1.5)
    assert counted(capsys) == {"TargetsUp": 0, "TargetsDown": 0, "TargetsUnprobed": 3, "Overruns": 1}


# ---- Faults of the monitor


@pytest.mark.parametrize("call", ["dynamodb:UpdateItem", "dynamodb:PutItem"])
def test_metrics_show_a_state_or_heartbeat_that_could_not_be_written(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, capsys: Printed, call: str
) -> None:
    monitor.tick()
    capsys.readouterr()
    database.kill()
    aws.refuse(call, "ProvisionedThroughputExceededException")
    monitor.tick()
    counts = counted(capsys)
    assert counts["Faults"] >= 1
    # Nothing was decided where the state was not saved; else the alert was sent.
    saved = call == "dynamodb:PutItem"
    assert (counts["TargetsDown"], counts["TargetsUp"]) == ((1, 0) if saved else (0, 1))
    # A fault is told as such, not as a lack of time.
    assert "Overruns" not in counts


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "InternalServerError", "ResourceNotFoundException"]
)
def test_states_that_cannot_be_read_fail_the_tick_loudly(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, capsys: Printed, code: str
) -> None:
    monitor.tick()
    before = monitor.stored
    capsys.readouterr()
    database.kill()
    aws.refuse("dynamodb:BatchGetItem", code, status=500 if code.startswith("Internal") else 400)
    with pytest.raises(ClientError, match=code):
        monitor.tick()
    # No TargetsUp, so that the alarm on silence hears it.
    assert counted(capsys) == {"Faults": 1}
    assert [entry["event"] for entry in monitor.log if entry["level"] == "CRITICAL"] == ["states-not-read"]
    assert (monitor.stored, monitor.mails) == (before, [])
    aws.accept()
    monitor.tick()
    assert counted(capsys) == {"TargetsUp": 0, "TargetsDown": 1, "AlertsSent": 1}


def test_a_state_that_stays_unread_is_a_fault(monitor: Monitor, aws: EmulatedAws, capsys: Printed) -> None:
    monitor.tick()
    before = monitor.items["target#demo"]
    capsys.readouterr()
    aws.leave_unprocessed()
    monitor.tick()
    assert counted(capsys)["Faults"] >= 1
    assert "throttled" in str([line for line in monitor.log if line["level"] == "ERROR"])
    assert monitor.items["target#demo"] == before


def test_a_heartbeat_of_a_newer_heartline_is_left_alone_and_a_fault(
    monitor: Monitor, database: Postgres, capsys: Printed
) -> None:
    monitor.tick()
    newer = monitor.items["heartbeat"] | {"format": {"N": "2"}, "seen": {"S": "in another form"}}
    monitor.store(newer)
    capsys.readouterr()
    database.kill()
    monitor.pass_time(minutes=10)
    monitor.tick()
    assert monitor.items["heartbeat"] == newer
    assert [line["event"] for line in monitor.log if line["level"] == "ERROR"] == ["heartbeat-not-written"]
    # The targets are watched all the same.
    assert counted(capsys) == {"TargetsUp": 0, "TargetsDown": 1, "AlertsSent": 1, "Faults": 1}


# ---- Each target


def test_with_metrics_a_target_has_availability_and_where_healthy_its_phases(
    monitor: Monitor, database: Postgres, capsys: Printed, steady: dict[str, Any]
) -> None:
    watch_each(monitor, alive=steady | MEASURED, dead={"secret": SECRET} | MEASURED)
    database.kill()
    monitor.tick()
    written = by_target(capsys)
    assert written["dead"] == {"Availability": (0, "Percent")}
    assert written["alive"].pop("Availability") == (100, "Percent")
    assert {name: unit for name, (_, unit) in written["alive"].items()} == dict.fromkeys(
        ("Resolve", "Connect", "Login", "Query"), "Milliseconds"
    )
    assert all(0 <= value < 1000 for value, _ in written["alive"].values())


def test_a_target_s_metrics_have_the_stack_and_the_target_for_dimensions(monitor: Monitor, capsys: Printed) -> None:
    monitor.watch("demo", secret=SECRET, metrics=True)
    monitor.tick()
    fleet, target = measured(capsys.readouterr().out)
    assert dimensions(fleet) == {"service": "heartline"}
    assert dimensions(target) == {"service": "heartline", "target": "demo"}


def test_only_a_target_with_metrics_has_any(monitor: Monitor, capsys: Printed, steady: dict[str, Any]) -> None:
    watch_each(monitor, silent=steady, off=steady | {"metrics": False}, measured=steady | MEASURED)
    monitor.tick()
    assert list(by_target(capsys)) == ["measured"]


def test_a_target_without_a_verdict_has_no_metrics(monitor: Monitor, database: Postgres, capsys: Printed) -> None:
    monitor.watch("demo", secret=SECRET, confirm_after=20, metrics=True)
    monitor.tick()
    database.kill()
    capsys.readouterr()
    for seconds in (1.5, 15):  # no time to probe, no time to confirm
        monitor.tick(seconds=seconds)
    assert by_target(capsys) == {}


def test_a_blip_is_no_lack_of_availability(monitor: Monitor, database: Postgres, serve: Serve, capsys: Printed) -> None:
    connections = count()

    def fails_first(connection: socket.socket) -> None:
        (forwards(database.port) if next(connections) else closes)(connection)

    monitor.watch("demo", secret=SECRET, port=serve(fails_first).port, metrics=True)
    monitor.tick()
    assert by_target(capsys)["demo"]["Availability"] == (100, "Percent")


# ---- The log

STORY = {
    *("TargetsUp", "TargetsDown", "TargetsUnprobed", "Blips", "Overruns", "TickDuration", "Faults"),
    *("AlertsSent", "AlertsRefused", "AlertsPending", "AlertsUnconfirmed", "OldestAlert"),
}


def notified(monitor: Monitor) -> list[dict[str, Any]]:
    """Return the lines of the log since the last look, without what Lambda and Powertools add."""
    lines = [
        {name: value for name, value in line.items() if name not in {"location", "timestamp", "function_request_id"}}
        for line in monitor.log
    ]
    monitor.log.clear()
    return lines


def test_a_healthy_fleet_is_one_line_of_the_log_with_the_whole_story(monitor: Monitor, steady: dict[str, Any]) -> None:
    monitor.watch(*(f"t{number}" for number in range(20)), **steady)
    for _ in range(2):  # the first sight of a target too
        answer = monitor.tick()
        (line,) = notified(monitor)
        assert (line["level"], line["event"], line["tick"]) == ("INFO", "tick", answer["tick"])
        counts = line["detail"]
        assert counts.keys() == STORY
        assert (counts["TargetsUp"], counts["TargetsDown"], counts["TickDuration"]) == (20, 0, answer["duration_ms"])


def test_each_failure_is_one_line_of_the_log_that_names_its_incident(
    monitor: Monitor, database: Postgres, steady: dict[str, Any]
) -> None:
    watch_each(monitor, a={"secret": SECRET}, b={"secret": SECRET}, c=steady)
    monitor.tick()
    notified(monitor)
    database.kill()
    for sent in (2, 0):  # as it dies, and while it is down
        monitor.tick()
        *failures, tick = notified(monitor)
        assert (tick["event"], tick["detail"]["TargetsDown"], tick["detail"]["AlertsSent"]) == ("tick", 2, sent)
        incidents = {name: monitor.status(name)["incident"] for name in "ab"}
        assert {line["target"]: line["detail"]["incident"] for line in failures} == incidents
        assert len(failures) == 2
        for line in failures:
            assert (line["level"], line["event"], line["error_type"]) == ("WARNING", "failure", "refused")
            assert (line["detail"]["status"], line["detail"]["phase"]) == ("down", "connect")
            assert line["detail"]["cause"]
