"""Look after a tick whether a report is due: nothing of it holds up or breaks an alert."""

from __future__ import annotations

from heartline.aws.log import Event
from heartline.common.deadline import Deadline
from heartline.rules.editions import due_editions
from heartline.services import Services


def send_digests(services: Services, deadline: Deadline) -> None:
    """Send what is due, as far as there is time; whatever goes wrong is logged and counted, and the next tick tries.

    Parameters
    ----------
    services
        The services.
    deadline
        When the run must be over.
    """
    try:
        now = services.clock()
        due = due_editions(services.settings.targets, now)
        free = services.digests().free(due, now) if due else ()
        if not free:
            return
        # One tick a week or a month needs it.
        from heartline.tick.digest_sending import send_editions  # noqa: PLC0415

        faults = send_editions(services, free, deadline)
    except Exception as error:  # noqa: BLE001 - whatever it is, the tick is over and was good
        faults = 1
        services.log.error(Event.REPORT_FAILED, "reports not sent: they are tried again", error=error)
    if faults:
        services.metrics.count({"Faults": faults})
