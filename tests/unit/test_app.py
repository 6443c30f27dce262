"""An event that is not known, or a command that is wrong, is told what would be right; nothing is read or written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

import app
from heartline import bootstrap
from heartline.aws import clients
from heartline.commands.dispatch import COMMANDS
from heartline.config.settings import VARIABLES
from heartline.model.errors import ConfigurationError, EventError
from unit import toml

DOCUMENT = "".join(
    toml.table("[[targets]]", {"name": name, "host": f"{name}.example.com", "user": "heartline"})
    for name in ("orders", "billing")
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Provide what the handler needs to start; no call of it could reach AWS, since a unit test has no sockets."""
    for name, value in {
        **dict.fromkeys(VARIABLES, ""),
        "TARGETS": DOCUMENT,
        "STATE_TABLE": "heartline",
        "ALERT_SENDER": "heartline@example.com",
        "ALERT_RECIPIENTS": "oncall@example.com",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }.items():
        monkeypatch.setenv(name, value)
    bootstrap._services.cache_clear()
    yield monkeypatch
    bootstrap._services.cache_clear()


@pytest.mark.parametrize(
    "event",
    [
        *({}, None, [], "status", 5, {"source": "aws.s3"}, {"Command": "status"}, {"source": ["aws.scheduler"]}),
        *({"Records": records} for records in (None, [], {}, "aws:sqs", ["aws:sqs"], [None], [{}])),
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": [{"eventSource": ["aws:sqs"]}]},
        {"Records": [{"eventSource": "aws:sqs"}, {"eventSource": "aws:dynamodb"}]},
    ],
    ids=repr,
)
def test_an_unknown_event_is_told_which_are_known(event: object) -> None:
    with pytest.raises(EventError) as raised:
        app.lambda_handler(event, None)
    known = ("EventBridge Scheduler", "SQS", '"command"', *COMMANDS)
    assert all(word in str(raised.value) for word in known)


@pytest.mark.parametrize("command", ["", "Status", "restart", None, 5, ["status"], {"a": 1}], ids=repr)
def test_an_unknown_command_is_told_which_are_known(command: object) -> None:
    answer = app.lambda_handler({"command": command}, None)
    assert answer.keys() == {"error", "known"}
    assert answer["known"] == ["status", "probe", "test-alert", "mute", "unmute", "acknowledge"]
    assert all(word in answer["error"] for word in answer["known"])


@pytest.mark.parametrize("command", list(COMMANDS))
def test_an_unknown_field_is_told_which_are_known(command: str) -> None:
    answer = app.lambda_handler({"command": command, "tarqet\u202e\n": "orders"}, None)
    assert answer["error"].startswith(f'{command}: unknown field "tarqet"')
    assert set(answer["known"]) == COMMANDS[command][1]


@pytest.mark.parametrize("command", [name for name, (_, fields) in COMMANDS.items() if "target" in fields])
@pytest.mark.parametrize("target", ["nobody", None, 5, ["orders", "nobody"]], ids=repr)
def test_an_unknown_target_is_told_which_are_known(command: str, target: object) -> None:
    answer = app.lambda_handler({"command": command, "target": target}, None)
    assert answer["error"] == f'{command}: field "target": no such target: known are orders, billing'
    assert answer["known"] == ["orders", "billing"]


@pytest.mark.parametrize("command", ["probe", "mute", "unmute", "acknowledge"])
def test_among_several_targets_one_must_be_named(command: str) -> None:
    answer = app.lambda_handler({"command": command}, None)
    assert answer["error"] == f'{command}: field "target": missing: known are orders, billing'
    assert answer["known"] == ["orders", "billing"]


@pytest.mark.parametrize(
    "length",
    [None, "", "soon", -1, 0, "1s", "31d", True, float("nan"), 10**400, ["2h"]],
    ids=lambda value: repr(value)[:20],
)
def test_a_mute_of_no_good_length_is_told_which_are(length: object) -> None:
    answer = app.lambda_handler({"command": "mute", "target": "orders", "for": length}, None)
    assert re.fullmatch(r'mute: field "for": give seconds, or text like .* from 1m to 30d', answer["error"])
    assert "2h" in answer["known"]


def test_a_mute_s_reason_is_a_text() -> None:
    answer = app.lambda_handler({"command": "mute", "target": "orders", "for": "2h", "reason": {"a": 1}}, None)
    assert answer["error"].startswith('mute: field "reason": give a text')


@pytest.mark.parametrize("event", [{"source": "aws.scheduler"}, {"command": "status"}, {}], ids=str)
def test_a_wrong_environment_is_told_at_the_first_event_of_any_kind_and_logged(
    event: dict[str, str], environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("ALERT_SENDER", "nobody")
    environment.setenv("STATE_TABLE", "")
    for _ in range(2):
        with pytest.raises(ConfigurationError) as raised:
            app.lambda_handler(event, None)
        assert [fault.split(":")[0] for fault in raised.value.faults] == ["STATE_TABLE", "ALERT_SENDER"]
    assert "ALERT_SENDER: give a bare e-mail address" in caplog.text


def test_the_environment_is_read_in_the_names_that_the_contract_gives(environment: pytest.MonkeyPatch) -> None:
    names = ["TARGETS", "STATE_TABLE", "ALERT_SENDER", "ALERT_RECIPIENTS", "ALERT_TOPIC", "HEALTH_TOPIC", "LOG_LEVEL"]
    names += ["SCHEDULE_MINUTES", "SES_CONFIGURATION_SET", "TICK_QUEUE", "PROBE_FUNCTION", "PING_URL"]
    for name in names:
        environment.setenv(name, "[[=")
    environment.setenv("STATE_TABLE", "")
    with pytest.raises(ConfigurationError) as raised:
        app.lambda_handler({"command": "status"}, None)
    assert sorted(fault.split(":")[0] for fault in raised.value.faults) == sorted(names)


def test_a_client_is_built_once_when_the_first_of_several_threads_uses_it() -> None:
    built: list[object] = []
    together, twice = Barrier(8), Event()

    def build() -> object:
        built.append(object())
        if len(built) > 1:
            twice.set()
        twice.wait(0.1)  # as long as another thread may take to begin another
        return built[0]

    def use(_: int) -> object:
        together.wait(10)
        return client()

    client = clients.Lazy(build)
    assert built == []
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(use, range(8))) == set(built)
    assert len(built) == 1
