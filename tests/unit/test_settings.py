"""The environment: one error that names every variable that is wrong."""

from __future__ import annotations

from contextlib import suppress
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


def faults(environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        read_settings(environment)
    return raised.value.faults


def test_what_may_be_left_out_has_a_safe_default() -> None:
    settings = read_settings(GOOD)
    assert (settings.topic, settings.log_level) == (None, "INFO")
    assert (settings.table, settings.sender) == ("heartline", "heartline@example.com")
    assert settings.targets[0].recipients == settings.recipients == ("oncall@example.com", "dba@example.com")


def test_all_variables_are_read() -> None:
    settings = read_settings(GOOD | {"ALERT_TOPIC": "arn:aws:sns:eu-west-1:123456789012:alerts", "LOG_LEVEL": "debug"})
    assert (settings.topic, settings.log_level) == ("arn:aws:sns:eu-west-1:123456789012:alerts", "DEBUG")


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
    told = faults(dict.fromkeys([*GOOD, "ALERT_TOPIC", "LOG_LEVEL"], " = ") | {"STATE_TABLE": " "})
    assert {fault.split(":")[0] for fault in told} == {*GOOD, "ALERT_TOPIC", "LOG_LEVEL"}


def test_wrong_common_recipients_are_not_also_reported_as_missing() -> None:
    assert len(faults(GOOD | {"ALERT_RECIPIENTS": "nobody"})) == 1


def test_the_packaged_document_serves_where_targets_is_empty(tmp_path: Path) -> None:
    packaged = tmp_path / "targets.toml"
    packaged.write_text(GOOD["TARGETS"].replace("orders", "packaged"), encoding="utf-8")
    for empty in ("", " \n"):
        assert read_settings(GOOD | {"TARGETS": empty}, packaged).targets[0].name == "packaged"


@given(st.dictionaries(st.sampled_from([*GOOD, "ALERT_TOPIC", "LOG_LEVEL"]), st.text(st.characters(codec=None))))
def test_any_environment_is_read_or_a_configuration_error(environment: dict[str, str]) -> None:
    with suppress(ConfigurationError):
        assert isinstance(read_settings(GOOD | environment), Settings)
