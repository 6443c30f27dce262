"""The environment: one error that names every variable that is wrong."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.config.settings import VARIABLES, Settings, read_settings
from heartline.model.errors import ConfigurationError
from unit import toml

GOOD = {
    "TARGETS": toml.table("[[targets]]", {"name": "orders", "host": "orders.example.com", "user": "heartline"}),
    "STATE_TABLE": "heartline",
    "ALERT_SENDER": "heartline@example.com",
    "ALERT_RECIPIENTS": " oncall@example.com, dba@example.com,",
}
# Whatever Lambda and the template say there is taken as it is.
OWN = {"POWERTOOLS_SERVICE_NAME", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_REGION"}
TAKEN = {"IAM_USER", *OWN}
CHECKED = [name for name in VARIABLES if name not in TAKEN]
PING = "https://hc-ping.com/3f1c-secret"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/heartline-ticks"


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
    assert (settings.queue, settings.configuration_set, settings.health_topic) == (None, None, None)
    assert (settings.probe_function, settings.ping_url) == (None, None)
    assert (settings.service, settings.stack, settings.region) == ("heartline", "", "")


def test_rds_is_asked_where_that_is_said_alone() -> None:
    listed = GOOD | {"AWS_REGION": "eu-west-1", "IAM_USER": "heartline"}
    settings = [read_settings(listed | {"USE_RDS": asked}) for asked in ("no", "ask", "discover")]
    assert [one.use_rds for one in settings] == [False, True, True]
    assert [one.discover is not None for one in settings] == [False, False, True]
    assert read_settings(listed | {"USE_RDS": "discover", "TARGETS": "[discover]\n"}).targets == ()
    (fault,) = faults(listed | {"USE_RDS": "ask", "TARGETS": f"{GOOD['TARGETS']}[discover]\n"})
    assert fault == "TARGETS: [discover]: RDS is not to be asked: deploy with UseRds=discover"
    (fault,) = faults(listed | {"USE_RDS": "tag"})
    assert fault.startswith("USE_RDS: give no, ask or discover")


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_one_that_is_left_out(empty: str) -> None:
    assert read_settings(GOOD | dict.fromkeys(set(CHECKED) - set(GOOD), empty)) == read_settings(GOOD)


def test_all_variables_are_read() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:alerts"
    settings = read_settings(GOOD | {"ALERT_TOPIC": topic, "LOG_LEVEL": "debug", "SCHEDULE_MINUTES": " 15 "})
    assert (settings.topic, settings.log_level, settings.interval) == (topic, "DEBUG", timedelta(minutes=15))
    settings = read_settings(GOOD | {"SES_CONFIGURATION_SET": "heartline-prod", "TICK_QUEUE": QUEUE})
    assert (settings.configuration_set, settings.queue) == ("heartline-prod", QUEUE)
    settings = read_settings(GOOD | {"AWS_REGION": "eu-west-1", "HEALTH_TOPIC": topic})
    assert (settings.region, settings.health_topic) == ("eu-west-1", topic)
    settings = read_settings(GOOD | {"PROBE_FUNCTION": "shop-ProbeFunction-Ab1", "PING_URL": PING})
    assert (settings.probe_function, settings.ping_url) == ("shop-ProbeFunction-Ab1", PING)


def test_the_url_to_ping_is_a_secret() -> None:
    assert PING not in repr(read_settings(GOOD | {"PING_URL": PING}))
    (fault,) = faults(GOOD | {"PING_URL": f"http://user:{PING}"})
    assert PING not in fault


IAM = toml.table("[[targets]]", {"name": "orders", "host": "a.example.com", "user": "monitor", "auth": "iam"})


@pytest.mark.parametrize(("user", "granted"), [("", "nobody"), ("other", '"other" alone')])
def test_a_target_that_the_role_cannot_log_in_to_by_iam_is_refused(user: str, granted: str) -> None:
    (fault,) = faults(GOOD | {"TARGETS": IAM, "IAM_USER": user})
    assert fault.startswith('IAM_USER: target "orders" has auth = "iam"')
    assert granted in fault
    assert "DatabaseAuthentication=iam" in fault


@pytest.mark.parametrize("granted", [{"IAM_USER": "monitor"}, {}], ids=["granted", "not known"])
def test_a_target_that_the_role_may_log_in_to_by_iam_is_taken(granted: dict[str, str]) -> None:
    assert read_settings(GOOD | {"TARGETS": IAM} | granted).targets[0].iam


def test_metrics_name_the_stack_else_the_function_else_heartline() -> None:
    function = {"AWS_LAMBDA_FUNCTION_NAME": "orders-monitor"}
    assert read_settings(GOOD).service == "heartline"
    assert read_settings(GOOD | function).service == "orders-monitor"
    settings = read_settings(GOOD | function | {"POWERTOOLS_SERVICE_NAME": "orders"})
    assert (settings.service, settings.stack) == ("orders", "orders")


def fleet(number: int) -> dict[str, str]:
    """Return the environment of that many targets."""
    table = toml.table("[[targets]]", {"name": "NAME", "host": "a.example.com", "user": "heartline"})
    return GOOD | {"TARGETS": "".join(table.replace("NAME", f"t{place}") for place in range(number))}


@pytest.mark.parametrize("empty", ["", " "])
def test_more_targets_than_one_run_can_have_need_the_queue(empty: str) -> None:
    many = fleet(501)
    (fault,) = faults(many | {"TICK_QUEUE": empty})
    assert fault.startswith("TARGETS: 501 targets: 500 is the most")
    assert len(read_settings(many | {"TICK_QUEUE": QUEUE}).targets) == 501


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "100", "one", "01", "٣", "1 minute"])
def test_the_minutes_between_ticks_are_a_whole_number_that_a_schedule_can_have(value: str) -> None:
    assert faults(GOOD | {"SCHEDULE_MINUTES": value}) == (
        "SCHEDULE_MINUTES: give the minutes from one tick to the next, 1 to 99, or leave it empty for 1",
    )


@pytest.mark.parametrize(
    ("variable", "value", "fix"),
    [
        ("STATE_TABLE", "", "give the name of the DynamoDB table"),
        ("ALERT_SENDER", "", "bare e-mail address"),
        ("ALERT_SENDER", "Heartline <h@example.com>", "bare e-mail address"),
        ("ALERT_RECIPIENTS", "oncall@example.com, nobody", "bare e-mail address"),
        ("ALERT_RECIPIENTS", "oncall@example.com;dba@example.com", "bare e-mail address"),
        ("ALERT_TOPIC", "alerts", "the ARN of an SNS topic"),
        ("SES_CONFIGURATION_SET", "two words", "the name of an SES configuration set"),
        ("SES_CONFIGURATION_SET", "a" * 65, "the name of an SES configuration set"),
        ("SES_CONFIGURATION_SET", "größe", "the name of an SES configuration set"),
        ("TICK_QUEUE", "heartline-ticks", "the URL of an SQS queue"),
        ("TICK_QUEUE", "arn:aws:sqs:eu-west-1:123456789012:heartline-ticks", "the URL of an SQS queue"),
        ("TICK_QUEUE", "https://", "the URL of an SQS queue"),
        ("HEALTH_TOPIC", "health", "the ARN of an SNS topic"),
        ("PROBE_FUNCTION", "probe function", "the name or the ARN of a Lambda function"),
        ("PING_URL", "http://hc-ping.com/1", "give a URL such as https://hc-ping.com/UUID"),
        ("PING_URL", "https://user:password@hc-ping.com/1", "give a URL such as https://hc-ping.com/UUID"),
        ("PING_URL", "https://hc-ping.com:99999/1", "give a URL such as https://hc-ping.com/UUID"),
        ("PING_URL", "https://hc-ping.com/1 2", "give a URL such as https://hc-ping.com/UUID"),
        ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("TARGETS", "[[targets]", "not a TOML document"),
        (
            "TARGETS",
            '[[targets]]\nname = "orders"\nsecret = "x"\nport = 0',
            'target "orders": key "port": give a whole',
        ),
    ],
)
def test_one_wrong_variable_is_one_fault_that_names_it_and_its_mend(variable: str, value: str, fix: str) -> None:
    (fault,) = faults(GOOD | {variable: value})
    assert fault.startswith(f"{variable}: ")
    assert fix in fault


def test_an_empty_environment_is_told_all_that_is_missing_in_one_error() -> None:
    notified = faults({})
    assert [fault.split(":")[0] for fault in notified] == ["STATE_TABLE", "ALERT_SENDER", "targets.toml"]


def test_every_variable_that_is_wrong_is_told_at_once() -> None:
    notified = faults(dict.fromkeys(VARIABLES, " = ") | {"STATE_TABLE": " "})
    assert sorted(fault.split(":")[0] for fault in notified) == sorted(CHECKED)


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
