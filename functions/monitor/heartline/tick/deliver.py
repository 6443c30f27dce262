"""Deliver pending alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from uuid import uuid4

from heartline.common.deadline import Deadline
from heartline.common.frozen import frozen
from heartline.model.alert import Alert
from heartline.model.observation import Failure
from heartline.model.target import Target
from heartline.notify.delivery import Delivery
from heartline.notify.leases import Leases
from heartline.services import Services
from heartline.tick.summary import DeliverySummary


@frozen
class Pending:
    """Name what waits for delivery of one target.

    Attributes
    ----------
    target, alerts
        Whose alerts, and which are known.
    contested
        Another run decided on the target: it may have made alerts that are not among these.
    """

    target: Target
    alerts: tuple[Alert, ...]
    contested: bool = False


def deliver(
    services: Services, pending: Sequence[Pending], failures: tuple[Failure, ...], deadline: Deadline
) -> DeliverySummary:
    """Deliver pending alerts, and count what became of them.

    Parameters
    ----------
    services
        The services.
    pending
        What waits, one of each target.
    failures
        Of all targets that are down, to recognise that the monitor itself is cut off.
    deadline
        When to stop beginning.
    """
    # Not the request's id: Lambda starts a request that failed again under the same one.
    leases = Leases(services.outbox, uuid4().hex, services.clock, services.log)
    context = services.alert_context(failures)
    delivery = Delivery(
        leases, services.channels(), context, services.history, deadline, services.clock, services.log, services.rds
    )
    sent = delivery.drain(one.target for one in pending if one.alerts or one.contested)
    faults = leases.faults + services.receipts().keep_all(deadline)
    claimed = ((leases.pending(one.target.name), one.alerts) for one in pending)
    waiting = list(chain.from_iterable(known if held is None else held for held, known in claimed))
    oldest = _oldest_seconds(waiting, services.clock())
    return DeliverySummary(sent, delivery.refused, len(waiting), oldest, faults)


def _oldest_seconds(waiting: Sequence[Alert], now: datetime) -> int:
    return round(max(((now - alert.at).total_seconds() for alert in waiting), default=0))
