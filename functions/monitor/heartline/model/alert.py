"""What a person is to be notified of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from heartline.model.incident import Change, Flapping, Incident
from heartline.model.kinds import AlertKind, Phase
from heartline.model.observation import Failure
from heartline.model.target import Endpoint


@dataclass(frozen=True, slots=True)
class Alert:
    """Keep what a person is to be told, as it was when it was decided.

    `id` counts up within its target; `first_seen` is since when that is watched; `waiting` names the channels
    that have not accepted it yet, and `refused` says why one of them did not when it was last tried.
    `previous` is the failure that was told before: what changed, or what is over. `remind_at` is when the
    next reminder is due, None where there will be none. `settle_seconds` is for how many seconds a spell must rest, and
    `expires` when the server's certificate ends.
    """

    id: str
    kind: AlertKind
    target: str
    at: datetime
    first_seen: datetime | None = None
    endpoint: Endpoint = field(default_factory=Endpoint)
    address: str | None = None
    incident: Incident | None = None
    flapping: Flapping | None = None
    change: Change | None = None
    expires: datetime | None = None
    failure: Failure | None = None
    previous: Failure | None = None
    phases: Mapping[Phase, float] = field(default_factory=dict)
    remind_at: datetime | None = None
    settle_seconds: float | None = None
    waiting: tuple[str, ...] = ()
    refused: str | None = None


EMAIL = "email"


TOPIC = "topic"
