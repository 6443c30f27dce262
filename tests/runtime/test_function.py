"""The built function keeps the contract: events in, answers, mails and errors out."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from local.aws import REGION
from local.function import event
from local.stack import RECIPIENT, SENDER

if TYPE_CHECKING:
    from local.aws import EmulatedAws
    from local.postgres import Postgres
    from runtime.conftest import Start
    from runtime.emulator import Function

COMMANDS = ("status", "probe", "test-alert", "mute", "unmute", "acknowledge")
METRICS = {"TargetsUp": "Count", "TargetsDown": "Count", "TickDuration": "Milliseconds"}
WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}


def tick(function: Function, name: str = "scheduled") -> dict[str, Any]:
    answer = function.invoke(event(name))
    assert answer.keys() == {"tick", "targets", "up", "down", "alerts", "duration_ms"}, answer
    return answer


def test_a_tick_over_a_healthy_database_is_silent(function: Function, aws: EmulatedAws) -> None:
    for name in ("scheduled", "rule"):
        answer = tick(function, name)
        assert datetime.fromisoformat(answer.pop("tick")).tzinfo is not None
        assert 0 <= answer.pop("duration_ms") < 60_000
        assert answer == {"targets": 1, "up": 1, "down": 0, "alerts": {"sent": 0, "pending": 0}}
    assert aws.mails == []


def test_a_killed_database_is_mailed_once_and_so_is_its_return(
    function: Function, database: Postgres, aws: EmulatedAws
) -> None:
    tick(function)
    database.kill()
    down = tick(function)
    assert (down["up"], down["down"], down["alerts"]) == (0, 1, {"sent": 1, "pending": 0})
    assert tick(function)["alerts"] == {"sent": 0, "pending": 0}
    database.start()
    assert tick(function)["up"] == 1
    first, second = aws.mails
    assert (first.sender, first.to) == (f"Heartline <{SENDER}>", (RECIPIENT,))
    assert first.subject.startswith("[DOWN: connection refused] demo · ")
    assert f"port {database.port}" in first.text
    assert second.subject.startswith("[RECOVERED after ")


def test_a_mail_in_korean_has_the_clock_of_seoul(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    """Time zones come from where Lambda has them: the function brings none."""
    korean = environment["TARGETS"] + 'language = "ko"\ntime_zone = "Asia/Seoul"\n'
    function = start(environment | {"TARGETS": korean})
    tick(function)
    database.kill()
    tick(function)
    (mail,) = aws.mails
    assert mail.subject.startswith("[DOWN 장애: 연결 거부] demo · ")
    assert "장애입니다" in mail.text
    assert 'lang="ko"' in mail.html
    (local, utc) = re.findall(r"(\d\d):\d\d:\d\d\s+KST\s+\((?:[-0-9]+\s+)?(\d\d):\d\d:\d\d\s+UTC\)", mail.text)[0]
    assert (int(utc) + 9) % 24 == int(local)


def test_the_commands_in_a_mail_name_the_stack(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    function = start(environment | {"POWERTOOLS_SERVICE_NAME": "shop"})
    database.kill()
    tick(function)
    command = " ".join(aws.mails[0].text.split())
    assert f"sam remote invoke MonitorFunction \\ --stack-name shop --region {REGION} \\" in command


def test_every_tick_writes_its_metrics_as_one_line(
    start: Start, environment: dict[str, str], database: Postgres
) -> None:
    function = start(environment | {"POWERTOOLS_SERVICE_NAME": "heartline-prod"})
    tick(function)
    database.kill()
    tick(function)
    healthy, down = function.metrics
    for line, names in ((healthy, METRICS), (down, METRICS | {"AlertsSent": "Count"})):
        (described,) = line["_aws"]["CloudWatchMetrics"]
        assert (described["Namespace"], described["Dimensions"]) == ("Heartline", [["service"]])
        assert line["service"] == "heartline-prod"
        assert {metric["Name"]: metric["Unit"] for metric in described["Metrics"]} == names
    assert (healthy["TargetsUp"], healthy["TargetsDown"]) == ([1.0], [0.0])
    assert (down["TargetsUp"], down["TargetsDown"], down["AlertsSent"]) == ([0.0], [1.0], [1.0])


def test_status_tells_what_is_wrong(function: Function, database: Postgres) -> None:
    database.kill()
    tick(function)
    (entry,) = function.invoke(event("status"))["targets"]
    keys = {"name", "status", "since", "last_ok", "incident", "failure", "pending", "muted_until", "mute_reason"}
    keys |= {"acknowledged", "remind_at", "flapping", "blips", "watched_since", "latency_ms", "tags"}
    keys |= {"incidents", "availability", "conditions"}
    assert entry.keys() == keys
    assert (entry["name"], entry["status"], entry["pending"]) == ("demo", "down", 0)
    assert entry["failure"].keys() == {"phase", "kind", "sqlstate", "cause", "next_step"}
    assert (entry["failure"]["phase"], entry["failure"]["kind"]) == ("connect", "refused")


def test_a_probe_diagnoses_and_changes_nothing(function: Function, database: Postgres, aws: EmulatedAws) -> None:
    healthy = function.invoke(event("probe"))
    assert healthy["failure"] is None
    assert list(healthy["phases"]) == ["resolve", "connect", "login", "query"]  # this server has no TLS
    database.kill()
    assert function.invoke(event("probe"))["failure"]["kind"] == "refused"
    assert WRITES.isdisjoint(aws.calls)
    assert aws.mails == []


def test_a_test_alert_is_mailed(function: Function, aws: EmulatedAws) -> None:
    function.invoke(event("test-alert"))
    (mail,) = aws.mails
    assert mail.to == (RECIPIENT,)
    assert mail.subject.startswith("[TEST]")


def test_what_is_unknown_is_an_error_that_lists_what_is_known(function: Function, aws: EmulatedAws) -> None:
    documents: list[dict[str, Any]] = [{"source": "aws.s3"}, {}, {"Records": [{"eventSource": "aws:s3"}]}]
    for document in documents:
        answer = function.invoke(document)
        assert answer["errorType"] == "EventError"
        assert all(known in answer["errorMessage"] for known in ("EventBridge Scheduler", "SQS", *COMMANDS))
    assert function.log.count("[ERROR] EventError") == len(documents)
    assert aws.calls == []


def test_a_mistake_in_a_command_is_an_answer(function: Function, aws: EmulatedAws) -> None:
    for command in ("restart", None):
        answer = function.invoke({"command": command})
        assert answer.keys() == {"error", "known"}
        assert answer["known"] == list(COMMANDS)
    assert "[ERROR]" not in function.log
    assert aws.calls == []


def test_a_broken_configuration_is_one_error_that_names_every_variable(
    start: Start, environment: dict[str, str], aws: EmulatedAws
) -> None:
    broken = {"TARGETS": "[[targets]]", "STATE_TABLE": "", "ALERT_SENDER": "nobody", "ALERT_RECIPIENTS": "nobody"}
    broken["ALERT_TOPIC"] = "alerts"
    function = start(environment | broken)
    # The second time too: Lambda keeps the environment after an error.
    for _ in range(2):
        answer = function.invoke(event("scheduled"))
        assert answer["errorType"] == "ConfigurationError"
        assert all(f"- {variable}: " in answer["errorMessage"] for variable in broken)
    assert function.log.count("[ERROR] ConfigurationError") == 2
    assert aws.calls == []


def test_a_wrong_log_level_is_a_fault_like_any_other(start: Start, environment: dict[str, str]) -> None:
    # Powertools reads this variable too, as the handler's module is loaded.
    answer = start(environment | {"LOG_LEVEL": "loud"}).invoke(event("scheduled"))
    assert answer["errorType"] == "ConfigurationError"
    assert "- LOG_LEVEL: give one of DEBUG" in answer["errorMessage"]


def test_one_event_delivered_twice_is_mailed_once(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    functions = [start(environment), start(environment)]
    for function in functions:
        tick(function)
    database.kill()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(tick, functions))
    # Whichever it is: the one whose decision was dropped may come first to send the other's alert.
    assert sorted(answer["alerts"]["sent"] for answer in answers) == [0, 1]
    assert 1 in {answer["down"] for answer in answers}
    assert [mail.state for mail in aws.mails] == ["DOWN"]
