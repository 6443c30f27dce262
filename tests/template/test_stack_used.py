"""The stack used: the functions run in this process with what moto's CloudFormation gave them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from local.aws import EmulatedAws
from local.function import event
from local.postgres import Postgres
from local.stack import ROLE, SECRET, SENDER
from template.created import FLEET, ONE, Created

Create = Callable[..., Created]
NO_DATABASE = {"DatabaseHost": "", "DatabaseSecretArn": ""}


@pytest.fixture
def watching(aws: EmulatedAws, translated: dict[str, Any], database: Postgres) -> Create:
    """Create a stack that watches the database, with a password that is in Secrets Manager."""
    database.create_role(ROLE, "a password")
    secret = aws.put_secret(SECRET, {"username": ROLE, "password": "a password", "dbname": "postgres"})
    aws.verify_sender(SENDER)
    one = ONE | {"DatabaseSecretArn": secret, "DatabasePort": str(database.port)}
    return lambda name="heartline", **more: Created(aws, translated, name, one | more).create()


def stored(stack: Created) -> dict[str, Any]:
    """Return the items of a stack's table by their keys."""
    items = stack.aws.client("dynamodb").scan(TableName=stack.resources["StateTable"])["Items"]
    return {f"{item['pk']['S']}/{item['sk']['S']}": item for item in items}


def test_a_tick_runs_with_the_environment_the_table_and_the_secret_of_the_stack(watching: Create) -> None:
    stack = watching()
    answer = stack.run(event("scheduled"))
    assert (answer["targets"], answer["up"], answer["down"]) == (1, 1, 0)
    assert stored(stack).keys() == {"heartbeat/heartbeat", "target#database/state"}
    assert stack.run(event("status"))["targets"][0]["status"] == "up"


def test_alerts_go_by_the_configuration_set_and_to_the_topic_of_the_stack(watching: Create, aws: EmulatedAws) -> None:
    stack = watching()
    answer = stack.run(event("test-alert"))
    assert answer["channels"] == {"email": "accepted", "topic": "accepted"}
    assert [mail.request["ConfigurationSetName"] for mail in aws.mails] == [stack.resources["ConfigurationSet"]]
    assert [one["TopicArn"] for one in aws.published] == [stack.outputs["AlertTopicArn"]]


def test_dashboards_search_finds_the_metrics_of_a_target_by_their_dimensions(
    watching: Create, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = watching()
    stack.instead["TARGETS"] = f"{stack.environment()['TARGETS']}\nmetrics = true\n"
    capsys.readouterr()
    stack.run(event("scheduled"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    declared = [line["_aws"]["CloudWatchMetrics"][0] for line in lines if line.get("target") == "database"]
    ((dimensions,),) = [one["Dimensions"] for one in declared]
    searches = re.findall(r"SEARCH\('\{(.*?)\}", dashboard(watching("fleet", **NO_DATABASE)))
    assert searches
    assert {frozenset(search.split(",")) for search in searches} == {frozenset({"Heartline", *dimensions})}


def test_dashboards_query_names_what_a_failure_s_record_has(
    watching: Create, database: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    stack = watching()
    stack.instead["TARGETS"] = f"{stack.environment()['TARGETS']}\nconfirmations = 0\n"
    database.kill()
    stack.run(event("scheduled"))
    (failure,) = [vars(record) for record in caplog.records if vars(record).get("event") == "failure"]
    (query,) = re.findall(r"SOURCE '[^']+' \| ([^\"]+)", dashboard(stack))
    assert "event = 'failure' and ispresent(detail.incident)" in query
    assert failure["detail"]["incident"]
    for name in set(re.findall(r"(?:latest\(|by |, )([a-z_]+(?:\.[a-z_]+)?)(?=[), ])", query)) - {"count"}:
        top, _, rest = name.partition(".")
        assert (failure[top][rest] if rest else failure[top]) is not None, name


def test_a_divided_tick_goes_through_the_queue_of_the_stack(
    watching: Create, aws: EmulatedAws, database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heartline.tick.fanout.TARGETS_PER_RUN", 1)
    stack = watching(**FLEET | NO_DATABASE)
    one = f'host = "127.0.0.1"\nport = {database.port}\nsecret = "{SECRET}"\ntls = "disable"'
    stack.instead["TARGETS"] = "\n".join(f'[[targets]]\nname = "orders-{at}"\n{one}' for at in range(2))
    assert stack.run(event("scheduled"))["shards"] == 2
    sqs = aws.client("sqs")
    messages = sqs.receive_message(QueueUrl=stack.resources["TickQueue"], MaxNumberOfMessages=10)["Messages"]
    for message in messages:
        record = {"eventSource": "aws:sqs", "messageId": message["MessageId"], "body": message["Body"]}
        assert stack.run({"Records": [record]}) == {"batchItemFailures": []}
    assert {"target#orders-0/state", "target#orders-1/state"} <= stored(stack).keys()
    assert {entry["status"] for entry in stack.run(event("status"))["targets"]} == {"up"}


def test_two_stacks_share_nothing_but_the_place_of_their_code(watching: Create) -> None:
    both = [watching(name, DatabaseHost="", DatabaseSecretArn="") for name in ("heartline-dev", "heartline-prod")]
    names = [set(stack.resources.values()) for stack in both]
    assert names[0] & names[1] == set()
    one, other = watching("one"), watching("other", TargetName="orders")
    one.run(event("scheduled"))
    assert (len(stored(one)), stored(other)) == (2, {})


def test_an_update_keeps_the_table_and_what_is_in_it(watching: Create) -> None:
    stack = watching()
    stack.run(event("scheduled"))
    before, kept = stack.resources["StateTable"], stored(stack)
    stack.update(ScheduleMinutes="5")
    assert (stack.resources["StateTable"], stored(stack)) == (before, kept)
    assert stack.environment()["SCHEDULE_MINUTES"] == "5"
    assert stack.run(event("status"))["targets"][0]["status"] == "up"


def dashboard(stack: Created) -> str:
    return stack.aws.client("cloudwatch").get_dashboard(DashboardName=stack.resources["Dashboard"])["DashboardBody"]
