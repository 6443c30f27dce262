"""What SES accepted is kept, what it reports of that is read in any order, and who does not get alerts is said."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from heartline.model.kinds import AlertKind
from heartline.model.mail import Mail as Kept
from heartline.model.mail import MailedAlert, Outcome, Receipt, mail_id
from heartline.storage.mails import Mails
from heartline.storage.states import Store
from heartline.storage.table import Table
from local.function import event, invoke
from local.gallery import HOSTILE
from local.ses import absent, bounced, complained, delayed, delivered, full, rejected
from local.wire import SEND_MAIL, published_alert

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.mailbox import Mail

SET = "heartline-alerts"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "alert.schema.json").read_text())
FIRST, SECOND, THIRD = "oncall@example.com", "dba@example.com", "Lead@Example.com"


@pytest.fixture
def monitor(monitor: Monitor, aws: EmulatedAws) -> Monitor:
    """Return the function as the stack deploys it: with a configuration set, of which SES reports."""
    aws.client("sesv2").create_configuration_set(ConfigurationSetName=SET)
    monitor.environment |= {"SES_CONFIGURATION_SET": SET, "ALERT_RECIPIENTS": f"{FIRST},{SECOND},{THIRD}"}
    monitor.environment["HEALTH_TOPIC"] = aws.create_topic("heartline-health")
    return monitor


def point(monitor: Monitor, *names: str, **elsewhere: object) -> None:
    """Let the targets be the database, or elsewhere."""
    monitor.watch(*(names or ("demo",)), secret="heartline/demo", **elsewhere)


NOWHERE = {"host": "127.0.0.1", "port": 9}  # discard, RFC 863: nothing listens there


@pytest.fixture
def down(monitor: Monitor) -> Mail:
    """Return the mail that the database is down."""
    point(monitor, **NOWHERE)
    monitor.tick()
    return monitor.mails[-1]


def report(monitor: Monitor, *events: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [invoke(monitor.environment, event) for event in events]


def outcomes(monitor: Monitor) -> dict[str, str]:
    """Return what is kept of the last mail but notices, by recipient."""
    return {
        name.removeprefix("to:"): value["M"]["receipt"]["M"]["outcome"]["S"]
        for name, value in records(monitor)[0].items()
        if name.startswith("to:")
    }


def notices(monitor: Monitor) -> list[Mail]:
    return [mail for mail in monitor.mails if mail.state == "NOT DELIVERED"]


def told(aws: EmulatedAws, topic: str) -> list[dict[str, Any]]:
    return [
        alert
        for request in aws.published
        if request["TopicArn"].endswith(topic) and (alert := published_alert(request))["kind"] == "not-delivered"
    ]


def test_the_sample_event_is_one_that_ses_sends(down: Mail, monitor: Monitor) -> None:
    sample, made = event("ses"), delivered(down, monitor.now, FIRST)
    assert sample.keys() == made.keys()
    assert sample["detail"].keys() == made["detail"].keys()
    assert sample["detail"]["delivery"].keys() == made["detail"]["delivery"].keys()
    assert sample["detail"]["mail"].keys() <= made["detail"]["mail"].keys()
    assert sample["detail"]["mail"]["tags"].keys() <= made["detail"]["mail"]["tags"].keys()


def tags(mail: Any) -> dict[str, str]:  # noqa: ANN401
    return {tag["Name"]: tag["Value"] for tag in mail.request["EmailTags"]}


def records(monitor: Monitor) -> list[Mapping[str, Any]]:
    return [item for (pk, sk), item in sorted(monitor.stored.items()) if pk == "mails" and sk.startswith("mail#")]


def undelivered(monitor: Monitor) -> Mapping[str, Any]:
    return monitor.stored.get(("mails", "undelivered"), {})


def test_what_ses_accepted_is_kept_under_the_tag_that_its_events_will_have(
    monitor: Monitor,
) -> None:
    point(monitor, "shop.orders_1", "stock", **NOWHERE)
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


def test_without_a_configuration_set_nothing_is_kept_and_no_tag_is_sent(monitor: Monitor) -> None:
    del monitor.environment["SES_CONFIGURATION_SET"]
    point(monitor, **NOWHERE)
    monitor.tick()
    assert "EmailTags" not in monitor.mails[0].request
    assert not any(pk == "mails" for pk, _ in monitor.stored)


@pytest.mark.parametrize("fault", ["refuse", "lose", "hang"])
def test_what_cannot_be_kept_holds_up_and_repeats_no_alert(monitor: Monitor, aws: EmulatedAws, fault: str) -> None:
    point(monitor, **NOWHERE)
    call = "dynamodb:UpdateItem mails/*"
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


def test_status_says_whom_an_alert_reached_when_and_where(monitor: Monitor, down: Mail) -> None:
    report(monitor, delivered(down, monitor.now, FIRST), delayed(down, monitor.now, SECOND))
    (alert,) = monitor.status()["alerts"]
    assert (alert["kind"], alert["incident"]) == ("down", monitor.status()["incident"])
    first, second, third = (alert["recipients"][who] for who in (FIRST, SECOND, THIRD))
    assert (first["outcome"], first["server"], second["outcome"]) == ("delivered", "192.0.2.25", "delayed")
    assert "Unable to connect" in second["reason"]
    assert third == {"outcome": "accepted"}


def test_a_bounce_of_an_alert_that_is_still_true_is_told_at_once_in_words(
    monitor: Monitor, aws: EmulatedAws, down: Mail
) -> None:
    report(monitor, bounced(down, monitor.now, SECOND))
    (notice,) = notices(monitor)
    assert notice.to == (FIRST, THIRD)
    assert notice.subject.startswith(f"[NOT DELIVERED] {SECOND}")
    assert notice.headers["X-Heartline-Status"] == "notice"
    assert "References" not in notice.headers  # the mails of an incident are a thread, and no other is in it
    for words in (SECOND, "550 5.1.1 user unknown", "mx.example.com", "AlertRecipients", "demo"):
        assert words in " ".join(notice.text.split())
        assert words in notice.html
    (published,) = told(aws, "heartline-alerts")
    jsonschema.validate(published, SCHEMA)
    assert published["not_delivered"]["recipients"] == [SECOND]
    (health,) = [request for request in aws.published if request["TopicArn"] == monitor.environment["HEALTH_TOPIC"]]
    assert SECOND in json.loads(health["Message"])["email"]
    assert [one["address"] for one in monitor.order("status")["not_delivered"]] == [SECOND]


Report = Callable[["Monitor", "Mail"], dict[str, Any]]
TOLD: dict[str, Report] = {
    "bounced": lambda monitor, mail: bounced(mail, monitor.now, SECOND),
    "complained": lambda monitor, mail: complained(mail, monitor.now, SECOND),
    "returned": lambda monitor, mail: full(mail, monitor.now, SECOND),
}
NOT_TOLD: dict[str, Report] = {
    "delivered": lambda monitor, mail: delivered(mail, monitor.now, SECOND),
    "delayed": lambda monitor, mail: delayed(mail, monitor.now, SECOND),
    "returned": lambda monitor, mail: absent(mail, monitor.now, SECOND),
    "": lambda monitor, mail: complained(mail, monitor.now, SECOND, "not-spam"),
}


@pytest.mark.parametrize("outcome", TOLD)
def test_what_did_not_arrive_is_told_once_however_often_it_is_reported(
    monitor: Monitor, aws: EmulatedAws, down: Mail, outcome: str
) -> None:
    told_of = TOLD[outcome](monitor, down)
    first, second = report(monitor, told_of, told_of)
    assert (first["received"], second["received"]) == ({SECOND: outcome}, {})
    assert outcomes(monitor) == {SECOND: outcome}
    assert [mail.to for mail in notices(monitor)] == [(FIRST, THIRD)]
    assert [one["not_delivered"]["outcome"] for one in told(aws, "heartline-alerts")] == [outcome]
    assert len(told(aws, "heartline-health")) == 1


@pytest.mark.parametrize("outcome", NOT_TOLD)
def test_what_arrives_late_or_is_answered_by_an_absent_reader_is_no_trouble(
    monitor: Monitor, aws: EmulatedAws, down: Mail, outcome: str
) -> None:
    report(monitor, NOT_TOLD[outcome](monitor, down), delivered(down, monitor.now, SECOND))
    report(monitor, absent(down, monitor.now, SECOND))
    assert outcomes(monitor) == {SECOND: "delivered"}
    assert (notices(monitor), told(aws, "")) == ([], [])


def test_what_ses_sends_to_nobody_is_one_message_to_the_topics(monitor: Monitor, aws: EmulatedAws, down: Mail) -> None:
    report(monitor, rejected(down, monitor.now))
    assert notices(monitor) == []  # nobody is left who could get it
    assert [one["not_delivered"]["recipients"] for one in told(aws, "heartline-health")] == [[FIRST, SECOND, THIRD]]
    # It was the mail that was wrong, and not the addresses.
    assert monitor.order("status")["not_delivered"] == []


def test_a_bounce_that_names_where_a_recipient_forwards_to_is_the_recipients_only_if_there_is_one(
    monitor: Monitor, down: Mail
) -> None:
    report(monitor, bounced(down, monitor.now, "elsewhere@example.net"))
    assert outcomes(monitor) == {}
    monitor.environment["ALERT_RECIPIENTS"] = FIRST
    monitor.order("test-alert")
    (answer,) = report(monitor, bounced(monitor.mails[-1], monitor.now, "elsewhere@example.net"))
    assert answer["received"] == {FIRST: "bounced"}


def test_nobody_is_told_of_what_is_over(monitor: Monitor, aws: EmulatedAws, down: Mail) -> None:
    point(monitor)
    monitor.tick()
    assert monitor.states == ["DOWN", "RECOVERED"]
    report(monitor, bounced(down, monitor.now, SECOND))
    assert (notices(monitor), told(aws, "")) == ([], [])
    # That the address takes no mail is as true as before.
    assert [one["address"] for one in monitor.order("status")["not_delivered"]] == [SECOND]
    report(monitor, bounced(monitor.mails[1], monitor.now, SECOND))
    assert len(notices(monitor)) == 1  # nothing is newer than the recovery


def test_what_is_still_so_is_told_though_something_newer_was_reported_of_it(monitor: Monitor, down: Mail) -> None:
    monitor.pass_time(minutes=61)
    monitor.tick()
    assert monitor.states == ["DOWN", "STILL DOWN"]
    report(monitor, bounced(down, monitor.now, SECOND))
    assert len(notices(monitor)) == 1


def test_one_address_is_told_of_at_most_once_an_hour(monitor: Monitor, down: Mail) -> None:
    report(monitor, bounced(down, monitor.now, SECOND))
    monitor.pass_time(minutes=59)
    monitor.order("test-alert")
    report(monitor, bounced(monitor.mails[-1], monitor.now, SECOND))
    assert len(notices(monitor)) == 1
    monitor.pass_time(minutes=2)
    monitor.order("test-alert")
    report(monitor, bounced(monitor.mails[-1], monitor.now, SECOND))
    assert len(notices(monitor)) == 2
    # Of another one it is, and not to an address that gets nothing.
    report(monitor, bounced(down, monitor.now, THIRD))
    assert [mail.to for mail in notices(monitor)] == [(FIRST, THIRD), (FIRST, THIRD), (FIRST,)]


def test_a_bounce_of_the_message_about_a_bounce_makes_no_further_one(
    monitor: Monitor, aws: EmulatedAws, down: Mail
) -> None:
    report(monitor, bounced(down, monitor.now, SECOND))
    (notice,) = notices(monitor)
    report(monitor, bounced(notice, monitor.now, THIRD))
    assert (len(notices(monitor)), len(told(aws, "heartline-alerts"))) == (1, 1)
    unreached = {one["address"] for one in monitor.order("status")["not_delivered"]}
    assert unreached == {SECOND, THIRD.lower()}
    monitor.tick()
    assert (len(notices(monitor)), len(told(aws, "heartline-alerts"))) == (1, 1)


@pytest.mark.parametrize("refused", [SEND_MAIL, "sns:Publish", "cut off"])
def test_what_could_not_be_told_is_told_by_the_next_tick_and_the_rest_not_again(
    monitor: Monitor, aws: EmulatedAws, down: Mail, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    event = bounced(down, monitor.now, SECOND)
    if refused == "cut off":
        monkeypatch.setattr("heartline.tick.ses_events.tell", lambda *_: sys.exit())
        with pytest.raises(SystemExit):
            report(monitor, event)
    else:
        aws.refuse(refused, "TooManyRequestsException", status=429)
        report(monitor, event)
        assert "notice-refused" in [line.get("event") for line in monitor.log]
        aws.accept()
    for _ in range(3):
        monitor.pass_time(minutes=1)
        monitor.tick()
    assert (len(notices(monitor)), len(told(aws, "heartline-alerts")), len(told(aws, "heartline-health"))) == (1, 1, 1)


def stranger(mail: Mail, at: datetime) -> Iterator[dict[str, Any]]:
    """Yield events that are about no mail of this stack's, and such as no SES would send."""
    whole = bounced(mail, at, SECOND)
    other = deepcopy(whole)
    other["detail"]["mail"]["tags"]["ses:configuration-set"] = ["another"]
    yield other
    untagged = deepcopy(whole)
    del untagged["detail"]["mail"]["tags"]["heartline"]
    yield untagged
    gone = deepcopy(whole)
    gone["detail"]["mail"]["tags"]["heartline"] = ["20260101T000000000000-0123456789ab"]
    yield gone
    yield whole | {"detail-type": "Sending Status Enabled", "detail": {"data": {"origin": "AWS"}}}
    for part in ("mail", "bounce"):
        for wrong in (None, [], 7, "x" * 10_000, {"bouncedRecipients": {"emailAddress": SECOND}}):
            yield whole | {"detail": whole["detail"] | {part: wrong}}
    for wrong in (None, [], "x", {"eventType": ["Bounce"]}):
        yield whole | {"detail": wrong}


def test_events_of_strangers_of_long_ago_and_without_sense_change_nothing(
    monitor: Monitor, aws: EmulatedAws, down: Mail
) -> None:
    before = monitor.stored
    for one in stranger(down, monitor.now):
        (answer,) = report(monitor, one)
        assert answer["received"] == {}
    assert monitor.stored == before
    assert (notices(monitor), told(aws, "")) == ([], [])


def test_what_a_mail_server_says_is_tamed_wherever_it_is_shown(monitor: Monitor, aws: EmulatedAws, down: Mail) -> None:
    hostile = [{"emailAddress": SECOND, "diagnosticCode": HOSTILE, "status": HOSTILE}]
    report(monitor, bounced(down, monitor.now, SECOND, bouncedRecipients=hostile, reportingMTA=HOSTILE))
    (notice,), (published,) = notices(monitor), told(aws, "heartline-alerts")
    assert "<script" not in notice.html
    assert notice.subject.isprintable()
    assert "Bcc:" not in notice.text.split("\n")
    receipt = monitor.status()["alerts"][0]["recipients"][SECOND]
    for said in (receipt["reason"], receipt["server"], published["not_delivered"]["reason"]):
        assert said.isprintable()
        assert len(said) <= 300
    monitor.tick()
    logged = json.dumps(monitor.log[-1])
    assert len(logged) < 2000


def marked(monitor: Monitor) -> list[list[str]]:
    """Return whom the log of each tick so far says that they get no alerts."""
    return [list(line["detail"]) for line in monitor.log if line.get("event") == "undeliverable"]


def test_each_tick_says_who_gets_no_alerts_until_the_address_is_changed(monitor: Monitor, down: Mail) -> None:
    report(monitor, bounced(down, monitor.now, SECOND))
    monitor.tick()
    monitor.tick()
    assert marked(monitor) == [[SECOND], [SECOND]]
    monitor.environment["ALERT_RECIPIENTS"] = f"{FIRST},{THIRD}"
    monitor.tick()
    monitor.environment["ALERT_RECIPIENTS"] = f"{FIRST},{SECOND},{THIRD}"
    monitor.tick()
    assert len(marked(monitor)) == 2


def test_a_later_mail_that_arrives_ends_it_and_an_earlier_one_does_not(monitor: Monitor, down: Mail) -> None:
    monitor.order("test-alert")
    test = monitor.mails[-1]
    report(monitor, bounced(test, monitor.now, SECOND), delivered(down, monitor.now, SECOND))
    assert [one["address"] for one in monitor.order("status")["not_delivered"]] == [SECOND]
    monitor.order("test-alert")
    report(monitor, delivered(monitor.mails[-1], monitor.now, SECOND))
    assert monitor.order("status")["not_delivered"] == []
    # What comes late of a mail before that is no news of the address.
    report(monitor, bounced(down, monitor.now, SECOND))
    assert monitor.order("status")["not_delivered"] == []
    assert len(notices(monitor)) == 1


def unconfirmed(monitor: Monitor, capsys: pytest.CaptureFixture[str]) -> float | None:
    capsys.readouterr()
    monitor.tick()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"AlertsUnconfirmed"' in line]
    (found,) = [line["AlertsUnconfirmed"] for line in lines if "_aws" in line] or [[None]]
    return found[0]


def test_an_alert_that_no_server_took_for_ten_minutes_is_counted_for_a_day(
    monitor: Monitor, down: Mail, capsys: pytest.CaptureFixture[str]
) -> None:
    monitor.order("mute", target="demo", **{"for": "2d"})  # no reminders
    assert unconfirmed(monitor, capsys) is None
    monitor.pass_time(minutes=11)
    assert unconfirmed(monitor, capsys) == 1
    report(monitor, delayed(down, monitor.now, FIRST), bounced(down, monitor.now, SECOND))
    assert unconfirmed(monitor, capsys) == 1
    monitor.pass_time(hours=25)
    assert unconfirmed(monitor, capsys) is None
    assert undelivered(monitor)["unconfirmed"]["M"] == {}


def test_one_recipients_server_is_enough(monitor: Monitor, down: Mail, capsys: pytest.CaptureFixture[str]) -> None:
    report(monitor, delivered(down, monitor.now, THIRD))
    monitor.pass_time(minutes=11)
    assert unconfirmed(monitor, capsys) is None


def test_a_tick_reads_all_in_one_call_and_writes_one_item_once_alerts_have_arrived(
    monitor: Monitor, aws: EmulatedAws, down: Mail
) -> None:
    report(monitor, delivered(down, monitor.now, FIRST, SECOND, THIRD))
    point(monitor)
    monitor.begin_an_hour()
    monitor.tick()
    report(monitor, delivered(monitor.mails[-1], monitor.now, FIRST, SECOND, THIRD))
    monitor.tick()
    aws.log.clear()
    monitor.tick()
    assert [call.name for call in aws.log if call.name.startswith("dynamodb:")] == [
        "dynamodb:BatchGetItem",
        "dynamodb:PutItem",
    ]


def test_of_a_divided_fleet_one_run_looks_at_it(aws: EmulatedAws) -> None:
    store = Store(Table(lambda: aws.client("dynamodb"), aws.create_table()), mails=True)
    mails = Mails(Table(lambda: aws.client("dynamodb"), "heartline-state"))
    now = datetime.now(UTC)
    alert = MailedAlert("demo", AlertKind.DOWN, "00000001", "DOWN")
    mails.keep(Kept(mail_id(now, "0123456789ab"), now, (FIRST,), (alert,)))
    seen = [shard for shard in (None, "00002#00000", "00002#00001", "events") if store.load(["demo"], shard).mails]
    assert seen == [None, "00002#00000"]


def reach(mails: Mails, mail: Kept, receipt: Receipt) -> None:
    mails.receive(mail, SECOND, receipt)
    mails.confirm(mail.id)


def test_the_item_is_the_same_in_whatever_order_it_is_written(aws: EmulatedAws) -> None:
    """Keep a mail, and receive what became of it, in every order."""
    table = Table(lambda: aws.client("dynamodb"), aws.create_table())
    now = datetime.now(UTC)
    alert = MailedAlert("demo", AlertKind.DOWN, "00000001", "DOWN", "demo-1")
    older = MailedAlert("stock", AlertKind.DOWN, "00000007", "DOWN", "stock-1")
    found = set()
    for place, order in enumerate(permutations(range(4))):
        mails, name = Mails(table), mail_id(now, f"{place:012x}")
        whole = Kept(name, now, (FIRST, SECOND), (older, alert))
        event = replace(whole, accepted=now + timedelta(seconds=1), alerts=(alert,))
        said = [
            Receipt(outcome, now, "mx", "why") for outcome in (Outcome.RETURNED, Outcome.DELIVERED, Outcome.BOUNCED)
        ]
        steps: list[Callable[[], object]] = [
            partial(mails.keep, whole),
            partial(mails.receive, event, FIRST, said[0]),
            partial(reach, mails, event, said[1]),
            partial(mails.receive, event, FIRST, said[2]),
        ]
        for step in order:
            steps[step]()
        kept = mails.read(name)
        assert kept
        found.add(repr(replace(kept, id="", receipts=dict(sorted(kept.receipts.items())))))
    assert len(found) == 1
    assert Mails(table).undelivered().unconfirmed == {}
