"""The stack made: moto's CloudFormation creates the translated template, and what it made is read back.

moto cannot make of it: the table's TTL, encryption and recovery, the layers of a function, a function's asynchronous
retries, the policy of HealthTopic, and where SES tells of bounces. They are checked on the translated template.
Alarms, schedules, subscriptions and what is of SES it makes with the classes of supplements.py.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from heartline.config.settings import read_settings
from heartline.model.kinds import Phase
from local.aws import EmulatedAws
from local.stack import RECIPIENT
from template.created import ALL, FLEET, ONE, Created

MakeStack = Callable[..., Any]  # conftest's Stack
Create = Callable[..., Created]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def create(_cloud: EmulatedAws, translated: dict[str, Any]) -> Create:
    """Create a stack in the emulated AWS, once for the same parameters; it is looked at and not used."""
    _cloud.reset()
    known: dict[str, Created] = {}

    def create(given: Mapping[str, str] = ONE, name: str = "", **more: str) -> Created:
        parameters = {**given, **more}
        key = json.dumps([name, parameters])
        if key not in known:
            known[key] = Created(_cloud, translated, name or f"heartline-{len(known)}", parameters).create()
        return known[key]

    return create


def alarms(stack: Created) -> dict[str, Any]:
    """Give the alarms of a stack by what their names say after the stack's."""
    found = stack.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    own = f"{stack.name}: "
    return {one["AlarmName"].removeprefix(own): one for one in found if one["AlarmName"].startswith(own)}


def schedule(stack: Created) -> dict[str, Any]:
    return stack.aws.client("scheduler").get_schedule(Name=stack.resources["MonitorFunctionTick"])


# ---- The function runs with what the stack gave it


def test_the_table_has_the_keys_that_the_code_uses(create: Create) -> None:
    stack = create()
    name = stack.outputs["StateTableName"]
    table = stack.aws.client("dynamodb").describe_table(TableName=name)["Table"]
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert "StreamSpecification" not in table


@pytest.mark.parametrize("parameters", [{}, {"Courier": "true"}])
def test_the_table_outlives_the_stack_and_can_be_put_back(deployed: MakeStack, parameters: dict[str, str]) -> None:
    table = deployed(**ONE, **parameters).resources()["StateTable"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    declared = deployed().template["Resources"]["StateTable"]
    assert (declared["DeletionPolicy"], declared["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


# ---- The schedule


@pytest.mark.parametrize(("minutes", "rate"), [("1", "rate(1 minute)"), ("5", "rate(5 minutes)")])
def test_the_schedule_starts_the_function_at_its_rate_and_never_again(create: Create, minutes: str, rate: str) -> None:
    stack = create(ScheduleMinutes=minutes)
    made = schedule(stack)
    assert (made["ScheduleExpression"], made["State"]) == (rate, "ENABLED")
    assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert made["Target"]["Arn"] == stack.configuration()["FunctionArn"]
    assert made["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert made["Name"] == stack.outputs["ScheduleName"]


def test_a_schedule_that_is_switched_off_alarms_nobody(create: Create) -> None:
    stack = create(ScheduleState="DISABLED")
    assert schedule(stack)["State"] == "DISABLED"
    assert alarms(stack)["no tick"]["ActionsEnabled"] is False
    assert alarms(create())["no tick"]["ActionsEnabled"] is True


# ---- Who watches the watcher


@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_the_dead_man_s_switch_alarms_after_three_intervals_of_silence(create: Create, minutes: int) -> None:
    stack = create(ScheduleMinutes=str(minutes))
    alarm = alarms(stack)["no tick"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("Heartline", "TickDuration", "SampleCount")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    silence = alarm["Period"] * alarm["EvaluationPeriods"]
    assert timedelta(seconds=silence) == 3 * read_settings(stack.environment() | {"TARGETS": WATCHED}).interval
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    assert alarm["Period"] % 60 == 0
    assert silence <= 86400


WATCHED = '[[targets]]\nname = "demo"\nhost = "127.0.0.1"\nuser = "heartline"\n'
OF_ALL = {
    *("no tick", "an alert is not delivered", "a tick ran out of time", "a part of a tick failed"),
    *("the function failed", "the function was throttled"),
}


@pytest.mark.parametrize(
    ("given", "more"),
    [
        (ONE, set()),
        (FLEET, {"a shard of a tick failed"}),
        (ONE | ALL, {"the courier failed"}),
        (FLEET | ALL, {"a shard of a tick failed", "the courier failed"}),
    ],
)
def test_each_alarm_is_told_to_the_health_topic_and_nowhere_else(
    create: Create, given: dict[str, str], more: set[str]
) -> None:
    stack = create(given=given)
    topic = stack.outputs["HealthTopicArn"]
    assert alarms(stack).keys() == OF_ALL | more
    for alarm in alarms(stack).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
        assert len(alarm["AlarmName"]) <= 255
    assert topic != stack.outputs["AlertTopicArn"]
    subscribed = stack.aws.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [(one["Protocol"], one["Endpoint"]) for one in subscribed] == [("email", RECIPIENT)]


def test_an_alarm_watches_what_the_stack_has_made(create: Create) -> None:
    stack = create(given=FLEET | ALL)
    made = stack.resources
    own = {
        "service": stack.environment()["POWERTOOLS_SERVICE_NAME"],
        "QueueName": made["TickDeadLetters"].rpartition("/")[2],
    }
    functions = {"the courier failed": "CourierFunction"}
    for name, alarm in alarms(stack).items():
        ((dimension, value),) = [(one["Name"], one["Value"]) for one in alarm["Dimensions"]]
        assert value == (own | {"FunctionName": made[functions.get(name, "MonitorFunction")]})[dimension]


def test_the_health_address_is_the_one_given_or_else_the_first_recipient(deployed: MakeStack) -> None:
    def endpoint(**given: str) -> str | None:
        return deployed(**(ONE | given)).resources().get("HealthSubscription", {}).get("Endpoint")

    assert endpoint(HealthEmail="ops@example.com") == "ops@example.com"
    assert endpoint(AlertRecipients="dba@example.com, oncall@example.com") == "dba@example.com"
    assert endpoint(AlertRecipients="") is None


def test_only_cloudwatch_and_ses_of_this_account_publish_to_the_health_topic(deployed: MakeStack) -> None:
    (statement,) = deployed(**ONE).resources()["HealthTopicPolicy"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": ["cloudwatch.amazonaws.com", "ses.amazonaws.com"]}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert statement["Action"] == "sns:Publish"


def test_undelivered_mail_is_told_to_the_health_topic(deployed: MakeStack) -> None:
    made = deployed(**ONE, CreateConfigurationSet="true").resources()
    notified = made["UndeliveredMail"]["EventDestination"]
    assert notified["SnsDestination"]["TopicARN"] == made["HealthTopicPolicy"]["Topics"][0]
    assert set(notified["MatchingEventTypes"]) == {"BOUNCE", "COMPLAINT", "REJECT"}
    assert made["ConfigurationSet"]["SuppressionOptions"] == {"SuppressedReasons": []}


# ---- The dashboard


def body(stack: Created) -> dict[str, Any]:
    name = stack.resources["Dashboard"]
    return json.loads(stack.aws.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])


def shown(dashboard: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Give namespace and name of each metric that a dashboard shows.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    found, last = set(), []
    for widget in dashboard["widgets"]:
        for row in widget["properties"].get("metrics", ()):
            if isinstance(row[0], dict):
                names = re.search(r"MetricName=(\(.*?\)|\"\w+\")", row[0]["expression"])[1]
                found |= {("Heartline", name) for name in re.findall(r'"(\w+)"', names)}
                continue
            parts = [part for part in row if isinstance(part, str)]
            whole = last if parts == ["..."] else [last[at] if part == "." else part for at, part in enumerate(parts)]
            last = whole
            found.add((whole[0], whole[1]))
    return found


def written() -> set[str]:
    """Give the names of metrics that stand in the code; test_metrics.py shows that they are written."""
    code = (
        ROOT / "functions/monitor/heartline" / f"{module}.py" for module in ("tick/run", "tick/summary", "tick/fanout")
    )
    constants = (node.value for path in code for node in ast.walk(ast.parse(path.read_text())) if is_text(node))
    names = {text for text in constants if re.fullmatch(r"[A-Z][a-z]+([A-Z][a-z]+)*", text)}
    return names | {"Availability"} | {phase.capitalize() for phase in Phase}


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("by_target", ["true", "false"])
@pytest.mark.parametrize("given", [ONE, FLEET])
def test_dashboard_and_alarms_name_metrics_that_are_written(
    create: Create, given: dict[str, str], by_target: str
) -> None:
    stack = create(given=given, TargetMetrics=by_target)
    watched = {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms(stack).values()}
    named = {name for space, name in shown(body(stack)) | watched if space == "Heartline"}
    assert named >= {"TargetsUp", "TargetsDown", "TickDuration", "OldestAlert"}
    assert named - written() == set()
    assert ({"Availability", "Login"} <= named) == (by_target == "true")


def test_the_dashboard_shows_the_stack_s_own_alarms_logs_and_function(create: Create) -> None:
    stack = create()
    text = json.dumps(body(stack))
    own = {alarm["AlarmArn"] for alarm in alarms(stack).values()}
    assert {arn for widget in body(stack)["widgets"] for arn in widget["properties"].get("alarms", ())} == own
    assert f"SOURCE '{stack.resources['MonitorLogs']}'" in text
    assert stack.resources["MonitorFunction"] in text
    assert "${" not in text
    assert stack.outputs["Dashboard"].endswith(f"/{stack.resources['Dashboard']}")


def test_the_widgets_of_a_dashboard_do_not_overlap(create: Create) -> None:
    for by_target in ("true", "false"):
        dashboard = body(create(TargetMetrics=by_target))
        cells = [cell for widget in dashboard["widgets"] for cell in covered(widget)]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24  # the grid of a dashboard


def covered(widget: dict[str, int]) -> list[tuple[int, int]]:
    x, y = widget["x"], widget["y"]
    return [(x + across, y + down) for across in range(widget["width"]) for down in range(widget["height"])]


# ---- What divides a tick, and what delivers


def test_a_shard_that_fails_is_a_dead_letter_at_once(create: Create) -> None:
    stack = create(given=FLEET)
    made, sqs = stack.resources, stack.aws.client("sqs")
    queue, dead = (
        sqs.get_queue_attributes(QueueUrl=made[name], AttributeNames=["All"])["Attributes"]
        for name in ("TickQueue", "TickDeadLetters")
    )
    redrive = json.loads(queue["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == dead["QueueArn"]
    assert int(redrive["maxReceiveCount"]) == 1
    assert int(dead["MessageRetentionPeriod"]) == 14 * 86400
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    assert int(queue["VisibilityTimeout"]) >= stack.configuration()["Timeout"]
    assert {queue["SqsManagedSseEnabled"], dead["SqsManagedSseEnabled"]} == {"true"}


def test_the_queue_starts_the_monitor_for_each_message_by_itself(create: Create) -> None:
    stack = create(given=FLEET, MaximumConcurrency="7")
    mapping = stack.mapping("MonitorFunction")
    assert mapping["EventSourceArn"].endswith(f":{stack.resources['TickQueue'].rpartition('/')[2]}")
    assert mapping["FunctionArn"] == stack.configuration()["FunctionArn"]
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 7}


def test_only_a_fleet_has_a_queue(deployed: MakeStack) -> None:
    assert [name for name in deployed(**ONE).resources() if name.startswith("Tick")] == []
    assert deployed(**ONE).environment()["TICK_QUEUE"] == ""


def test_what_the_courier_does_not_deliver_the_next_tick_calls_for(create: Create) -> None:
    stack = create(given=ONE | ALL)
    mapping = stack.mapping("CourierFunction")
    assert mapping["FunctionArn"] == stack.configuration("CourierFunction")["FunctionArn"]
    assert (mapping["StartingPosition"], mapping["MaximumRetryAttempts"]) == ("LATEST", 0)
    table = stack.aws.client("dynamodb").describe_table(TableName=stack.resources["StateTable"])["Table"]
    assert mapping["EventSourceArn"] == table["LatestStreamArn"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


# ---- Environments


@pytest.mark.parametrize("command", ["default", "dev", "prod"])
def test_each_environment_of_samconfig_makes_a_stack(create: Create, command: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[command]
    overrides = config["deploy"]["parameters"].get("parameter_overrides", [])
    stack = create(name=config["global"]["parameters"]["stack_name"], **dict(one.split("=", 1) for one in overrides))
    expected = {"default": ("INFO", 30), "dev": ("DEBUG", 7), "prod": ("INFO", 365)}[command]
    groups = stack.aws.client("logs").describe_log_groups()["logGroups"]
    (days,) = (one["retentionInDays"] for one in groups if one["logGroupName"] == stack.resources["MonitorLogs"])
    assert (stack.environment()["LOG_LEVEL"], int(days)) == expected


def test_no_parameter_replaces_the_table(deployed: MakeStack) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html."""
    tables = [deployed(**given).resources()["StateTable"] for given in (ONE, ONE | ALL, FLEET, FLEET | ALL)]
    never = ("KeySchema", "TableName", "ImportSourceSpecification", "LocalSecondaryIndexes")
    assert {json.dumps({name: table.get(name) for name in never}) for table in tables} == {
        json.dumps({name: tables[0].get(name) for name in never})
    }
    differing = {name for table in tables for name in table if table[name] != tables[0].get(name)}
    assert differing == {"StreamSpecification"}
