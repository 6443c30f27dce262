"""Read the TOML document that names the databases to watch."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from heartline.common import fields
from heartline.config.windows import windows, zone
from heartline.i18n.language import LANGUAGES
from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Role, Tls, TlsNegotiation
from heartline.model.target import MOST_TARGETS, Policy, Target

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# A tick is a minute: what confirms a transition must fit into it, with time left to save and to send.
_CONFIRMATION_LIMIT = timedelta(seconds=45)
_PASSWORD_KEYS = {"password", "passwd", "pwd", "pass"}


def parse_targets(document: str, recipients: tuple[str, ...] = (), most: int = MOST_TARGETS) -> tuple[Target, ...]:
    """Derive the targets from a TOML document.

    Parameters
    ----------
    document
        The text: an optional `[defaults]` table and one `[[targets]]` table a database.
    recipients
        Who is told of targets that name nobody.
    most
        How many targets there may be.

    Raises
    ------
    ConfigurationError
        With every fault of the document, each naming the target, the key and the mend.
    """
    try:
        tables = tomllib.loads(document)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError([f"not a TOML document{_where(error)}: check quotes and brackets"]) from None
    faults = [f"unknown key {key!r}: only [defaults] and [[targets]] are known" for key in sorted(tables.keys() - _TOP)]
    defaults = _read(tables.get("defaults", {}), "[defaults]", _READERS.keys() - {"name", "host"}, faults)
    written = tables.get("targets", [])
    if not isinstance(written, list) or not written:
        faults.append("no targets: add a [[targets]] table with name and host for each database to watch")
        written = []
    targets = [
        _target({"recipients": recipients} | defaults, table, place, faults)
        for place, table in enumerate(written, start=1)
    ]
    if len(written) > most:
        faults.append(f"{len(written)} targets: {most} is the most: deploy a second stack for the others")
    faults += _twice(written)
    if faults:
        raise ConfigurationError(faults)
    return tuple(target for target in targets if target)


_TOP = {"defaults", "targets"}


def _where(error: Exception) -> str:
    """Give the place that the parser complains of, without the text that stands there."""
    place = re.search(r"\(at [a-z0-9, ]+\)$", str(error))
    return f" {place[0]}" if place else ""


def _twice(tables: list[object]) -> list[str]:
    names = [table["name"] for table in tables if isinstance(table, dict) and _named(table.get("name"))]
    return [
        f'target "{name}": the name stands {names.count(name)} times: give each target its own name'
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]


def _target(defaults: Mapping[str, object], table: object, place: int, faults: list[str]) -> Target | None:
    name = table.get("name") if isinstance(table, dict) else None
    label = f'target "{name}"' if _named(name) else f"target {place}"
    before = len(faults)
    read = {**defaults, **_read(table, label, _READERS.keys(), faults)}
    if isinstance(table, dict):
        faults += [f"{label}: {fault}" for fault in _missing({**defaults, **table})]
    if len(faults) > before:
        return None
    policy = Policy(**{key: read.pop(key) for key in _POLICY if key in read})  # type: ignore[arg-type]
    iam = read.pop("auth", None) == "iam"
    target = Target(policy=policy, iam=iam, **read)  # type: ignore[arg-type]
    faults += [f"{label}: {fault}" for fault in _contradictions(target)]
    return target


def _missing(given: Mapping[str, object]) -> list[str]:
    """List the keys that a target cannot do without."""
    missing = [] if "name" in given else ['key "name" is missing: give each target a name of its own']
    if "secret" not in given:
        missing += [
            f'key "{key}" is missing: give it, or name a secret that has it'
            for key in ("host", "user")
            if key not in given
        ]
    if given.get("recipients") == ():
        missing.append('key "recipients" is missing: give it here, in [defaults] or in ALERT_RECIPIENTS')
    return missing


_POLICY = ("confirmations", "confirm_after", "recover_after", "remind_every", "settle_after", "maintenance")


def _named(name: object) -> bool:
    try:
        fields.name(name)
    except ValueError:
        return False
    return True


def _contradictions(target: Target) -> list[str]:
    """List what is wrong with keys that are each right alone."""
    policy, faults = target.policy, []
    if target.secret and target.iam:
        faults.append('keys "secret" and "auth" exclude each other: keep one of them')
    if target.iam and not target.tls.verified:
        faults.append('key "tls": auth = "iam" sends a token: use "verify-full" or "verify-ca"')
    if target.tls is Tls.DISABLE:
        faults += [
            f'key "{key}" needs TLS: leave it out, or set tls to another value than "disable"'
            for key, given in (
                ("client_certificate", target.client_certificate is not None),
                ("tls_negotiation", target.tls_negotiation is TlsNegotiation.DIRECT),
            )
            if given
        ]
    going_down = target.timeout * (policy.confirmations + 1) + policy.confirm_after * policy.confirmations
    coming_up = target.timeout * policy.recover_after + policy.confirm_after * (policy.recover_after - 1)
    if max(going_down, coming_up) > _CONFIRMATION_LIMIT:
        faults.append(
            'keys "timeout", "confirmations", "confirm_after" and "recover_after": the probes of one tick could take '
            f"{max(going_down, coming_up).total_seconds():g} s: lower them to "
            f"{_CONFIRMATION_LIMIT.total_seconds():g} s or less"
        )
    return faults


def _read(table: object, label: str, known: AbstractSet[str], faults: list[str]) -> dict[str, object]:
    """Read the keys of one table, adding a fault for each that is wrong."""
    if not isinstance(table, dict):
        faults.append(f"{label}: must be a table of keys and values")
        return {}
    read: dict[str, object] = {}
    for key, value in table.items():
        if key.lower() in _PASSWORD_KEYS:
            faults.append(
                f'{label}: key "{key}": a password never stands here: put it into Secrets Manager, name it by "secret"'
            )
        elif key not in known:
            faults.append(f'{label}: unknown key "{_shown(key)}": known are {", ".join(sorted(known))}')
        else:
            try:
                read[key] = _READERS[key](value)
            except ValueError as fix:
                faults.append(f'{label}: key "{key}": {fix}')
    return read


def _shown(key: str) -> str:
    return "".join(c for c in key if c.isprintable())[:40]


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"give a whole number from {least} to {most}")
        return value

    return read


def _duration(least: float, most: float) -> Callable[[object], timedelta]:
    return lambda value: fields.duration(value, least, most)


def _one_of(kind: type[StrEnum]) -> Callable[[object], StrEnum]:
    def read(value: object) -> StrEnum:
        if not isinstance(value, str) or value not in list(kind):
            raise ValueError(f"give one of {', '.join(kind)}")
        return kind(value)

    return read


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


_READERS: Mapping[str, Callable[[object], object]] = {
    "name": fields.name,
    "host": fields.host,
    "port": _whole(1, 65535),
    "database": fields.text,
    "user": fields.text,
    "secret": fields.text,
    "auth": _auth,
    "query": fields.query,
    "expect": _one_of(Role),
    "tls": _one_of(Tls),
    "tls_negotiation": _one_of(TlsNegotiation),
    "client_certificate": fields.text,
    "timeout": _duration(0.1, 30),
    "recipients": fields.addresses,
    "language": _language,
    "time_zone": _time_zone,
    "confirmations": _whole(0, 10),
    "confirm_after": _duration(0, 30),
    "recover_after": _whole(1, 10),
    "remind_every": _duration(60, 30 * 86400),
    "settle_after": _duration(1, 86400),
    "maintenance": windows,
}
