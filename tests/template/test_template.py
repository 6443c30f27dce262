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

from heartline.config.settings import VARIABLES, read_settings
from heartline.config.targets import parse_targets
from heartline.storage.schema import record

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
GATEWAY = {"VpcId": "vpc-0a1b2c3d", "VpcRouteTableIds": "rtb-0a1b2c3d", "CreateDynamoDBEndpoint": "true"}
INTERFACES = ("CreateEmailEndpoint", "CreateSecretsManagerEndpoint", "CreateSnsEndpoint", "CreateSqsEndpoint")
OF_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION"}  # Lambda sets them and lets nobody else
OF_LIBRARIES = {"RES_OPTIONS", "AWS_ENDPOINT_URL", "POWERTOOLS_SERVICE_NAME"}  # not for settings.py
OF_THE_COURIER = {"MONITOR_FUNCTION"}
COURIER = {"Courier": "true"}
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
        PASSWORD | VPC | GATEWAY,
        *(PASSWORD | VPC | {"VpcId": "vpc-0a1b2c3d", name: "true"} for name in INTERFACES),
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
        *((PASSWORD | VPC | {name: "true"}, "EndpointsInAVpc") for name in INTERFACES),
        *((PASSWORD | {"VpcId": "vpc-0a1b2c3d", name: "true"}, "EndpointsInAVpc") for name in INTERFACES),
        (PASSWORD | VPC | {"VpcId": "vpc-0a1b2c3d", "CreateDynamoDBEndpoint": "true"}, "GatewayInRouteTables"),
        (PASSWORD | VPC | GATEWAY | {"VpcId": ""}, "EndpointsInAVpc"),
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
    assert read == set(VARIABLES)
    assert environment.keys() - OF_LIBRARIES == read - OF_LAMBDA - OF_THE_COURIER
    couriers = stack(**PASSWORD, **COURIER).environment("CourierFunction")
    assert read - OF_LAMBDA >= couriers.keys() - OF_LIBRARIES >= OF_THE_COURIER


@pytest.mark.parametrize("parameters", [PASSWORD, IAM, MAIL])
def test_monitor_and_courier_agree_on_what_both_are_told(stack: MakeStack, parameters: dict[str, str]) -> None:
    whole = stack(**parameters, **COURIER, CreateConfigurationSet="true")
    monitors, couriers = whole.environment(), whole.environment("CourierFunction")
    common = monitors.keys() & couriers.keys()
    assert {"TARGETS", "STATE_TABLE", "ALERT_SENDER", "ALERT_RECIPIENTS", "ALERT_TOPIC", "TICK_QUEUE"} < common
    assert {name: monitors[name] for name in common} == {name: couriers[name] for name in common}
    assert (monitors["COURIER"], couriers.get("COURIER", "false")) == ("true", "false")
    assert couriers["MONITOR_FUNCTION"] == "MonitorFunction"


def test_the_example_for_sam_local_is_complete_and_right(stack: MakeStack) -> None:
    example = json.loads((ROOT / "events/env.example.json").read_text())
    assert example.keys() == {"MonitorFunction", "CourierFunction"}
    for function, variables in example.items():
        assert variables.keys() == stack(**PASSWORD, **COURIER).environment(function).keys()
        assert [target.name for target in read_settings(variables).targets] == ["demo"]


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


ALWAYS = {"KeepState", "SendMail", "SeeWhoIsVerified", "SeeWhetherInSandbox", "WriteLogs", "PublishAlerts"}


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
        (MAIL, {"ReadSecrets", "DivideTicks"}),
    ],
)
def test_the_function_may_do_what_its_parameters_need_and_no_more(
    stack: MakeStack, parameters: dict[str, str], more: set[str]
) -> None:
    statements = stack(**parameters).statements()
    assert statements.keys() == ALWAYS | more
    actions = [statement["Action"] for statement in statements.values()]
    assert "*" not in json.dumps(actions)
    assert {sid for sid, statement in statements.items() if statement["Resource"] == "*"} <= {
        "SeeVpc",
        "SeeWhetherInSandbox",
    }


def test_each_permission_is_narrowed_to_what_is_configured(stack: MakeStack) -> None:
    secret, iam, file = (stack(**given_).statements() for given_ in (PASSWORD, IAM, MAIL))
    assert secret["ReadSecrets"]["Resource"] == SECRET
    assert file["ReadSecrets"]["Resource"].endswith(":secret:heartline/*")
    assert iam["LogInToDatabase"]["Resource"].endswith(":dbuser:*/heartline")
    assert secret["SendMail"]["Condition"] == {"StringEquals": {"ses:FromAddress": "heartline@example.com"}}
    assert secret["KeepState"]["Resource"] == "<StateTable.Arn>"


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


def test_without_a_topic_nothing_leads_to_sns(deployed: MakeStack) -> None:
    for courier in ("true", "false"):
        whole = deployed(**PASSWORD, AlertTopicArn="none", AlertTopicEmail="pager@example.com", Courier=courier)
        assert {name for name in whole.resources() if name.startswith("AlertTopic")} == set()
        assert read_settings(whole.environment()).topic is None
        assert "AlertTopicArn" not in whole.outputs()
        for role in ("MonitorRole", "CourierRole"):
            assert "sns:" not in json.dumps(whole.statements(role))


def test_one_address_is_subscribed_to_the_topic_of_the_stack(stack: MakeStack) -> None:
    subscription = stack(**PASSWORD, AlertTopicEmail="pager@example.com").resources()["AlertTopicSubscription"]
    assert subscription == {"TopicArn": MADE_TOPIC, "Protocol": "email", "Endpoint": "pager@example.com"}


def test_all_that_is_kept_is_encrypted_but_for_the_names_of_alarms(deployed: MakeStack) -> None:
    whole = deployed(**MAIL, **COURIER)
    open_ = {
        name
        for name, made in whole.resources().items()
        if (kind := whole.template["Resources"][name]["Type"]) in ENCRYPTED and not ENCRYPTED[kind](made)
    }
    # CloudWatch may not use AWS's own key for SNS; the template says why it has no other.
    assert open_ == {"HealthTopic"}


ENCRYPTED: dict[str, Callable[[dict[str, Any]], bool]] = {
    "AWS::DynamoDB::Table": lambda made: made.get("SSESpecification", {"SSEEnabled": True}) == {"SSEEnabled": True},
    "AWS::SNS::Topic": lambda made: made.get("KmsMasterKeyId") == "alias/aws/sns",
    "AWS::SQS::Queue": lambda made: made.get("SqsManagedSseEnabled") is True,
}


def test_history_ends_in_time(stack: MakeStack) -> None:
    written = record(datetime(2026, 1, 1, tzinfo=UTC), {})
    ttl = stack(**PASSWORD).resources()["StateTable"]["TimeToLiveSpecification"]
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


def own_name(stack: MakeStack, resource: Any, name: str) -> bool:  # noqa: ANN401
    """Tell whether a name begins with the stack's own, and so is nobody else's."""
    return str(stack(**PASSWORD).resolve(resource["Properties"][name])).startswith("heartline")


def test_two_stacks_share_no_name(template: Template, stack: MakeStack) -> None:
    # test_stack.py has two beside each other; this is about all that a parameter can make.
    names = {"TableName", "RoleName", "LogGroupName", "TopicName", "QueueName", "GroupName", "Name", "LayerName"}
    names |= {"AlarmName", "DashboardName"}
    for resource in template["Resources"].values():
        assert not (resource["Type"] == "AWS::Serverless::Function" and "FunctionName" in resource["Properties"])
        given_ = resource["Properties"].keys() & names
        assert [resource["Properties"][name] for name in given_ if not own_name(stack, resource, name)] == []
    assert template["Resources"]["MonitorFunction"]["Properties"]["Events"]["Tick"]["Properties"]["OmitName"] is True


# ---- What to do next


def test_outputs_are_commands_that_can_be_pasted(deployed: MakeStack) -> None:
    outputs = deployed(**PASSWORD).outputs()
    commands = {name: shlex.split(value) for name, value in outputs.items() if value.startswith("aws ")}
    assert commands.keys() == {"VerifySender", "SendTestAlert", "ShowStatus", "FollowLogs"}
    for name, event in (("SendTestAlert", "test-alert"), ("ShowStatus", "status")):
        payload = commands[name][commands[name].index("--payload") + 1]
        assert json.loads(payload) == json.loads((ROOT / f"events/{event}.json").read_text())
    assert commands["VerifySender"][-1] == "heartline@example.com"


@pytest.mark.parametrize(("parameters", "function"), [({}, "MonitorFunction"), (COURIER, "CourierFunction")])
def test_the_test_alert_is_asked_of_the_function_that_delivers(
    deployed: MakeStack, parameters: dict[str, str], function: str
) -> None:
    outputs = deployed(**PASSWORD, **parameters).outputs()
    assert f"--function-name <{function}> " in outputs["SendTestAlert"]
    assert "--function-name <MonitorFunction> " in outputs["ShowStatus"]


def test_a_domain_s_dns_records_are_told(deployed: MakeStack) -> None:
    outputs = deployed(**PASSWORD, CreateSenderIdentity="domain").outputs()
    records = [value for name, value in outputs.items() if name.startswith("DkimRecord")]
    assert [re.findall(r"\d", record) for record in records] == [["1", "1"], ["2", "2"], ["3", "3"]]
    assert "DkimRecord" in outputs["VerifySender"]
    assert not any("Dkim" in name for name in deployed(**PASSWORD, CreateSenderIdentity="address").outputs())


def test_the_identity_is_the_sender_or_its_domain(deployed: MakeStack) -> None:
    made = {kind: deployed(**PASSWORD, CreateSenderIdentity=kind).resources() for kind in ("no", "address", "domain")}
    assert "SenderIdentity" not in made["no"]
    assert made["address"]["SenderIdentity"] == {"EmailIdentity": "heartline@example.com"}
    assert made["domain"]["SenderIdentity"] == {"EmailIdentity": "example.com"}
