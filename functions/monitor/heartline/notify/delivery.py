"""Drain the outboxes: claim, send, clear, and leave to the next tick what was not accepted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from heartline.aws.log import Event, Log
from heartline.common.deadline import Deadline
from heartline.common.parallel import at_once
from heartline.messages.context import AlertContext, TargetAlerts, TargetHistory
from heartline.model.alert import Alert
from heartline.model.incident import Incident, Span
from heartline.model.kinds import AlertKind
from heartline.model.latencies import Trend
from heartline.model.rds import RdsFacts
from heartline.model.target import Target
from heartline.notify.batches import Batch, channel_of, mark_delivered, parts_of, waits_for
from heartline.notify.channel import Channel, Refusal, Scope
from heartline.notify.leases import LEASE, Leases
from heartline.notify.rds import SECONDS, Asks, rds_facts

# One call to SES or SNS takes at most this long (see aws/clients): less is no time to begin one.
SEND_SECONDS = 7
# What the mails show, and a margin for what began before and reaches into it.
SHOWN_HISTORY = timedelta(days=31)
# Less time left is kept for the mails themselves.
_HISTORY_SECONDS = 5
NO_TIME = Refusal("no time left in this run", Scope.LATER)
_MOST_LOGGED = 20


class Histories(Protocol):
    """Read what is over."""

    def incidents(self, name: str, since: datetime) -> tuple[Incident, ...]:
        """Return the incidents of a target that began since then and are over, oldest first."""
        ...

    def gaps(self, since: datetime) -> tuple[Span, ...]:
        """Return the times that began since then in which Heartline did not run, oldest first."""
        ...

    def trends(self, names: Collection[str], at: datetime) -> Mapping[str, Trend]:
        """Return how long the probes of targets took in the days before a moment, where that is known."""
        ...


@dataclass(slots=True)
class Delivery:
    """Deliver pending alerts, all targets together.

    Parameters
    ----------
    leases
        Hold the outboxes of the targets.
    channels
        Where alerts go; one that refuses for a reason that is not the alert's is not tried again.
    context
        What is known beside the alerts.
    history
        Where the past of targets with pending alerts is read.
    deadline
        When to stop beginning.
    clock
        Returns the time, in UTC.
    log
        Where refusals are logged.
    rds
        Is asked what it knows of targets with pending alerts; None where it is not to be.
    """

    leases: Leases
    channels: Sequence[Channel]
    context: AlertContext
    history: Histories
    deadline: Deadline
    clock: Callable[[], datetime]
    log: Log
    rds: Asks | None = None
    sent: int = 0
    refused: int = 0
    _stopped: set[str] = field(default_factory=set)

    def drain(self, targets: Iterable[Target]) -> int:
        """Send what waits for these targets, and return the number of alerts that every channel has accepted.

        A target whose outbox cannot be read, written or put into words is logged and passed over; nothing of
        it is lost, and it costs the others nothing.
        """
        waiting = list(targets)
        if not waiting or not self.deadline.allows(SEND_SECONDS):
            return 0
        self.deadline = Deadline(min(self.deadline.at, Deadline.after(LEASE.total_seconds()).at))
        self.leases.take(waiting)
        try:
            self.context = replace(self.context, histories=self._pasts(), rds=self._facts())
            self._send_all()
        finally:
            self.leases.release_all()
        return self.sent

    def _pasts(self) -> Mapping[str, TargetHistory]:
        """Read what the mails show of the past; they leave without it rather than not at all."""
        names, since = list(self.leases.held), self.clock() - SHOWN_HISTORY
        if not names or not self.deadline.allows(SEND_SECONDS + _HISTORY_SECONDS):
            return {}
        try:
            gaps = self.history.gaps(since)
            incidents = at_once(lambda name: self.history.incidents(name, since), names)
            slow = [name for name, lease in self.leases.held.items() if any(map(_is_slow, lease.alerts.values()))]
            trends = self.history.trends(slow, self.clock()) if slow else {}
        except Exception as error:  # noqa: BLE001 - whatever it is, a mail is worth more than its past
            self.leases.faults += 1
            self.log.error(Event.HISTORY_NOT_READ, "history not read: mails leave without it", error=error)
            return {}
        pairs = zip(names, incidents, strict=True)
        return {name: TargetHistory(known, gaps, trends.get(name)) for name, known in pairs}

    def _facts(self) -> Mapping[str, RdsFacts]:
        """Ask RDS, once for all channels."""
        if self.rds is None or not self.deadline.allows(SEND_SECONDS + SECONDS):
            return {}
        alerts = (list(lease.alerts.values())[-1] for lease in self.leases.held.values() if lease.alerts)
        return rds_facts(self.rds, alerts, self.clock(), self.log)

    def _send_all(self) -> None:
        held = self.leases.held.values()
        self.leases.settle((lease, _configured(lease.alerts.values(), self.channels)) for lease in held)
        for channel in self.channels:
            waiting = [(lease, [a for a in lease.alerts.values() if waits_for(a, channel.name)]) for lease in held]
            parts = [part for lease, alerts in waiting for part in parts_of(lease.target, alerts)]
            for batch in channel.batches(parts):
                self._deliver(channel, batch)

    def _deliver(self, channel: Channel, batch: Batch) -> None:
        """Send a batch, in smaller ones where that may help."""
        parts = [part for part in batch.parts if self.leases.held[part.target.name].may_send(channel.name)]
        if not parts or channel.name in self._stopped:
            return
        batch = replace(batch, parts=tuple(parts))
        refusal = self._attempt(channel, batch)
        if refusal and refusal.scope is Scope.CONTENT and len(parts) > 1:
            for part in parts:
                self._deliver(channel, replace(batch, parts=(part,)))
            return
        # SES calls an address that it cannot read a bad request.
        if refusal and not refusal.scope.stops:
            refusal = self._to_each(channel, batch, refusal)
        if refusal:
            self._hold_back(channel, batch, refusal)

    def _attempt(self, channel: Channel, batch: Batch) -> Refusal | None:
        """Send a batch, and write at once that it was accepted."""
        if not self.deadline.allows(SEND_SECONDS):
            return NO_TIME
        try:
            refusal = channel.send(batch, self.context, self.clock())
        except Exception as error:  # noqa: BLE001 - an alert that cannot be put into words holds up no other
            return Refusal(type(error).__name__, Scope.CONTENT)
        if refusal is None:
            self._mark_delivered(channel, batch)
        return refusal

    def _to_each(self, channel: Channel, batch: Batch, refusal: Refusal) -> Refusal | None:
        """Send to each recipient alone; give up those who cannot be reached, unless nobody can."""
        unreachable = []
        for who in batch.recipients:
            piece = self._current(channel, replace(batch, recipients=(who,)))
            alone = self._attempt(channel, piece) if piece.parts and len(batch.recipients) > 1 else refusal
            if alone and alone.scope.stops:
                return alone
            if alone:
                unreachable.append(who)
        batch = self._current(channel, replace(batch, recipients=tuple(unreachable)))
        if any(channel.name in alert.waiting for part in batch.parts for alert in part.alerts):
            return refusal
        if unreachable and batch.parts:
            self.refused += len(unreachable)
            self.log.error(
                Event.RECIPIENTS_REFUSED,
                "mail given up for recipients that SES refuses",
                error_code=refusal.reason,
                detail={"targets": _names(batch), "recipients": unreachable},
            )
            self._mark_delivered(channel, batch)
        return None

    def _current(self, channel: Channel, batch: Batch) -> Batch:
        """Return a batch with its alerts as they are by now, without those that are another run's."""
        parts = []
        for part in batch.parts:
            lease = self.leases.held[part.target.name]
            if lease.may_send(channel.name):
                parts.append(replace(part, alerts=tuple(lease.alerts[alert.id] for alert in part.alerts)))
        return replace(batch, parts=tuple(parts))

    def _hold_back(self, channel: Channel, batch: Batch, refusal: Refusal) -> None:
        """Leave a batch to the next tick, and what is newer of its targets with it."""
        self.refused += 1
        write = self.log.error if refusal.scope is Scope.LATER else self.log.critical
        detail = {"targets": _names(batch), "channel": channel.name, "scope": refusal.scope.name}
        write(Event.ALERT_REFUSED, "alert refused", error_code=refusal.reason, detail=detail)
        if refusal.scope.stops:
            self._stopped.add(channel.name)
        self.leases.settle(
            (self.leases.held[part.target.name], [replace(alert, refused=refusal.reason) for alert in part.alerts])
            for part in self._current(channel, batch).parts
        )
        for part in batch.parts:
            self.leases.held[part.target.name].stuck.add(channel.name)

    def _mark_delivered(self, channel: Channel, batch: Batch) -> None:
        """Write what was accepted, or given up: the alerts no longer wait for it."""

        def delivered(part: TargetAlerts) -> list[Alert]:
            return [mark_delivered(alert, part.target, channel.name, batch.recipients) for alert in part.alerts]

        self.sent += self.leases.settle((self.leases.held[part.target.name], delivered(part)) for part in batch.parts)


def _is_slow(alert: Alert) -> bool:
    return alert.kind is AlertKind.SLOW


def _names(batch: Batch) -> list[str]:
    return [part.target.name for part in batch.parts][:_MOST_LOGGED]


def _configured(alerts: Iterable[Alert], channels: Iterable[Channel]) -> list[Alert]:
    """Return the alerts without the channels that are no longer configured."""
    names = {channel.name for channel in channels}
    return [
        replace(alert, waiting=tuple(entry for entry in alert.waiting if channel_of(entry) in names))
        for alert in alerts
    ]
