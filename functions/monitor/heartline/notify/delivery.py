"""Drain the outboxes: claim, send, clear, and leave to the next tick what was not accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from aws_lambda_powertools import Logger

from heartline.common.deadline import Deadline
from heartline.common.parallel import at_once
from heartline.messages.context import AlertContext, TargetAlerts, TargetHistory
from heartline.model.alert import Alert
from heartline.model.incident import Incident, Span
from heartline.model.target import Target
from heartline.notify.batches import Batch, accepted, channel_of, waits_for
from heartline.notify.channel import Channel, Refusal, Scope
from heartline.notify.leases import LEASE, Leases

# One call to SES or SNS takes at most this long (see app): less is no time to begin one.
SEND_SECONDS = 7
# What the mails tell of, and a margin for what began before and reaches into it.
PAST = timedelta(days=31)
# Less time left is kept for the mails themselves.
_PAST_SECONDS = 5
# SES calls an address that it cannot read a bad request.
_MAY_BE_ONE_RECIPIENT = frozenset({Scope.RECIPIENT, Scope.CONTENT})
_NO_TIME = Refusal("no time left in this run", Scope.LATER)


class Pasts(Protocol):
    """Tell of what is over."""

    def incidents(self, name: str, since: datetime) -> tuple[Incident, ...]:
        """Give the incidents of a target that began since then and are over, oldest first."""
        ...

    def gaps(self, since: datetime) -> tuple[Span, ...]:
        """Give the times that began since then in which Heartline did not run, oldest first."""
        ...


@dataclass(slots=True)
class Delivery:
    """Deliver what waits, all targets together.

    Parameters
    ----------
    holding
        Lends the outboxes of the targets.
    channels
        Where they go; one that refuses for a reason that is not the mail's is left alone from then on.
    fleet
        What is known beside the alerts.
    history
        Where the past of those who have alerts waiting is read.
    deadline
        When to stop beginning.
    clock
        The time, in UTC.
    log
        Is told what was refused.
    """

    leases: Leases
    channels: Sequence[Channel]
    context: AlertContext
    history: Pasts
    deadline: Deadline
    clock: Callable[[], datetime]
    log: Logger
    sent: int = 0
    refused: int = 0
    _stopped: set[str] = field(default_factory=set)

    def drain(self, targets: Iterable[Target]) -> int:
        """Send what waits for these targets, and give the number of alerts that every channel has accepted.

        A target whose outbox cannot be read, written or put into words is logged and passed over; nothing of
        it is lost, and it costs the others nothing.
        """
        waiting = list(targets)
        if not waiting or not self.deadline.allows(SEND_SECONDS):
            return 0
        self.deadline = Deadline(min(self.deadline.at, Deadline.after(LEASE.total_seconds()).at))
        self.leases.take(waiting)
        try:
            self.context = replace(self.context, histories=self._pasts())
            self._send_all()
        finally:
            self.leases.release_all()
        return self.sent

    def _pasts(self) -> Mapping[str, TargetHistory]:
        """Read what the mails tell of the past; they leave without it rather than not at all."""
        names, since = list(self.leases.lease), self.clock() - PAST
        if not names or not self.deadline.allows(SEND_SECONDS + _PAST_SECONDS):
            return {}
        try:
            gaps = self.history.gaps(since)
            incidents = at_once(lambda name: self.history.incidents(name, since), names)
        except Exception as error:  # noqa: BLE001 - whatever it is, a mail is worth more than its past
            self.leases.faults += 1
            self.log.error("history not read: mails leave without it", reason=type(error).__name__)
            return {}
        return {name: TargetHistory(known, gaps) for name, known in zip(names, incidents, strict=True)}

    def _send_all(self) -> None:
        lease = self.leases.lease.values()
        self.leases.settle((one, _configured(one.alerts.values(), self.channels)) for one in lease)
        for channel in self.channels:
            waiting = [(one, [a for a in one.alerts.values() if waits_for(a, channel.name)]) for one in lease]
            for batch in channel.batches(
                [TargetAlerts(one.target, tuple(alerts)) for one, alerts in waiting if alerts]
            ):
                self._deliver(channel, batch)

    def _deliver(self, channel: Channel, batch: Batch) -> None:
        """Send a portion, in smaller ones where that may help."""
        parts = [part for part in batch.parts if self.leases.lease[part.target.name].may_send(channel.name)]
        if not parts or channel.name in self._stopped:
            return
        batch = replace(batch, parts=tuple(parts))
        refusal = self._attempt(channel, batch)
        if refusal and refusal.scope is Scope.CONTENT and len(parts) > 1:
            for part in parts:
                self._deliver(channel, replace(batch, parts=(part,)))
            return
        if refusal and refusal.scope in _MAY_BE_ONE_RECIPIENT:
            refusal = self._to_each(channel, batch, refusal)
        if refusal:
            self._hold_back(channel, batch, refusal)

    def _attempt(self, channel: Channel, batch: Batch) -> Refusal | None:
        """Send a portion, and write at once that it was accepted."""
        if not self.deadline.allows(SEND_SECONDS):
            return _NO_TIME
        try:
            refusal = channel.send(batch, self.context, self.clock())
        except Exception as error:  # noqa: BLE001 - an alert that cannot be put into words holds up no other
            return Refusal(type(error).__name__, Scope.CONTENT)
        if refusal is None:
            self._strike(channel, batch)
        return refusal

    def _to_each(self, channel: Channel, batch: Batch, refusal: Refusal) -> Refusal | None:
        """Send to each recipient alone; give up those who cannot be reached, unless nobody can."""
        lost = []
        for who in batch.recipients:
            piece = self._now(channel, replace(batch, recipients=(who,)))
            alone = self._attempt(channel, piece) if piece.parts and len(batch.recipients) > 1 else refusal
            if alone and alone.scope not in _MAY_BE_ONE_RECIPIENT:
                return alone
            if alone:
                lost.append(who)
        batch = self._now(channel, replace(batch, recipients=tuple(lost)))
        if any(channel.name in alert.waiting for part in batch.parts for alert in part.alerts):
            return refusal
        if lost and batch.parts:
            self.refused += len(lost)
            names = [part.target.name for part in batch.parts]
            self.log.error("mail given up for recipients that SES refuses", targets=names[:20], recipients=lost)
            self._strike(channel, batch)
        return None

    def _now(self, channel: Channel, batch: Batch) -> Batch:
        """Give a portion with its alerts as they are by now, without those that are another run's."""
        parts = []
        for part in batch.parts:
            lease = self.leases.lease[part.target.name]
            if lease.may_send(channel.name):
                parts.append(replace(part, alerts=tuple(lease.alerts[alert.id] for alert in part.alerts)))
        return replace(batch, parts=tuple(parts))

    def _hold_back(self, channel: Channel, batch: Batch, refusal: Refusal) -> None:
        """Leave a portion to the next tick, and what is newer of its targets with it."""
        self.refused += 1
        names = [part.target.name for part in batch.parts]
        tell = self.log.error if refusal.scope is Scope.LATER else self.log.critical
        tell("alert refused", targets=names[:20], channel=channel.name, reason=refusal.reason, about=refusal.scope.name)
        if refusal.scope in {Scope.LATER, Scope.SENDER}:
            self._stopped.add(channel.name)
        self.leases.settle(
            (self.leases.lease[part.target.name], [replace(alert, refused=refusal.reason) for alert in part.alerts])
            for part in self._now(channel, batch).parts
        )
        for name in names:
            self.leases.lease[name].stuck.add(channel.name)

    def _strike(self, channel: Channel, batch: Batch) -> None:
        """Strike what was accepted, or given up, off what the alerts wait for."""

        def struck(part: TargetAlerts) -> list[Alert]:
            return [accepted(alert, part.target, channel.name, batch.recipients) for alert in part.alerts]

        self.sent += self.leases.settle((self.leases.lease[part.target.name], struck(part)) for part in batch.parts)


def _configured(alerts: Iterable[Alert], channels: Iterable[Channel]) -> list[Alert]:
    """Strike off the channels that are no longer configured."""
    names = {channel.name for channel in channels}
    return [
        replace(alert, waiting=tuple(entry for entry in alert.waiting if channel_of(entry) in names))
        for alert in alerts
    ]
