"""Parse the TOML document that names the databases to watch."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from heartline.common import fields
from heartline.config.target_keys import COMMON_READERS, POLICY_KEYS, READERS, Reader
from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Tls, TlsNegotiation
from heartline.model.target import MOST_TARGETS, Policy, Target

# A tick is a minute: what confirms a transition must fit into it, with time left to save and to send.
_CONFIRMATION_LIMIT = timedelta(seconds=45)
_RDS_SECRET = re.compile(r"rds!(db|cluster)-", re.ASCII)
# What is seen to be up this many times in a row has rested.
_SETTLE_INTERVALS = 3
_MINUTE = timedelta(minutes=1)
_PASSWORD_KEYS = {"password", "passwd", "pwd", "pass"}
_TABLES = ("defaults", "discover", "targets")


def parse_targets(
    document: str,
    recipients: tuple[str, ...] = (),
    most: int = MOST_TARGETS,
    interval: timedelta = _MINUTE,
    *,
    discovers: bool = False,
) -> tuple[Target, ...]:
    """Return the targets of a TOML document.

    Parameters
    ----------
    document
        The text: an optional `[defaults]` table, and a `[[targets]]` table for each database.
    recipients
        The recipients of targets that name none.
    most
        How many targets there may be.
    interval
        How often ticks come.
    discovers
        Whether more are found in RDS: then there may be none.

    Raises
    ------
    ConfigurationError
        With every fault of the document, each with the target, the key and the fix.
    """
    tables = read_tables(document)
    unknown = sorted(tables.keys() - set(_TABLES))
    faults = [f"unknown key {key!r}: only [defaults], [discover] and [[targets]] are known" for key in unknown]
    if "discover" in tables and not discovers:
        faults.append("[discover]: RDS is not to be asked: deploy with UseRds=discover")
    defaults = read_keys(tables.get("defaults", {}), "[defaults]", COMMON_READERS, faults)
    written = tables.get("targets", [])
    if not isinstance(written, list) or not (written or discovers):
        faults.append("no targets: add a [[targets]] table with name and host for each database to watch")
        written = []
    targets = [
        make_target({"recipients": recipients, "interval": interval} | defaults, table, place, faults)
        for place, table in enumerate(written, start=1)
    ]
    if len(written) > most:
        faults.append(f"{len(written)} targets: {most} is the most: deploy a second stack for the others")
    faults += _duplicates(written)
    if faults:
        raise ConfigurationError(faults)
    return tuple(target for target in targets if target)


def read_tables(document: str) -> dict[str, Any]:
    """Return what a TOML document holds.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    try:
        return tomllib.loads(document)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError([f"not a TOML document{_place(error)}: check quotes and brackets"]) from None


def _place(error: Exception) -> str:
    """Return the place of a TOML error, without the text that stands there."""
    place = re.search(r"\(at [a-z0-9, ]+\)$", str(error))
    return f" {place[0]}" if place else ""


def _duplicates(tables: list[object]) -> list[str]:
    names = [table["name"] for table in tables if isinstance(table, dict) and _is_name(table.get("name"))]
    return [
        f'target "{name}": {names.count(name)} targets have this name: give each target its own name'
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]


def make_target(defaults: Mapping[str, object], table: object, place: int, faults: list[str]) -> Target | None:
    """Return the target of one table; None if it has faults, which are added."""
    name = table.get("name") if isinstance(table, dict) else None
    label = f'target "{name}"' if _is_name(name) else f"target {place}"
    before = len(faults)
    read = {**defaults, **read_keys(table, label, READERS, faults)}
    if isinstance(table, dict):
        faults += [f"{label}: {fault}" for fault in _missing({**defaults, **table})]
    if len(faults) > before:
        return None
    policy = _policy({key: read.pop(key) for key in (*POLICY_KEYS, "interval") if key in read})
    iam = read.pop("auth", None) == "iam"
    target = Target(policy=policy, iam=iam, **read)  # type: ignore[arg-type]
    faults += [f"{label}: {fault}" for fault in _contradictions(target)]
    return target


def _policy(given: Mapping[str, Any]) -> Policy:
    """Return a policy whose settling time, where none is given, is a few intervals at any schedule."""
    policy = Policy(**given)
    if "settle_after" in given:
        return policy
    return replace(policy, settle_after=max(policy.settle_after, _SETTLE_INTERVALS * policy.interval))


def _is_name(name: object) -> bool:
    try:
        fields.name(name)
    except ValueError:
        return False
    return True


def _missing(given: Mapping[str, object]) -> list[str]:
    """Return a fault for each required key that is missing."""
    missing = [] if "name" in given else ['key "name" is missing: give each target a name of its own']
    if "secret" not in given:
        missing += [
            f'key "{key}" is missing: give it, or name a secret that has it'
            for key in ("host", "user")
            if key not in given
        ]
    elif "host" not in given and _managed_by_rds(given["secret"]):
        missing.append('key "host" is missing: the secret that RDS manages has username and password only')
    if given.get("recipients") == ():
        missing.append('key "recipients" is missing: give it here, in [defaults] or in ALERT_RECIPIENTS')
    return missing


def _managed_by_rds(secret: object) -> bool:
    """Return True if RDS manages a secret: its name says so.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """
    return isinstance(secret, str) and bool(_RDS_SECRET.match(secret.rpartition(":secret:")[2]))


def _contradictions(target: Target) -> list[str]:
    """Return a fault for each combination of keys that are each right alone."""
    policy, faults = target.policy, []
    if target.secret and target.iam:
        faults.append('keys "secret" and "auth" exclude each other: keep one of them')
    if target.iam and not target.tls.verified:
        faults.append('key "tls": auth = "iam" sends a token: use "verify-full" or "verify-ca"')
    if target.expectations and target.query is None:
        faults.append(
            'keys "expect_rows" and "expect_value" are about the result of "query": give one, or leave them out'
        )
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
    if (longest := max(going_down, coming_up)) > _CONFIRMATION_LIMIT:
        faults.append(
            'keys "timeout", "confirmations", "confirm_after" and "recover_after": the probes of one tick could take '
            f"{longest.total_seconds():g} s: lower them to {_CONFIRMATION_LIMIT.total_seconds():g} s or less"
        )
    if policy.slow_after and policy.slow_after >= target.timeout:
        faults.append('key "slow_after": no probe takes longer than "timeout": give less than that')
    if policy.settle_after <= policy.interval:
        faults.append(
            f'key "settle_after": a tick comes each {policy.interval.total_seconds():g} s, so that a flapping target '
            "would count as stable at once: give more than that, best some times as much"
        )
    return faults


def read_keys(table: object, label: str, readers: Mapping[str, Reader], faults: list[str]) -> dict[str, object]:
    """Return the values of one table; a fault is added for each key that is wrong."""
    if not isinstance(table, dict):
        faults.append(f"{label}: must be a table of keys and values")
        return {}
    read: dict[str, object] = {}
    for key, value in table.items():
        if key.lower() in _PASSWORD_KEYS:
            faults.append(
                f'{label}: key "{key}": a password must not stand here: put it into Secrets Manager, and name the '
                'secret by "secret"'
            )
        elif key not in readers:
            faults.append(f'{label}: unknown key "{_printable(key)}": known are {", ".join(sorted(readers))}')
        else:
            try:
                read[key] = readers[key](value)
            except ValueError as fix:
                faults.append(f'{label}: key "{key}": {fix}')
    return read


def _printable(key: str) -> str:
    return "".join(c for c in key if c.isprintable())[:40]
