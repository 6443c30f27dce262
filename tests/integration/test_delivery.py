"""Who has to be told is told, once: whichever recipient, channel or moment goes wrong."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from local.stack import RECIPIENT, SECRET, SENDER
from local.wire import SEND_MAIL, published_alert

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres

X, Y, Z = "x@example.com", "y@example.com", "z@example.com"
THROTTLED = ("TooManyRequestsException", 429)


def watch_each(monitor: Monitor, **recipients: list[str]) -> None:
    """Let the document hold these targets, each with recipients of its own."""
    documents = []
    for name, who in recipients.items():
        monitor.watch(name, secret=SECRET, recipients=who)
        documents.append(monitor.environment["TARGETS"])
    monitor.environment["TARGETS"] = "".join(documents)


def reject(aws: EmulatedAws, *recipients: str) -> None:
    """Reject mail to these, as SES does to an address that is not verified in the sandbox: the whole mail."""
    for who in recipients:
        aws.refuse(f"{SEND_MAIL}*{who}*", "MessageRejected")


def notified(monitor: Monitor) -> Counter[tuple[str, str]]:
    """Count the mails by recipient and targets."""
    return Counter((who, mail.headers["X-Heartline-Target"]) for mail in monitor.mails for who in mail.to)


def ticks(monitor: Monitor, number: int) -> list[dict[str, int]]:
    """Run ticks, a minute apart; give what each says of its alerts."""
    answers = []
    for _ in range(number):
        monitor.pass_time(minutes=1)
        answers.append(monitor.tick()["alerts"])
    return answers


def logged(monitor: Monitor, event: str) -> list[dict[str, Any]]:
    return [line for line in monitor.log if line["event"] == event]


@pytest.mark.parametrize("bad", [X, Y, Z])
def test_an_unverified_recipient_costs_no_other_the_mail(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, bad: str
) -> None:
    watch_each(monitor, a=[X, Y, Z], b=[X, Y, Z])
    database.kill()
    reject(aws, bad)
    assert monitor.tick()["alerts"] == {"sent": 2, "pending": 0}
    assert ticks(monitor, 2) == [{"sent": 0, "pending": 0}] * 2
    assert notified(monitor) == Counter((who, "a, b") for who in (X, Y, Z) if who != bad)
    (line,) = logged(monitor, "recipients-refused")
    assert (line["detail"]["recipients"], line["detail"]["targets"], line["level"]) == ([bad], ["a", "b"], "ERROR")
    assert next(line["detail"]["AlertsRefused"] for line in logged(monitor, "tick")) == 1


def test_a_recovery_is_told_to_those_who_can_be_reached_too(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    watch_each(monitor, a=[X, Y])
    reject(aws, Y)
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    assert [(mail.to, mail.state) for mail in monitor.mails] == [((X,), "DOWN"), ((X,), "RECOVERED")]


def test_who_can_be_reached_again_gets_what_comes_and_nothing_that_was_given_up(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    watch_each(monitor, a=[X, Y])
    reject(aws, Y)
    database.kill()
    monitor.tick()
    aws.accept()
    database.start()
    monitor.tick()
    assert [(mail.to, mail.state) for mail in monitor.mails] == [((X,), "DOWN"), ((X, Y), "RECOVERED")]
    assert "reports both" not in monitor.mails[-1].text


def test_a_mail_that_no_recipient_can_get_is_kept_until_one_can(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    watch_each(monitor, a=[X, Y])
    database.kill()
    reject(aws, X, Y)
    assert ticks(monitor, 3) == [{"sent": 0, "pending": 1}] * 3
    assert {line["level"] for line in logged(monitor, "alert-refused")} == {"CRITICAL"}
    aws.accept()
    assert ticks(monitor, 1) == [{"sent": 1, "pending": 0}]
    assert notified(monitor) == {(X, "a"): 1, (Y, "a"): 1}
    assert "late" in monitor.mails[0].text


@pytest.mark.parametrize("reached", [0, 1, 2])
def test_a_run_that_is_throttled_between_recipients_is_taken_up_by_the_next(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, reached: int
) -> None:
    watch_each(monitor, a=[X, Y, Z], b=[X, Y, Z])
    database.kill()
    aws.refuse(SEND_MAIL, "MessageRejected", times=1)
    aws.refuse(SEND_MAIL, "TooManyRequestsException", status=429, times=1, after=reached)
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 2}
    assert notified(monitor) == Counter((who, "a, b") for who in (X, Y, Z)[:reached])
    assert {monitor.status(name)["pending"] for name in "ab"} == {1}
    assert ticks(monitor, 2) == [{"sent": 2, "pending": 0}, {"sent": 0, "pending": 0}]
    assert notified(monitor) == {(who, "a, b"): 1 for who in (X, Y, Z)}
    assert len(aws.published) == 2


def test_what_happened_while_a_recipient_waited_is_told_in_order_and_once(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    watch_each(monitor, a=[X, Y])
    database.kill()
    aws.refuse(SEND_MAIL, "MessageRejected", times=1)
    aws.refuse(f"{SEND_MAIL} {Y}", *THROTTLED[:1], status=THROTTLED[1])
    monitor.tick()
    database.start()
    monitor.tick()
    aws.accept()
    ticks(monitor, 2)
    heard = {who: [mail.state for mail in monitor.mails if who in mail.to] for who in (X, Y)}
    assert heard[X] == ["DOWN", "RECOVERED"]
    assert heard[Y] in (["DOWN", "RECOVERED"], ["RECOVERED"])


@pytest.mark.parametrize(
    "code",
    ["MailFromDomainNotVerifiedException", "AccountSuspendedException", "NotFoundException", "AccessDeniedException"],
)
def test_a_set_up_that_sends_no_mail_is_loud_and_loses_none(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, code: str
) -> None:
    watch_each(monitor, a=[X], b=[Y])
    database.kill()
    aws.refuse_mail(code, status=400)
    assert ticks(monitor, 2) == [{"sent": 0, "pending": 2}] * 2
    assert aws.calls.count(SEND_MAIL) == 2
    lines = logged(monitor, "alert-refused")
    assert {(line["level"], line["error_code"]) for line in lines} == {("CRITICAL", code)}
    assert len(aws.published) == 2
    aws.accept()
    assert ticks(monitor, 1) == [{"sent": 2, "pending": 0}]
    assert notified(monitor) == {(X, "a"): 1, (Y, "b"): 1}


def test_a_sender_that_ses_does_not_know_is_loud_and_loses_none(monitor: Monitor, database: Postgres) -> None:
    watch_each(monitor, a=[X, Y])
    monitor.environment["ALERT_SENDER"] = "nobody@elsewhere.example"
    database.kill()
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 1}
    assert {line["level"] for line in logged(monitor, "alert-refused")} == {"CRITICAL"}
    monitor.environment["ALERT_SENDER"] = SENDER
    assert ticks(monitor, 1) == [{"sent": 1, "pending": 0}]
    assert [mail.to for mail in monitor.mails] == [(X, Y)]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        THROTTLED,
        ("LimitExceededException", 400),
        ("SendingPausedException", 400),
        ("InternalServiceErrorException", 500),
        ("ServiceUnavailable", 503),
    ],
)
def test_what_passes_is_waited_for(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, code: str, status: int
) -> None:
    watch_each(monitor, a=[X], b=[Y])
    database.kill()
    aws.refuse_mail(code, status=status)
    assert ticks(monitor, 2) == [{"sent": 0, "pending": 2}] * 2
    assert aws.calls.count(SEND_MAIL) == 2
    assert {(line["level"], line["error_code"]) for line in logged(monitor, "alert-refused")} == {("ERROR", code)}
    aws.accept()
    assert ticks(monitor, 1) == [{"sent": 2, "pending": 0}]
    assert notified(monitor) == {(X, "a"): 1, (Y, "b"): 1}


def test_one_target_s_bad_recipient_is_not_another_target_s(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    watch_each(monitor, a=[X], b=[Y])
    database.kill()
    reject(aws, X)
    assert ticks(monitor, 2) == [{"sent": 1, "pending": 1}, {"sent": 0, "pending": 1}]
    assert notified(monitor) == {(Y, "b"): 1}
    aws.accept()
    ticks(monitor, 1)
    assert notified(monitor) == {(X, "a"): 1, (Y, "b"): 1}


def test_a_text_that_ses_does_not_take_is_tried_target_by_target(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    watch_each(monitor, a=[X], b=[X])
    database.kill()
    aws.refuse_mail("BadRequestException", status=400, times=1)
    assert monitor.tick()["alerts"] == {"sent": 2, "pending": 0}
    assert notified(monitor) == {(X, "a"): 1, (X, "b"): 1}


def test_a_mail_whose_answer_is_lost_is_repeated_once(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    """SES has no token by which it could tell: it is sent at least once."""
    database.kill()
    aws.lose(SEND_MAIL, times=1)
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 1}
    assert ticks(monitor, 2) == [{"sent": 1, "pending": 0}, {"sent": 0, "pending": 0}]
    assert aws.calls.count(SEND_MAIL) == 2


def test_while_mail_is_down_for_long_the_topic_tells_all_at_once(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    aws.refuse_mail("ServiceUnavailable", status=503)
    database.kill()
    monitor.tick()
    assert [published_alert(one)["kind"] for one in aws.published] == ["down"]
    assert ticks(monitor, 7) == [{"sent": 0, "pending": 1}] * 7
    database.start()
    monitor.tick()
    assert [published_alert(one)["kind"] for one in aws.published] == ["down", "recovered"]
    aws.accept()
    ticks(monitor, 2)
    (mail,) = monitor.mails
    assert mail.state == "RECOVERED"
    assert "8 min late" in mail.text
    assert len(aws.published) == 2


def test_a_mail_service_that_says_nothing_does_not_keep_the_topic_waiting(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    watch_each(monitor, a=[X], b=[Y])
    aws.hang(SEND_MAIL)
    database.kill()
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 2}
    assert (aws.calls.count(SEND_MAIL), len(aws.published)) == (1, 2)
    aws.accept()
    assert ticks(monitor, 1) == [{"sent": 2, "pending": 0}]
    assert len(aws.published) == 2


def test_while_the_topic_is_down_mail_is_sent_and_the_topic_gets_all_in_order_later(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    aws.refuse("sns:Publish", "Throttled")
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    assert monitor.states == ["DOWN", "RECOVERED"]
    aws.accept()
    assert ticks(monitor, 1) == [{"sent": 2, "pending": 0}]
    assert [published_alert(one)["kind"] for one in aws.published] == ["down", "recovered"]
    assert len(monitor.mails) == 2


def test_a_topic_that_is_gone_is_loud_and_costs_no_mail(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    aws.client("sns").delete_topic(TopicArn=monitor.environment["ALERT_TOPIC"])
    database.kill()
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 1}
    assert len(monitor.mails) == 1
    assert {(line["level"], line["detail"]["channel"]) for line in logged(monitor, "alert-refused")} == {
        ("CRITICAL", "topic")
    }


def test_what_waits_for_a_topic_that_is_no_longer_configured_is_struck_off(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    aws.refuse("sns:Publish", "Throttled")
    database.kill()
    monitor.tick()
    monitor.environment["ALERT_TOPIC"] = ""
    ticks(monitor, 1)
    assert monitor.status()["pending"] == 0
    assert (len(monitor.mails), aws.published) == (1, [])


def test_every_subscriber_of_the_topic_gets_what_it_can_show(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    database.kill()
    monitor.tick()
    (request,) = aws.published
    assert request["MessageStructure"] == "json"
    by_protocol = json.loads(request["Message"])
    document = json.loads(by_protocol["default"])
    assert (document["version"], document["source"]) == ("1.0", "custom")
    assert document["content"]["title"] == document["subject"] == monitor.subjects[0]
    assert document["text"] in (by_protocol["email"], monitor.mails[0].text)
    assert (document["kind"], document["target"], document["failure"]["kind"]) == ("down", "demo", "refused")
    assert "waiting" not in document
    assert by_protocol["sms"].startswith("[DOWN: connection refused] demo · ")
    assert len(by_protocol["sms"]) <= 140
    assert json.loads(by_protocol["APNS"])["aps"]["alert"] == monitor.subjects[0]
    assert json.loads(by_protocol["GCM"])["notification"]["body"] == monitor.subjects[0]
    assert request["Subject"].isascii()
    assert len(request["Subject"]) < 100


def test_a_late_mail_says_how_late_and_a_prompt_one_nothing(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    watch_each(monitor, a=[X], b=[Y])
    aws.refuse(f"{SEND_MAIL} {X}", "TooManyRequestsException", status=429)
    database.kill()
    monitor.tick()
    database.start()
    ticks(monitor, 1)
    aws.accept()
    monitor.pass_time(minutes=13)
    monitor.tick()
    late = next(mail for mail in monitor.mails if mail.to == (X,))
    assert "14 min late" in late.text


def test_recipients_that_a_target_does_not_name_are_the_common_ones(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    monitor.tick()
    assert [mail.to for mail in monitor.mails] == [(RECIPIENT,)]
