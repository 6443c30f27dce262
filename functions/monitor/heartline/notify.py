"""Drain the outboxes: claim, send, clear, and leave to the next tick what was not accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from aws_lambda_powertools import Logger

from heartline.channels import Channel
from heartline.deadline import Deadline
from heartline.model import Alert, Stored, Target

# Longer than any sending of one target's alerts, shorter than a tick.
LEASE = timedelta(seconds=45)
# One call to SES or SNS takes at most this long (see app): less is no time to begin one.
SEND_SECONDS = 7


class Outbox(Protocol):
    """Lend a target's alerts to one sender at a time."""

    def claim(self, name: str, owner: str, now: datetime, lease: timedelta) -> Stored | None:
        """Take the lease and read the alerts; None when there are none, or another has it."""
        ...

    def clear(self, name: str, owner: str, alerts: Sequence[Alert]) -> bool:
        """Write what each alert still waits for; False when the lease is lost."""
        ...

    def release(self, name: str, owner: str) -> bool:
        """Give the lease back; False when it is lost."""
        ...


class _LeaseLostError(Exception):
    """Stop sending: the outbox is another run's now."""


@dataclass(slots=True)
class Delivery:
    """Deliver what waits, target by target.

    Parameters
    ----------
    outbox
        Where the alerts wait.
    channels
        Where they go; one that refuses for a reason that is not the mail's is left alone from then on.
    owner
        Who claims: unique to this run.
    deadline
        When to stop beginning.
    clock
        The time, in UTC.
    log
        Is told what was refused.
    """

    outbox: Outbox
    channels: Sequence[Channel]
    owner: str
    deadline: Deadline
    clock: Callable[[], datetime]
    log: Logger
    sent: int = 0
    stopped: set[str] = field(default_factory=set)

    def drain(self, targets: Iterable[Target]) -> int:
        """Send what waits for these targets, and give the number of alerts that every channel has accepted.

        A target whose outbox cannot be read, written or put into words is logged and passed over; nothing of
        it is lost, and it costs the others nothing.
        """
        for target in targets:
            if len(self.stopped) == len(self.channels) or not self.deadline.allows(SEND_SECONDS):
                break
            try:
                self._drain_one(target)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is about this one target
                self.log.error("outbox not drained", target=target.name, reason=type(error).__name__)
        return self.sent

    def _drain_one(self, target: Target) -> None:
        claimed = self.outbox.claim(target.name, self.owner, self.clock(), LEASE)
        if claimed is None:
            return
        held = Deadline.after(LEASE.total_seconds())
        alerts = {alert.id: alert for alert in claimed.outbox}
        try:
            self._settle(target, None, claimed.outbox, alerts)
            for channel in self.channels:
                if channel.name not in self.stopped:
                    self._send(channel, target, alerts, held)
        except _LeaseLostError:
            self.log.warning("lease lost: another run may send an alert again", target=target.name)
        finally:
            self.outbox.release(target.name, self.owner)

    def _send(self, channel: Channel, target: Target, alerts: dict[str, Alert], held: Deadline) -> None:
        """Send through one channel, oldest first, up to the first refusal: nothing may overtake."""
        waiting = [alert for alert in alerts.values() if channel.name in alert.waiting]
        for portion in channel.portions(waiting):
            if not self.deadline.allows(SEND_SECONDS) or not held.allows(SEND_SECONDS):
                return
            refusal = channel.send(portion, target, self.clock())
            if refusal is not None:
                self.log.error("alert refused", target=target.name, channel=channel.name, reason=refusal.reason)
                if refusal.stops:
                    self.stopped.add(channel.name)
                return
            self._settle(target, channel.name, portion, alerts)

    def _settle(self, target: Target, accepted: str | None, portion: Sequence[Alert], alerts: dict[str, Alert]) -> None:
        """Strike the channel that accepted, and those that are no longer configured, off what alerts wait for."""
        configured = {channel.name for channel in self.channels} - {accepted}
        settled = [
            replace(alert, waiting=tuple(name for name in alert.waiting if name in configured)) for alert in portion
        ]
        changed = [alert for alert in settled if alert != alerts[alert.id]]
        if changed and not self.outbox.clear(target.name, self.owner, changed):
            raise _LeaseLostError
        alerts.update({alert.id: alert for alert in changed})
        self.sent += sum(not alert.waiting for alert in changed)
