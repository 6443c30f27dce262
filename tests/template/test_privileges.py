"""Least privilege: what each role may do is what its function does, in scenarios that run here, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

import pytest

from local.aws import REGION, EmulatedAws
from local.function import event
from local.postgres import Postgres
from local.rds import EmulatedRds, names_lead_here
from local.ses import bounced
from local.stack import ROLE, SECRET, SENDER
from template.created import Created
from template.needs import ARN, Need, listed, needs

OWN_TOPIC = ARN.format("sns", "own")
QUICK = "confirmations = 0\nconfirm_after = 0\nrecover_after = 1\ntimeout = 1\n"
CLOSED = 9  # discard, RFC 863: nothing listens there

# What no call of ours shows: who makes it instead, and where AWS says so.
BASIC = {  # Lambda: https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    *("logs:CreateLogStream", "logs:PutLogEvents"),
}
READS_QUEUE = {  # Lambda: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
}
# Secrets Manager: https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
DECRYPTS = {"kms:Decrypt"}
# The database: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
LOGS_IN = {"rds-db:connect"}

# Resources that are wider than what this stack has made or was told of, and why none can be narrower.
WIDE = {
    "DecryptSecrets": "whose key it is only its owner knows; kms:ViaService and the secret's ARN narrow it",
    "SeeWhetherInSandbox": "SES has no resource for the account: service authorization reference, Amazon SES v2",
    "AskRds": "RDS has no resource for events, and what it lists is not known before",
    "ReadTagsOfProxies": "which proxy carries the tag only its tags say",
    "SendMail": "in the sandbox SES asks for recipients' identities; ses:FromAddress narrows it: SES guide, sandbox",
    "SeeWhoIsVerified": "it tells of recipients, who may be anybody",
}


@dataclass(frozen=True)
class Kind:
    """A kind of stack: its parameters, and what of its roles Lambda or another service of AWS uses."""

    parameters: dict[str, str]
    of_others: dict[str, set[str]]


MAIL = {"AlertSender": SENDER, "AlertRecipients": "oncall@example.com"}
ONE = MAIL | {"DatabaseHost": "127.0.0.1", "DatabaseTls": "disable"}
IAM = {"DatabaseAuthentication": "iam", "DatabaseUser": ROLE, "DatabaseTls": "verify-full"}
KINDS = {
    "secret": Kind(ONE | {"DatabaseSecretArn": "-"}, {"Monitor": BASIC | DECRYPTS}),
    "iam": Kind(ONE | IAM | {"AlertTopicArn": OWN_TOPIC}, {"Monitor": BASIC | LOGS_IN}),
    "fleet": Kind(MAIL, {"Monitor": BASIC | READS_QUEUE | DECRYPTS}),
    "rds": Kind(
        MAIL | {"UseRds": "discover", "DatabaseAuthentication": "iam", "DatabaseUser": ROLE},
        {"Monitor": BASIC | READS_QUEUE | DECRYPTS | LOGS_IN},
    ),
}


class Life:
    """All that happens to a stack: the scenarios in which its functions show what they call."""

    def __init__(self, stack: Created, database: Postgres, clock: SimpleNamespace) -> None:
        self.stack, self.database, self.clock = stack, database, clock
        self.fleet = "DatabaseHost" not in stack.parameters
        self.rendered = stack.environment()["TARGETS"]

    def watch(self, port: int) -> None:
        """Let the targets be at that port, and be decided on at once."""
        if self.fleet:
            one = f'host = "127.0.0.1"\nport = {port}\nsecret = "{SECRET}"\ntls = "disable"\n{QUICK}'
            targets = "".join(f'[[targets]]\nname = "orders-{place}"\n{one}' for place in range(2))
            if "UseRds" in self.stack.parameters:
                targets += f'[discover]\nsecret = "{SECRET}"\ntls = "disable"\n{QUICK}'
        else:
            targets = f"{self.rendered}\nport = {port}\n{QUICK}"
        self.stack.instead["TARGETS"] = targets

    def tick(self) -> None:
        """Run a tick to its end, with the shards that it hands on."""
        self.stack.run(event("scheduled"))
        if self.fleet:
            sqs, queue = self.stack.aws.client("sqs"), self.stack.environment()["TICK_QUEUE"]
            while messages := sqs.receive_message(QueueUrl=queue).get("Messages"):
                for message in messages:
                    record = {"eventSource": "aws:sqs", "messageId": message["MessageId"], "body": message["Body"]}
                    answer = self.stack.run({"Records": [record]})
                    assert answer == {"batchItemFailures": []}
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def live(self) -> None:
        rds = EmulatedRds(self.stack.aws)
        rds.instance("down", CLOSED)
        rds.proxy(self.stack.aws, "front", tag=None)
        self.watch(self.database.port)
        self.tick()
        self.tick()
        name = self.stack.run({"command": "status"})["targets"][0]["name"]
        self.stack.run({"command": "mute", "target": name, "for": "1h"})
        self.stack.run({"command": "unmute", "target": name})
        self.watch(CLOSED)
        self.stack.aws.refuse_mail(times=1)
        self.tick()
        for mail in list(self.stack.aws.mails):
            self.stack.run(bounced(mail, self.clock.now(), mail.to[0]))
        self.stack.run({"command": "acknowledge", "target": name})
        self.tick()
        self.watch(self.database.port)
        self.tick()
        self.clock.moved = timedelta(hours=1)
        self.tick()
        self._test_alerts()

    def _test_alerts(self) -> None:
        assert self.stack.run(event("test-alert"))["channels"]["email"] == "accepted"
        self.stack.aws.sandbox = True
        refused = self.stack.run(event("test-alert"))
        assert refused["channels"]["email"] == "MessageRejected"
        self.stack.aws.sandbox = False


@pytest.fixture(scope="module", params=KINDS)
def life(
    request: pytest.FixtureRequest, _cloud: EmulatedAws, _server: Postgres, translated: dict[str, Any]
) -> Iterator[Life]:
    """Yield a stack of each kind that has lived through everything."""
    _cloud.reset()
    _server.start()
    _server.create_role(ROLE, "a password")
    login = {"username": ROLE, "password": "a password", "dbname": "postgres"}
    secret = _cloud.put_secret(SECRET, login)
    _cloud.verify_sender(SENDER)
    _cloud.client("sns").create_topic(Name="own")
    given = KINDS[request.param].parameters
    stack = Created(
        _cloud, translated, request.param, {n: secret if v == "-" else v for n, v in given.items()}
    ).create()
    clock = SimpleNamespace(moved=timedelta(0))
    clock.now = lambda zone=UTC: datetime.now(zone) + clock.moved
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("heartline.bootstrap.datetime", clock)
        patch.setattr("heartline.tick.fanout.TARGETS_PER_RUN", 1)
        life = Life(stack, _server, clock)
        with names_lead_here():
            life.live()
    yield life
    _cloud.reset()


def statements(life: Life) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every statement of the monitor's role; test_prober.py has the prober's."""
    for statement in life.stack.statements("MonitorRole"):
        yield "Monitor", statement


def asked(life: Life, whose: str) -> set[Need]:
    return {need for call in life.stack.calls[f"{whose}Function"] for need in needs(call)}


def test_the_scenarios_show_mail_that_is_taken_and_refused_and_an_outage_to_its_end(life: Life) -> None:
    calls = [call for function in life.stack.calls.values() for call in function]
    assert {200, 400, 429} == {call.status for call in calls if call.name == "sesv2:SendEmail"}
    unverified_certificate = life.stack.name == "iam"  # it stays down here: this PostgreSQL has none for RDS's roots
    written = [call.request["TransactItems"] for call in calls if call.name == "dynamodb:TransactWriteItems"]
    assert any("Put" in write for writes in written for write in writes) != unverified_certificate


def test_cloudformation_reads_the_policies_as_these_tests_do(life: Life, deployed: Callable[..., Any]) -> None:
    ours = deployed(**life.stack.parameters)
    theirs = {one["Sid"]: one["Action"] for one in life.stack.statements("MonitorRole")}
    assert theirs == {sid: one["Action"] for sid, one in ours.statements("MonitorRole").items()}


def test_all_that_the_code_calls_is_allowed(life: Life) -> None:
    for whose in dict.fromkeys(whose for whose, _ in statements(life)):
        allowed = [statement for of, statement in statements(life) if of == whose]
        denied = {need for need in asked(life, whose) if not any(map(need.met_by, allowed))}
        assert (whose, denied) == (whose, set())


def test_nothing_is_allowed_that_nobody_uses(life: Life) -> None:
    others = KINDS[life.stack.name].of_others
    allowed: dict[str, set[str]] = {whose: set() for whose in others}
    for whose, statement in statements(life):
        allowed[whose] |= set(listed(statement["Action"]))
    assert allowed == {whose: {need.action for need in asked(life, whose)} | others[whose] for whose in others}


def test_each_resource_of_a_permission_is_used(life: Life) -> None:
    for whose, statement in statements(life):
        ours = set(listed(statement["Action"])) - KINDS[life.stack.name].of_others[whose]
        used = {need.resource for need in asked(life, whose) if need.action in ours}
        unused = [one for one in listed(statement["Resource"]) if not any(fnmatchcase(what, one) for what in used)]
        assert not ours or unused == []


def test_each_permission_is_narrowed_to_what_is_the_stack_s_or_was_given_to_it(life: Life) -> None:
    given = set(life.stack.parameters.values()) - {""}
    made = set(life.stack.resources.values())
    for _, statement in statements(life):
        names = [one.removesuffix(":*") for one in listed(statement["Resource"])]
        wide = [one for one in names if one not in given and not any(of_a_made_one(one, name) for name in made)]
        reasoned = statement["Sid"] in WIDE or all(narrowed_by_a_parameter(one) for one in wide)
        assert wide == [] or reasoned, statement["Sid"]
        assert "*" not in names or statement["Sid"] in {"SeeWhetherInSandbox", "AskRds"}


def of_a_made_one(resource: str, name: str) -> bool:
    """Return True if a resource is one that the stack has made, or within it."""
    last = name.rpartition("/")[2] if name.startswith("https:") else name
    return resource == name or last in resource.replace("/", ":").split(":")


def narrowed_by_a_parameter(resource: str) -> bool:
    """Return True for the names that SecretPrefix or DatabaseUser end."""
    return resource in {
        ARN.format("secretsmanager", "secret:heartline/*"),
        # A database may be in any region.
        ARN.format("rds-db", f"dbuser:*/{ROLE}").replace(REGION, "*"),
    }


def test_mail_leaves_in_the_sender_s_name_only(life: Life) -> None:
    ((_, statement),) = [one for one in statements(life) if "ses:SendEmail" in listed(one[1]["Action"])]
    own = Need("ses:SendEmail", ARN.format("ses", f"identity/{SENDER}"), SENDER)
    assert own.met_by(statement)
    assert not Need(own.action, own.resource, "ceo@example.com").met_by(statement)


def test_the_schedule_may_start_the_monitor_and_nothing_else(life: Life) -> None:
    (statement,) = life.stack.statements("TickRole")
    arn = life.stack.configuration()["FunctionArn"]
    assert (statement["Action"], statement["Resource"]) == ("lambda:InvokeFunction", arn)


def test_each_role_is_one_service_s(life: Life) -> None:
    iam, made = life.stack.aws.client("iam"), life.stack.resources
    service = {"MonitorRole": "lambda", "TickRole": "scheduler"}
    for role in made.keys() & service.keys():
        trust = iam.get_role(RoleName=made[role])["Role"]["AssumeRolePolicyDocument"]
        (statement,) = trust["Statement"]
        assert statement["Principal"]["Service"] in (
            f"{service[role]}.amazonaws.com",
            [f"{service[role]}.amazonaws.com"],
        )
        assert iam.list_attached_role_policies(RoleName=made[role])["AttachedPolicies"] == []
