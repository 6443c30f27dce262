"""The keys of a target in the targets document, each with the reader of its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from heartline.common import fields
from heartline.config.windows import windows, zone
from heartline.i18n.language import LANGUAGES
from heartline.model.expectation import expected_rows, expected_value
from heartline.model.kinds import Role, Tls, TlsNegotiation

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from heartline.model.recurrence import Recurrence

Reader = Callable[[object], object]


def _whole(least: int, most: int) -> Reader:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"give a whole number from {least} to {most}")
        return value

    return read


def _duration(least: float, most: float) -> Callable[[object], timedelta]:
    return lambda value: fields.duration(value, least, most)


def _one_of(kind: type[StrEnum]) -> Reader:
    def read(value: object) -> StrEnum:
        if not isinstance(value, str) or value not in list(kind):
            raise ValueError(f"give one of {', '.join(kind)}")
        return kind(value)

    return read


def _true_or_false(value: object) -> bool:
    if value is not True and value is not False:
        raise ValueError("give true or false, without quotes")
    return value


def _auth(value: object) -> str:
    if value != "iam":
        raise ValueError('give "iam", or leave it out')
    return "iam"


def _language(value: object) -> str:
    if value not in LANGUAGES:
        raise ValueError(f"give one of {', '.join(LANGUAGES)}")
    return str(value)


def _time_zone(value: object) -> ZoneInfo:
    try:
        return zone(value)
    except ValueError:
        raise ValueError('give a time zone by its IANA name, like "Europe/Berlin"') from None


def _report(value: object) -> Recurrence:
    from heartline.config.recurrence import recurrence  # noqa: PLC0415 - only a document that asks for reports needs it

    return recurrence(value)


# Each reader raises ValueError with the fix as its text.
READERS: Mapping[str, Reader] = {
    "name": fields.name,
    "host": fields.host,
    "port": _whole(1, 65535),
    "database": fields.text,
    "user": fields.text,
    "secret": fields.text,
    "auth": _auth,
    "query": fields.query,
    "expect_rows": expected_rows,
    "expect_value": expected_value,
    "expect": _one_of(Role),
    "tls": _one_of(Tls),
    "tls_negotiation": _one_of(TlsNegotiation),
    "client_certificate": fields.text,
    "timeout": _duration(0.1, 30),
    "recipients": fields.addresses,
    "language": _language,
    "time_zone": _time_zone,
    "report": _report,
    "confirmations": _whole(0, 10),
    "confirm_after": _duration(0, 30),
    "recover_after": _whole(1, 10),
    "remind_every": _duration(60, 86400),
    "settle_after": _duration(1, 86400),
    "maintenance": windows,
    "slow_after": _duration(0.001, 30),
    "lag_after": _duration(1, 7 * 86400),
    "tags": fields.tags,
    "metrics": _true_or_false,
}
# Those that belong to the policy of a target.
POLICY_KEYS = (
    *("confirmations", "confirm_after", "recover_after", "remind_every", "settle_after", "maintenance"),
    *("slow_after", "lag_after"),
)
# Those that may have a common value.
COMMON_READERS = {key: reader for key, reader in READERS.items() if key not in {"name", "host"}}
