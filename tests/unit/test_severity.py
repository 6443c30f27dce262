"""Subject, body, header, topic and status command say the same of every failure: an outage, or a refused monitor."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heartline.commands.status import failure_entry
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.notify.batches import Batch
from heartline.notify.email import EmailChannel
from heartline.notify.sns import TopicChannel
from local.mailbox import state
from unit.samples import CASES, MISCONFIGURED, TARGET, alert, failure

TO = ("oncall@example.com",)


class Edge:
    """Where boto3 would call SES and SNS."""

    def __init__(self) -> None:
        self.request: dict[str, Any] = {}

    def send_email(self, **request: Any) -> None:  # noqa: ANN401 - as boto3 takes it
        self.request = request["Content"]["Simple"]

    def publish(self, **request: Any) -> None:  # noqa: ANN401 - as boto3 takes it
        self.request = json.loads(json.loads(request["Message"])["default"])


def mail(one: Alert) -> tuple[str, str, str, str]:
    """Return subject, text, page and status header of the mail of an alert."""
    edge = Edge()
    assert EmailChannel(edge, "a@example.com").send(Batch(parts(one), TO), AlertContext(1), one.at) is None
    headers = {header["Name"]: header["Value"] for header in edge.request["Headers"]}
    body = edge.request["Body"]
    texts = [edge.request["Subject"]["Data"], body["Text"]["Data"], body["Html"]["Data"]]
    subject, text, html = (" ".join(part.split()) for part in texts)
    return subject, text, html, headers["X-Heartline-Status"]


def published(one: Alert) -> dict[str, Any]:
    edge = Edge()
    assert TopicChannel(edge, "topic").send(Batch(parts(one)), AlertContext(1), one.at) is None
    return edge.request


def parts(one: Alert) -> tuple[TargetAlerts, ...]:
    return (TargetAlerts(TARGET, (one,)),)


@pytest.mark.parametrize("kind", [AlertKind.DOWN, AlertKind.REMINDER], ids=str)
@pytest.mark.parametrize(("phase", "what"), CASES, ids=str)
def test_a_failure_is_the_same_in_subject_header_body_topic_and_status(
    kind: AlertKind, phase: Phase, what: Kind
) -> None:
    failed = failure(what, phase)
    one = alert(kind, failure=failed, previous=failure(Kind.STOPPING))
    subject, text, html, status = mail(one)
    document, entry = published(one), failure_entry(failed)
    assert entry
    misconfigured = what in MISCONFIGURED
    assert state(subject).removeprefix("STILL ") == ("CANNOT LOG IN" if misconfigured else "DOWN")
    assert status == document["status"] == ("misconfigured" if misconfigured else "down")
    for body in (text, html, document["text"].replace("\n", " ")):
        assert ("This is an outage" in body, "This is no outage" in body) == (not misconfigured, misconfigured)
    assert document["failure"]["severity"] == ("misconfigured" if misconfigured else "outage")
    assert entry["cause"].startswith("misconfigured: " if misconfigured else "outage: ")


@pytest.mark.parametrize("kind", AlertKind, ids=str)
def test_the_topic_has_the_status_of_the_mail(kind: AlertKind) -> None:
    one = alert(kind)
    assert published(one)["status"] == mail(one)[3]


def test_without_a_credential_a_mail_does_not_claim_that_the_database_answers() -> None:
    _, text, _, _ = mail(alert(failure=failure(Kind.CREDENTIALS)))
    assert "it does not know whether the database is up" in text
    assert "answers" not in text


@pytest.mark.parametrize("kind", [AlertKind.DOWN, AlertKind.REMINDER, AlertKind.RECOVERED])
@pytest.mark.parametrize("what", [Kind.DENIED, Kind.BAD_QUERY], ids=str)
def test_a_query_that_fails_is_not_said_to_be_a_login_that_fails(kind: AlertKind, what: Kind) -> None:
    failed = failure(what, Phase.QUERY)
    changes = {} if kind is AlertKind.RECOVERED else {"failure": failed}
    subject, text, _, _ = mail(alert(kind, previous=failed, **changes))
    # The state's word is the same for all that is misconfigured.
    assert "log in" not in subject.partition("]")[2].lower()
    assert "log in" not in text.lower().replace("cannot log in:", "").replace("can log in", "")
