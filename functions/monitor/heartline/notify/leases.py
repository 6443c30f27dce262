"""Hold the outboxes of many targets at once, for as long as the leases on them last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from heartline.aws.log import Event, Log
from heartline.common.parallel import at_once
from heartline.model.alert import Alert
from heartline.model.state import Stored
from heartline.model.target import Target

# Longer than a tick has left when it begins to send, shorter than from one tick to the next.
LEASE = timedelta(seconds=45)


class Claims(Protocol):
    """Lend a target's alerts to one sender at a time."""

    def claim(self, name: str, owner: str, now: datetime, lease: timedelta) -> Stored | None:
        """Take the lease and return the alerts; None if there are none, or another has it."""
        ...

    def clear(self, name: str, owner: str, alerts: Sequence[Alert]) -> bool:
        """Write what each alert still waits for; return False if the lease is lost."""
        ...

    def release(self, name: str, owner: str) -> bool:
        """Release the lease; return False if it is lost."""
        ...


@dataclass(slots=True)
class OutboxLease:
    """Hold one target's alerts.

    Attributes
    ----------
    target, alerts
        Whose alerts, by their ids.
    lost
        Another run may have the lease: nothing more is sent.
    stuck
        The channels that refused an alert: none of the newer ones may overtake it.
    """

    target: Target
    alerts: dict[str, Alert]
    lost: bool = False
    stuck: set[str] = field(default_factory=set)

    def may_send(self, channel: str) -> bool:
        """Return True if these alerts may go to a channel in this run."""
        return not self.lost and channel not in self.stuck


@dataclass(slots=True)
class Leases:
    """Claim outboxes, write what was delivered of them, and release them.

    A fault of one of them is logged and counted, and costs the others nothing.

    Parameters
    ----------
    outbox
        Where the alerts wait.
    owner
        Who claims: unique to this run.
    clock
        Returns the time, in UTC.
    log
        Where faults are logged.
    """

    outbox: Claims
    owner: str
    clock: Callable[[], datetime]
    log: Log
    faults: int = 0
    held: dict[str, OutboxLease] = field(default_factory=dict)

    def take(self, targets: Iterable[Target]) -> None:
        """Claim what waits for these targets and is not another run's."""
        claimed = at_once(self._claim, targets)
        self.held = {lease.target.name: lease for lease in claimed if lease}

    def pending(self, name: str) -> tuple[Alert, ...] | None:
        """Return the alerts of a target that still wait for a channel; None if its outbox was not claimed."""
        lease = self.held.get(name)
        return None if lease is None else tuple(alert for alert in lease.alerts.values() if alert.waiting)

    def release_all(self) -> None:
        """Let the next run claim them."""
        at_once(self._release, self.held.values())

    def settle(self, settled: Iterable[tuple[OutboxLease, Sequence[Alert]]]) -> int:
        """Write what alerts wait for now; return the number of those that wait for nothing more."""
        return sum(at_once(self._settle, settled))

    def _claim(self, target: Target) -> OutboxLease | None:
        with self._passing_over(target):
            claimed = self.outbox.claim(target.name, self.owner, self.clock(), LEASE)
            if claimed is not None:
                return OutboxLease(target, {alert.id: alert for alert in claimed.outbox})
        return None

    def _settle(self, settled: tuple[OutboxLease, Sequence[Alert]]) -> int:
        lease, alerts = settled
        changed = [alert for alert in alerts if alert != lease.alerts[alert.id]]
        with self._passing_over(lease.target):
            if changed and not self.outbox.clear(lease.target.name, self.owner, changed):
                self.log.warning(
                    Event.LEASE_LOST, "lease lost: another run may send an alert again", target=lease.target.name
                )
                lease.lost = True
                return 0
            lease.alerts.update({alert.id: alert for alert in changed})
            return sum(not alert.waiting for alert in changed)
        return 0

    def _release(self, lease: OutboxLease) -> None:
        with self._passing_over(lease.target):
            self.outbox.release(lease.target.name, self.owner)

    @contextmanager
    def _passing_over(self, target: Target) -> Iterator[None]:
        """Log a fault of one target's outbox, and leave the rest of it to the next tick."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about this one target
            if lease := self.held.get(target.name):
                lease.lost = True
            self.faults += 1
            self.log.error(Event.OUTBOX_FAULT, "outbox not read or written", target=target.name, error=error)
