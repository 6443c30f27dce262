"""Handle what starts the monitor: the schedule, a queue's messages, an operator's command, the console's widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from heartline.aws.log import Event
from heartline.bootstrap import log, logger, services
from heartline.common.deadline import Deadline
from heartline.model.errors import EventError, HeartlineError
from heartline.services import Services
from heartline.tick.fanout import run_scheduled, run_shards

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# EventBridge Scheduler, and the older rule with a schedule.
_TICK_SOURCES = ("aws.scheduler", "aws.events")
# What the console calls a custom widget with, and asks for its documentation with.
_WIDGET = frozenset({"widgetContext", "describe"})
# What the handler does after the last call, its log and its answer.
_MARGIN_SECONDS = 1
# Without Lambda's context a run may take as long as a tick.
_TICK_SECONDS = 60

_UNKNOWN = (
    "unknown event: known are the events of EventBridge Scheduler and of scheduled EventBridge rules, of RDS, of SES, "
    'of SQS with shards of a tick, of a CloudWatch custom widget, and {{"command": "..."}} with one of {commands}'
)


def lambda_handler(event: object, context: LambdaContext | None) -> dict[str, Any] | str:
    """Run what an event asks for: a tick or a part of one, an operator's command, or a page of the console's widget.

    Parameters
    ----------
    event
        Any JSON.
    context
        Lambda's; None where nobody counts the time.

    Raises
    ------
    ConfigurationError
        With every fault of the configuration, before anything is read or written.
    EventError
        If the event is none that is known. A mistake in a command is an answer.
    ProberError
        If a command asks for a probe and the probe function fails.
    """
    logger.append_keys(function_request_id=getattr(context, "aws_request_id", None))
    try:
        return _run(services(), event, context)
    except HeartlineError as error:
        log.error(Event.NOT_STARTED, str(error))
        raise


def _run(services: Services, event: object, context: LambdaContext | None) -> dict[str, Any] | str:
    """Make the one call that an event is for."""
    deadline = _deadline(context)
    # What a tick does not need is imported here: at the head of the file it would make each cold start longer.
    # A button's event has a command too, and is answered with a page.
    if isinstance(event, Mapping) and not _WIDGET.isdisjoint(event):
        from heartline.commands.widget.respond import run_widget  # noqa: PLC0415

        return run_widget(services, event, getattr(context, "invoked_function_arn", ""), deadline)
    if isinstance(event, Mapping) and "command" in event:
        from heartline.commands.dispatch import run_command  # noqa: PLC0415

        return run_command(services, event, deadline)
    if isinstance(event, Mapping) and event.get("source") in _TICK_SOURCES:
        summary = run_scheduled(services, deadline)
        if services.settings.ping_url:
            from heartline.tick.ping import ping  # noqa: PLC0415

            ping(services, summary, deadline)
        if services.settings.discover:
            from heartline.tick.discovery import refresh  # noqa: PLC0415

            refresh(services, deadline)
        if any(target.report for target in services.settings.targets):
            from heartline.tick.digests import send_digests  # noqa: PLC0415

            send_digests(services, deadline)
        return summary.answer()
    if isinstance(event, Mapping) and event.get("source") == "aws.rds":
        from heartline.tick.rds_events import run_rds_event  # noqa: PLC0415

        return run_rds_event(services, event, deadline)
    if isinstance(event, Mapping) and event.get("source") == "aws.ses":
        from heartline.tick.ses_events import run_ses_event  # noqa: PLC0415

        return run_ses_event(services, event, deadline)
    if records := _records(event, "aws:sqs"):
        return run_shards(services, records, deadline)
    from heartline.commands.dispatch import COMMANDS  # noqa: PLC0415

    raise EventError(_UNKNOWN.format(commands=", ".join(COMMANDS)))


def _records(event: object, source: str) -> Sequence[Mapping[str, Any]]:
    """Return the records of an event whose records are all from one source; none for any other event."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        return ()
    ours = [record for record in records if isinstance(record, Mapping) and record.get("eventSource") == source]
    return ours if len(ours) == len(records) else ()


def _deadline(context: LambdaContext | None) -> Deadline:
    """Return when this run must be over."""
    seconds = _TICK_SECONDS if context is None else context.get_remaining_time_in_millis() / 1000
    return Deadline.after(seconds - _MARGIN_SECONDS)
