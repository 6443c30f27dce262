"""Say which reports are due: to whom, of which targets, and of which time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo

from heartline.common.frozen import frozen
from heartline.model.incident import Span
from heartline.model.recurrence import Recurrence
from heartline.model.target import Target

# A report that could not be sent for as long is given up: what it says of now is no longer asked for.
SENT_WITHIN = timedelta(hours=24)
_WEEK, _DAY, _INSTANT = timedelta(days=7), timedelta(days=1), timedelta(microseconds=1)


@frozen
class Edition:
    """One report that is due.

    Attributes
    ----------
    within
        The time that it is about: from the last time that it was due to this one.
    targets
        Those that it may be about; at least one, all in one language and time zone.
    """

    within: Span
    recurrence: Recurrence
    recipient: str
    targets: tuple[Target, ...]

    @property
    def due(self) -> datetime:
        """When it is due."""
        return self.within.ended

    @property
    def key(self) -> tuple[str, ...]:
        """What distinguishes it from all others that are due at that moment."""
        zone = self.targets[0].time_zone
        return self.recipient, str(self.recurrence), self.targets[0].language, zone.key if zone else "UTC"


def due_editions(targets: Iterable[Target], now: datetime) -> list[Edition]:
    """Return the reports that were due in the last 24 hours, sent or not."""
    spans: dict[tuple[Recurrence, tzinfo], Span] = {}
    found: dict[tuple[str, str, Recurrence, tzinfo], list[Target]] = {}
    for target in targets:
        if target.report is None:
            continue
        timing = target.report, target.time_zone or UTC
        if timing not in spans:
            spans[timing] = _span(*timing, now)
        if now - spans[timing].ended < SENT_WITHIN:
            for who in target.recipients:
                found.setdefault((who, target.language, *timing), []).append(target)
    return [
        Edition(spans[recurrence, zone], recurrence, who, tuple(about))
        for (who, _, recurrence, zone), about in found.items()
    ]


def _span(recurrence: Recurrence, zone: tzinfo, now: datetime) -> Span:
    due = last_due(recurrence, zone, now)
    return Span(last_due(recurrence, zone, due - _INSTANT), due)


def last_due(recurrence: Recurrence, zone: tzinfo, now: datetime) -> datetime:
    """Return when it was due last, in UTC.

    Each of its days has one such moment: a time that the clock skips is as much later as the clock goes forward, and
    of one that the clock shows twice it is the first (PEP 495).
    """
    today = now.astimezone(zone).date()
    if recurrence.monthly:
        last = today.replace(day=recurrence.day)
        before = (last.replace(day=1) - _DAY).replace(day=recurrence.day)
    else:
        last = today - (today.weekday() - recurrence.day) % 7 * _DAY
        before = last - _WEEK
    return next(due for day in (last, before) if (due := _moment(day, recurrence, zone)) <= now)


def _moment(day: date, recurrence: Recurrence, zone: tzinfo) -> datetime:
    return datetime.combine(day, recurrence.at, zone).astimezone(UTC)
