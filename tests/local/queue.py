"""The queue that divides a tick, its dead letters, and what Lambda does between a queue and a function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from local.aws import REGION
from local.template import TEMPLATE, _TemplateLoader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Event = Mapping[str, Any]
    Call = Callable[[Event], Any]

MOST = 10  # messages in one call: Amazon SQS API reference, ReceiveMessage


class TickQueue:
    """Make a queue and its dead letters in the emulated SQS, as the template does.

    Parameters
    ----------
    sqs
        The harness's own client.
    """

    def __init__(self, sqs: Any) -> None:  # noqa: ANN401, boto3's clients have no static type
        self._sqs = sqs
        template = yaml.load(TEMPLATE.read_text(), _TemplateLoader)  # noqa: S506, a subclass of SafeLoader
        properties = template["Resources"]["TickQueue"]["Properties"]
        self._dead = self._sqs.create_queue(QueueName="heartline-dead-letters")["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._dead, AttributeNames=["QueueArn"])
        redrive = properties["RedrivePolicy"] | {"deadLetterTargetArn": asked["Attributes"]["QueueArn"]}
        seconds = str(properties["VisibilityTimeout"])
        attributes = {"VisibilityTimeout": seconds, "RedrivePolicy": json.dumps(redrive)}
        self.url = str(self._sqs.create_queue(QueueName="heartline-ticks", Attributes=attributes)["QueueUrl"])
        self.errors: list[Exception] = []  # what calls of the function ended with

    @property
    def dead(self) -> list[str]:
        """The bodies of the dead letters; reading does not take them away."""
        asked = {"QueueUrl": self._dead, "MaxNumberOfMessages": MOST, "VisibilityTimeout": 0}
        return [letter["Body"] for letter in self._sqs.receive_message(**asked).get("Messages", ())]

    def send(self, *bodies: str) -> None:
        """Put messages into the queue; one that stands there twice is delivered twice, as SQS may."""
        for body in bodies:
            self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def take(self, batch: int = 1) -> dict[str, Any]:
        """Receive some messages, and give the function's event with them.

        https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
        """
        asked = {"QueueUrl": self.url, "MaxNumberOfMessages": batch, "MessageSystemAttributeNames": ["All"]}
        return {"Records": [_record(one) for one in self._sqs.receive_message(**asked).get("Messages", ())]}

    def deliver(self, call: Call, batch: int = 1) -> int:
        """Do as Lambda does until the queue is empty, and give the number of calls.

        Messages are received, the function is called, and those that it did not tell as failed are deleted. For the
        others their visibility passes at once, so that they come again or become dead letters.
        """
        calls = 0
        while records := (event := self.take(batch))["Records"]:
            calls += 1
            failed = self._failed(call, event)
            for record in records:
                place = {"QueueUrl": self.url, "ReceiptHandle": record["receiptHandle"]}
                if record["messageId"] in failed:
                    self._sqs.change_message_visibility(**place, VisibilityTimeout=0)
                else:
                    self._sqs.delete_message(**place)
        return calls

    def _failed(self, call: Call, event: Event) -> set[str]:
        """Call the function, and give the messages that Lambda takes for failed."""
        sent = {record["messageId"] for record in event["Records"]}
        try:
            notified = told_as_failed(call(event))
        except Exception as error:  # noqa: BLE001 - Lambda goes on, whatever it is
            self.errors.append(error)
            return sent
        return sent if notified - sent else notified


def told_as_failed(answer: Any) -> set[str]:  # noqa: ANN401, any JSON
    """Read which messages a function tells as failed.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    entries: Sequence[Mapping[str, str]] = (answer or {}).get("batchItemFailures") or ()
    return {entry["itemIdentifier"] for entry in entries}


def _record(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:heartline-ticks",
        "awsRegion": REGION,
    }
