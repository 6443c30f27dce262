"""The environment: one error that names every variable that is wrong."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model import ConfigurationError
from heartline.settings import Settings, read_settings
from unit import toml

GOOD = {
    "TARGETS": toml.table("[[targets]]", {"name": "orders", "host": "orders.example.com", "user": "heartline"}),
    "STATE_TABLE": "heartline",
    "ALERT_SENDER": "heartline@example.com",
    "ALERT_RECIPIENTS": " oncall@example.com, dba@example.com,",
}
VARIABLES = [*GOOD, "ALERT_TOPIC", "LOG_LEVEL", "SCHEDULE_MINUTES"]


def faults(environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        read_settings(environment)
    return raised.value.faults


def test_what_may_be_left_out_has_a_safe_default() -> None:
    settings = read_settings(GOOD)
    assert (settings.topic, settings.log_level) == (None, "INFO")
    assert (settings.table, settings.sender) == ("heartline", "heartline@example.com")
    assert settings.targets[0].recipients == ("oncall@example.com", "dba@example.com")
    assert settings.interval == timedelta(minutes=1)


def test_all_variables_are_read() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:alerts"
    settings = read_settings(GOOD | {"ALERT_TOPIC": topic, "LOG_LEVEL": "debug", "SCHEDULE_MINUTES": " 15 "})
    assert (settings.topic, settings.log_level, settings.interval) == (topic, "DEBUG", timedelta(minutes=15))


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "100", "one", "01", "٣", "1 minute"])
def test_the_minutes_between_ticks_are_a_whole_number_that_a_schedule_can_have(value: str) -> None:
    assert faults(GOOD | {"SCHEDULE_MINUTES": value}) == (
        "SCHEDULE_MINUTES: give the minutes from one tick to the next, 1 to 99, or leave it empty for 1",
    )


@pytest.mark.parametrize(
    ("variable", "value", "mend"),
    [
        ("STATE_TABLE", "", "give the name of the DynamoDB table"),
        ("ALERT_SENDER", "", "bare e-mail address"),
        ("ALERT_SENDER", "Heartline <h@example.com>", "bare e-mail address"),
        ("ALERT_RECIPIENTS", "oncall@example.com, nobody", "bare e-mail address"),
        ("ALERT_RECIPIENTS", "oncall@example.com;dba@example.com", "bare e-mail address"),
        ("ALERT_TOPIC", "alerts", "the ARN of an SNS topic"),
        ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("TARGETS", "[[targets]", "not a TOML document"),
        (
            "TARGETS",
            '[[targets]]\nname = "orders"\nsecret = "x"\nport = 0',
            'target "orders": key "port": give a whole',
        ),
    ],
)
def test_one_wrong_variable_is_one_fault_that_names_it_and_its_mend(variable: str, value: str, mend: str) -> None:
    (fault,) = faults(GOOD | {variable: value})
    assert fault.startswith(f"{variable}: ")
    assert mend in fault


def test_an_empty_environment_is_told_all_that_is_missing_in_one_error() -> None:
    told = faults({})
    assert [fault.split(":")[0] for fault in told] == ["STATE_TABLE", "ALERT_SENDER", "targets.toml"]


def test_every_variable_that_is_wrong_is_told_at_once() -> None:
    told = faults(dict.fromkeys(VARIABLES, " = ") | {"STATE_TABLE": " "})
    assert {fault.split(":")[0] for fault in told} == set(VARIABLES)


def test_wrong_common_recipients_are_not_also_reported_as_missing() -> None:
    assert len(faults(GOOD | {"ALERT_RECIPIENTS": "nobody"})) == 1


def test_the_packaged_document_serves_where_targets_is_empty(tmp_path: Path) -> None:
    packaged = tmp_path / "targets.toml"
    packaged.write_text(GOOD["TARGETS"].replace("orders", "packaged"), encoding="utf-8")
    for empty in ("", " \n"):
        assert read_settings(GOOD | {"TARGETS": empty}, packaged).targets[0].name == "packaged"


@given(st.dictionaries(st.sampled_from(VARIABLES), st.text(st.characters(codec=None))))
def test_any_environment_is_read_or_a_configuration_error(environment: dict[str, str]) -> None:
    with suppress(ConfigurationError):
        assert isinstance(read_settings(GOOD | environment), Settings)
