"""Read the environment: the one place that does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from heartline.common import fields
from heartline.common.frozen import frozen
from heartline.config.targets import parse_targets
from heartline.model.errors import ConfigurationError
from heartline.model.target import MOST_TARGETS, Target

if TYPE_CHECKING:
    from heartline.config.discover import Discover

_PACKAGED = Path(__file__).parents[2] / "targets.toml"
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)
_TOPIC = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}", re.ASCII)
_QUEUE = re.compile(r"https?://[!-~]{1,1000}", re.ASCII)
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html
_CONFIGURATION_SET = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_FUNCTION = re.compile(r"[A-Za-z0-9:_.$-]{1,170}", re.ASCII)
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_PING_URL = re.compile(rf"https://[A-Za-z0-9][A-Za-z0-9.-]{{0,252}}(:{_PORT})?([/?][!-~]{{0,1000}})?", re.ASCII)
# Each target can wait in a thread and a socket of its own, and Lambda has 1,024 of both:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MOST_IN_A_RUN = 500
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


VARIABLES = (
    *("TARGETS", "STATE_TABLE", "ALERT_SENDER", "ALERT_RECIPIENTS", "ALERT_TOPIC", "HEALTH_TOPIC"),
    *("SES_CONFIGURATION_SET", "LOG_LEVEL", "SCHEDULE_MINUTES", "TICK_QUEUE"),
    *("PROBE_FUNCTION", "IAM_USER", "PING_URL", "USE_RDS"),
    # The stack's name; and what Lambda sets.
    *("POWERTOOLS_SERVICE_NAME", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_REGION"),
)


@frozen
class Settings:
    """Hold what the environment says, checked.

    Attributes
    ----------
    targets
        What to watch.
    table, sender, topic, health_topic, configuration_set
        The names of what it uses in DynamoDB, SES and SNS.
    log_level
        From which level on records are written.
    interval
        The time from one tick to the next.
    queue
        The URL of the queue through which the tick of a large fleet is divided.
    probe_function
        The name of the function that probes; None where the monitor does.
    use_rds
        Whether RDS is asked what it knows, for mails.
    discover
        How the databases are watched that RDS lists with a tag; None where it is not asked for them.
    ping_url
        What is requested after each tick that went well; a secret.
    service
        The first dimension of all metrics.
    stack, region, log_group
        The monitor's own, for the links and commands in mails; empty where they are not known.
    """

    targets: tuple[Target, ...]
    table: str
    sender: str
    topic: str | None = None
    health_topic: str | None = None
    configuration_set: str | None = None
    log_level: str = "INFO"
    interval: timedelta = timedelta(minutes=1)
    queue: str | None = None
    probe_function: str | None = None
    use_rds: bool = False
    discover: Discover | None = None
    ping_url: str | None = field(default=None, repr=False)
    service: str = "heartline"
    stack: str = ""
    region: str = ""
    log_group: str = ""


def read_settings(environment: Mapping[str, str], packaged: Path = _PACKAGED) -> Settings:
    """Return the settings that environment variables give.

    Parameters
    ----------
    environment
        VARIABLES, as far as they are set.
    packaged
        The document that is read when TARGETS is empty.

    Raises
    ------
    ConfigurationError
        With every fault of every variable and of the targets document, each named.
    """
    faults: list[str] = []
    read = partial(_read, environment, faults)
    table = read("STATE_TABLE", _table, "")
    sender = read("ALERT_SENDER", fields.address, "")
    recipients = read("ALERT_RECIPIENTS", _addresses, None)
    rest: dict[str, Any] = {
        "topic": read("ALERT_TOPIC", _topic, None),
        "health_topic": read("HEALTH_TOPIC", _topic, None),
        "configuration_set": read("SES_CONFIGURATION_SET", _configuration_set, None),
        "log_level": read("LOG_LEVEL", _log_level, "INFO"),
        "interval": read("SCHEDULE_MINUTES", _interval, timedelta(minutes=1)),
        "queue": read("TICK_QUEUE", _queue, None),
        "probe_function": read("PROBE_FUNCTION", _function, None),
        "ping_url": read("PING_URL", _ping_url, None),
        "stack": environment.get("POWERTOOLS_SERVICE_NAME", ""),
        "region": environment.get("AWS_REGION", ""),
        "log_group": environment.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
    }
    if service := rest["stack"] or environment.get("AWS_LAMBDA_FUNCTION_NAME"):
        rest["service"] = service
    most = MOST_TARGETS if environment.get("TICK_QUEUE", "").strip() else _MOST_IN_A_RUN
    asked, user = read("USE_RDS", _asked, "no"), environment.get("IAM_USER")
    discovers, rest["use_rds"] = asked == "discover", asked != "no"
    document = environment.get("TARGETS", "")
    place, text = ("TARGETS", document) if document.strip() else (packaged.name, packaged.read_text(encoding="utf-8"))
    # Where the common recipients are themselves at fault, they are not reported missing too.
    known = ("unread@example.com",) if recipients is None else recipients
    targets: tuple[Target, ...] = ()
    try:
        targets = parse_targets(text, known, most, rest["interval"], discovers=discovers)
        faults += _not_granted(targets, user)
        if discovers:
            from heartline.config.discover import parse_discover  # noqa: PLC0415 - few stacks need it

            common = {"recipients": known, "interval": rest["interval"]}
            rest["discover"] = parse_discover(text, common, rest["region"], user, most)
    except ConfigurationError as error:
        faults += (f"{place}: {fault}" for fault in error.faults)
    if faults:
        raise ConfigurationError(faults)
    return Settings(targets, table, sender, **rest)


_T = TypeVar("_T")


def _read(
    environment: Mapping[str, str],
    faults: list[str],
    variable: str,
    reader: Callable[[str], _T],
    fallback: _T,
) -> _T:
    try:
        return reader(environment.get(variable, "").strip())
    except ValueError as fix:
        faults.append(f"{variable}: {fix}")
        return fallback


def _not_granted(targets: Iterable[Target], user: str | None) -> list[str]:
    """List the targets that the function's role cannot log in to by IAM; a user of None is not known."""
    granted = f'"{user}" alone' if user else "nobody"
    return [
        f'IAM_USER: target "{target.name}" has auth = "iam", and the function\'s role may log in as {granted}: deploy '
        "with DatabaseAuthentication=iam and the target's user as DatabaseUser"
        for target in targets
        if target.iam and user is not None and target.user != user
    ]


def _table(value: str) -> str:
    if not _TABLE.fullmatch(value):
        raise ValueError("give the name of the DynamoDB table")
    return value


def _addresses(value: str) -> tuple[str, ...]:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return fields.addresses(parts) if parts else ()
    except ValueError:
        raise ValueError("give bare e-mail addresses, at most 50, with commas between them") from None


def _topic(value: str) -> str | None:
    if value and not _TOPIC.fullmatch(value):
        raise ValueError("give the ARN of an SNS topic, or leave it empty")
    return value or None


def _log_level(value: str) -> str:
    if value and value.upper() not in _LOG_LEVELS:
        raise ValueError(f"give one of {', '.join(_LOG_LEVELS)}, or leave it empty")
    return value.upper() or "INFO"


def _interval(value: str) -> timedelta:
    if not re.fullmatch(r"|[1-9]\d?", value, re.ASCII):
        raise ValueError("give the minutes from one tick to the next, 1 to 99, or leave it empty for 1")
    return timedelta(minutes=int(value or "1"))


def _configuration_set(value: str) -> str | None:
    if value and not _CONFIGURATION_SET.fullmatch(value):
        raise ValueError("give the name of an SES configuration set, or leave it empty")
    return value or None


def _queue(value: str) -> str | None:
    if value and not _QUEUE.fullmatch(value):
        raise ValueError("give the URL of an SQS queue, or leave it empty")
    return value or None


def _function(value: str) -> str | None:
    if value and not _FUNCTION.fullmatch(value):
        raise ValueError("give the name or the ARN of a Lambda function, or leave it empty")
    return value or None


def _ping_url(value: str) -> str | None:
    if value and not _PING_URL.fullmatch(value):
        raise ValueError("give a URL such as https://hc-ping.com/UUID, without a user, or leave it empty")
    return value or None


def _asked(value: str) -> str:
    if value not in {"", "no", "ask", "discover"}:
        raise ValueError("give no, ask or discover, or leave it empty for no")
    return value or "no"
