"""What SES reports of a mail, as it comes through EventBridge.

https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html, event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from local.mailbox import Mail

DETAIL_TYPES = {
    "Delivery": "Email Delivered",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
    "Reject": "Email Rejected",
    "DeliveryDelay": "Email Delivery Delayed",
}


def reported(mail: Mail, kind: str, at: datetime, part: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event about a mail that SES accepted, with what is particular to its kind."""
    request, name = mail.request, kind[0].lower() + kind[1:]
    configured = {"ses:configuration-set": [request["ConfigurationSetName"]], "ses:caller-identity": ["heartline"]}
    tags = {tag["Name"]: [tag["Value"]] for tag in request["EmailTags"]}
    headers = [{"name": "Subject", "value": mail.subject}, {"name": "From", "value": mail.sender}]
    about = {
        "timestamp": _written(mail.accepted),
        "source": mail.sender,
        "sendingAccountId": "123456789012",
        "messageId": "0100018c7d2e4f6a-11111111-2222-3333-4444-555555555555-000000",
        "destination": list(mail.to),
        "headersTruncated": False,
        "headers": headers,
        "commonHeaders": {"subject": mail.subject},
        "tags": configured | tags,
    }
    stamped = {"reason": "Bad content"} if kind == "Reject" else {"timestamp": _written(at)}
    return {
        "version": "0",
        "id": "11111111-2222-3333-4444-555555555555",
        "detail-type": DETAIL_TYPES[kind],
        "source": "aws.ses",
        "account": "123456789012",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "us-east-1",
        "resources": ["arn:aws:ses:us-east-1:123456789012:configuration-set/heartline-alerts"],
        "detail": {"eventType": kind, "mail": about, name: stamped | part},
    }


def delivered(mail: Mail, at: datetime, *recipients: str) -> dict[str, Any]:
    """Report that servers took it."""
    answer = {"smtpResponse": "250 2.6.0 Message received", "remoteMtaIp": "192.0.2.25", "processingTimeMillis": 1189}
    sent = {"reportingMTA": "a8-50.smtp-out.amazonses.com", "recipients": list(recipients)}
    return reported(mail, "Delivery", at, answer | sent)


def bounced(mail: Mail, at: datetime, recipient: str, **differing: Any) -> dict[str, Any]:  # noqa: ANN401
    """Report that a server sent it back for good."""
    said = {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    whole = {"bounceType": "Permanent", "bounceSubType": "General", "reportingMTA": "dsn; mx.example.com"}
    return reported(mail, "Bounce", at, whole | {"bouncedRecipients": [{"emailAddress": recipient} | said]} | differing)


def absent(mail: Mail, at: datetime, recipient: str) -> dict[str, Any]:
    """Report an answer from somebody on holiday, which SES takes for a bounce: nobody diagnosed anything."""
    return bounced(
        mail, at, recipient, bounceType="Transient", bouncedRecipients=[{"emailAddress": recipient}], reportingMTA=None
    )


def full(mail: Mail, at: datetime, recipient: str) -> dict[str, Any]:
    """Report that a mailbox is full."""
    said = {"emailAddress": recipient, "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 mailbox full"}
    return bounced(mail, at, recipient, bounceType="Transient", bounceSubType="MailboxFull", bouncedRecipients=[said])


def complained(mail: Mail, at: datetime, recipient: str, kind: str = "abuse") -> dict[str, Any]:
    """Report that somebody called it spam."""
    whole = {"complainedRecipients": [{"emailAddress": recipient}], "complaintFeedbackType": kind}
    return reported(mail, "Complaint", at, whole | {"userAgent": "AnyCompany Feedback Loop (V0.01)"})


def rejected(mail: Mail, at: datetime) -> dict[str, Any]:
    """Report that SES found a virus in it."""
    return reported(mail, "Reject", at, {})


def delayed(mail: Mail, at: datetime, recipient: str) -> dict[str, Any]:
    """Report that a server does not take it yet."""
    said = {"emailAddress": recipient, "status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 Unable to connect"}
    whole = {"delayType": "TransientCommunicationFailure", "delayedRecipients": [said]}
    return reported(mail, "DeliveryDelay", at, whole)


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
