"""Explain why SES or SNS refused: by the code of the refusal, and by what SES says of account and identities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.errors import code_of

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client

_PRODUCTION = "https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html"
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors and, for SNS,
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
_WORDS = {
    "AccessDeniedException": (
        "the function may not send as {sender}: deploy the stack's own role again, and look for a policy of the "
        "organization or of the endpoint that forbids ses:SendEmail"
    ),
    "AccountSuspendedException": "AWS has suspended sending for this account: its support centre says why",
    "SendingPausedException": "sending is paused for this account or configuration set: resume it in the SES console",
    "MailFromDomainNotVerifiedException": (
        "the custom MAIL FROM domain of {sender} is not verified: fix its DNS records, or take it off the identity"
    ),
    "NotFoundException": "the configuration set is not in this region: deploy the stack again",
    "TooManyRequestsException": "SES takes no more mail in this second: try again",
    "LimitExceededException": "the day's quota of this account is used up: ask SES for a higher one",
    "BadRequestException": "SES cannot read one of the addresses, or the text: {sender}, {recipients}",
    "AuthorizationError": "the function may not publish to the topic: its policy, or its key's, forbids it",
    "NotFound": "the topic is not there: deploy the stack again, or fix AlertTopicArn",
    "KMSAccessDenied": "the function may not use the key that the topic is encrypted with: fix the key's policy",
}
# botocore's names for silence and for a way that is not there.
_SILENT = frozenset({"ConnectTimeoutError", "EndpointConnectionError", "ReadTimeoutError", "ConnectionClosedError"})
_NO_ANSWER = (
    "no answer from the service in {region}: the monitor must run outside any VPC, as the stack deploys it; where it "
    "does, try again"
)
# As many recipients are named.
_MOST = 5
_OTHER = "the service answered {code}: try again, and look the code up in its documentation if it stays"


def explain(client: SESV2Client | None, code: str, sender: str, recipients: Sequence[str], region: str) -> str:
    """Return in a sentence or two what a refusal means and the fix.

    Parameters
    ----------
    client
        The SES v2 client; asked if a mail was rejected for somebody who is not verified. None for a topic.
    code
        The service's own code for the refusal, or the name of botocore's exception.
    sender, recipients
        Of the mail.
    region
        Where the service is; empty where it is not known.
    """
    known = {
        "sender": sender,
        "recipients": ", ".join(recipients[:_MOST]),
        "region": region or "this region",
        "code": code,
    }
    if client and code == "MessageRejected":
        return _rejected(client, sender, recipients, known["region"])
    return _WORDS.get(code, _NO_ANSWER if code in _SILENT else _OTHER).format(**known)


def _rejected(client: SESV2Client, sender: str, recipients: Sequence[str], region: str) -> str:
    """Return who is not verified: the sender must be everywhere, in SES's sandbox the recipients must be too."""
    try:
        if not _verified(client, sender):
            return (
                f"SES in {region} has not verified {sender}, nor its domain: verify one of them in this region, "
                "or deploy to the region where it is verified"
            )
        sandbox = not client.get_account().get("ProductionAccessEnabled")
        strangers = list(islice((who for who in recipients if sandbox and not _verified(client, who)), _MOST))
    except (ClientError, BotoCoreError) as error:
        return (
            f"SES in {region} rejected the mail: {sender} is not verified in this region or, in SES's sandbox, one of "
            f"{', '.join(recipients[:_MOST])} is not. Which of them could not be found out: "
            f"ses:GetEmailIdentity or ses:GetAccount was answered with {code_of(error)}"
        )
    if not strangers:
        return f"SES in {region} rejected what the mail says, though {sender} is verified"
    return (
        f"SES in {region} is in its sandbox and mails verified addresses only; not verified: {', '.join(strangers)}. "
        f"Verify them there, or ask for production access: {_PRODUCTION}"
    )


def _verified(client: SESV2Client, address: str) -> bool:
    """Return True if an address may be used: it, its domain or one that this is a part of is verified.

    https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
    """
    labels = address.rpartition("@")[2].split(".")
    domains = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    return any(_identity_verified(client, identity) for identity in (address, *domains))


def _identity_verified(client: SESV2Client, identity: str) -> bool:
    try:
        return bool(client.get_email_identity(EmailIdentity=identity).get("VerifiedForSendingStatus"))
    except client.exceptions.NotFoundException:
        return False
