"""Send the shards of a tick to runs of their own, through SQS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_BATCH = 10


class Queue:
    """Send messages.

    Parameters
    ----------
    client
        Returns the SQS client.
    url
        The queue's URL.
    """

    def __init__(self, client: Callable[[], SQSClient], url: str) -> None:
        self._client = client
        self._url = url

    def send(self, messages: Sequence[str]) -> int:
        """Send messages, and return the number of those that SQS did not take.

        Raises
        ------
        ClientError, BotoCoreError
            If SQS takes none, since it refuses the calls or does not answer.
        """
        refused = 0
        for start in range(0, len(messages), _BATCH):
            batch = messages[start : start + _BATCH]
            try:
                refused += self._refused(batch)
            except (ClientError, BotoCoreError):
                refused += len(batch)
                if refused == len(messages):
                    raise
        return refused

    def _refused(self, batch: Sequence[str]) -> int:
        answer = self._client().send_message_batch(
            QueueUrl=self._url,
            Entries=[{"Id": str(place), "MessageBody": message} for place, message in enumerate(batch)],
        )
        return len(answer.get("Failed", ()))
