"""Account for who has still to be notified.

An alert waits for "email" or "topic", or for "email:ADDRESS" once others of its recipients have it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import groupby
from zoneinfo import ZoneInfo

from heartline.common.frozen import frozen
from heartline.messages.context import TargetAlerts
from heartline.model.alert import EMAIL, Alert
from heartline.model.target import Target


@frozen
class Batch:
    """Hold what one call of a channel sends; `recipients` are empty where the channel has none."""

    parts: tuple[TargetAlerts, ...]
    recipients: tuple[str, ...] = ()


def read_by(alert: Alert, target: Target) -> Target:
    """Return the target with the readers that an alert was made for, whoever they are by now."""
    readers = alert.addressees
    if readers is None:
        return target
    zone = ZoneInfo(readers.time_zone) if readers.time_zone else None
    return replace(target, recipients=readers.recipients, language=readers.language, time_zone=zone)


def parts_of(target: Target, alerts: Iterable[Alert]) -> list[TargetAlerts]:
    """Return alerts of a target, oldest first, in parts of neighbours that have the same readers."""
    return [
        TargetAlerts(read_by(first, target), (first, *others))
        for first, *others in (list(group) for _, group in groupby(alerts, lambda alert: alert.addressees))
    ]


def channel_of(entry: str) -> str:
    """Return the name of the channel that an alert waits for."""
    return entry.partition(":")[0]


def waits_for(alert: Alert, channel: str) -> bool:
    """Return True if a channel has not accepted an alert yet, or not for all recipients."""
    return any(channel_of(entry) == channel for entry in alert.waiting)


def recipients_pending(alert: Alert, target: Target) -> tuple[str, ...]:
    """Return the recipients who have not had an alert's mail yet."""
    if EMAIL in alert.waiting:
        return target.recipients
    return tuple(entry.partition(":")[2] for entry in alert.waiting if channel_of(entry) == EMAIL)


def mark_delivered(alert: Alert, target: Target, channel: str, recipients: Collection[str]) -> Alert:
    """Return an alert that no longer waits for a channel, or for mail not for these recipients."""
    entries = [entry for entry in alert.waiting if channel_of(entry) != channel]
    if recipients:
        entries += [f"{channel}:{who}" for who in recipients_pending(alert, target) if who not in recipients]
    return replace(alert, waiting=tuple(entries))
