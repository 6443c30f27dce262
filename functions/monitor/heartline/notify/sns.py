"""Publish alerts to an SNS topic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from heartline.common.text import sanitize
from heartline.messages.compose import Message, compose
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.plain_text import as_text
from heartline.model.alert import TOPIC, Alert
from heartline.notify.batches import Batch
from heartline.notify.channel import Refusal, attempt
from heartline.notify.document import alert_document
from heartline.notify.refusals import explain

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: fewer than 100 characters of ASCII.
_MAX_SUBJECT = 99
# What a phone shows as one message: https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html
_MAX_SMS = 140


class TopicChannel:
    """Publish alerts to an SNS topic, each by itself: as JSON, and as text where people read it.

    Parameters
    ----------
    client
        The SNS client.
    topic
        The topic's ARN.
    name
        The channel's.
    """

    def __init__(self, client: SNSClient, topic: str, name: str = TOPIC) -> None:
        self.name = name
        self._client = client
        self._topic = topic

    def batches(self, parts: Sequence[TargetAlerts]) -> list[Batch]:
        """Return a batch for each alert: programs read them."""
        return [Batch((replace(part, alerts=(alert,)),)) for part in parts for alert in part.alerts]

    def send(self, batch: Batch, context: AlertContext, now: datetime) -> Refusal | None:
        """Publish one alert; return the refusal, None if it was accepted."""
        message = compose(batch.parts, context, now)
        subject, document = _subject(message), json.dumps(_by_protocol(batch.parts[0].alerts[0], message))
        return attempt(
            lambda: self._client.publish(
                TopicArn=self._topic, Subject=subject, Message=document, MessageStructure="json"
            )
        )

    def explain(self, refusal: Refusal, recipients: Sequence[str], region: str) -> str:
        """Return in words why an alert was refused."""
        return explain(None, refusal.reason, "", recipients, region)


def _by_protocol(alert: Alert, message: Message) -> dict[str, str]:
    """Return what each kind of subscriber gets: JSON for programs and chat, text for mail, phones and pagers.

    https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
    """
    text, subject = as_text(message), message.subject
    shown = json.dumps({"aps": {"alert": subject}})
    return {
        "default": json.dumps(alert_document(alert, message, text)),
        "email": text,
        "sms": sanitize(subject, _MAX_SMS),
        "APNS": shown,
        "APNS_SANDBOX": shown,
        "GCM": json.dumps({"notification": {"title": "Heartline", "body": subject}}),
    }


def _subject(message: Message) -> str:
    label, name, plain = message.report.label, message.targets[0], message.subject.replace(" · ", " - ")
    return sanitize(plain if plain.isascii() else f"[{label}] {name}", _MAX_SUBJECT)
