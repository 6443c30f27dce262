"""Hand the shards of a tick to runs of their own, through SQS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_BATCH = 10


class Queue:
    """Send messages.

    Parameters
    ----------
    client
        The SQS client.
    url
        The queue's URL.
    """

    def __init__(self, client: Any, url: str) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        self._client = client
        self._url = url

    def send(self, messages: Sequence[str]) -> int:
        """Send messages, and give the number of those that SQS did not take.

        Raises
        ------
        ClientError, BotoCoreError
            When SQS takes none, since it refuses the calls or does not answer.
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
        entries = [{"Id": str(place), "MessageBody": message} for place, message in enumerate(batch)]
        return len(self._client.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed", ()))
