"""Look at an SNS topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


class Topic:
    """Look at who is subscribed to a topic.

    Parameters
    ----------
    client
        Returns the SNS client.
    arn
        The topic's ARN.
    """

    def __init__(self, client: Callable[[], SNSClient], arn: str) -> None:
        self._client = client
        self._arn = arn

    def subscriptions(self) -> dict[str, int]:
        """Return how many subscriptions are `confirmed`, and how many are still `pending`.

        Raises
        ------
        ClientError, BotoCoreError
            If SNS refuses the call or does not answer.
        """
        attributes = self._client().get_topic_attributes(TopicArn=self._arn)["Attributes"]
        names = {"confirmed": "SubscriptionsConfirmed", "pending": "SubscriptionsPending"}
        return {name: int(attributes.get(attribute, 0)) for name, attribute in names.items()}
