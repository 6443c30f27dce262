"""Mails of one incident stand in one thread, and all can be filtered on what they are about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from botocore.client import BaseClient
from botocore.stub import ANY, Stubber

from heartline.messages.context import AlertContext, TargetAlerts
from heartline.model.alert import Alert
from heartline.model.incident import Incident
from heartline.model.kinds import AlertKind, Kind
from heartline.model.target import Target
from heartline.notify.batches import Batch
from heartline.notify.email import EmailChannel
from local.gallery import BEGAN, FAILED, MINUTE, Story
from unit.samples import NOW, TARGET, alert

SENDER = "alerts@mail.example.com"


class Recorder:
    """Stand at the edge, where boto3 would call SES."""

    def __init__(self) -> None:
        self.requests: list[dict[str, object]] = []

    def send_email(self, **request: object) -> None:
        self.requests.append(request)


def headers(*parts: TargetAlerts, sender: str = SENDER) -> dict[str, str]:
    """Return the headers of the one mail of these alerts."""
    client = Recorder()
    batch = Batch(parts, ("oncall@example.com",))
    assert EmailChannel(client, sender).send(batch, AlertContext(500), parts[0].alerts[-1].at) is None
    ((request,),) = [client.requests]
    listed = request["Content"]["Simple"]["Headers"]  # type: ignore[index]
    assert len({one["Name"].lower() for one in listed}) == len(listed)
    return {one["Name"]: one["Value"] for one in listed}


def of(story: Story) -> list[dict[str, str]]:
    """Return the headers of each mail of a story, each sent by itself."""
    return [headers(TargetAlerts(story.target, (one,))) for one in story.alerts]


def threads(mails: Sequence[dict[str, str]]) -> list[set[str]]:
    return [set(one["References"].split()) for one in mails]


def whole() -> Story:
    """Let one incident have a mail of each kind."""
    story = Story("en").down(FAILED, Kind.AUTH).down(FAILED + 5 * MINUTE, Kind.TIMEOUT)
    story.down(FAILED + 90 * MINUTE, Kind.TIMEOUT).up(FAILED + 100 * MINUTE)
    kinds = [AlertKind.DOWN, AlertKind.DOWN, AlertKind.REMINDER, AlertKind.RECOVERED]
    assert [one.kind for one in story.alerts] == kinds
    return story


def flapping() -> Story:
    story = Story("en")
    for minute in (1, 3, 5, 7):
        story.down(BEGAN + minute * MINUTE).up(BEGAN + (minute + 1) * MINUTE)
    story.up(BEGAN + 65 * MINUTE).up(BEGAN + 67 * MINUTE)
    story.alerts = [one for one in story.alerts if one.flapping]
    assert [one.kind for one in story.alerts] == [AlertKind.DOWN, AlertKind.STABLE]
    return story


def test_all_mails_of_an_incident_name_the_same_thread() -> None:
    mails = of(whole())
    assert set.intersection(*threads(mails))
    assert len({(one["In-Reply-To"], one["Thread-Topic"]) for one in mails}) == 1


def test_all_mails_while_it_flaps_name_the_thread_of_the_incident_that_it_began_with() -> None:
    assert set.intersection(*threads(of(flapping())))


def test_the_first_outage_of_a_flapping_names_the_same_thread_as_what_follows() -> None:
    story = Story("en")
    for minute in (1, 3, 5):
        story.down(BEGAN + minute * MINUTE).up(BEGAN + (minute + 1) * MINUTE)
    first, *_, last = threads(of(story))
    assert first & last


def test_another_incident_and_another_target_are_other_threads() -> None:
    story = Story("en").down(FAILED).up(FAILED + MINUTE)
    story.down(FAILED + timedelta(days=2)).up(FAILED + timedelta(days=2, hours=1))
    first, _, second, _ = threads(of(story))
    (elsewhere,) = threads(of(Story("en", "billing").down(FAILED)))
    assert not first & second
    assert not first & elsewhere
    assert len({one["Thread-Topic"] for one in of(story)}) == 2


def test_a_thread_is_named_by_a_message_id_that_every_mail_program_takes() -> None:
    for mail in (*of(whole()), *of(flapping())):
        for name in (*mail["References"].split(), mail["In-Reply-To"]):
            assert re.fullmatch(r"<[A-Za-z0-9._-]+@mail\.example\.com>", name)
        assert mail["In-Reply-To"] in mail["References"].split()


def test_a_test_belongs_to_no_thread() -> None:
    mail = headers(TargetAlerts(TARGET, (alert(AlertKind.TEST),)))
    assert not {"References", "In-Reply-To", "Thread-Topic"} & mail.keys()
    assert (mail["X-Heartline-Status"], mail["X-Heartline-Incident"]) == ("test", "none")


def test_no_mail_is_answered_by_an_absent_reader_s_program_and_all_can_be_filtered_as_a_list() -> None:
    mail = headers(TargetAlerts(TARGET, (alert(),)))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "Heartline <heartline.mail.example.com>"


@pytest.mark.parametrize(
    ("story", "status"),
    [
        (lambda: Story("en").down(FAILED), "down"),
        (lambda: Story("en").down(FAILED, Kind.AUTH), "misconfigured"),
        (lambda: Story("en").down(FAILED).up(FAILED + MINUTE), "up"),
        (lambda: Story("ko").down(FAILED).up(FAILED + MINUTE), "up"),
    ],
)
def test_a_mail_can_be_filtered_by_target_status_and_incident(story: object, status: str) -> None:
    mail = of(story())[-1]  # type: ignore[operator]
    assert mail["X-Heartline-Target"] == "orders"
    assert mail["X-Heartline-Status"] == status
    assert mail["X-Heartline-Incident"] == "orders-20261123T031102Z"


def named(number: int, length: int = 0) -> TargetAlerts:
    name = f"database-{number:03d}".ljust(length, "x")
    incident = Incident(f"{name}-20261123T021400Z", NOW - MINUTE, NOW - 2 * MINUTE)
    return TargetAlerts(Target(name, "h.example.com"), (alert(target=name, incident=incident),))


@pytest.mark.parametrize("number", [2, 8, 9])
def test_a_grouped_mail_names_all_its_targets_incidents_and_threads(number: int) -> None:
    mail = headers(*map(named, range(number)))
    names = [f"database-{one:03d}" for one in range(number)]
    incidents = [f"{name}-20261123T021400Z" for name in names]
    assert mail["X-Heartline-Target"].split(", ") == names
    assert mail["X-Heartline-Incident"].split(", ") == incidents
    assert mail["References"].split() == [f"<{one}@mail.example.com>" for one in incidents]


@pytest.mark.parametrize("length", [0, 64])
@pytest.mark.parametrize("number", [60, 500])
def test_a_mail_of_many_names_as_many_as_a_header_has_room_for_each_of_them_whole(number: int, length: int) -> None:
    parts = [named(one, length) for one in range(number)]
    mail = headers(*parts, sender=f"alerts@{'sub.' * 40}example.com")
    for name, value in mail.items():
        assert len(value) <= 870, name
    names, incidents = mail["X-Heartline-Target"].split(", "), mail["X-Heartline-Incident"].split(", ")
    assert names == [part.target.name for part in parts][: len(names)]
    assert incidents == [part.alerts[0].incident.id for part in parts if part.alerts[0].incident][: len(incidents)]
    assert len(names) > 10
    assert all(one.endswith("example.com>") for one in mail["References"].split())


@pytest.fixture
def ses() -> BaseClient:
    return boto3.client("sesv2", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


def test_ses_takes_the_request_as_its_model_describes_it(ses: BaseClient) -> None:
    to = {"ToAddresses": ["oncall@example.com"]}
    expected = {"FromEmailAddress": f"Heartline <{SENDER}>", "Destination": to, "Content": ANY}
    parts = tuple(TargetAlerts(story.target, (one,)) for story in (whole(), flapping()) for one in story.alerts)
    with Stubber(ses) as stub:
        for part in parts:
            stub.add_response("send_email", {"MessageId": "1"}, expected)
            batch = Batch((part,), ("oncall@example.com",))
            assert EmailChannel(ses, SENDER).send(batch, AlertContext(2), part.alerts[-1].at) is None
        stub.assert_no_pending_responses()


def damaged(identity: str) -> Alert:
    return alert(incident=Incident(identity, NOW - MINUTE, NOW - 2 * MINUTE))


@pytest.mark.parametrize("identity", ["x\r\nBcc: all@example.com", "é", "\u202e", "<a@b>", "a b", "x" * 5000, "\ud800"])
def test_a_damaged_incident_id_is_in_no_header(identity: str) -> None:
    mail = headers(TargetAlerts(TARGET, (replace(damaged(identity), target=TARGET.name),)))
    for name, value in mail.items():
        assert value.isascii(), name
        assert value.isprintable(), name
        assert len(value) <= 870, name
        assert not re.search(r"<[^<>]*<|>[^<>]*>", value), name
