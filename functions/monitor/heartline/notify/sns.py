"""Publish alerts to an SNS topic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from heartline.common.codec import encode
from heartline.common.text import sanitize
from heartline.messages.compose import Message, compose
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.plain_text import as_text
from heartline.model.alert import TOPIC, Alert
from heartline.notify.batches import Batch
from heartline.notify.channel import Refusal, attempt
from heartline.notify.refusals import explain

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


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

    def __init__(self, client: SNSClient, topic: str) -> None:
        self._client = client
        self._topic = topic

    def batches(self, parts: Sequence[TargetAlerts]) -> list[Batch]:
        """Leave each alert by itself: programs read them."""
        return [Batch((replace(part, alerts=(alert,)),)) for part in parts for alert in part.alerts]

    def send(self, batch: Batch, context: AlertContext, now: datetime) -> Refusal | None:
        """Publish one alert."""
        alert = batch.parts[0].alerts[0]
        message = compose(batch.parts, context, now)
        subject, document = _subject(message), json.dumps(_by_protocol(alert, message))
        return attempt(
            lambda: self._client.publish(
                TopicArn=self._topic, Subject=subject, Message=document, MessageStructure="json"
            )
        )

    def explain(self, refusal: Refusal, recipients: Sequence[str], region: str) -> str:
        """Say in words why an alert was refused."""
        return explain(None, refusal.reason, "", recipients, region)


def _by_protocol(alert: Alert, message: Message) -> dict[str, str]:
    """Give SNS what each kind of subscriber gets: JSON for programs and chat, text for mail, phones and pagers.

    https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
    """
    text, subject = as_text(message), message.subject
    shown = {"aps": {"alert": subject}}
    return {
        "default": json.dumps(_document(alert, subject, text), default=float),
        "email": text,
        "sms": sanitize(subject, 140),
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
    return sanitize(message.subject if message.subject.isascii() else f"[{label}] {name}", 99)
