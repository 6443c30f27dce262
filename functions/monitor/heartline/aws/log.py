"""Write log records with a fixed set of keys."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypedDict, Unpack

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.errors import code_of


class Event(StrEnum):
    """Name each record of the log: dashboards and alarms depend on these names, and on no wording."""

    TICK = "tick"
    FAN_OUT = "fan-out"
    FAILURE = "failure"
    UNPROBED = "unprobed"
    PROBES = "probes"
    PROBER_FAULT = "prober-fault"
    TARGET_FAULT = "target-fault"
    STATE_UNREADABLE = "state-unreadable"
    DECISION_DROPPED = "decision-dropped"
    STATES_NOT_READ = "states-not-read"
    HEARTBEATS_NOT_READ = "heartbeats-not-read"
    HEARTBEAT_NOT_WRITTEN = "heartbeat-not-written"
    LATENCIES_NOT_KEPT = "latencies-not-kept"
    TICKS_MISSED = "ticks-missed"
    SHARDS_NOT_SENT = "shards-not-sent"
    SHARD_UNREADABLE = "shard-unreadable"
    SHARD_STALE = "shard-stale"
    SHARD_FAILED = "shard-failed"
    ALERT_REFUSED = "alert-refused"
    RECIPIENTS_REFUSED = "recipients-refused"
    OUTBOX_FAULT = "outbox-fault"
    LEASE_LOST = "lease-lost"
    MAIL_NOT_KEPT = "mail-not-kept"
    SES_EVENT = "ses-event"
    UNDELIVERABLE = "undeliverable"
    NOTICE_REFUSED = "notice-refused"
    MAILS_NOT_REVIEWED = "mails-not-reviewed"
    HISTORY_NOT_READ = "history-not-read"
    COMMAND_REFUSED = "command-refused"
    NOT_STARTED = "not-started"
    PING_FAILED = "ping-failed"
    RDS_EVENT = "rds-event"
    RDS_NOT_ASKED = "rds-not-asked"
    REPORTED = "reported"
    REPORT_REFUSED = "report-refused"
    REPORT_FAILED = "report-failed"
    DISCOVERED = "discovered"
    DISCOVERY_FAILED = "discovery-failed"
    TAG_WRONG = "tag-wrong"


class Keys(TypedDict, total=False):
    """Name the keys that a record may have beside `event`, `message` and its level.

    Attributes
    ----------
    target, shard
        What it is about.
    tick
        When the tick began, ISO 8601.
    error
        An exception: its class becomes `error_type`, AWS's code `error_code`. Its text is not logged: it may quote
        anything.
    error_type, error_code
        The kind of a failure and its SQLSTATE; or the code of a refusal.
    detail
        Whatever else there is to say: a text, or a document.
    """

    target: str
    tick: str
    shard: str | None
    error: BaseException | None
    error_type: str
    error_code: str | None
    detail: object


class Log:
    """Write records.

    Parameters
    ----------
    logger
        Writes them as JSON.
    """

    def __init__(self, logger: Logger) -> None:
        self._logger = logger

    def info(self, event: Event, message: str, **keys: Unpack[Keys]) -> None:
        """Record what is as it should be."""
        _write(self._logger.info, event, message, keys)

    def warning(self, event: Event, message: str, **keys: Unpack[Keys]) -> None:
        """Record what is wrong with a database, or may be worth a look."""
        _write(self._logger.warning, event, message, keys)

    def error(self, event: Event, message: str, **keys: Unpack[Keys]) -> None:
        """Record a fault of the monitor, or of what it relies on, that the next tick may not meet."""
        _write(self._logger.error, event, message, keys)

    def critical(self, event: Event, message: str, **keys: Unpack[Keys]) -> None:
        """Record a fault that stays until somebody fixes it."""
        _write(self._logger.critical, event, message, keys)


def _write(write: Callable[..., None], event: Event, message: str, keys: Keys) -> None:
    known: dict[str, object] = {"event": event.value, **keys}
    if isinstance(error := known.pop("error", None), BaseException):
        known["error_type"] = type(error).__name__
        known["error_code"] = code_of(error) if isinstance(error, ClientError | BotoCoreError) else None
    # The third frame up is the one that has something to say.
    write(message, extra={name: value for name, value in known.items() if value is not None}, stacklevel=4)
