"""Have told what waits to be told: deliver it here, or call the courier."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from heartline.common.deadline import Deadline
from heartline.common.parallel import at_once
from heartline.messages.context import AlertContext
from heartline.model.alert import Alert
from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Status
from heartline.notify.delivery import Delivery
from heartline.notify.leases import Leases
from heartline.services import Heartline
from heartline.tick.workers import TargetResult, left


def run_courier(heartline: Heartline, seconds: float) -> dict[str, Any]:
    """Deliver what waits of the whole fleet, whichever of its targets it was that called.

    Parameters
    ----------
    heartline
        The parts.
    seconds
        How long the run may take.

    Raises
    ------
    ConfigurationError
        When it is told to leave delivery to a courier.
    ClientError, BotoCoreError
        When the states could not be read.
    """
    if heartline.courier:
        # It would call itself for ever.
        raise ConfigurationError(
            ["COURIER: leave it empty: the table's stream starts this function, so it is the courier"]
        )
    deadline = Deadline.after(seconds)
    loaded = heartline.store.load([target.name for target in heartline.targets])
    counts = deliver(heartline, [left(target, loaded.targets[target.name]) for target in heartline.targets], deadline)
    heartline.log.info("delivery", extra=dict(counts))
    heartline.metrics.count(counts)
    return {"alerts": {"sent": counts["AlertsSent"], "pending": counts["AlertsPending"]}}


def deliver(heartline: Heartline, results: Sequence[TargetResult], deadline: Deadline) -> dict[str, int]:
    """Have told what waits, and count what became of it; `OldestAlert` is the age of what still waits, in seconds."""
    if heartline.courier:
        return _announce(heartline, results)
    # Not the request's id: Lambda starts a request that failed again under the same one.
    leases = Leases(heartline.outbox, uuid4().hex, heartline.clock, heartline.log)
    fleet = _fleet(heartline, results)
    channels, log = heartline.channels(), heartline.log
    delivery = Delivery(leases, channels, fleet, heartline.history, deadline, heartline.clock, log)
    sent = delivery.drain(result.target for result in results if result.alerts or result.contested)
    kept = ((leases.left(result.target.name), result.alerts) for result in results)
    waiting = list(chain.from_iterable(known if held is None else held for held, known in kept))
    return {"AlertsSent": sent, "AlertsRefused": delivery.refused, "Faults": leases.faults} | _ages(heartline, waiting)


def _ages(heartline: Heartline, waiting: Sequence[Alert]) -> dict[str, int]:
    now = heartline.clock()
    oldest = max(((now - alert.at).total_seconds() for alert in waiting), default=0)
    return {"AlertsPending": len(waiting), "OldestAlert": round(oldest)}


def _announce(heartline: Heartline, results: Sequence[TargetResult]) -> dict[str, int]:
    """Call the courier, again for what an earlier call did not get delivered."""

    def failed(result: TargetResult) -> bool:
        try:
            heartline.outbox.announce(result.target.name, heartline.clock())
        except (ClientError, BotoCoreError) as error:
            reason = type(error).__name__
            heartline.log.error("courier not called", target=result.target.name, reason=reason)
            return True
        return False

    called = [result for result in results if result.alerts]
    faults = sum(at_once(failed, called))
    waiting = [alert for result in called for alert in result.alerts]
    return {"AlertsSent": 0, "AlertsRefused": 0, "Faults": faults} | _ages(heartline, waiting)


def _fleet(heartline: Heartline, results: Sequence[TargetResult]) -> AlertContext:
    states = [result.state for result in results]
    failures = tuple(state.failure for state in states if state.status is Status.DOWN and state.failure)
    return AlertContext(heartline.fleet, failures, function=heartline.function, region=heartline.region)
