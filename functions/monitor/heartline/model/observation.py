"""What a probe saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from heartline.model.kinds import Kind, Phase
from heartline.model.target import Endpoint


@dataclass(frozen=True, slots=True)
class Failure:
    """Say what is wrong: where, what kind, in a plain sentence, and what to look at first.

    `said` is what the server itself said: capped and free of control characters, but not to be trusted. `advice`
    and `words` are what the two sentences were made of, to make them in another language.
    """

    phase: Phase
    kind: Kind
    cause: str
    next_step: str
    sqlstate: str | None = None
    said: str | None = None
    advice: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    """Fingerprint a healthy server; None where it does not say.

    `resets` are the times at which several of its statistics began, to tell a crash from a manual reset;
    `certificate_expires` is the end of what it showed to prove who it is.
    """

    version: str | None = None
    started: datetime | None = None
    standby: bool | None = None
    read_only: bool | None = None
    system: str | None = None
    timeline: int | None = None
    resets: tuple[datetime, ...] = ()
    certificate_expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """Record what one probe saw: healthy, or a failure. Phases are in milliseconds.

    `address` is where the name led to, where it led anywhere.
    """

    at: datetime
    endpoint: Endpoint
    phases: Mapping[Phase, float] = field(default_factory=dict)
    failure: Failure | None = None
    server: Server | None = None
    address: str | None = None

    @property
    def healthy(self) -> bool:
        """Tell whether all phases went well."""
        return self.failure is None
