"""The stack made: moto's CloudFormation creates the translated template, and what it made is read back.

moto cannot make of it: the table's TTL, encryption and recovery, the layers of a function, a function's asynchronous
retries, the policy of HealthTopic, and where SES reports of mails. They are checked on the translated template.
Alarms, schedules, subscriptions and what is of SES it makes with the classes of supplements.py.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from heartline.model.kinds import Phase
from local.aws import EmulatedAws
from local.stack import RECIPIENT
from template.created import FLEET, ONE, VPC, Created

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
    """Return the alarms of a stack by what their names say after the stack's."""
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


def test_the_table_outlives_the_stack_and_can_be_put_back(deployed: MakeStack) -> None:
    table = deployed(**ONE).resources()["StateTable"]
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


def test_only_the_scheduler_of_this_account_starts_a_tick(deployed: MakeStack) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html."""
    made = deployed(**ONE).resources()
    assert made["MonitorFunctionTick"]["Target"]["RoleArn"] == "<TickRole.Arn>"
    (statement,) = made["TickRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


# ---- Who watches the watcher


@dataclass(frozen=True)
class DeadMan:
    """The alarm on silence, evaluated as CloudWatch does, minute by minute.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html: each minute it looks at the
    last EvaluationPeriods periods. FILL leaves none of them without a value, so it never looks further back.
    """

    alarm: dict[str, Any]

    @property
    def period(self) -> int:
        (stat,) = [one["MetricStat"] for one in self.alarm["Metrics"] if "MetricStat" in one]
        return int(stat["Period"]) // 60

    def rings(self, ticks: set[int], minute: int) -> bool:
        """Return True if it is in ALARM as a minute begins; `ticks` are the minutes in which ticks ended."""
        starts = [minute - self.period * (back + 1) for back in range(int(self.alarm["EvaluationPeriods"]))]
        counts = [len(ticks & set(range(start, start + self.period))) for start in starts]
        return all(count < float(self.alarm["Threshold"]) for count in counts)


@pytest.fixture
def dead_man(deployed: MakeStack) -> Callable[..., DeadMan]:
    return lambda **given: DeadMan(deployed(**ONE, **given).resources()["SilenceAlarm"])


MINUTES = [1, 2, 5, 17, 60]


@pytest.mark.parametrize("minutes", MINUTES)
def test_silence_is_told_after_three_intervals_and_before_four_have_passed(
    dead_man: Callable[..., DeadMan], minutes: int
) -> None:
    alarm = dead_man(ScheduleMinutes=str(minutes))
    ticks = set(range(0, 10 * minutes + 1, minutes))
    last = max(ticks)
    rings = [minute for minute in range(last, last + 5 * minutes + 2) if alarm.rings(ticks, minute)]
    assert 3 * minutes < rings[0] - last <= 3 * minutes + 1 <= 4 * minutes
    assert rings == list(range(rings[0], last + 5 * minutes + 2))


@pytest.mark.parametrize("minutes", MINUTES)
def test_nobody_is_alarmed_while_ticks_end_nor_for_one_that_is_missed(
    dead_man: Callable[..., DeadMan], minutes: int
) -> None:
    alarm = dead_man(ScheduleMinutes=str(minutes))
    ticks = set(range(0, 20 * minutes + 1, minutes)) - {7 * minutes}
    assert [minute for minute in range(4 * minutes, 20 * minutes) if alarm.rings(ticks, minute)] == []


@pytest.mark.parametrize("minutes", MINUTES)
def test_a_stack_that_never_ticked_is_told_too(dead_man: Callable[..., DeadMan], minutes: int) -> None:
    alarm = dead_man(ScheduleMinutes=str(minutes))
    assert alarm.rings(set(), 0)
    # CloudWatch may as well see nothing to fill where there never was a metric.
    assert alarm.alarm["TreatMissingData"] == "breaching"


def test_a_deployment_starts_the_first_tick_before_it_makes_the_alarm(translated: dict[str, Any]) -> None:
    """A schedule with a rate and no start date ticks at once: EventBridge Scheduler guide, "Schedule types"."""
    assert translated["Resources"]["SilenceAlarm"]["DependsOn"] == "MonitorFunctionTick"
    assert "StartDate" not in translated["Resources"]["MonitorFunctionTick"]["Properties"]


def test_a_schedule_that_is_switched_off_alarms_nobody_and_leaves_the_alarm_ready(
    create: Create, dead_man: Callable[..., DeadMan]
) -> None:
    assert schedule(create(ScheduleState="DISABLED"))["State"] == "DISABLED"
    off = dead_man(ScheduleState="DISABLED")
    assert not off.rings(set(), 0)
    assert off.alarm["TreatMissingData"] == "notBreaching"
    assert dead_man(ScheduleState="ENABLED").rings(set(), 0)


def test_the_dead_man_s_alarm_counts_ticks_in_periods_that_cloudwatch_takes(dead_man: Callable[..., DeadMan]) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html."""
    for minutes in MINUTES:
        alarm = dead_man(ScheduleMinutes=str(minutes)).alarm
        shown, counted = alarm["Metrics"]
        assert (shown["Expression"], counted["ReturnData"]) == (f"FILL({counted['Id']}, 0)", False)
        metric, stat = counted["MetricStat"]["Metric"], counted["MetricStat"]["Stat"]
        assert (metric["Namespace"], metric["MetricName"], stat) == ("Heartline", "TickDuration", "SampleCount")
        assert alarm["ComparisonOperator"] == "LessThanThreshold"
        assert counted["MetricStat"]["Period"] % 60 == 0
        assert counted["MetricStat"]["Period"] * int(alarm["EvaluationPeriods"]) <= 86400


OF_ALL = {
    *("no tick", "an alert is not delivered", "a tick ran out of time", "a part of a tick failed"),
    *("the function failed", "the function was throttled", "an alert did not arrive"),
}


@pytest.mark.parametrize(
    ("given", "more"),
    [
        (ONE, set()),
        (FLEET, {"a part of a fleet was not probed"}),
        (ONE | VPC, {"the prober failed"}),
        (FLEET | VPC, {"a part of a fleet was not probed", "the prober failed"}),
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


def watched(alarm: dict[str, Any]) -> dict[str, Any]:
    """Return the one metric that an alarm watches, by itself or in an expression."""
    return next((one["MetricStat"]["Metric"] for one in alarm.get("Metrics", ()) if "MetricStat" in one), alarm)


def test_an_alarm_watches_what_the_stack_has_made(create: Create) -> None:
    stack = create(given=FLEET | VPC)
    made = stack.resources
    own = {
        "service": stack.environment()["POWERTOOLS_SERVICE_NAME"],
        "QueueName": made["TickDeadLetters"].rpartition("/")[2],
    }
    functions = {"the prober failed": "ProbeFunction"}
    for name, alarm in alarms(stack).items():
        ((dimension, value),) = [(one["Name"], one["Value"]) for one in watched(alarm)["Dimensions"]]
        assert value == (own | {"FunctionName": made[functions.get(name, "MonitorFunction")]})[dimension]


def test_the_health_address_is_the_one_given_or_else_the_first_recipient(deployed: MakeStack) -> None:
    def endpoint(**given: str) -> str:
        return deployed(**(ONE | given)).resources()["HealthSubscription"]["Endpoint"]

    assert endpoint(HealthEmail="ops@example.com") == "ops@example.com"
    assert endpoint(AlertRecipients="dba@example.com, oncall@example.com") == "dba@example.com"


def test_only_cloudwatch_of_this_account_publishes_to_the_health_topic_beside_the_function(
    deployed: MakeStack,
) -> None:
    (statement,) = deployed(**ONE).resources()["HealthTopicPolicy"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert statement["Action"] == "sns:Publish"


def test_what_becomes_of_each_mail_comes_to_the_function_and_of_no_other_set_s(deployed: MakeStack) -> None:
    made = deployed(**ONE).resources()
    destination = made["MailReports"]["EventDestination"]
    # In lower case: AWS CloudFormation, "AWS::SES::ConfigurationSetEventDestination EventDestination".
    assert set(destination["MatchingEventTypes"]) == {"delivery", "bounce", "complaint", "reject", "deliveryDelay"}
    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_EventBridgeDestination.html: only the default bus.
    assert destination["EventBridgeDestination"]["EventBusArn"].endswith(":event-bus/default")
    assert made["MailReports"]["ConfigurationSetName"] == "<ConfigurationSet>"
    mail = {"tags": {"ses:configuration-set": ["<ConfigurationSet>"]}}
    assert made["MailEvents"]["EventPattern"] == {"source": ["aws.ses"], "detail": {"mail": mail}}
    (target,) = made["MailEvents"]["Targets"]
    assert target["Arn"] == "<MonitorFunction.Arn>"
    assert made["MailEventsPermission"]["Principal"] == "events.amazonaws.com"
    assert made["MailEventsPermission"]["SourceArn"] == "<MailEvents.Arn>"
    assert made["ConfigurationSet"]["SuppressionOptions"] == {"SuppressedReasons": []}


# ---- The dashboard


def body(stack: Created) -> dict[str, Any]:
    name = stack.resources["Dashboard"]
    return json.loads(stack.aws.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])


def shown(dashboard: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return namespace and name of each metric that a dashboard shows.

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
    """Return the names of metrics that stand in the code; test_metrics.py shows that they are written."""
    heartline = ROOT / "functions/monitor/heartline"
    code = [path for folder in ("tick", "prober") for path in (heartline / folder).glob("*.py")]
    constants = (node.value for path in code for node in ast.walk(ast.parse(path.read_text())) if is_text(node))
    names = {text for text in constants if re.fullmatch(r"[A-Z][a-z]+([A-Z][a-z]+)*", text)}
    return names | {"Availability"} | {phase.capitalize() for phase in Phase}


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("given", [ONE, FLEET])
def test_dashboard_and_alarms_name_metrics_that_are_written(create: Create, given: dict[str, str]) -> None:
    stack = create(given=given)
    metrics = map(watched, alarms(stack).values())
    by_alarms = {(metric["Namespace"], metric["MetricName"]) for metric in metrics}
    named = {name for space, name in shown(body(stack)) | by_alarms if space == "Heartline"}
    assert named >= {"TargetsUp", "TargetsDown", "TickDuration", "OldestAlert"}
    assert named - written() == set()
    assert ({"Availability", "Login"} <= named) == (given is FLEET)


@pytest.mark.parametrize("given", [ONE, FLEET, ONE | VPC, FLEET | VPC])
def test_the_dashboard_shows_the_stack_s_own_alarms_logs_and_function(create: Create, given: dict[str, str]) -> None:
    stack = create(given=given)
    text = json.dumps(body(stack))
    own = {alarm["AlarmArn"] for alarm in alarms(stack).values()}
    assert {arn for widget in body(stack)["widgets"] for arn in widget["properties"].get("alarms", ())} == own
    assert f"SOURCE '{stack.resources['MonitorLogs']}'" in text
    assert stack.resources["MonitorFunction"] in text
    assert "${" not in text
    assert stack.outputs["Dashboard"].endswith(f"/{stack.resources['Dashboard']}")


def test_the_dashboard_begins_with_the_page_that_the_function_answers(create: Create) -> None:
    stack = create()
    first = min(body(stack)["widgets"], key=lambda widget: (widget["y"], widget["x"]))
    assert (first["type"], first["width"]) == ("custom", 24)
    assert first["properties"]["endpoint"].split(":")[-1] == stack.resources["MonitorFunction"]
    assert first["properties"]["updateOn"]["refresh"]


def test_the_widgets_of_a_dashboard_do_not_overlap(create: Create) -> None:
    for given in (ONE, FLEET):
        dashboard = body(create(given=given))
        cells = [cell for widget in dashboard["widgets"] for cell in covered(widget)]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24  # the grid of a dashboard


def covered(widget: dict[str, int]) -> list[tuple[int, int]]:
    x, y = widget["x"], widget["y"]
    return [(x + across, y + down) for across in range(widget["width"]) for down in range(widget["height"])]


# ---- What divides a tick


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
    # The alarm stays for as long as a message does; and that counts from when it was first sent.
    assert int(queue["MessageRetentionPeriod"]) < int(dead["MessageRetentionPeriod"]) <= 3600
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    assert int(queue["VisibilityTimeout"]) >= stack.configuration()["Timeout"]
    assert {queue["SqsManagedSseEnabled"], dead["SqsManagedSseEnabled"]} == {"true"}


def test_the_queue_starts_the_monitor_for_each_message_by_itself(create: Create) -> None:
    stack = create(given=FLEET)
    mapping = stack.mapping("MonitorFunction")
    assert mapping["EventSourceArn"].endswith(f":{stack.resources['TickQueue'].rpartition('/')[2]}")
    assert mapping["FunctionArn"] == stack.configuration()["FunctionArn"]
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 50}


def test_only_a_fleet_has_a_queue(deployed: MakeStack) -> None:
    assert {"TickQueue", "TickDeadLetters", "TickShards"} & deployed(**ONE).resources().keys() == set()
    assert deployed(**ONE).environment()["TICK_QUEUE"] == ""


# ---- Environments


@pytest.mark.parametrize("command", ["default", "dev", "prod"])
def test_each_environment_of_samconfig_makes_a_stack(create: Create, command: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[command]
    stack = create(name=config["deploy"]["parameters"]["stack_name"])
    groups = stack.aws.client("logs").describe_log_groups()["logGroups"]
    (days,) = (one["retentionInDays"] for one in groups if one["logGroupName"] == stack.resources["MonitorLogs"])
    assert int(days) == 30


def test_no_parameter_replaces_the_table(deployed: MakeStack) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html."""
    tables = [deployed(**given).resources()["StateTable"] for given in (ONE, ONE | VPC, FLEET, FLEET | VPC)]
    assert [table for table in tables if table != tables[0]] == []
    assert "TableName" not in tables[0]
