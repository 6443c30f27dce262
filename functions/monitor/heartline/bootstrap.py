"""Build the services, once for an environment."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from heartline.aws import clients
from heartline.aws.clients import Lazy
from heartline.aws.log import Log
from heartline.aws.metrics import Metrics
from heartline.aws.queue import Queue
from heartline.aws.topic import Topic
from heartline.config.settings import VARIABLES, Settings, read_settings
from heartline.probe.tls import check_layer
from heartline.prober.credentials import Credentials
from heartline.prober.local import LocalProber
from heartline.services import Services
from heartline.storage.history import History
from heartline.storage.outbox import Outbox
from heartline.storage.states import Store
from heartline.storage.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_rds import RDSClient

    from heartline.aws.rds import Rds
    from heartline.notify.channel import Channel
    from heartline.notify.receipts import Receipts
    from heartline.prober.check import Prober
    from heartline.storage.digests import Digests
    from heartline.storage.discoveries import Discoveries
    from heartline.storage.mails import Mails

# Many events about mails may come at once, and change one item.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
# With a level of its own: else Logger reads LOG_LEVEL itself, and a wrong one ends the function at import.
logger = Logger(service="heartline", level="INFO")
log = Log(logger)


def services() -> Services:
    """Return the services for the environment as it is, with the targets that RDS listed last.

    Raises
    ------
    ConfigurationError
        With every fault of the environment, of the targets document or of the layer with certificates.
    ClientError, BotoCoreError
        If what was found in RDS could not be read.
    """
    built = _services(tuple((name, os.environ[name]) for name in VARIABLES if name in os.environ))
    if built.settings.discover is None:
        return built
    from heartline.tick.discovery import with_found  # noqa: PLC0415 - as what else only some stacks need

    return with_found(built)


@lru_cache(maxsize=1)
def _services(environment: tuple[tuple[str, str], ...]) -> Services:
    settings = read_settings(dict(environment))
    logger.setLevel(settings.log_level)
    # Every run needs it: built here it takes no time from the first probes.
    dynamodb = clients.dynamodb()
    table = Table(lambda: dynamodb, settings.table)
    # What must not hold up a mail.
    hasty = Table(Lazy(clients.dynamodb_for_history), settings.table)
    receipts = cache(partial(_receipts, hasty))
    channels = cache(partial(_channels, settings, receipts))
    return Services(
        settings=settings,
        clock=_clock,
        log=log,
        metrics=Metrics(settings.service),
        store=Store(table, mails=settings.configuration_set is not None),
        outbox=Outbox(table),
        history=History(hasty),
        prober=_prober(settings),
        channels=channels,
        notice_channels=cache(partial(_notice_channels, settings, channels)),
        mails=cache(partial(_mails, replace(table, pauses=_PAUSES))),
        receipts=receipts,
        queue=Queue(Lazy(clients.sqs), settings.queue) if settings.queue else None,
        discoveries=cache(partial(_discoveries, table)),
        digests=cache(partial(_digests, table)),
        rds=_rds(clients.rds_facts) if settings.use_rds else None,
        rds_lists=_rds(clients.rds_lists) if settings.discover else None,
        health_topic=Topic(Lazy(clients.sns), settings.health_topic) if settings.health_topic else None,
    )


def _clock() -> datetime:
    return datetime.now(UTC)


def _prober(settings: Settings) -> Prober:
    credentials = Credentials(Lazy(clients.secrets_manager), clients.rds)
    if settings.discover or any(target.tls.verified for target in settings.targets):
        check_layer()
    if settings.probe_function is None:
        return LocalProber(credentials)
    # It costs a cold start 3 ms, and most stacks have none.
    from heartline.prober.remote import RemoteProber  # noqa: PLC0415

    return RemoteProber(credentials, Lazy(clients.lambda_), settings.probe_function, _clock, log)


def _discoveries(table: Table) -> Discoveries:
    from heartline.storage.discoveries import Discoveries  # noqa: PLC0415

    return Discoveries(table)


def _digests(table: Table) -> Digests:
    from heartline.storage.digests import Digests  # noqa: PLC0415 - as what else only some stacks need

    return Digests(table)


def _rds(client: Callable[[str], RDSClient]) -> Rds:
    from heartline.aws.rds import Rds  # noqa: PLC0415

    return Rds(cache(client))


def _mails(table: Table) -> Mails:
    from heartline.storage.mails import Mails  # noqa: PLC0415

    return Mails(table)


def _receipts(table: Table) -> Receipts:
    from heartline.notify.receipts import Receipts  # noqa: PLC0415

    return Receipts(_mails(table).keep, log)


def _channels(settings: Settings, receipts: Callable[[], Receipts]) -> tuple[Channel, ...]:
    from heartline.notify.email import EmailChannel  # noqa: PLC0415 - only deliveries need them
    from heartline.notify.sns import TopicChannel  # noqa: PLC0415 - only deliveries need them

    email = EmailChannel(clients.ses(), settings.sender, settings.configuration_set, receipts().note)
    return (email, TopicChannel(clients.sns(), settings.topic)) if settings.topic else (email,)


def _notice_channels(settings: Settings, channels: Callable[[], tuple[Channel, ...]]) -> tuple[Channel, ...]:
    if settings.health_topic is None:
        return channels()
    from heartline.notify.sns import TopicChannel  # noqa: PLC0415

    return (*channels(), TopicChannel(clients.sns(), settings.health_topic, "health"))
