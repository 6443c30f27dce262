"""Put the parts together, once for an environment."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from heartline.aws.clients import client, late, signer
from heartline.aws.metrics import Metrics
from heartline.aws.queue import Queue
from heartline.config.settings import VARIABLES, Settings, read_settings
from heartline.model.alert import EMAIL, TOPIC
from heartline.prober.credentials import Credentials
from heartline.services import Heartline
from heartline.storage.history import History
from heartline.storage.outbox import Outbox
from heartline.storage.states import Store
from heartline.storage.table import Table

if TYPE_CHECKING:
    from heartline.notify.channel import Channel

# Two stacks in an account are told apart by it in their metrics.
_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME") or os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "heartline"
# With a level of its own: else Logger reads LOG_LEVEL itself, and a wrong one ends the function at import.
logger = Logger(service="heartline", level="INFO")


def services() -> Heartline:
    """Return the parts for the environment as it is."""
    return _services(tuple(os.environ.get(name, "") for name in VARIABLES))


@lru_cache(maxsize=1)
def _services(values: tuple[str, ...]) -> Heartline:
    """Put the parts together, once for an environment."""
    settings = read_settings(dict(zip(VARIABLES, values, strict=True)))
    logger.setLevel(settings.log_level)
    table = Table(client("dynamodb", attempts=3, read=3), settings.table)
    return Heartline(
        targets=settings.targets,
        fleet=len(settings.targets),
        interval=settings.interval,
        store=Store(table),
        outbox=Outbox(table),
        # What it tells is an addition to mails, and must not hold them up.
        history=History(Table(late("dynamodb", attempts=2, read=1), settings.table)),
        credentials=Credentials(late("secretsmanager", attempts=2, read=3), signer),
        channel_names=(EMAIL, TOPIC) if settings.topic else (EMAIL,),
        channels=cache(partial(_channels, settings)),
        clock=lambda: datetime.now(UTC),
        log=logger,
        metrics=Metrics(_SERVICE, by_target=settings.target_metrics),
        function=settings.function,
        region=settings.region,
        queue=Queue(late("sqs", attempts=3, read=3), settings.queue) if settings.queue else None,
        share=settings.share,
        courier=settings.courier,
    )


def _channels(settings: Settings) -> tuple[Channel, ...]:
    from heartline.notify.email import EmailChannel  # noqa: PLC0415 - only what tells needs them
    from heartline.notify.sns import TopicChannel  # noqa: PLC0415 - only what tells needs them

    # One attempt: neither SES nor SNS can tell a repeated call from a second alert; the next tick repeats it.
    email = EmailChannel(client("sesv2", attempts=1, read=5), settings.sender, settings.configuration_set)
    if settings.topic is None:
        return (email,)
    return (email, TopicChannel(client("sns", attempts=1, read=5), settings.topic))
