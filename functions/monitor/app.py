"""Handle what starts the function: the schedule, a queue's messages, a table's stream, an operator's command."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.session import Session, get_session

from heartline.credentials import Credentials
from heartline.fanout import run_scheduled, run_shards
from heartline.history import History
from heartline.meter import Meter
from heartline.model import CommandError, HeartlineError
from heartline.outbox import Outbox
from heartline.parts import Heartline
from heartline.portion import EMAIL, TOPIC
from heartline.queue import Queue
from heartline.settings import VARIABLES, Settings, read_settings
from heartline.store import Store
from heartline.table import Table

if TYPE_CHECKING:
    from heartline.channels import Channel

# EventBridge Scheduler, and the older rule with a schedule.
_TICK_SOURCES = ("aws.scheduler", "aws.events")
# Two stacks in an account are told apart by it in their metrics.
_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME") or os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "heartline"
# What the handler does after the last call, its log and its answer.
_MARGIN_SECONDS = 1

_UNKNOWN = (
    "unknown event: known are the events of EventBridge Scheduler and of scheduled EventBridge rules, of SQS with "
    "shards of a tick, of the state table's stream, "
    'and {{"command": "..."}} with one of {commands}'
)

# With a level of its own: else Logger reads LOG_LEVEL itself, and a wrong one ends the function at import.
logger = Logger(service="heartline", level="INFO")
_making = Lock()


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda gives any JSON
    """Run what an event asks for: a tick, shards of one, a delivery, or an operator's command.

    Raises
    ------
    ConfigurationError
        With every fault of the configuration, before anything is read or written.
    CommandError
        When the event or command is unknown or malformed.
    """
    logger.append_keys(function_request_id=getattr(context, "aws_request_id", None))
    try:
        heartline = _heartline(tuple(os.environ.get(name, "") for name in VARIABLES))
        return _run(heartline, event, lambda: _seconds_left(context) - _MARGIN_SECONDS)
    except HeartlineError as error:
        logger.error(str(error))
        raise


def _run(heartline: Heartline, event: Any, left: Callable[[], float]) -> dict[str, Any]:  # noqa: ANN401
    """Make the one call that an event is for."""
    # What a tick does not need is imported here: at the head of the file it would make each cold start longer.
    if isinstance(event, Mapping) and "command" in event:
        from heartline.commands import run_command  # noqa: PLC0415

        return run_command(heartline, event)
    if isinstance(event, Mapping) and event.get("source") in _TICK_SOURCES:
        return run_scheduled(heartline, left())
    if records := _records(event, "aws:sqs"):
        return run_shards(heartline, records, left)
    if _records(event, "aws:dynamodb"):
        from heartline.deliver import run_courier  # noqa: PLC0415

        return run_courier(heartline, left())
    from heartline.commands import COMMANDS  # noqa: PLC0415

    raise CommandError(_UNKNOWN.format(commands=", ".join(COMMANDS)))


def _records(event: Any, source: str) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401
    """Give the records of an event whose records are all of one source; none for any other event."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        return ()
    ours = [record for record in records if isinstance(record, Mapping) and record.get("eventSource") == source]
    return ours if len(ours) == len(records) else ()


def _seconds_left(context: Any) -> float:  # noqa: ANN401 - Lambda's context has no published type
    """Ask Lambda how long this run may take; without Lambda it is a tick's minute."""
    if context is None:
        return 60
    return float(context.get_remaining_time_in_millis()) / 1000


@lru_cache(maxsize=1)
def _heartline(values: tuple[str, ...]) -> Heartline:
    """Put the parts together, once for an environment."""
    settings = read_settings(dict(zip(VARIABLES, values, strict=True)))
    logger.setLevel(settings.log_level)
    table = Table(_client("dynamodb", attempts=3, read=3), settings.table)
    return Heartline(
        targets=settings.targets,
        fleet=len(settings.targets),
        interval=settings.interval,
        store=Store(table),
        outbox=Outbox(table),
        # What it tells is an addition to mails, and must not hold them up.
        history=History(Table(_late("dynamodb", attempts=2, read=1), settings.table)),
        credentials=Credentials(_late("secretsmanager", attempts=2, read=3), _signer),
        told_by=(EMAIL, TOPIC) if settings.topic else (EMAIL,),
        channels=cache(partial(_channels, settings)),
        clock=lambda: datetime.now(UTC),
        log=logger,
        meter=Meter(_SERVICE, by_target=settings.target_metrics),
        function=settings.function,
        region=settings.region,
        queue=Queue(_late("sqs", attempts=3, read=3), settings.queue) if settings.queue else None,
        share=settings.share,
        courier=settings.courier,
    )


def _channels(settings: Settings) -> tuple[Channel, ...]:
    from heartline.channels import EmailChannel, TopicChannel  # noqa: PLC0415 - only what tells needs them

    # One attempt: neither SES nor SNS can tell a repeated call from a second alert; the next tick repeats it.
    email = EmailChannel(_client("sesv2", attempts=1, read=5), settings.sender, settings.configuration_set)
    if settings.topic is None:
        return (email,)
    return (email, TopicChannel(_client("sns", attempts=1, read=5), settings.topic))


def _signer(region: str | None) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    # Probes ask for it in threads of their own, and botocore cannot make two clients at once.
    with _making:
        return _rds(region)


@lru_cache
def _rds(region: str | None) -> Any:  # noqa: ANN401
    return _session().create_client("rds", region_name=region)


class _Late:
    """Stand for a client, and build it when it is first used: each costs a cold start 20 to 40 ms of a processor."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        # A tick's threads may be the first to use it, and botocore cannot make two clients at once.
        with _making:
            self._made = self._made or self._make()
        return getattr(self._made, name)


def _late(service: str, *, attempts: int, read: int) -> Any:  # noqa: ANN401
    return _Late(partial(_client, service, attempts=attempts, read=read))


def _client(service: str, *, attempts: int, read: int) -> Any:  # noqa: ANN401
    retries = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(connect_timeout=2, read_timeout=read, retries=retries, max_pool_connections=32)
    return _session().create_client(service, config=config)


@lru_cache
def _session() -> Session:
    # boto3 would make the same clients of it; to import boto3 as well takes a tenth of a cold start.
    return get_session()
