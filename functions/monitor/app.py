"""Handle what starts the function: the schedule, a queue's messages, a table's stream, an operator's command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from heartline.bootstrap import logger, services
from heartline.model.errors import CommandError, HeartlineError
from heartline.services import Heartline
from heartline.tick.fanout import run_scheduled, run_shards

if TYPE_CHECKING:
    pass

# EventBridge Scheduler, and the older rule with a schedule.
_TICK_SOURCES = ("aws.scheduler", "aws.events")
# What the handler does after the last call, its log and its answer.
_MARGIN_SECONDS = 1

_UNKNOWN = (
    "unknown event: known are the events of EventBridge Scheduler and of scheduled EventBridge rules, of SQS with "
    "shards of a tick, of the state table's stream, "
    'and {{"command": "..."}} with one of {commands}'
)


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
        return _run(services(), event, lambda: _seconds_left(context) - _MARGIN_SECONDS)
    except HeartlineError as error:
        logger.error(str(error))
        raise


def _run(heartline: Heartline, event: Any, left: Callable[[], float]) -> dict[str, Any]:  # noqa: ANN401
    """Make the one call that an event is for."""
    # What a tick does not need is imported here: at the head of the file it would make each cold start longer.
    if isinstance(event, Mapping) and "command" in event:
        from heartline.commands.dispatch import run_command  # noqa: PLC0415

        return run_command(heartline, event)
    if isinstance(event, Mapping) and event.get("source") in _TICK_SOURCES:
        return run_scheduled(heartline, left())
    if records := _records(event, "aws:sqs"):
        return run_shards(heartline, records, left)
    if _records(event, "aws:dynamodb"):
        from heartline.tick.deliver import run_courier  # noqa: PLC0415

        return run_courier(heartline, left())
    from heartline.commands.dispatch import COMMANDS  # noqa: PLC0415

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
