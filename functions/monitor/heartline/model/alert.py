"""What people are notified of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from heartline.common.frozen import frozen
from heartline.model.belief import Addressees, Believed, Flapping, Tally
from heartline.model.condition import Condition
from heartline.model.incident import Change, Incident
from heartline.model.kinds import AlertKind, Phase
from heartline.model.observation import Failure, Gauges
from heartline.model.target import Endpoint


@frozen
class Alert:
    """Describe what a person is to be notified of, as it was at that moment.

    An alert may leave late and is about the moment at which it was made: `incident` is an account of that moment, not
    a copy of what the state holds by now.

    Attributes
    ----------
    id
        Counts up within the target.
    first_seen
        Since when the target is watched.
    previous
        The failure that people were notified of before: what changed, or what is over.
    condition
        The one that has begun, become worse or ended, as measured at that moment.
    gauges
        How near the server was to its limits then.
    expires
        The end of the server's certificate.
    believed
        What people know to be wrong after it; None where it is over, or a notice.
    flapping
        Set while people know that the target flaps; with kind `down`, they hear of both.
    tally
        What was found since the last alert.
    total
        What was found since the flapping began.
    remind_at
        When the next reminder is due; None where there will be none.
    settle_seconds
        For how many seconds a flapping target must rest.
    discovered
        Whether the target was found in RDS by its tag, and no document names it.
    waiting
        The channels that have not accepted it yet.
    addressees
        Who reads it; None for the target's recipients of now.
    refused
        Why one of them did not when it was last tried.
    """

    id: str
    kind: AlertKind
    target: str
    at: datetime
    first_seen: datetime | None = None
    endpoint: Endpoint = field(default_factory=Endpoint)
    address: str | None = None
    incident: Incident | None = None
    believed: Believed | None = None
    flapping: Flapping | None = None
    change: Change | None = None
    condition: Condition | None = None
    gauges: Gauges | None = None
    expires: datetime | None = None
    failure: Failure | None = None
    previous: Failure | None = None
    phases: Mapping[Phase, float] = field(default_factory=dict)
    remind_at: datetime | None = None
    settle_seconds: float | None = None
    tally: Tally | None = None
    total: Tally | None = None
    addressees: Addressees | None = None
    discovered: bool = False
    waiting: tuple[str, ...] = ()
    refused: str | None = None


EMAIL = "email"
TOPIC = "topic"
