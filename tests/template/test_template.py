"""The template: its parameters, rules, environment, policies and outputs."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.items import record
from heartline.settings import read_settings
from heartline.targets import parse_targets

Template = dict[str, Any]
MakeStack = Callable[..., Any]  # conftest's Stack
Accepts = Callable[[str, str], bool]

ROOT = Path(__file__).parents[2]
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:heartline/orders-AbCdEf"
MAIL = {"AlertSender": "heartline@example.com", "AlertRecipients": "oncall@example.com, dba@example.com"}
PASSWORD = {"DatabaseHost": "db.example.com", "DatabaseSecretArn": SECRET, **MAIL}
IAM = {
    "DatabaseHost": "db.example.com",
    "DatabaseUser": "heartline",
    "DatabaseAuthentication": "iam",
    **MAIL,
}
OWN_TOPIC = "arn:aws:sns:eu-west-1:123456789012:alerts"
MADE_TOPIC = "arn:aws:sns:eu-west-1:123456789012:AlertTopic"
VPC = {"VpcSubnetIds": "subnet-0a1b2c3d, subnet-4e5f6a7b", "VpcSecurityGroupIds": "sg-0a1b2c3d"}
OF_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION"}  # Lambda sets them and lets nobody else
LOCAL_ONLY = {"RES_OPTIONS", "AWS_ENDPOINT_URL"}  # for glibc and boto3, not for settings.py
RENDERED = ("TargetName", "DatabaseHost", "DatabaseName", "DatabaseUser", "DatabaseSecretArn")


def references(node: object) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(references, node))
    if isinstance(node, str):
        return set(re.findall(r"\$\{(\w+)\}", node))
    if isinstance(node, dict):
        return set().union(*([value] if key == "Ref" else references(value) for key, value in node.items()))
    return set()


# ---- Parameters


def test_every_parameter_is_used_and_described(template: Template) -> None:
    parameters = template["Parameters"]
    used = references([template[part] for part in ("Conditions", "Resources", "Outputs")])
    assert parameters.keys() <= used
    assert [name for name, declared in parameters.items() if not declared.get("Description")] == []


def test_every_constraint_says_how_to_mend_the_value(template: Template) -> None:
    constraints = {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue", "MinLength", "MaxLength"}
    constrained = {name for name, declared in template["Parameters"].items() if constraints & declared.keys()}
    assert constrained
    assert [n for n in constrained if "must be" not in template["Parameters"][n].get("ConstraintDescription", "")] == []


def test_the_console_shows_every_parameter_once_and_labelled(template: Template) -> None:
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    shown = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert shown == list(template["Parameters"])  # `sam deploy --guided` asks in this order
    assert interface["ParameterLabels"].keys() == template["Parameters"].keys()


def test_only_what_no_default_can_know_is_required(template: Template) -> None:
    required = {name for name, declared in template["Parameters"].items() if "Default" not in declared}
    assert required == {"DatabaseHost", "DatabaseName", "DatabaseUser", "AlertSender", "AlertRecipients"}


def test_defaults_keep_their_own_constraints(template: Template, accepts: Accepts) -> None:
    defaults = {n: str(declared["Default"]) for n, declared in template["Parameters"].items() if "Default" in declared}
    assert [name for name, value in defaults.items() if not accepts(name, value)] == []


@pytest.mark.parametrize("name", RENDERED)
@pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb", "a\rb", "a\tb", "a\x00b", 'a"\npassword = "x'])
def test_no_parameter_breaks_out_of_the_targets_document(accepts: Accepts, name: str, value: str) -> None:
    assert not accepts(name, value)


@given(data=st.data())
def test_what_a_pattern_takes_arrives_as_it_was_written(
    template: Template, stack: MakeStack, data: st.DataObject
) -> None:
    written = {
        name: data.draw(st.from_regex(template["Parameters"][name]["AllowedPattern"], fullmatch=True), name)
        for name in RENDERED
    }
    if not (written["DatabaseHost"] or written["DatabaseSecretArn"]):
        return
    (target,) = tomllib.loads(stack(**written).environment()["TARGETS"])["targets"]
    keys = dict(zip(RENDERED, ("name", "host", "database", "user", "secret"), strict=True))
    assert {name: target.get(key, "") for name, key in keys.items()} == written


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DatabaseHost", "db.example.com:5432"),
        ("DatabaseHost", "postgresql://db.example.com"),
        ("DatabaseUser", "any*"),
        ("DatabaseSecretArn", "heartline/orders"),
        ("DatabaseSecretArn", SECRET.removesuffix("-AbCdEf")),
        ("AlertSender", "Heartline <heartline@example.com>"),
        ("AlertRecipients", "oncall@example.com, nobody"),
        ("VpcSubnetIds", "sg-0a1b2c3d"),
        ("SecretPrefix", ""),
        ("SecretPrefix", "*"),
        ("ScheduleMinutes", "0"),
        ("ScheduleMinutes", "61"),
        ("AlertTopicArn", "alerts"),
        ("AlertTopicArn", OWN_TOPIC + ".fifo"),
        ("AlertTopicEmail", "Pager <pager@example.com>"),
        ("AlertTopicEmail", "a@example.com,b@example.com"),
    ],
)
def test_a_value_that_cannot_work_is_refused(accepts: Accepts, name: str, value: str) -> None:
    assert not accepts(name, value)


@pytest.mark.parametrize("value", ["db.x.eu-west-1.rds.amazonaws.com", "10.0.0.7", "fd00::7", "::1", "db_1", ""])
def test_host_names_and_addresses_are_taken(accepts: Accepts, value: str) -> None:
    assert accepts("DatabaseHost", value)


# ---- Rules: what no parameter shows alone


@pytest.mark.parametrize(
    "parameters",
    [
        PASSWORD,
        PASSWORD | VPC,
        {"DatabaseSecretArn": SECRET, **MAIL},
        IAM,
        IAM | {"DatabaseAuthentication": "none", "DatabaseTls": "disable"},
        MAIL,  # the packaged targets.toml
        {"AlertSender": "heartline@example.com"},  # whose targets each name their recipients
        {"DatabaseAuthentication": "iam", "DatabaseUser": "heartline", **MAIL},  # whose targets use IAM
    ],
)
def test_what_can_work_is_let_through(stack: MakeStack, parameters: dict[str, str]) -> None:
    assert stack(**parameters).broken_rules() == set()


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({"DatabaseName": "orders", **MAIL}, "OneDatabaseOrTheFile"),
        ({"DatabaseUser": "heartline", **MAIL}, "OneDatabaseOrTheFile"),
        ({"DatabaseHost": "db.example.com", **MAIL}, "PasswordNeedsSecret"),
        (IAM | {"DatabaseSecretArn": SECRET}, "OtherAuthenticationHasNoSecret"),
        (IAM | {"DatabaseAuthentication": "none", "DatabaseUser": ""}, "OtherAuthenticationHasNoSecret"),
        (IAM | {"DatabaseTls": "require"}, "IamTokenIsGuarded"),
        ({"DatabaseAuthentication": "iam", **MAIL}, "IamTokenIsGuarded"),
        (PASSWORD | {"AlertRecipients": ""}, "SomebodyIsTold"),
        (PASSWORD | VPC | {"VpcSecurityGroupIds": ""}, "SubnetsWithSecurityGroups"),
        (PASSWORD | VPC | {"VpcSubnetIds": ""}, "SubnetsWithSecurityGroups"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(
    stack: MakeStack, parameters: dict[str, str], rule: str
) -> None:
    assert stack(**parameters).broken_rules() == {rule}


# ---- The environment


def test_template_and_settings_name_the_same_variables(stack: MakeStack) -> None:
    read = set()

    class Environment(dict[str, str]):
        def get(self, name: str, default: str = "") -> str:
            read.add(name)
            return super().get(name, default)

    environment = stack(**PASSWORD).environment()
    read_settings(Environment(environment))
    assert environment.keys() - LOCAL_ONLY == read - OF_LAMBDA
    assert read >= OF_LAMBDA


def test_the_example_for_sam_local_is_complete_and_right(stack: MakeStack) -> None:
    example = json.loads((ROOT / "events/env.example.json").read_text())
    assert example.keys() == {"MonitorFunction"}
    assert example["MonitorFunction"].keys() == stack(**PASSWORD).environment().keys()
    assert [target.name for target in read_settings(example["MonitorFunction"]).targets] == ["demo"]


def test_boto3_finds_aws_itself_once_deployed(stack: MakeStack) -> None:
    assert stack(**PASSWORD).environment()["AWS_ENDPOINT_URL"] == ""


def test_a_password_target_is_rendered(stack: MakeStack) -> None:
    given_ = PASSWORD | {"DatabaseName": "orders", "DatabasePort": "5433", "TargetName": "orders"}
    settings = read_settings(stack(**given_).environment())
    (target,) = settings.targets
    assert (target.name, target.host, target.port, target.database) == ("orders", "db.example.com", 5433, "orders")
    assert (target.user, target.secret, target.iam, target.tls) == (None, SECRET, False, "verify-full")
    assert target.recipients == ("oncall@example.com", "dba@example.com")


def test_a_secret_alone_gives_host_and_port_too(stack: MakeStack) -> None:
    (target,) = parse_targets(stack(DatabaseSecretArn=SECRET).environment()["TARGETS"], ("oncall@example.com",))
    assert (target.host, target.port, target.secret) == (None, None, SECRET)


def test_an_iam_target_is_rendered(stack: MakeStack) -> None:
    (target,) = read_settings(stack(**IAM).environment()).targets
    assert (target.user, target.secret, target.iam, target.port) == ("heartline", None, True, 5432)


def test_without_a_database_the_packaged_file_counts(stack: MakeStack) -> None:
    assert stack(**MAIL).environment()["TARGETS"] == ""


# ---- What the function may do, and how it is run


ALWAYS = {"KeepState", "SendMail", "WriteLogs", "PublishAlerts"}


@pytest.mark.parametrize(
    ("parameters", "more"),
    [
        (PASSWORD, {"ReadSecrets"}),
        (IAM, {"LogInToDatabase"}),
        (IAM | {"DatabaseAuthentication": "none"}, set()),
        (PASSWORD | VPC, {"ReadSecrets", "JoinVpc", "SeeVpc"}),
        (PASSWORD | {"AlertTopicArn": OWN_TOPIC}, {"ReadSecrets"}),
        (PASSWORD | {"AlertTopicEmail": "pager@example.com"}, {"ReadSecrets"}),
        (
            PASSWORD | {"SecretKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/0a1b"},
            {"ReadSecrets", "DecryptSecrets"},
        ),
        (MAIL, {"ReadSecrets"}),
    ],
)
def test_the_function_may_do_what_its_parameters_need_and_no_more(
    stack: MakeStack, parameters: dict[str, str], more: set[str]
) -> None:
    statements = stack(**parameters).statements()
    assert statements.keys() == ALWAYS | more
    actions = [statement["Action"] for statement in statements.values()]
    assert "*" not in json.dumps(actions)
    assert {sid for sid, statement in statements.items() if statement["Resource"] == "*"} <= {"SeeVpc"}


def test_each_permission_is_narrowed_to_what_is_configured(stack: MakeStack) -> None:
    secret, iam, file = (stack(**given_).statements() for given_ in (PASSWORD, IAM, MAIL))
    assert secret["ReadSecrets"]["Resource"] == SECRET
    assert file["ReadSecrets"]["Resource"].endswith(":secret:heartline/*")
    assert iam["LogInToDatabase"]["Resource"].endswith(":dbuser:*/heartline")
    assert secret["SendMail"]["Condition"] == {"StringEquals": {"ses:FromAddress": "heartline@example.com"}}
    assert secret["KeepState"]["Resource"] == "<StateTable.Arn>"


def test_the_state_policy_allows_the_calls_that_the_code_makes_and_none_that_it_does_not(stack: MakeStack) -> None:
    code = "".join(path.read_text() for path in (ROOT / "functions/monitor").rglob("*.py"))
    calls = {
        "BatchGetItem": r"\bbatch_get_item\b",
        "Query": r'get_paginator\("query"\)',
        "PutItem": r"\bput_item\b",
        "UpdateItem": r"\bupdate_item\b",
        "GetItem": r"\.get_item\b",
        "DeleteItem": r"\bdelete_item\b",
        "Scan": r"\bscan\b|get_paginator\(\"scan",
    }
    made = {f"dynamodb:{name}" for name, call in calls.items() if re.search(call, code)}
    assert set(stack(**PASSWORD).statements()["KeepState"]["Action"]) == made


# ---- The second channel


@pytest.mark.parametrize(
    ("parameters", "made", "topic"),
    [
        ({}, {"AlertTopic"}, MADE_TOPIC),
        ({"AlertTopicEmail": "pager@example.com"}, {"AlertTopic", "AlertTopicSubscription"}, MADE_TOPIC),
        ({"AlertTopicArn": OWN_TOPIC}, set(), OWN_TOPIC),
        ({"AlertTopicArn": OWN_TOPIC, "AlertTopicEmail": "pager@example.com"}, set(), OWN_TOPIC),
    ],
)
def test_alerts_go_to_the_topic_that_is_given_or_else_to_one_that_is_made(
    template: Template, stack: MakeStack, parameters: dict[str, str], made: set[str], topic: str
) -> None:
    whole = stack(**PASSWORD, **parameters)
    assert {name for name in whole.resources() if name.startswith("AlertTopic")} == made
    assert whole.environment()["ALERT_TOPIC"] == topic
    assert read_settings(whole.environment()).topic == topic
    assert whole.statements()["PublishAlerts"]["Action"] == "sns:Publish"
    assert whole.statements()["PublishAlerts"]["Resource"] == topic
    assert whole.resolve(template["Outputs"]["AlertTopicArn"]["Value"]) == topic


def test_one_address_is_subscribed_to_the_topic_of_the_stack(stack: MakeStack) -> None:
    subscription = stack(**PASSWORD, AlertTopicEmail="pager@example.com").resources()["AlertTopicSubscription"]
    assert subscription == {"TopicArn": MADE_TOPIC, "Protocol": "email", "Endpoint": "pager@example.com"}


def test_what_is_kept_is_encrypted_and_history_ends_in_time(stack: MakeStack) -> None:
    made = stack(**PASSWORD).resources()
    assert made["AlertTopic"]["KmsMasterKeyId"] == "alias/aws/sns"
    assert made["StateTable"]["SSESpecification"] == {"SSEEnabled": True}
    written = record(datetime(2026, 1, 1, tzinfo=UTC), {})
    ttl = made["StateTable"]["TimeToLiveSpecification"]
    assert ttl["Enabled"] is True
    assert written[ttl["AttributeName"]] == datetime(2027, 2, 5, tzinfo=UTC).timestamp()


def test_a_late_tick_is_never_tried_again(template: Template) -> None:
    function = template["Resources"]["MonitorFunction"]["Properties"]
    for retries in (function["EventInvokeConfig"], function["Events"]["Tick"]["Properties"]["RetryPolicy"]):
        assert retries == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


@pytest.mark.parametrize(("minutes", "rate"), [("1", "rate(1 minute)"), ("5", "rate(5 minutes)")])
def test_the_schedule_is_in_the_grammar_of_eventbridge(
    template: Template, stack: MakeStack, minutes: str, rate: str
) -> None:
    tick = template["Resources"]["MonitorFunction"]["Properties"]["Events"]["Tick"]["Properties"]
    assert stack(ScheduleMinutes=minutes).resolve(tick)["ScheduleExpression"] == rate


@pytest.mark.parametrize("minutes", ["1", "15", "60"])
def test_the_function_knows_how_often_it_is_started(stack: MakeStack, minutes: str) -> None:
    settings = read_settings(stack(**PASSWORD, ScheduleMinutes=minutes).environment())
    assert settings.interval == timedelta(minutes=int(minutes))


def test_two_stacks_share_no_name(template: Template, stack: MakeStack) -> None:
    fixed = {"TableName", "FunctionName", "RoleName", "LogGroupName", "TopicName", "Name"}
    for resource in template["Resources"].values():
        assert not fixed & resource["Properties"].keys()
        assert stack().resolve(resource["Properties"]).get("LayerName", "heartline").startswith("heartline")
    assert template["Resources"]["MonitorFunction"]["Properties"]["Events"]["Tick"]["Properties"]["OmitName"] is True


# ---- What to do next


def test_outputs_are_commands_that_can_be_pasted(template: Template, stack: MakeStack) -> None:
    outputs = {name: stack(**PASSWORD).resolve(output["Value"]) for name, output in template["Outputs"].items()}
    commands = {name: shlex.split(value) for name, value in outputs.items() if value.startswith("aws ")}
    assert commands.keys() == {"VerifySender", "SendTestAlert", "ShowStatus", "FollowLogs"}
    for name, event in (("SendTestAlert", "test-alert"), ("ShowStatus", "status")):
        payload = commands[name][commands[name].index("--payload") + 1]
        assert json.loads(payload) == json.loads((ROOT / f"events/{event}.json").read_text())
    assert commands["VerifySender"][-1] == "heartline@example.com"
