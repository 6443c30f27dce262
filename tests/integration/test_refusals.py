"""A test alert that a channel does not take says in words why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.aws import REGION
from local.stack import RECIPIENT, SECRET, SENDER
from local.wire import GET_ACCOUNT, GET_IDENTITY, REFUSED, SEND_MAIL

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.aws import EmulatedAws

ELSEWHERE = "eu-west-1"
STRANGER = "nobody@elsewhere.example"
# What AWS's own messages say here: they may quote anything, so none of it is repeated.
AWS_SAYS = (REFUSED, "failed the check", "does not exist", "arn:")


def explained(monitor: Monitor, code: str, channel: str = "email") -> str:
    """Send a test alert that a channel refuses with that code; give the words for it."""
    answer = monitor.order("test-alert")
    assert answer["channels"][channel] == code
    assert [said for said in AWS_SAYS if said in str(answer)] == []
    words: str = answer["explained"][channel]
    return words


def lacking(words: str, *facts: str) -> list[str]:
    """List which facts the words leave out."""
    return [fact for fact in facts if fact not in words]


@pytest.fixture
def sandbox(monitor: Monitor, aws: EmulatedAws) -> Monitor:
    """Return a monitor in an account that SES has not let out of its sandbox."""
    aws.sandbox = True
    return monitor


def test_in_the_sandbox_those_who_are_not_verified_are_named(sandbox: Monitor, aws: EmulatedAws) -> None:
    sandbox.watch("demo", secret=SECRET, recipients=["dba@example.com", RECIPIENT, "me+pager@example.net"])
    aws.verify_sender("dba@example.com")
    words = explained(sandbox, "MessageRejected")
    assert (
        lacking(words, "sandbox", REGION, RECIPIENT, "me+pager@example.net", "Verify", "request-production-access")
        == []
    )
    assert "dba@example.com" not in words
    assert SENDER not in words
    assert sandbox.mails == []


@pytest.mark.parametrize("identity", [RECIPIENT, "example.com"])
def test_in_the_sandbox_a_verified_address_or_domain_gets_its_mail(
    sandbox: Monitor, aws: EmulatedAws, identity: str
) -> None:
    aws.verify_sender(identity)
    answer = sandbox.order("test-alert")
    assert (answer["channels"]["email"], "explained" in answer) == ("accepted", False)
    assert [mail.to for mail in sandbox.mails] == [(RECIPIENT,)]


def test_a_recipient_whose_domain_is_verified_is_not_named(sandbox: Monitor, aws: EmulatedAws) -> None:
    sandbox.watch("demo", secret=SECRET, recipients=["dba@example.net", STRANGER])
    aws.verify_sender("example.net")
    words = explained(sandbox, "MessageRejected")
    assert lacking(words, STRANGER) == []
    assert "dba@example.net" not in words


def test_behind_many_verified_recipients_the_sandbox_is_told_all_the_same(sandbox: Monitor, aws: EmulatedAws) -> None:
    sandbox.watch("demo", secret=SECRET, recipients=[*(f"u{number}@example.net" for number in range(6)), STRANGER])
    aws.verify_sender("example.net")
    words = explained(sandbox, "MessageRejected")
    assert lacking(words, "sandbox") == []
    assert "what the mail says" not in words


def test_a_sender_who_is_not_verified_is_named_with_the_region(monitor: Monitor) -> None:
    monitor.environment["ALERT_SENDER"] = STRANGER
    words = explained(monitor, "MessageRejected")
    assert lacking(words, STRANGER, REGION, "verify", "domain", "deploy to the region where it is verified") == []
    assert RECIPIENT not in words


def test_a_sender_whose_verification_is_pending_is_not_verified(monitor: Monitor, aws: EmulatedAws) -> None:
    aws.client("sesv2").create_email_identity(EmailIdentity=STRANGER)
    monitor.environment["ALERT_SENDER"] = STRANGER
    assert lacking(explained(monitor, "MessageRejected"), STRANGER, "verify") == []


def test_in_another_region_the_sender_is_not_verified(monitor: Monitor) -> None:
    monitor.environment |= {"AWS_REGION": ELSEWHERE, "AWS_DEFAULT_REGION": ELSEWHERE}
    words = explained(monitor, "MessageRejected")
    assert lacking(words, SENDER, ELSEWHERE, "deploy to the region where it is verified") == []
    assert REGION not in words


@pytest.mark.parametrize("sender", ["alerts@example.org", "alerts@mail.example.org"])
def test_a_sender_of_a_verified_domain_is_not_blamed(sandbox: Monitor, aws: EmulatedAws, sender: str) -> None:
    """https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html."""
    aws.verify_sender("example.org")
    sandbox.environment["ALERT_SENDER"] = sender
    words = explained(sandbox, "MessageRejected")
    assert lacking(words, "sandbox", RECIPIENT) == []
    assert sender not in words


@pytest.mark.parametrize("question", [GET_ACCOUNT, GET_IDENTITY])
@pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyRequestsException"])
def test_where_ses_answers_no_questions_both_causes_are_told(
    sandbox: Monitor, aws: EmulatedAws, question: str, code: str
) -> None:
    aws.refuse(question, code)
    words = explained(sandbox, "MessageRejected")
    assert lacking(words, SENDER, REGION, "sandbox", RECIPIENT, code) == []


def test_what_ses_rejects_though_all_are_verified_is_said_to_be_the_text(monitor: Monitor, aws: EmulatedAws) -> None:
    aws.refuse_mail("MessageRejected", status=400)
    assert lacking(explained(monitor, "MessageRejected"), SENDER, REGION, "rejected what the mail says") == []


@pytest.mark.parametrize(
    ("code", "status", "facts"),
    [
        ("AccessDeniedException", 403, (SENDER, "ses:SendEmail", "deploy the stack's own role again")),
        ("TooManyRequestsException", 429, ("try again",)),
        ("LimitExceededException", 400, ("quota", "ask SES for a higher one")),
        ("SendingPausedException", 400, ("paused", "resume it in the SES console")),
        ("AccountSuspendedException", 400, ("suspended", "support")),
        ("MailFromDomainNotVerifiedException", 400, (SENDER, "MAIL FROM", "DNS")),
        ("BadRequestException", 400, (SENDER, RECIPIENT)),
        ("InternalFailure", 500, ("InternalFailure", "try again")),
    ],
)
def test_each_refusal_of_ses_is_put_into_words_with_its_mend(
    monitor: Monitor, aws: EmulatedAws, code: str, status: int, facts: tuple[str, ...]
) -> None:
    aws.refuse_mail(code, status=status)
    assert lacking(explained(monitor, code), *facts) == []
    # Only who is not verified is a question to SES.
    assert [call for call in aws.calls if call.startswith("sesv2:")] == [SEND_MAIL]


NO_WAY_OUT = (REGION, "outside any VPC", "try again")


def test_an_ses_that_cannot_be_reached_is_told_with_the_ways_to_it(monitor: Monitor, black_hole: int) -> None:
    monitor.environment["AWS_ENDPOINT_URL_SESV2"] = f"http://127.0.0.1:{black_hole}"
    assert lacking(explained(monitor, "ConnectTimeoutError"), *NO_WAY_OUT) == []


def test_an_ses_that_hangs_up_is_told_with_the_ways_to_it(monitor: Monitor, aws: EmulatedAws) -> None:
    aws.lose(SEND_MAIL)
    assert lacking(explained(monitor, "ConnectionClosedError"), *NO_WAY_OUT) == []


def test_a_configuration_set_that_is_not_there_is_told(monitor: Monitor) -> None:
    monitor.environment["SES_CONFIGURATION_SET"] = "alerts"
    assert lacking(explained(monitor, "NotFoundException"), "configuration set", "deploy the stack again") == []


def test_mails_go_by_the_configuration_set(monitor: Monitor, aws: EmulatedAws) -> None:
    aws.client("sesv2").create_configuration_set(ConfigurationSetName="alerts")
    monitor.order("test-alert")
    monitor.environment["SES_CONFIGURATION_SET"] = "alerts"
    monitor.order("test-alert")
    assert [mail.request.get("ConfigurationSetName") for mail in monitor.mails] == [None, "alerts"]


@pytest.mark.parametrize(
    ("code", "status", "facts"),
    [
        ("AuthorizationError", 403, ("publish", "policy")),
        ("NotFound", 404, ("AlertTopicArn", "deploy the stack again")),
        ("KMSAccessDenied", 400, ("key", "policy")),
    ],
)
def test_what_the_topic_refuses_is_told_beside_the_mail_that_went(
    monitor: Monitor, aws: EmulatedAws, code: str, status: int, facts: tuple[str, ...]
) -> None:
    aws.refuse("sns:Publish", code, status=status)
    assert lacking(explained(monitor, code, "topic"), *facts) == []
    assert len(monitor.mails) == 1
