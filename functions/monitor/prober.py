"""Handle what the monitor asks of the probe function: a batch of endpoints and credentials -> observations.

It runs inside the VPC and parses what unknown servers send; so it reads no secret, keeps no state, has no permission,
and is given no more than it needs.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from heartline.aws.log import Event, Log
from heartline.common.deadline import Deadline
from heartline.model.errors import ProberError
from heartline.prober.local import probe_all
from heartline.prober.wire import read_request, write_answer

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# With a level of its own: else Logger reads LOG_LEVEL itself, and a wrong one ends the function at import.
log = Log(Logger(service="heartline", level="INFO"))
# What the handler does after the last probe, its log and its answer.
_MARGIN_SECONDS = 1


def lambda_handler(event: object, context: LambdaContext | None) -> dict[str, object]:
    """Make the probes that the monitor asks for, and return what they saw; nothing of the request is logged.

    Raises
    ------
    ProberError
        If the event is no request of the monitor's; its text quotes nothing of that.
    """
    began = monotonic()
    try:
        attempts, seconds = read_request(event)
    except ValueError as fault:
        raise ProberError(str(fault)) from None
    if context is not None:
        seconds = min(seconds, context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS)
    observations = probe_all(attempts, Deadline.after(seconds))
    counts = {
        "probes": len(attempts),
        "healthy": sum(one is not None and one.healthy for one in observations),
        "duration_ms": round((monotonic() - began) * 1000),
    }
    log.info(Event.PROBES, "probes made", detail=counts)
    return write_answer(observations)
