"""What is wrong with the configuration or an event is one clear error, before anything is read or written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import app
from heartline.model.errors import ConfigurationError, EventError
from local.function import Context, event, invoke
from local.stack import SECRET

if TYPE_CHECKING:
    from integration.conftest import Monitor

TARGET = '[[targets]]\nname = "demo"\nhost = "db.example.com"\nuser = "heartline"\n'


@pytest.mark.parametrize(
    ("variable", "value", "fix"),
    [
        ("STATE_TABLE", "", "STATE_TABLE: give the name"),
        ("ALERT_SENDER", "", "ALERT_SENDER: give a bare e-mail address"),
        ("ALERT_SENDER", "Ops <ops@example.com>", "ALERT_SENDER: give a bare e-mail address"),
        ("ALERT_RECIPIENTS", "oncall@example.com,dba", "ALERT_RECIPIENTS: give bare e-mail addresses"),
        ("ALERT_TOPIC", "alerts", "ALERT_TOPIC: give the ARN"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL: give one of DEBUG"),
        ("SCHEDULE_MINUTES", "1 minute", "SCHEDULE_MINUTES: give the minutes"),
        ("TARGETS", "", "no targets"),
        ("TARGETS", "targets = 5", "no targets"),
        ("TARGETS", "[[targets]\n", "TARGETS: not a TOML document"),
        ("TARGETS", TARGET + TARGET, 'target "demo": 2 targets have this name'),
        ("TARGETS", TARGET + "timeout = true", 'target "demo": key "timeout"'),
        ("TARGETS", TARGET + "tiemout = 5", 'target "demo": unknown key "tiemout"'),
        ("TARGETS", TARGET + 'password = "hunter2"', "put it into Secrets Manager"),
        ("TARGETS", TARGET + 'recipients = ["nobody"]', 'target "demo": key "recipients"'),
        ("TARGETS", TARGET + 'settle_after = "0s"', 'target "demo": key "settle_after"'),
        ("TARGETS", TARGET + 'settle_after = "2d"', 'target "demo": key "settle_after"'),
        ("TARGETS", TARGET + 'maintenance = "Sun 02:00-04:00"', "give a list of windows"),
        ("TARGETS", TARGET + 'maintenance = ["Sun 02:00"]', 'like "Sun 02:00-04:00 Asia/Seoul"'),
        ("TARGETS", TARGET + 'maintenance = ["Sun 02:00-04:00 Asia/Atlantis"]', "time zone"),
        ("TARGETS", TARGET + 'maintenance = ["Sum 02:00-04:00"]', 'like "Sun 02:00-04:00 Asia/Seoul"'),
        ("TARGETS", TARGET + 'maintenance = ["Sun 02:00-25:00"]', 'like "Sun 02:00-04:00 Asia/Seoul"'),
        ("TARGETS", TARGET + 'maintenance = ["Sun 02:00-02:00"]', "the window is empty"),
    ],
)
def test_a_bad_variable_is_named_with_its_mend(monitor: Monitor, variable: str, value: str, fix: str) -> None:
    monitor.environment[variable] = value
    with pytest.raises(ConfigurationError) as raised:
        monitor.tick()
    assert fix in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert [line["message"] for line in monitor.log] == [str(raised.value)]
    assert monitor.aws.calls == []


def test_all_faults_are_told_together(monitor: Monitor) -> None:
    bad = {"STATE_TABLE": "", "ALERT_SENDER": "x", "ALERT_RECIPIENTS": "y", "ALERT_TOPIC": "z", "LOG_LEVEL": "w"}
    monitor.environment |= bad | {"TARGETS": TARGET + 'port = "x"\ntls = "maybe"'}
    with pytest.raises(ConfigurationError) as raised:
        monitor.tick()
    for word in (*bad, '"port"', '"tls"'):
        assert word in str(raised.value)
    assert len(raised.value.faults) == 7


def test_the_documents_recipients_win_over_the_common_ones(monitor: Monitor) -> None:
    monitor.watch("demo", secret="no/such", recipients=["dba@example.com"])
    monitor.tick()
    assert monitor.mails[0].to == ("dba@example.com",)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "tick",
        None,
        {"source": "aws.s3"},
    ],
)
def test_an_unknown_event_is_told_what_is_known(
    monitor: Monitor,
    document: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in monitor.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EventError) as raised:
        app.lambda_handler(document, Context(60))
    for known in ("status", "probe", "test-alert", "mute", "unmute", "acknowledge"):
        assert known in str(raised.value)
    assert monitor.aws.calls == []


def test_the_older_rules_event_starts_a_tick_too(monitor: Monitor) -> None:
    assert invoke(monitor.environment, event("rule"))["up"] == 1


@pytest.mark.parametrize("name", ["a", "missing"])
def test_a_target_is_named_where_there_are_several(monitor: Monitor, name: str) -> None:
    monitor.watch("orders", "billing", secret=SECRET)
    fields = {} if name == "missing" else {"target": name}
    answer = monitor.order("acknowledge", **fields)
    assert "known are orders, billing" in answer["error"]
    assert answer["known"] == ["orders", "billing"]
    assert monitor.aws.calls == []
