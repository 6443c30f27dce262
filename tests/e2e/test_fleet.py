"""A fleet from targets.toml: its ticks are divided through the queue, and every part is watched."""

from __future__ import annotations

from collections import Counter

import pytest

from e2e.conftest import Database
from e2e.project import Project, Stack
from local.mailbox import state
from local.postgres import HOST
from local.processes import wait_until
from local.stack import SENDER

SIZE = 101  # one more than a run takes
RECIPIENT = "fleet@example.com"
TARGET = """
[[targets]]
name = "orders-{number:03}"
host = "{host}"
port = {port}
secret = "heartline/orders"
"""


@pytest.fixture(scope="module")
def fleet(project: Project, watched: Database, one: Stack) -> Stack:  # noqa: ARG001 - its schedule runs meanwhile
    targets = "".join(TARGET.format(number=number, host=HOST, port=watched.port) for number in range(SIZE))
    found = '\n[discover]\nsecret = "heartline/orders"\n'
    (project.folder / "functions" / "monitor" / "targets.toml").write_text(targets + found)
    project.build()
    return project.deploy("heartline-fleet", AlertSender=SENDER, AlertRecipients=RECIPIENT, UseRds="discover")


def statuses(stack: Stack) -> Counter[str]:
    return Counter(entry["status"] for entry in stack.invoke("status")["targets"])


def test_every_part_of_a_fleet_is_watched_through_the_queue(fleet: Stack, database: Database) -> None:
    assert fleet.invoke("scheduled")["shards"] == 2
    wait_until(lambda: statuses(fleet) == {"up": SIZE}, "all to be seen up")
    database.server.kill()
    fleet.invoke("scheduled")
    wait_until(lambda: statuses(fleet) == {"down": SIZE}, "all to be found down")
    wait_until(lambda: bool(fleet.aws.mails(RECIPIENT)), "the mail that says so")
    assert set(map(state, fleet.aws.mails(RECIPIENT))) == {"DOWN"}
    attributes = {"QueueUrl": fleet.resources["TickDeadLetters"], "AttributeNames": ["ApproximateNumberOfMessages"]}
    dead = fleet.aws.client("sqs").get_queue_attributes(**attributes)["Attributes"]
    assert dead["ApproximateNumberOfMessages"] == "0"


def test_rds_is_asked_what_carries_the_tag_and_its_events_start_the_monitor(fleet: Stack) -> None:
    dynamodb = fleet.aws.client("dynamodb")
    key = {"pk": {"S": "discovery"}, "sk": {"S": "region#us-east-1"}}
    asked = {"TableName": fleet.resources["StateTable"], "Key": key}
    wait_until(lambda: "Item" in dynamodb.get_item(**asked), "RDS to be asked")
    (target,) = fleet.aws.client("events").list_targets_by_rule(Rule=fleet.resources["RdsEvents"])["Targets"]
    assert target["Arn"].endswith(f":{fleet.resources['MonitorFunction']}")
    assert fleet.invoke("rds") == {"targets": 0, "tick": None}  # an event about a database that is not watched
