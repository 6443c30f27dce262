"""Deliver pending alerts here, or call the courier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.log import Event
from heartline.common.deadline import Deadline
from heartline.common.parallel import at_once
from heartline.messages.context import AlertContext
from heartline.model.alert import Alert
from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Status
from heartline.model.observation import Failure
from heartline.model.state import Stored
from heartline.model.target import Target
from heartline.notify.delivery import Delivery
from heartline.notify.leases import Leases
from heartline.services import Services
from heartline.tick.summary import DeliverySummary


@dataclass(frozen=True, slots=True)
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


def run_courier(services: Services, deadline: Deadline) -> dict[str, Any]:
    """Deliver the pending alerts of the whole fleet, whichever of its targets called.

    Raises
    ------
    ConfigurationError
        If the environment says to leave delivery to a courier.
    ClientError, BotoCoreError
        If the states could not be read.
    """
    if services.settings.courier:
        # It would call itself for ever.
        raise ConfigurationError(
            ["COURIER: leave it empty: the table's stream starts this function, so it is the courier"]
        )
    targets = services.settings.targets
    loaded = services.store.load([target.name for target in targets]).targets
    stored = [(target, one) for target in targets if isinstance(one := loaded[target.name], Stored)]
    failing = (one.state for _, one in stored if one.state.status is Status.DOWN)
    failures = tuple(state.failure for state in failing if state.failure)
    summary = deliver(services, [Pending(target, one.outbox) for target, one in stored], failures, deadline)
    services.log.info(Event.DELIVERY, "delivery", detail=asdict(summary))
    services.metrics.count(
        {
            "AlertsSent": summary.sent,
            "AlertsRefused": summary.refused,
            "AlertsPending": summary.pending,
            "OldestAlert": summary.oldest_seconds,
            "Faults": summary.faults,
        }
    )
    return {"alerts": {"sent": summary.sent, "pending": summary.pending}}


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
    settings = services.settings
    if settings.courier:
        return _announce(services, pending)
    # Not the request's id: Lambda starts a request that failed again under the same one.
    leases = Leases(services.outbox, uuid4().hex, services.clock, services.log)
    context = AlertContext(len(settings.targets), failures, function=settings.function, region=settings.region)
    delivery = Delivery(leases, services.channels(), context, services.history, deadline, services.clock, services.log)
    sent = delivery.drain(one.target for one in pending if one.alerts or one.contested)
    claimed = ((leases.pending(one.target.name), one.alerts) for one in pending)
    waiting = list(chain.from_iterable(known if held is None else held for held, known in claimed))
    oldest = _oldest_seconds(waiting, services.clock())
    return DeliverySummary(sent, delivery.refused, len(waiting), oldest, leases.faults)


def _oldest_seconds(waiting: Sequence[Alert], now: datetime) -> int:
    return round(max(((now - alert.at).total_seconds() for alert in waiting), default=0))


def _announce(services: Services, pending: Sequence[Pending]) -> DeliverySummary:
    """Call the courier, again for what an earlier call did not get delivered."""

    def failed(one: Pending) -> bool:
        try:
            services.outbox.announce(one.target.name, services.clock())
        except (ClientError, BotoCoreError) as error:
            services.log.error(Event.COURIER_NOT_CALLED, "courier not called", target=one.target.name, error=error)
            return True
        return False

    called = [one for one in pending if one.alerts]
    faults = sum(at_once(failed, called))
    waiting = [alert for one in called for alert in one.alerts]
    oldest = _oldest_seconds(waiting, services.clock())
    return DeliverySummary(pending=len(waiting), oldest_seconds=oldest, faults=faults)
