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
from template.created import VPC
from template.reading import accepts

Template = dict[str, Any]
MakeStack = Callable[..., Any]  # conftest's Stack
Accepts = Callable[[str, str], bool]

ROOT = Path(__file__).parents[2]
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:heartline/orders-AbCdEf"
OF_RDS = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0a1b2c3d-1111-2222-3333-0123456789ab-AbCdEf"
MAIL = {"AlertSender": "heartline@example.com", "AlertRecipients": "oncall@example.com, dba@example.com"}
THREE_ANSWERS = {"DatabaseSecretArn": SECRET, **MAIL}
PASSWORD = {"DatabaseHost": "db.example.com", **THREE_ANSWERS}
IAM = {
    "DatabaseHost": "db.example.com",
    "DatabaseUser": "heartline",
    "DatabaseAuthentication": "iam",
    **MAIL,
}
IAM_FLEET = {"DatabaseUser": "heartline", "DatabaseAuthentication": "iam", **MAIL}
OWN_TOPIC = "arn:aws:sns:eu-west-1:123456789012:alerts"
MADE_TOPIC = "arn:aws:sns:eu-west-1:123456789012:AlertTopic"
HEALTH_TOPIC = "arn:aws:sns:eu-west-1:123456789012:HealthTopic"
OF_LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_REGION",
}  # Lambda sets them and lets nobody else
OF_LIBRARIES = {"RES_OPTIONS", "AWS_ENDPOINT_URL"}  # not for settings.py
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


def test_every_constraint_says_what_the_value_must_be(template: Template) -> None:
    constraints = {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue", "MinLength", "MaxLength"}
    constrained = {name for name, declared in template["Parameters"].items() if constraints & declared.keys()}
    assert constrained
    assert [n for n in constrained if "must be" not in template["Parameters"][n].get("ConstraintDescription", "")] == []


def test_the_console_shows_every_parameter_once_and_in_groups(template: Template) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert shown == list(template["Parameters"])


def test_a_deployment_asks_little_and_first_what_everybody_must_answer(template: Template) -> None:
    """`sam deploy --guided` asks for every parameter in the template's order."""
    parameters = template["Parameters"]
    assert list(parameters)[:3] == ["DatabaseSecretArn", "AlertSender", "AlertRecipients"]
    assert len(parameters) <= 24
    assert [name for name in parameters if "Default" not in parameters[name]] == ["AlertSender", "AlertRecipients"]


def test_parameters_that_users_rely_on_keep_their_names(template: Template) -> None:
    kept = {"DatabaseSecretArn", "DatabaseHost", "DatabaseUser", "DatabaseAuthentication", "AlertSender"}
    kept |= {"AlertRecipients", "HealthEmail", "VpcSubnetIds", "VpcSecurityGroupIds", "ScheduleMinutes"}
    assert kept | {"ScheduleState", "SecretPrefix", "Language", "TimeZone", "PingUrl"} <= template["Parameters"].keys()


def test_the_guided_dialogue_can_be_answered_with_enter(template: Template) -> None:
    """SAM asks for a hidden parameter until there is an answer, default or not (samcli's guided_context.py)."""
    assert [name for name, declared in template["Parameters"].items() if declared.get("NoEcho")] == []


def test_defaults_keep_their_own_constraints(template: Template, accepts: Accepts) -> None:
    defaults = {n: str(declared["Default"]) for n, declared in template["Parameters"].items() if "Default" in declared}
    assert [name for name, value in defaults.items() if not accepts(name, value)] == []


@pytest.mark.parametrize("name", RENDERED)
@pytest.mark.parametrize(
    "value",
    ['a"b', "a\\b", "a\nb", "a\rb", "a\tb", "a\x00b", "a\x85b", "a\u2028b", "a\xa0b", "a\xadb", 'a"\npassword = "x'],
)
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
        ("DatabasePort", "5432.5"),
        ("DatabasePort", "65536"),
        ("DatabasePort", "0"),
        ("PingUrl", "https://hc-ping.com:65536/"),
        ("DatabaseUser", "any*"),
        ("DatabaseUser", "any?"),
        ("DatabaseUser", "${aws:username}"),
        ("DatabaseUser", "사용자"),
        ("DatabaseSecretArn", "heartline/orders"),
        ("DatabaseSecretArn", SECRET.removesuffix("-AbCdEf")),
        ("AlertSender", "Heartline <heartline@example.com>"),
        ("AlertRecipients", "oncall@example.com, nobody"),
        ("AlertRecipients", "oncall@example.com,"),
        ("AlertRecipients", ",".join(["a@b.cc"] * 51)),
        ("AlertRecipients", ",".join(["somebody.with.a.long.name@example.com"] * 30)),
        ("TimeZone", 'UTC"'),
        ("TimeZone", "../etc/passwd"),
        ("PingUrl", "http://hc-ping.com/0a1b"),
        ("PingUrl", "https://user:password@hc-ping.com/0a1b"),
        ("VpcSubnetIds", "sg-0a1b2c3d"),
        ("VpcSubnetIds", "subnet-0a1b2c3d,"),
        ("SecretPrefix", ""),
        ("SecretPrefix", "*"),
        ("ScheduleMinutes", "0"),
        ("ScheduleMinutes", "61"),
        ("ScheduleMinutes", "1.5"),
        ("AlertTopicArn", "alerts"),
        ("AlertTopicArn", OWN_TOPIC + ".fifo"),
        ("AlertTopicArn", "none"),
        ("HealthEmail", "Pager <pager@example.com>"),
        ("HealthEmail", "a@example.com,b@example.com"),
    ],
)
def test_a_value_that_cannot_work_is_refused(accepts: Accepts, name: str, value: str) -> None:
    assert not accepts(name, value)


@pytest.mark.parametrize("value", ["db.x.eu-west-1.rds.amazonaws.com", "10.0.0.7", "fd00::7", "::1", "db_1", ""])
def test_host_names_and_addresses_are_taken(accepts: Accepts, value: str) -> None:
    assert accepts("DatabaseHost", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DatabaseSecretArn", OF_RDS),
        ("DatabaseSecretArn", OF_RDS.replace("db-", "cluster-")),
        ("SecretPrefix", "rds!"),
        ("DatabasePort", "65535"),
        ("DatabaseUser", "jörg müller"),
        ("DatabaseName", "my {db} *"),
        ("ScheduleMinutes", "60"),
        ("TimeZone", "America/Argentina/Buenos_Aires"),
        ("TimeZone", "Etc/GMT+9"),
        ("PingUrl", "https://hc-ping.com/0a1b2c3d-1111-2222-3333-0123456789ab"),
        ("PingUrl", "https://uptime.example.com:3001/api/push/abc?status=up&msg=OK&ping="),
        ("AlertRecipients", "oncall@example.com,dba@example.com, o'hara@example.com"),
        ("VpcSubnetIds", "subnet-0a1b2c3d,subnet-0123456789abcdef0"),
        ("DatabaseResourceId", "prx-0a1b2c3d4e5f"),
    ],
)
def test_a_value_that_works_is_taken(accepts: Accepts, name: str, value: str) -> None:
    assert accepts(name, value)


# ---- Rules: what no parameter shows alone


@pytest.mark.parametrize(
    "parameters",
    [
        THREE_ANSWERS,
        PASSWORD,
        PASSWORD | VPC,
        PASSWORD | {"DatabaseSecretArn": OF_RDS},
        IAM,
        IAM | {"DatabaseAuthentication": "none", "DatabaseTls": "disable"},
        MAIL,  # the packaged targets.toml
        MAIL | VPC,
        IAM_FLEET,  # whose targets use IAM
        {"AlertSender": "heartline@example.com", "HealthEmail": "ops@example.com"},  # whose targets name recipients
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
        (PASSWORD | {"AlertRecipients": "", "HealthEmail": "ops@example.com"}, "SomebodyIsNotified"),
        ({"AlertSender": "heartline@example.com"}, "SomebodyHearsOfFaults"),
        (PASSWORD | VPC | {"VpcSecurityGroupIds": ""}, "SubnetsWithSecurityGroups"),
        (PASSWORD | VPC | {"VpcSubnetIds": ""}, "SubnetsWithSecurityGroups"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(
    stack: MakeStack, parameters: dict[str, str], rule: str
) -> None:
    assert stack(**parameters).broken_rules() == {rule}


def test_each_refusal_says_what_to_do(template: Template) -> None:
    told = [one["AssertDescription"] for rule in template["Rules"].values() for one in rule["Assertions"]]
    assert [text for text in told if text.split()[0] not in {"Give", "Set", "Leave"}] == []


# ---- The environment


def test_template_and_settings_name_the_same_variables(stack: MakeStack) -> None:
    read = set()

    class Environment(dict[str, str]):
        def get(self, name: str, default: str = "") -> str:
            read.add(name)
            return super().get(name, default)

    environment = stack(**PASSWORD).environment()
    read_settings(Environment(environment))
    assert set(VARIABLES) - OF_LAMBDA <= read <= set(VARIABLES)
    assert environment.keys() - OF_LIBRARIES == read - OF_LAMBDA


def test_the_example_for_sam_local_is_complete_and_right(stack: MakeStack) -> None:
    example = json.loads((ROOT / "events/env.example.json").read_text())
    assert example.keys() == {"MonitorFunction", "ProbeFunction"}
    for function, variables in example.items():
        assert variables.keys() == stack(**PASSWORD, **VPC).environment(function).keys()
    assert [target.name for target in read_settings(example["MonitorFunction"]).targets] == ["demo"]


def test_the_longest_values_fit_into_the_environment_of_a_function(template: Template, stack: MakeStack) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 4 KB for all variables together."""
    whole = stack(**LONGEST)
    assert [name for name, value in LONGEST.items() if not accepts(template["Parameters"][name], value)] == []
    assert whole.broken_rules() == set()
    made = {"<StateTable>": 160, "<ConfigurationSet>": 64, "<ProbeFunction>": 64, HEALTH_TOPIC: 220}
    written = json.dumps(whole.resources()["MonitorFunction"]["Environment"]["Variables"], ensure_ascii=False)
    assert len(written.encode()) + sum(most - len(name) for name, most in made.items()) + STACK_NAME <= 4096


STACK_NAME = 128
_HOST = ".".join(["a" * 62] * 5)
_MAILBOX = f"{'a' * 64}@{_HOST}"[:250] + ".com"
LONGEST = {
    "DatabaseHost": _HOST[:253],
    "DatabasePort": "65535",
    "DatabaseName": "\xff" * 63,
    "DatabaseUser": "\xff" * 63,
    "DatabaseSecretArn": f"arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:{'a' * 229}-AbCdEf",
    "TargetName": "a" * 64,
    "TimeZone": "America/" + "a" * 32,
    "AlertSender": _MAILBOX,
    "AlertRecipients": ",".join([_MAILBOX[-246:]] * 4) + "," + "a@b.ccccc",
    "AlertTopicArn": f"arn:aws-us-gov:sns:us-gov-west-1:123456789012:{'a' * 254}",
    "PingUrl": f"https://a/{'a' * 246}",
    **VPC,
}


def test_boto3_finds_aws_itself_once_deployed(stack: MakeStack) -> None:
    assert stack(**PASSWORD).environment()["AWS_ENDPOINT_URL"] == ""


def test_a_port_is_given_whether_or_not_a_host_is(stack: MakeStack) -> None:
    """The host may be in the secret, and the port of a pooler before it not."""
    of_the_secret = {name: value for name, value in PASSWORD.items() if name != "DatabaseHost"}
    (target,) = read_settings(stack(**of_the_secret, DatabasePort="6432").environment()).targets
    assert (target.host, target.port) == (None, 6432)


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


def test_language_and_time_zone_of_one_database_are_rendered(stack: MakeStack) -> None:
    def target(**given_: str) -> Any:  # noqa: ANN401
        (one,) = read_settings(stack(**THREE_ANSWERS, **given_).environment()).targets
        return one

    assert (target().language, target().time_zone) == ("en", None)
    seoul = target(Language="ko", TimeZone="Asia/Seoul")
    assert (seoul.language, str(seoul.time_zone)) == ("ko", "Asia/Seoul")


def test_an_iam_target_is_rendered(stack: MakeStack) -> None:
    (target,) = read_settings(stack(**IAM).environment()).targets
    assert (target.user, target.secret, target.iam, target.port) == ("heartline", None, True, None)


def test_without_a_database_the_packaged_file_counts(stack: MakeStack) -> None:
    assert stack(**MAIL).environment()["TARGETS"] == ""


# ---- What the monitor may do


ALWAYS = {"KeepState", "SendMail", "SeeWhoIsVerified", "SeeWhetherInSandbox", "WriteLogs", "PublishAlerts"}
ALWAYS |= {"SeeWhoHearsOfFaults"}
SECRETS = {"ReadSecrets", "DecryptSecrets"}


@pytest.mark.parametrize(
    ("parameters", "more"),
    [
        (PASSWORD, SECRETS),
        (IAM, {"LogInToDatabase"}),
        (IAM | {"DatabaseAuthentication": "none"}, set()),
        (PASSWORD | VPC, SECRETS | {"StartProber"}),
        (PASSWORD | {"AlertTopicArn": OWN_TOPIC}, SECRETS),
        (MAIL, SECRETS | {"DivideTicks"}),
        (IAM_FLEET, SECRETS | {"DivideTicks", "LogInToDatabase"}),
    ],
)
def test_the_monitor_may_do_what_its_parameters_need_and_no_more(
    stack: MakeStack, parameters: dict[str, str], more: set[str]
) -> None:
    statements = stack(**parameters).statements()
    assert statements.keys() == ALWAYS | more
    actions = [statement["Action"] for statement in statements.values()]
    assert "*" not in json.dumps(actions)
    assert {sid for sid, statement in statements.items() if statement["Resource"] == "*"} == {"SeeWhetherInSandbox"}


def test_each_permission_is_narrowed_to_what_is_configured(stack: MakeStack) -> None:
    secret, iam, file = (stack(**given_).statements() for given_ in (PASSWORD, IAM, MAIL))
    assert secret["ReadSecrets"]["Resource"] == SECRET
    assert file["ReadSecrets"]["Resource"].endswith(":secret:heartline/*")
    assert iam["LogInToDatabase"]["Resource"].endswith(":dbuser:*/heartline")
    assert secret["SendMail"]["Condition"] == {"StringEquals": {"ses:FromAddress": "heartline@example.com"}}
    assert secret["KeepState"]["Resource"] == "<StateTable.Arn>"
    assert secret["SeeWhoHearsOfFaults"]["Resource"] == HEALTH_TOPIC


def test_a_key_decrypts_for_secrets_manager_alone_and_the_secrets_that_may_be_read(stack: MakeStack) -> None:
    for parameters in (PASSWORD, MAIL, PASSWORD | {"DatabaseSecretArn": OF_RDS}):
        statements = stack(**parameters).statements()
        condition = statements["DecryptSecrets"]["Condition"]
        assert condition["StringEquals"] == {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}
        assert condition["StringLike"] == {"kms:EncryptionContext:SecretARN": statements["ReadSecrets"]["Resource"]}


@pytest.mark.parametrize("parameters", [PASSWORD, IAM, MAIL, IAM_FLEET])
def test_the_monitor_knows_which_user_may_log_in_by_iam(stack: MakeStack, parameters: dict[str, str]) -> None:
    whole = stack(**parameters)
    granted = whole.statements().get("LogInToDatabase", {"Resource": "/"})["Resource"].rpartition("/")[2]
    assert whole.environment()["IAM_USER"] == granted


def test_one_database_s_id_narrows_iam_to_that_database(stack: MakeStack) -> None:
    resource = stack(**IAM, DatabaseResourceId="db-ABCDEFGH").statements()["LogInToDatabase"]["Resource"]
    assert resource == "arn:aws:rds-db:*:123456789012:dbuser:db-ABCDEFGH/heartline"


def test_in_another_partition_of_aws_its_own_names_are_used(deployed: MakeStack) -> None:
    """https://docs.amazonaws.cn/en_us/aws/latest/userguide/ARNs.html; principals are the same in every partition."""
    china = {"AWS::Partition": "aws-cn", "AWS::Region": "cn-north-1", "AWS::URLSuffix": "amazonaws.com.cn"}
    whole = deployed(**MAIL, **VPC, **china, AlertTopicArn=OWN_TOPIC.replace(":aws:", ":aws-cn:"))
    text = json.dumps([whole.resources(), whole.outputs()])
    own = re.sub(r'"(lambda|scheduler|events|cloudwatch)\.amazonaws\.com"', "", text.replace(HEALTH_TOPIC, ""))
    assert "arn:aws:" not in own
    assert set(re.findall(r"[a-z0-9.-]*amazon[a-z0-9.]*", own)) == {"secretsmanager.cn-north-1.amazonaws.com.cn"}


# ---- The second channel


@pytest.mark.parametrize(
    ("parameters", "made", "topic"),
    [({}, {"AlertTopic"}, MADE_TOPIC), ({"AlertTopicArn": OWN_TOPIC}, set(), OWN_TOPIC)],
)
def test_alerts_go_to_the_topic_that_is_given_or_else_to_one_that_is_made(
    deployed: MakeStack, parameters: dict[str, str], made: set[str], topic: str
) -> None:
    whole = deployed(**PASSWORD, **parameters)
    assert {name for name in whole.resources() if name.startswith("AlertTopic")} == made
    assert whole.environment()["ALERT_TOPIC"] == topic
    assert read_settings(whole.environment()).topic == topic
    assert whole.statements()["PublishAlerts"]["Action"] == "sns:Publish"
    assert whole.statements()["PublishAlerts"]["Resource"] == topic
    assert whole.outputs()["AlertTopicArn"] == topic


def test_all_that_is_kept_is_encrypted_but_for_the_names_of_alarms(deployed: MakeStack) -> None:
    whole = deployed(**MAIL)
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
    monitor, prober = (template["Resources"][name]["Properties"] for name in ("MonitorFunction", "ProbeFunction"))
    schedule = monitor["Events"]["Tick"]["Properties"]
    for retries in (monitor["EventInvokeConfig"], prober["EventInvokeConfig"], schedule["RetryPolicy"]):
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
    """Return True if a name begins with the stack's own, and so is nobody else's."""
    return str(stack(**PASSWORD).resolve(resource["Properties"][name])).startswith("heartline")


def test_two_stacks_share_no_name(template: Template, stack: MakeStack) -> None:
    # test_stack.py has two beside each other; this is about all that a parameter can make.
    names = {"TableName", "RoleName", "LogGroupName", "TopicName", "QueueName", "GroupName", "Name", "LayerName"}
    names |= {"AlarmName", "DashboardName"}
    for resource in template["Resources"].values():
        assert not (resource["Type"] == "AWS::Serverless::Function" and "FunctionName" in resource["Properties"])
        given_ = resource["Properties"].keys() & names
        assert [resource["Properties"][name] for name in given_ if not own_name(stack, resource, name)] == []
        # A stack's name may have 128 characters, and these at most 64; without a name CloudFormation makes one.
        short = {"AWS::IAM::Role", "AWS::Lambda::Function", "AWS::Scheduler::Schedule", "AWS::SES::ConfigurationSet"}
        assert resource["Type"] not in short or not given_
    assert template["Resources"]["MonitorFunction"]["Properties"]["Events"]["Tick"]["Properties"]["OmitName"] is True


# ---- What to do next


COMMANDS = {"SendTestAlert": "test-alert", "ShowStatus": "status"}


def test_outputs_are_commands_that_can_be_pasted(deployed: MakeStack) -> None:
    outputs = deployed(**PASSWORD).outputs()
    commands = {name: shlex.split(value) for name, value in outputs.items() if value.startswith(("sam ", "aws "))}
    assert commands.keys() == {*COMMANDS, "FollowLogs"}
    for words in commands.values():
        assert "MonitorFunction" in words
        assert words[words.index("--stack-name") + 1] == "heartline"
        assert words[words.index("--region") + 1] == "eu-west-1"
    for name, event in COMMANDS.items():
        assert commands[name][:4] == ["sam", "remote", "invoke", "MonitorFunction"]
        payload = commands[name][commands[name].index("--event") + 1]
        assert json.loads(payload) == json.loads((ROOT / f"events/{event}.json").read_text())


def test_outputs_say_whom_to_have_confirm_and_by_when(deployed: MakeStack) -> None:
    for given_, address in (({}, "oncall@example.com"), ({"HealthEmail": "ops@example.com"}, "ops@example.com")):
        whole = deployed(**PASSWORD, **given_)
        text = whole.outputs()["ConfirmHealthMail"]
        assert f" to {address}, within 48 hours" in text
        assert whole.resources()["HealthSubscription"]["Endpoint"] == address


def test_every_output_says_what_it_is_for(template: Template) -> None:
    assert [name for name, output in template["Outputs"].items() if not output["Description"].endswith(".")] == []


def test_a_domain_s_dns_records_are_told(deployed: MakeStack) -> None:
    outputs = deployed(**PASSWORD, CreateSenderIdentity="domain").outputs()
    records = outputs["DkimRecords"].split("; ")
    assert [re.findall(r"\d", record) for record in records] == [["1", "1"], ["2", "2"], ["3", "3"]]
    assert "DkimRecords" in outputs["VerifySender"]
    assert "DkimRecords" not in deployed(**PASSWORD, CreateSenderIdentity="address").outputs()


def test_the_identity_is_the_sender_or_its_domain(deployed: MakeStack) -> None:
    made = {kind: deployed(**PASSWORD, CreateSenderIdentity=kind).resources() for kind in ("no", "address", "domain")}
    assert "SenderIdentity" not in made["no"]
    assert made["address"]["SenderIdentity"] == {"EmailIdentity": "heartline@example.com"}
    assert made["domain"]["SenderIdentity"] == {"EmailIdentity": "example.com"}


def test_a_created_identity_stays_and_its_parameter_says_when_not_to_create_it_again(template: Template) -> None:
    assert template["Resources"]["SenderIdentity"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert "in SES already" in template["Parameters"]["CreateSenderIdentity"]["Description"]
