"""What SES accepted is kept, what it reports of that is read in any order, and who does not get alerts is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from local.wire import SEND_MAIL

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres

SET = "heartline-alerts"
FIRST, SECOND, THIRD = "oncall@example.com", "dba@example.com", "Lead@Example.com"


@pytest.fixture
def monitor(monitor: Monitor, aws: EmulatedAws) -> Monitor:
    """Return the function as the stack deploys it: with a configuration set, of which SES reports."""
    aws.client("sesv2").create_configuration_set(ConfigurationSetName=SET)
    monitor.environment |= {"SES_CONFIGURATION_SET": SET, "ALERT_RECIPIENTS": f"{FIRST},{SECOND},{THIRD}"}
    return monitor


def tags(mail: Any) -> dict[str, str]:  # noqa: ANN401
    return {tag["Name"]: tag["Value"] for tag in mail.request["EmailTags"]}


def records(monitor: Monitor) -> list[Mapping[str, Any]]:
    return [item for (pk, sk), item in sorted(monitor.stored.items()) if pk == "mails" and sk.startswith("mail#")]


def undelivered(monitor: Monitor) -> Mapping[str, Any]:
    return monitor.stored.get(("mails", "undelivered"), {})


def test_what_ses_accepted_is_kept_under_the_tag_that_its_events_will_have(
    monitor: Monitor, database: Postgres
) -> None:
    monitor.watch("shop.orders_1", "stock", secret="heartline/demo")
    database.kill()
    monitor.tick()
    (mail,), (record,) = monitor.mails, records(monitor)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,256}", text) for tag in tags(mail).items() for text in tag)
    assert record["sk"]["S"] == f"mail#{tags(mail)['heartline']}"
    assert {one["M"]["target"]["S"] for one in record["alerts"]["L"]} == {"shop.orders_1", "stock"}
    assert [who["S"] for who in record["recipients"]["L"]] == [FIRST, SECOND, THIRD]
    unconfirmed = undelivered(monitor)["unconfirmed"]["M"]
    assert {name: one["M"]["alerts"]["N"] for name, one in unconfirmed.items()} == {tags(mail)["heartline"]: "2"}


def test_a_test_alert_is_kept_too(monitor: Monitor) -> None:
    monitor.order("test-alert")
    (record,) = records(monitor)
    assert record["alerts"]["L"][0]["M"]["kind"]["S"] == "test"


def test_without_a_configuration_set_nothing_is_kept_and_no_tag_is_sent(monitor: Monitor, database: Postgres) -> None:
    del monitor.environment["SES_CONFIGURATION_SET"]
    database.kill()
    monitor.tick()
    assert "EmailTags" not in monitor.mails[0].request
    assert not any(pk == "mails" for pk, _ in monitor.stored)


@pytest.mark.parametrize("call", ["dynamodb:UpdateItem mails/*", "dynamodb:PutItem mails/*"])
@pytest.mark.parametrize("fault", ["refuse", "lose", "hang"])
def test_what_cannot_be_kept_holds_up_and_repeats_no_alert(
    monitor: Monitor, aws: EmulatedAws, database: Postgres, call: str, fault: str
) -> None:
    database.kill()
    if fault == "refuse":
        aws.refuse(call, "InternalServerError", status=500)
    else:
        getattr(aws, fault)(call)
    assert monitor.tick()["alerts"] == {"sent": 1, "pending": 0}
    aws.accept()
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 0}
    assert monitor.states == ["DOWN"]
    clearing = aws.calls.index(SEND_MAIL) + 1
    assert aws.log[clearing].label == "dynamodb:UpdateItem target#demo/state"
    if fault != "lose":
        assert [line["event"] for line in monitor.log if line.get("event") == "mail-not-kept"] == ["mail-not-kept"]
