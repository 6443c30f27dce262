"""What SES reports is read without trust, ranks decide whatever the order, and tags carry what a mail is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.messages.severity import state_of
from heartline.model.kinds import AlertKind
from heartline.model.mail import Mail, MailedAlert, Outcome, Receipt, left_at, mail_id, tagged_alert, tags_of
from heartline.model.ses import parse
from heartline.model.undelivered import Undelivered
from heartline.storage.mail_items import has_room
from local.mailbox import Mail as Sent
from local.ses import absent, bounced, complained, delayed, delivered, full, rejected, reported
from unit.samples import CHANGES, CONDITIONS, alert

NOW = datetime(2026, 11, 28, 3, 11, 9, 123456, tzinfo=UTC)
FIRST, SECOND = "oncall@example.com", "DBA@example.com"
MAILED = MailedAlert("shop.orders_1", AlertKind.DOWN, "00000007", "CANNOT LOG IN", "shop.orders_1-20261128T031102Z")
MAIL = Mail(mail_id(NOW, "0123456789abcdef"), NOW, (FIRST, SECOND), (MAILED,))


def sent(*to: str, mail: Mail = MAIL) -> Sent:
    """Return a mail as the emulated SES has it."""
    request = {
        "FromEmailAddress": "heartline@example.com",
        "Destination": {"ToAddresses": list(to or (FIRST, SECOND))},
        "Content": {"Simple": {"Subject": {"Data": "[DOWN] orders"}, "Body": {}}},
        "ConfigurationSetName": "alerts",
        "EmailTags": [{"Name": name, "Value": value} for name, value in tags_of(mail).items()],
    }
    return Sent.from_request(request, NOW)


# ---- Ids and tags


moments = st.timedeltas(timedelta(days=-9000), timedelta(days=9000)).map(lambda away: NOW + away)


@given(moments, moments)
def test_ids_sort_as_their_times_do_and_say_them(one: datetime, other: datetime) -> None:
    ids = [mail_id(at, "0123456789ab") for at in (one, other)]
    assert (ids[0] < ids[1]) == (one < other)
    assert list(map(left_at, ids)) == [one, other]


@pytest.mark.parametrize("written", ["", "x", "20261128T031109123456", "20261328T031109123456-0123456789ab", "٢" * 21])
def test_what_is_no_id_says_no_time(written: str) -> None:
    assert left_at(written) is None


names = st.text("abcXYZ019._-", min_size=1, max_size=64)


@given(names, st.sampled_from(AlertKind), names, st.sampled_from(["DOWN", "STILL CANNOT LOG IN"]), st.none() | names)
def test_ses_takes_every_tag_and_they_say_what_they_were_made_of(
    target: str, kind: AlertKind, number: str, state: str, incident: str | None
) -> None:
    named = MailedAlert(target, kind, number, state, incident)
    tags = tags_of(Mail(MAIL.id, NOW, (FIRST,), (MAILED, named)))
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,256}", text) for tag in tags.items() for text in tag)
    assert tags["heartline"] == MAIL.id
    if all(len(value) < 256 for value in tags.values()):
        assert tagged_alert(tags) == named


@pytest.mark.parametrize("tags", [{}, {"target": "orders", "kind": "no-kind", "alert": "1", "state": "DOWN"}])
def test_tags_of_others_name_no_alert(tags: dict[str, str]) -> None:
    assert tagged_alert(tags) is None


# ---- Outcomes


def test_a_later_outcome_stands_over_an_earlier_one() -> None:
    words = ["delayed", "returned", "delivered", "complained", "bounced", "rejected"]
    assert sorted(Outcome, key=lambda one: one.rank) == words
    assert len({one.rank for one in Outcome}) == len(words)


@pytest.mark.parametrize(
    ("event", "recipient", "outcome", "server", "reason", "failed", "lasting"),
    [
        (delivered, FIRST, "delivered", "192.0.2.25", "250 2.6.0 Message received", False, False),
        (bounced, SECOND, "bounced", "mx.example.com", "smtp; 550 5.1.1 user unknown", True, True),
        (full, SECOND, "returned", "mx.example.com", "smtp; 452 4.2.2 mailbox full", True, False),
        (absent, SECOND, "returned", None, None, False, False),
        (complained, FIRST, "complained", None, "abuse", True, True),
        (delayed, FIRST, "delayed", None, "smtp; 421 4.4.1 Unable to connect", False, False),
    ],
)
def test_each_event_is_read(
    event: Callable[..., dict[str, Any]],
    recipient: str,
    *,
    outcome: str,
    server: str | None,
    reason: str | None,
    failed: bool,
    lasting: bool,
) -> None:
    at = NOW + timedelta(seconds=5)
    read = parse(event(sent(), at, recipient))
    assert read
    assert (read.mail.id, read.mail.alerts, read.mail.recipients) == (MAIL.id, (MAILED,), (FIRST, SECOND))
    assert read.configuration_set == "alerts"
    ((who, receipt),) = read.receipts.items()
    assert who == recipient
    assert receipt == Receipt(Outcome(outcome), at.replace(microsecond=123000), server, reason)
    assert (receipt.failed, receipt.lasting) == (failed, lasting)


def test_a_rejected_mail_reaches_none_of_its_recipients() -> None:
    read = parse(rejected(sent(), NOW))
    assert read
    assert {who: receipt.outcome for who, receipt in read.receipts.items()} == dict.fromkeys(
        (FIRST, SECOND), "rejected"
    )
    assert all(receipt.failed and not receipt.lasting for receipt in read.receipts.values())


def test_an_address_is_the_recipients_in_whatever_case_a_server_writes_it() -> None:
    read = parse(bounced(sent(), NOW, "<dba@EXAMPLE.com>"))
    assert read
    assert list(read.receipts) == [SECOND]


def test_a_permanent_bounce_without_a_diagnosis_has_its_type_for_a_reason() -> None:
    read = parse(bounced(sent(), NOW, FIRST, bounceSubType="Suppressed", bouncedRecipients=[{"emailAddress": FIRST}]))
    assert read
    assert read.receipts[FIRST].reason == "Suppressed"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["Delivery", "Bounce", "Complaint", "Reject", "DeliveryDelay"]), st.data())
def test_no_event_whatever_is_in_it_is_more_than_read_or_not(kind: str, data: st.DataObject) -> None:
    event = reported(sent(), kind, NOW, {})
    detail = event["detail"]
    (name,) = detail.keys() - {"eventType", "mail"}
    detail[name] = data.draw(anything | st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, anything)))
    detail["mail"] |= data.draw(st.dictionaries(st.sampled_from(["destination", "timestamp", "tags"]), anything))
    read = parse(event)
    for receipt in read.receipts.values() if read else ():
        assert all(
            said is None or (said.isprintable() and len(said) <= 300) for said in (receipt.server, receipt.reason)
        )


_FIELDS = (
    "timestamp",
    "bounceType",
    "bouncedRecipients",
    "recipients",
    "complainedRecipients",
    "reportingMTA",
    "reason",
)


# ---- What is said of an alert


@pytest.mark.parametrize("kind", [kind for kind in AlertKind if kind is not AlertKind.NOT_DELIVERED])
def test_the_state_of_an_alert_is_what_a_subject_begins_with(kind: AlertKind) -> None:
    words = {"down": "DOWN", "reminder": "STILL DOWN", "stable": "STABLE AGAIN", "watched": "NOW WATCHING"}
    words |= {"unwatched": "NO LONGER WATCHED", "failed-over": "FAILED OVER"}
    assert state_of(alert(kind)) == words.get(kind, kind.upper())
    assert {*CHANGES, *CONDITIONS} <= set(AlertKind)


def test_a_crowd_of_addresses_does_not_fill_the_item_up() -> None:
    crowd = {f"dba-{number}@example.com": 1.0 for number in range(200)}
    assert has_room(Undelivered(), FIRST)
    assert has_room(Undelivered(told=crowd), "DBA-7@example.com")
    assert not has_room(Undelivered(told=crowd), FIRST)
