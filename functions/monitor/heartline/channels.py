"""Hand alerts to SES and SNS, and tell what they answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from heartline.codec import encode
from heartline.message import Report, bundles, compose
from heartline.model import Alert, Target
from heartline.render import as_html, as_text

EMAIL = "email"
TOPIC = "topic"
# These two say that this one mail will not do; all other errors would meet the next mail as well.
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors
_ABOUT_ONE_MAIL = frozenset({"MessageRejected", "BadRequestException"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Say why a channel did not accept, and whether it is of any use to try it with another alert now."""

    reason: str
    stops: bool


class Channel(Protocol):
    """Accept alerts: at least once, and none before the older ones of its target."""

    name: str

    def portions(self, alerts: Sequence[Alert]) -> list[tuple[Alert, ...]]:
        """Split alerts, oldest first, into what one call tells."""
        ...

    def send(self, alerts: Sequence[Alert], target: Target, now: datetime) -> Refusal | None:
        """Send one portion; None when it was accepted."""
        ...


class EmailChannel:
    """Mail alerts through SES, the alerts of one incident in one mail.

    Parameters
    ----------
    client
        The SES v2 client; it must not repeat calls by itself, since SES cannot tell a repetition.
    sender
        The verified address.
    """

    name = EMAIL

    def __init__(self, client: Any, sender: str) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        self._client = client
        self._sender = sender

    def portions(self, alerts: Sequence[Alert]) -> list[tuple[Alert, ...]]:
        """Put the alerts of one incident together: a late `down` and its `recovered` are one mail."""
        return bundles(alerts)

    def send(self, alerts: Sequence[Alert], target: Target, now: datetime) -> Refusal | None:
        """Send one mail to all recipients of the target."""
        report = compose(alerts, now)
        incident = alerts[-1].incident
        headers = {
            "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers
            "X-Heartline-Target": alerts[-1].target,
            "X-Heartline-Status": report.status,
            "X-Heartline-Incident": incident.id if incident else "none",
        }
        return _answer(
            self._client.send_email,
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": list(target.recipients)},
            Content={"Simple": _simple(report, headers)},
        )


class TopicChannel:
    """Publish alerts to an SNS topic as JSON, each by itself.

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

    def portions(self, alerts: Sequence[Alert]) -> list[tuple[Alert, ...]]:
        """Leave each alert by itself: programs read them."""
        return [(alert,) for alert in alerts]

    def send(self, alerts: Sequence[Alert], target: Target, now: datetime) -> Refusal | None:  # noqa: ARG002
        """Publish one alert; its fields are those of the model, times in ISO 8601."""
        report = compose(alerts, now)
        document = {"version": 1, "subject": report.subject} | encode(alerts[-1])
        document.pop("waiting")
        return _answer(
            self._client.publish,
            TopicArn=self._topic,
            Subject=report.subject[:100],  # SNS takes fewer than 100 characters, and no line breaks
            Message=json.dumps(document, default=float),
        )


def _simple(report: Report, headers: dict[str, str]) -> dict[str, Any]:
    def part(text: str) -> dict[str, str]:
        return {"Data": text, "Charset": "UTF-8"}

    return {
        "Subject": part(report.subject),
        "Body": {"Text": part(as_text(report)), "Html": part(as_html(report))},
        "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
    }


def _answer(call: Any, **arguments: Any) -> Refusal | None:  # noqa: ANN401
    try:
        call(**arguments)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        return Refusal(code, stops=code not in _ABOUT_ONE_MAIL)
    except BotoCoreError as error:
        return Refusal(type(error).__name__, stops=True)
    return None
