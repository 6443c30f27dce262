"""A mail as whoever reads it understands it: all that the rules are held to. Times are by the monitor's clock."""

from __future__ import annotations

from dataclasses import dataclass

DOWN, UP, FLAPPING, GONE, NOTICE = "down", "up", "flapping", "gone", "notice"


@dataclass(frozen=True, slots=True)
class Claim:
    """That something happened within bounds: it went `down`, came `up`, or what the word of an event says."""

    word: str
    after: float | None
    before: float


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a condition: what was measured, beyond which threshold, since when, and whether it is over."""

    kind: str
    threshold: float
    value: float
    since: float
    over: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """What one alert says.

    `word` is what the reader knows from then on: `down`, `up`, `flapping` (and not which of the two), `gone` (no
    longer watched), or `notice` where that is as before. `flapping` is whether it still counts as that afterwards,
    None as before. `outage` is whether what is wrong is called one, `fault` the kind that is named. `share`,
    `outages` and `failed` are what it says of the time since the last one. `severity_since` is since when it is said to
    be what it is now, an outage or none. `to` are its readers, None if those of now.
    `told` is the condition that it is about.
    """

    at: float
    kind: str
    word: str
    id: str = ""
    flapping: bool | None = None
    outage: bool | None = None
    fault: str | None = None
    claims: tuple[Claim, ...] = ()
    last_good: float | None = None
    incident: tuple[str, float] | None = None
    unobserved: tuple[tuple[float, float], ...] = ()
    severity_since: float | None = None
    share: float | None = None
    outages: int | None = None
    failed: int | None = None
    failed_share: float | None = None
    to: frozenset[str] | None = None
    told: Told | None = None
