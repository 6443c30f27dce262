"""Hand portions of alerts to SES and SNS, and tell what they answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from functools import partial
from itertools import groupby
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from heartline.as_html import as_html
from heartline.as_text import as_text
from heartline.codec import encode
from heartline.explain import explain
from heartline.fleet import Fleet
from heartline.message import Message, compose
from heartline.model import Alert, Target
from heartline.portion import EMAIL, TOPIC, Part, Portion, left
from heartline.refused import code_of
from heartline.text import tame


class Scope(Enum):
    """Say what a refusal is about, and so what to do next."""

    LATER = auto()  # nothing is wrong but the moment: the next tick tries again
    SENDER = auto()  # no mail at all goes until somebody mends the set-up
    RECIPIENT = auto()  # one of the recipients cannot be reached: the others may be
    CONTENT = auto()  # this text cannot be sent


# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
# What is not listed, such as throttling, time-outs and faults of the service, passes.
_SCOPES = {
    "MessageRejected": Scope.RECIPIENT,
    "BadRequestException": Scope.CONTENT,
    "MailFromDomainNotVerifiedException": Scope.SENDER,
    "AccountSuspendedException": Scope.SENDER,
    "NotFoundException": Scope.SENDER,
    "AccessDeniedException": Scope.SENDER,
    # SNS: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
    "InvalidParameter": Scope.CONTENT,
    "InvalidParameterValue": Scope.CONTENT,
    "NotFound": Scope.SENDER,
    "AuthorizationError": Scope.SENDER,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Say why a channel did not accept, by the service's own word for it."""

    reason: str
    scope: Scope


class Channel(Protocol):
    """Accept alerts: at least once, and none before the older ones of its target."""

    name: str

    def portions(self, parts: Sequence[Part]) -> list[Portion]:
        """Divide what waits for this channel into calls, in the order in which they must be made."""
        ...

    def send(self, portion: Portion, fleet: Fleet, now: datetime) -> Refusal | None:
        """Send one portion; None when it was accepted."""
        ...

    def explain(self, refusal: Refusal, recipients: Sequence[str], region: str) -> str:
        """Say in words why a portion was refused, and the mend."""
        ...


class EmailChannel:
    """Mail alerts through SES: all that is due for the same recipients in one mail.

    Parameters
    ----------
    client
        The SES v2 client; it must not repeat calls by itself, since SES cannot tell a repetition.
    sender
        The verified address.
    configuration_set
        Of SES, where one is used.
    """

    name = EMAIL

    def __init__(self, client: Any, sender: str, configuration_set: str | None = None) -> None:  # noqa: ANN401
        self._client = client
        self._sender = sender
        self._configured = {"ConfigurationSetName": configuration_set} if configuration_set else {}

    def portions(self, parts: Sequence[Part]) -> list[Portion]:
        """Put together what goes to the same readers; first what only some of a target's have not had yet."""
        groups: dict[_Readers, list[Part]] = {}
        for part in parts:
            for key, alerts in groupby(part.alerts, partial(_readers, part.target)):
                groups.setdefault(key, []).append(Part(part.target, tuple(alerts)))
        ordered = [tuple(groups[key]) for key in sorted(groups)]
        return [Portion(grouped, left(grouped[0].alerts[0], grouped[0].target)) for grouped in ordered]

    def send(self, portion: Portion, fleet: Fleet, now: datetime) -> Refusal | None:
        """Send one mail to all recipients of the portion."""
        message = compose(portion.parts, fleet, now)
        return _answer(
            self._client.send_email,
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": list(portion.recipients)},
            Content={"Simple": _simple(message, self._sender)},
            **self._configured,
        )

    def explain(self, refusal: Refusal, recipients: Sequence[str], region: str) -> str:
        """Say in words why a mail was refused; asks SES what it knows of the sender and the recipients."""
        return explain(self._client, refusal.reason, self._sender, recipients, region)


_Readers = tuple[bool, str, tuple[str, ...]]


def _readers(target: Target, alert: Alert) -> _Readers:
    return EMAIL in alert.waiting, target.language, tuple(sorted(left(alert, target)))


class TopicChannel:
    """Publish alerts to an SNS topic, each by itself: as JSON, and as text where people read it.

    Parameters
    ----------
    client
        The SNS client.
    topic
        The topic's ARN.
    """

    name = TOPIC

    def __init__(self, client: Any, topic: str) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        self._client = client
        self._topic = topic

    def portions(self, parts: Sequence[Part]) -> list[Portion]:
        """Leave each alert by itself: programs read them."""
        return [Portion((replace(part, alerts=(alert,)),)) for part in parts for alert in part.alerts]

    def send(self, portion: Portion, fleet: Fleet, now: datetime) -> Refusal | None:
        """Publish one alert."""
        alert = portion.parts[0].alerts[0]
        message = compose(portion.parts, fleet, now)
        return _answer(
            self._client.publish,
            TopicArn=self._topic,
            Subject=_subject(message),
            Message=json.dumps(_by_protocol(alert, message)),
            MessageStructure="json",
        )

    def explain(self, refusal: Refusal, recipients: Sequence[str], region: str) -> str:
        """Say in words why an alert was refused."""
        return explain(self._client, refusal.reason, "", recipients, region)


def _simple(message: Message, sender: str) -> dict[str, Any]:
    def part(text: str) -> dict[str, str]:
        return {"Data": text, "Charset": "UTF-8"}

    domain = sender.rpartition("@")[2]
    threads = [f"<{story}@{domain}>" for story in message.stories if _ID.fullmatch(story)]
    headers = {
        "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers
        "List-Id": f"Heartline <heartline.{domain}>",  # RFC 2919
        # Nobody has a mail of these ids, and yet all that name the same one stand together (RFC 5256, REFERENCES).
        "References": _listed(threads, " "),
        "In-Reply-To": _listed(threads[:1]),
        "X-Heartline-Target": _listed(message.targets),
        "X-Heartline-Status": message.status,
        "X-Heartline-Incident": _listed(message.incidents) or "none",
    }
    return {
        "Subject": part(message.subject),
        "Body": {"Text": part(as_text(message)), "Html": part(as_html(message))},
        "Headers": [{"Name": name, "Value": value} for name, value in headers.items() if value],
    }


# SES takes header values of at most 995 octets:
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html
_MOST_HEADER = 870
_ID = re.compile(r"[A-Za-z0-9._-]{1,200}", re.ASCII)
_LISTABLE = re.compile(r"[!-~]{1,320}", re.ASCII)


def _listed(names: Iterable[str], between: str = ", ") -> str:
    """List names as long as there is room for them in a header."""
    listed, room = [], _MOST_HEADER
    for name in filter(_LISTABLE.fullmatch, names):
        room -= len(name) + len(between)
        if room < 0:
            break
        listed.append(name)
    return between.join(listed)


def _by_protocol(alert: Alert, message: Message) -> dict[str, str]:
    """Give SNS what each kind of subscriber gets: JSON for programs and chat, text for mail, phones and pagers.

    https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
    """
    text, subject = as_text(message), message.subject
    shown = {"aps": {"alert": subject}}
    return {
        "default": json.dumps(_document(alert, subject, text), default=float),
        "email": text,
        "sms": tame(subject, 140),
        "APNS": json.dumps(shown),
        "APNS_SANDBOX": json.dumps(shown),
        "GCM": json.dumps({"notification": {"title": "Heartline", "body": subject}}),
    }


# What is for Heartline's own use: from what the sentences were made.
_OWN = [(part, own) for part in ("failure", "previous") for own in ("advice", "words")]


def _document(alert: Alert, subject: str, text: str) -> Mapping[str, Any]:
    """Give the documented JSON: the alert's own fields, and what Amazon Q Developer shows in a chat.

    https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    """
    fields = encode(alert)
    for part, own in _OWN:
        fields.get(part, {}).pop(own, None)
    for own in ("waiting", "refused"):
        fields.pop(own, None)
    chat = {"textType": "client-markdown", "title": subject, "description": f"```\n{_unfenced(text)}\n```"}
    return {"version": "1.0", "source": "custom", "content": chat, "subject": subject, "text": text, **fields}


def _unfenced(text: str) -> str:
    """Keep a text from ending the block of code that it stands in."""
    return text.replace("```", "'''")


def _subject(message: Message) -> str:
    """Give a subject that SNS takes: fewer than 100 characters of ASCII."""
    label, name = message.reports[0].label, message.targets[0]
    return tame(message.subject if message.subject.isascii() else f"[{label}] {name}", 99)


def _answer(call: Any, **arguments: Any) -> Refusal | None:  # noqa: ANN401
    try:
        call(**arguments)
    except (ClientError, BotoCoreError) as error:
        code = code_of(error)
        return Refusal(code, _SCOPES.get(code, Scope.LATER))
    return None
