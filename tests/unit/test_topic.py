"""Who has not confirmed a subscription is told apart from who has."""

from __future__ import annotations

from typing import Any

from botocore.session import get_session
from botocore.stub import Stubber

from heartline.aws.topic import Topic

ARN = "arn:aws:sns:eu-west-1:123456789012:heartline-health"


def test_confirmed_and_pending_subscriptions_are_counted() -> None:
    client: Any = get_session().create_client(
        "sns", region_name="eu-west-1", aws_access_key_id="nobody", aws_secret_access_key="nothing"
    )
    counts = {"SubscriptionsConfirmed": "2", "SubscriptionsPending": "1", "SubscriptionsDeleted": "7"}
    with Stubber(client) as stub:
        stub.add_response("get_topic_attributes", {"Attributes": counts}, {"TopicArn": ARN})
        assert Topic(lambda: client, ARN).subscriptions() == {"confirmed": 2, "pending": 1}
