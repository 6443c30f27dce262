"""The embedded stack does what tests and the demo rely on."""

from __future__ import annotations

import email
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from email.policy import default
from functools import partial
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from pg8000 import native

from local.aws import REGION, EmulatedAws
from local.postgres import Postgres
from local.processes import wait_until
from local.wire import UNANSWERED, Call

SENDER = "heartline@example.com"
PASSWORD = "it's: a/password"
SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])  # PostgreSQL documentation, 54.7: a server answers S or N


@pytest.fixture
def running(database: Postgres) -> Postgres:
    database.create_role("watcher", PASSWORD)
    return database


@pytest.fixture(autouse=True)
def _sender(aws: EmulatedAws) -> None:
    aws.verify_sender(SENDER)


def function_client(aws: EmulatedAws, service: str, limit: float = 10) -> Any:  # noqa: ANN401, boto3's clients have no static type
    variables = aws.environment()
    session = boto3.Session(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    config = Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=limit)
    return session.client(service, REGION, endpoint_url=variables["AWS_ENDPOINT_URL"], config=config)


def send(ses: Any, subject: str = "DOWN: orders") -> None:  # noqa: ANN401
    ses.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": ["oncall@example.com", "dba@example.com"]},
        Content={
            "Simple": {
                "Subject": {"Data": subject},
                "Body": {"Text": {"Data": "It is down.\n"}, "Html": {"Data": "<p>It is down.</p>"}},
                "Headers": [{"Name": "X-Heartline-Incident", "Value": "i-1"}],
            }
        },
    )


def item(name: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"target#{name}"}, "sk": {"S": "state"}}


def stored(aws: EmulatedAws, table: str) -> list[str]:
    return [found["pk"]["S"] for found in aws.client("dynamodb").scan(TableName=table)["Items"]]


def login(postgres: Postgres, password: str = PASSWORD) -> native.Connection:
    return native.Connection(
        "watcher", postgres.host, "postgres", postgres.port, password, ssl_context=False, timeout=5
    )


def ssl_answer(postgres: Postgres, limit: float) -> bytes:
    with socket.create_connection((postgres.host, postgres.port), 5) as client:
        client.settimeout(limit)
        client.sendall(SSL_REQUEST)
        return client.recv(1)


def test_a_role_logs_in_by_password_only(running: Postgres) -> None:
    session = login(running)
    assert session.run("SELECT current_user") == [["watcher"]]
    session.close()
    with pytest.raises(native.DatabaseError) as refused:
        login(running, "wrong")
    assert refused.value.args[0]["C"] == "28P01"


def test_kill_leaves_no_process_and_no_listener(running: Postgres) -> None:
    session = login(running)
    family = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
    assert len(family) > 2
    running.kill()
    gone = [not it.is_running() or it.status() == psutil.STATUS_ZOMBIE for it in family]
    assert all(gone)
    with pytest.raises(native.InterfaceError):
        session.run("SELECT 1")
    with suppress(native.InterfaceError):
        session.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((running.host, running.port), 5)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_start_brings_back_port_and_roles(running: Postgres, end: str) -> None:
    port = running.port
    getattr(running, end)()
    running.start()
    assert running.port == port
    login(running).close()


def test_a_frozen_server_accepts_and_says_nothing(running: Postgres) -> None:
    running.freeze()
    with pytest.raises(TimeoutError):
        ssl_answer(running, 0.3)
    running.thaw()
    assert ssl_answer(running, 5) == b"N"


def test_the_harness_gets_in_when_slots_are_full(running: Postgres) -> None:
    free = running.slots
    sessions = [login(running) for _ in range(free)]
    with pytest.raises(native.DatabaseError) as refused:
        login(running)
    assert refused.value.args[0]["C"] == "53300"
    assert running.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'watcher'") == [[free]]
    for session in sessions:
        session.close()


def test_close_removes_a_frozen_server_and_its_directory() -> None:
    with Postgres() as postgres:
        root, postmaster = postgres.root, psutil.Process(postgres.pid)
        postgres.freeze()
    assert not root.exists()
    assert not postmaster.is_running()


def test_mails_are_kept_whole(aws: EmulatedAws) -> None:
    send(function_client(aws, "sesv2"), "DOWN: Büro")
    (mail,) = aws.mails
    message = email.message_from_bytes(mail.eml(), policy=default)
    assert (message["From"], message["To"]) == (SENDER, "oncall@example.com, dba@example.com")
    assert message["Subject"] == "DOWN: Büro"
    assert message["X-Heartline-Incident"] == "i-1"
    bodies = {part.get_content_type(): part.get_content().strip() for part in message.iter_parts()}
    assert bodies == {"text/plain": "It is down.", "text/html": "<p>It is down.</p>"}


def test_refused_mail_raises_as_ses_does_and_is_not_kept(aws: EmulatedAws) -> None:
    ses = function_client(aws, "sesv2")
    aws.refuse_mail()
    with pytest.raises(ses.exceptions.TooManyRequestsException) as refused:
        send(ses)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert aws.mails == []
    aws.accept_mail()
    send(ses)
    assert len(aws.mails) == 1


def test_a_refusal_ends_after_its_times(aws: EmulatedAws) -> None:
    ses = function_client(aws, "sesv2")
    aws.refuse_mail("SendingPausedException", status=400, times=1)
    with pytest.raises(ses.exceptions.SendingPausedException):
        send(ses)
    send(ses)
    assert aws.calls == ["sesv2:SendEmail", "sesv2:SendEmail"]


@pytest.mark.parametrize(
    ("service", "method", "arguments", "code"),
    [
        ("dynamodb", "list_tables", {}, "ThrottlingException"),
        ("secretsmanager", "get_secret_value", {"SecretId": "x"}, "DecryptionFailure"),
        ("sns", "publish", {"TopicArn": "x", "Message": "y"}, "Throttled"),
    ],
)
def test_each_protocol_tells_the_code(
    aws: EmulatedAws, service: str, method: str, arguments: dict[str, str], code: str
) -> None:
    client = function_client(aws, service)
    aws.refuse(f"{service}:*", code)
    with pytest.raises(client.exceptions.ClientError) as refused:
        getattr(client, method)(**arguments)
    assert refused.value.response["Error"]["Code"] == code


def test_only_the_function_is_counted_and_refused(aws: EmulatedAws) -> None:
    table = aws.create_table()
    aws.refuse("dynamodb:*", "ThrottlingException")
    assert aws.client("dynamodb").scan(TableName=table)["Items"] == []
    assert aws.calls == []


def test_published_messages_are_readable(aws: EmulatedAws) -> None:
    topic = aws.create_topic()
    function_client(aws, "sns").publish(TopicArn=topic, Subject="DOWN", Message='{"a": "b&c=ü"}')
    (message,) = aws.published
    assert (message["TopicArn"], message["Message"]) == (topic, '{"a": "b&c=ü"}')


def test_a_secret_can_change(aws: EmulatedAws) -> None:
    arn = aws.put_secret("heartline/orders", {"password": "old"})
    assert aws.put_secret("heartline/orders", {"password": "new"}) == arn
    value = function_client(aws, "secretsmanager").get_secret_value(SecretId="heartline/orders")
    assert value["SecretString"] == '{"password": "new"}'


def test_a_call_that_hangs_ends_by_its_time_out_and_blocks_no_other(aws: EmulatedAws) -> None:
    table = aws.create_table()
    database = function_client(aws, "dynamodb", limit=0.3)
    aws.hang("dynamodb:PutItem")
    with pytest.raises(ReadTimeoutError):
        database.put_item(TableName=table, Item=item("a"))
    assert stored(aws, table) == []
    assert (aws.log[-1].name, aws.log[-1].status) == ("dynamodb:PutItem", UNANSWERED)
    aws.accept()
    database.put_item(TableName=table, Item=item("a"))


def test_a_call_that_hangs_is_hung_up_on_once_it_is_accepted(aws: EmulatedAws) -> None:
    database = function_client(aws, "dynamodb")
    aws.hang("dynamodb:*")
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(database.list_tables)
        wait_until(lambda: aws.calls == ["dynamodb:ListTables"], "the call to hang")
        aws.accept()
        with pytest.raises(ConnectionClosedError):
            hanging.result(10)


@pytest.mark.parametrize(
    ("misbehave", "error"),
    [
        (EmulatedAws.lose, ConnectionClosedError),
        (partial(EmulatedAws.hang, carried_out=True), ReadTimeoutError),
    ],
    ids=["closed", "hangs"],
)
def test_a_call_whose_answer_is_lost_was_carried_out(
    aws: EmulatedAws, misbehave: Callable[[EmulatedAws, str], None], error: type[Exception]
) -> None:
    ses = function_client(aws, "sesv2", limit=0.3)
    misbehave(aws, "sesv2:SendEmail")
    with pytest.raises(error):
        send(ses)
    assert len(aws.mails) == 1


@pytest.mark.parametrize(("left", "answered"), [(None, []), (1, ["target#b"])])
def test_a_batch_leaves_keys_unprocessed_as_often_as_it_is_told(
    aws: EmulatedAws, left: int | None, answered: list[str]
) -> None:
    table, database = aws.create_table(), function_client(aws, "dynamodb")
    for name in "ab":
        database.put_item(TableName=table, Item=item(name))
    asked = {table: {"Keys": [item("a"), item("b")], "ConsistentRead": True}}
    aws.leave_unprocessed(left, times=1)
    answer = database.batch_get_item(RequestItems=asked)
    assert [found["pk"]["S"] for found in answer["Responses"][table]] == answered
    assert answer["UnprocessedKeys"] == {table: {"Keys": asked[table]["Keys"][:left], "ConsistentRead": True}}
    answer = database.batch_get_item(RequestItems=answer["UnprocessedKeys"])
    assert len(answer["Responses"][table]) + len(answered) == 2
    assert answer["UnprocessedKeys"] == {}


def test_one_call_of_many_is_chosen_by_its_label(aws: EmulatedAws) -> None:
    table, database = aws.create_table(), function_client(aws, "dynamodb")
    aws.refuse("dynamodb:PutItem target#b/state", "ThrottlingException", after=1, times=1)
    for name in "abaab":
        with suppress(database.exceptions.ThrottlingException):
            database.put_item(TableName=table, Item=item(name))
    assert [call.status for call in aws.log] == [200, 200, 200, 200, 400]


@pytest.mark.parametrize(
    ("service", "method", "arguments", "label"),
    [
        (
            "dynamodb",
            "transact_write_items",
            {
                "TransactItems": [
                    {"Put": {"TableName": "t", "Item": {"pk": {"S": "target#a"}, "sk": {"S": sk}}}}
                    for sk in ("state", "incident#2026-11-23T15:00:11.5+00:00")
                ]
            },
            "dynamodb:TransactWriteItems target#a/state target#a/incident#*",
        ),
        ("sns", "publish", {"TopicArn": "t", "Message": '{"kind": "down", "target": "a"}'}, "sns:Publish a/down"),
        (
            "sns",
            "publish",
            {
                "TopicArn": "t",
                "MessageStructure": "json",
                "Message": json.dumps({"default": "a is down", "sqs": '{"kind": "down", "target": "a"}'}),
            },
            "sns:Publish a/down",
        ),
    ],
    ids=["transaction", "message", "message for each protocol"],
)
def test_a_label_says_what_a_call_is_about(
    aws: EmulatedAws, service: str, method: str, arguments: dict[str, Any], label: str
) -> None:
    client = function_client(aws, service)
    with suppress(client.exceptions.ClientError):
        getattr(client, method)(**arguments)
    assert [call.label for call in aws.log] == [label]


@dataclass
class Watching:
    """Note what was sent at each telling, and end the calls of one stage."""

    aws: EmulatedAws
    ends: str | None = None
    notified: list[tuple[str, str, int, int]] = field(default_factory=list)

    def before(self, call: Call) -> None:
        self._note("before", call)

    def after(self, call: Call) -> None:
        self._note("after", call)

    def _note(self, stage: str, call: Call) -> None:
        self.notified.append((stage, call.label, call.status, len(self.aws.mails)))
        if stage == self.ends:
            raise ConnectionAbortedError


def test_a_witness_is_told_of_each_call_before_and_after(aws: EmulatedAws) -> None:
    ses, watching = function_client(aws, "sesv2"), Watching(aws)
    aws.create_table()
    with aws.seen_by(watching):
        send(ses)
    send(ses)
    label = "sesv2:SendEmail oncall@example.com dba@example.com"
    assert watching.notified == [("before", label, UNANSWERED, 0), ("after", label, 200, 1)]


@pytest.mark.parametrize(("ends", "mails"), [("before", 0), ("after", 1)])
def test_a_witness_can_end_a_call(aws: EmulatedAws, ends: str, mails: int) -> None:
    ses = function_client(aws, "sesv2")
    with aws.seen_by(Watching(aws, ends)), pytest.raises(ConnectionClosedError):
        send(ses)
    assert len(aws.mails) == mails
