"""One database from three answers to its end: deployed, watched, killed, updated, deleted, deployed again."""

from __future__ import annotations

import json

import pytest

from e2e.conftest import Database
from e2e.project import Project, Stack
from local.mailbox import state
from local.processes import wait_until
from local.stack import RECIPIENT

FIRST_TICK = 90.0  # seconds: ministack waits for one interval before the first


@pytest.fixture(scope="module")
def stack(one: Stack) -> Stack:
    return one


def test_three_answers_deploy_a_monitor_that_its_schedule_starts(stack: Stack) -> None:
    wait_until(lambda: "heartbeat/heartbeat" in stack.items(), "a tick by the schedule", FIRST_TICK)
    (entry,) = stack.output_command("ShowStatus")["targets"]
    assert (entry["name"], entry["status"]) == ("database", "up")
    assert stack.aws.mails(RECIPIENT) == []


def test_a_killed_database_is_told_and_so_is_its_recovery(stack: Stack, database: Database) -> None:
    database.server.kill()
    stack.tick_until("DOWN", RECIPIENT)
    database.server.start()
    stack.tick_until("RECOVERED", RECIPIENT)
    assert [*map(state, stack.aws.mails(RECIPIENT))] == ["DOWN", "RECOVERED"]


def test_the_test_alert_of_the_outputs_arrives(stack: Stack) -> None:
    assert stack.output_command("SendTestAlert")["channels"] == {"email": "accepted", "topic": "accepted"}
    assert stack.aws.mails(RECIPIENT)[-1].startswith("[TEST]")


def test_what_ses_reports_of_a_mail_comes_to_the_monitor_and_is_shown(stack: Stack, project: Project) -> None:
    (target,) = stack.aws.client("events").list_targets_by_rule(Rule=stack.resources["MailEvents"])["Targets"]
    assert target["Arn"].endswith(f":{stack.resources['MonitorFunction']}")
    event = json.loads((project.folder / "events" / "ses.json").read_text())
    assert stack.invoke(event) == {"mail": None, "received": {}}  # a mail of another set
    mail, told = event["detail"]["mail"], max(key for key in stack.items() if key.startswith("mails/mail#"))
    mail["tags"] |= {"ses:configuration-set": [stack.resources["ConfigurationSet"]], "heartline": [told.split("#")[1]]}
    mail["destination"] = event["detail"]["delivery"]["recipients"] = [RECIPIENT]
    assert stack.invoke(event)["received"] == {RECIPIENT: "delivered"}
    test = stack.output_command("ShowStatus")["test"]
    assert test["recipients"][RECIPIENT]["outcome"] == "delivered"


def test_what_the_role_does_not_allow_is_refused(stack: Stack) -> None:
    """Without it the stories here would show nothing of permissions."""
    iam, role = stack.aws.client("iam"), stack.resources["MonitorRole"]
    named = {"RoleName": role, "PolicyName": "monitor"}
    document = iam.get_role_policy(**named)["PolicyDocument"]
    fewer = [one for one in document["Statement"] if one["Sid"] != "SendMail"]
    iam.put_role_policy(**named, PolicyDocument=json.dumps(document | {"Statement": fewer}))
    refused = stack.invoke("test-alert")["channels"]["email"]
    iam.put_role_policy(**named, PolicyDocument=json.dumps(document))
    assert "AccessDenied" in refused
    assert stack.invoke("test-alert")["channels"]["email"] == "accepted"


def test_an_update_keeps_the_state_and_what_was_answered(stack: Stack, project: Project) -> None:
    (before,) = stack.invoke("status")["targets"]
    project.deploy(stack.name, ScheduleMinutes="5")
    (after,) = stack.invoke("status")["targets"]
    assert (after["since"], after["incidents"]) == (before["since"], before["incidents"])
    assert len(after["incidents"]) == 1


def test_deleted_it_leaves_its_table_and_can_be_deployed_again(
    stack: Stack, project: Project, answers: dict[str, str]
) -> None:
    table, function = stack.outputs["StateTableName"], stack.resources["MonitorFunction"]
    stack.delete()
    dynamodb, functions = stack.aws.client("dynamodb"), stack.aws.client("lambda")
    assert dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function(FunctionName=function)
    again = project.deploy("heartline-again", **answers)
    again.invoke("scheduled")
    (entry,) = again.invoke("status")["targets"]
    assert (entry["status"], entry["incidents"]) == ("up", [])
