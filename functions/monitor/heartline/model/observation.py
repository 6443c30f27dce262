"""What a probe saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from heartline.common.frozen import frozen
from heartline.model.kinds import Kind, Phase
from heartline.model.target import Endpoint


@frozen
class Failure:
    """Describe what is wrong.

    Attributes
    ----------
    cause, next_step
        What happened and what to look at first, each a sentence in English.
    said
        What the server said: capped and free of control characters, but not to be trusted.
    advice, words
        The key and the words of the two sentences, to write them in another language.
    """

    phase: Phase
    kind: Kind
    cause: str
    next_step: str
    sqlstate: str | None = None
    said: str | None = None
    advice: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)


@frozen
class Server:
    """Fingerprint a healthy server; None where it does not say.

    Attributes
    ----------
    resets
        When several of its statistics began: after a crash all at once.
    certificate_expires
        The end of the certificate that it showed.
    """

    version: str | None = None
    started: datetime | None = None
    standby: bool | None = None
    read_only: bool | None = None
    system: str | None = None
    timeline: int | None = None
    resets: tuple[datetime, ...] = ()
    certificate_expires: datetime | None = None


@frozen
class Gauges:
    """How near a healthy server is to its limits; None where it does not say.

    Attributes
    ----------
    slots, slots_used
        The connection slots that are open to ordinary roles, and those in use by anyone.
    xid_age
        How many transaction ids ago the oldest one was that is not frozen.
    replay_delay
        By how many seconds a standby lags.
    """

    slots: int | None = None
    slots_used: int | None = None
    xid_age: int | None = None
    replay_delay: float | None = None


@frozen
class Observation:
    """Record what one probe saw: a healthy server, or a failure.

    Attributes
    ----------
    at, ended
        When it began and ended: what it saw was so at some instant in between. The end is None where it took no time.
    phases
        How long each phase took, in milliseconds.
    address
        What the name resolved to.
    """

    at: datetime
    endpoint: Endpoint
    phases: Mapping[Phase, float] = field(default_factory=dict)
    failure: Failure | None = None
    server: Server | None = None
    address: str | None = None
    ended: datetime | None = None
    gauges: Gauges = field(default_factory=Gauges)

    @property
    def until(self) -> datetime:
        """Return the moment by which it had seen what it saw."""
        return self.ended or self.at

    @property
    def healthy(self) -> bool:
        """Return True if all phases went well."""
        return self.failure is None
