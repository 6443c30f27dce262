"""One database with all that happens to it, to its monitor, and to what the monitor was asked to do."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from simulation.truth import Event, Server, Timeline

if TYPE_CHECKING:
    from simulation.gauges import Curve

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window as a user writes it: days of the week (Monday is 0), hours and minutes, an IANA zone."""

    days: tuple[int, ...]
    begins: tuple[int, int]
    ends: tuple[int, int]
    zone: str


@dataclass(frozen=True, slots=True)
class Care:
    """What the user asked for; spans are in seconds."""

    confirmations: int = 2
    confirm_after: float = 3
    recover_after: int = 2
    remind_every: float = HOUR
    settle_after: float = 5 * MINUTE
    timeout: float = 5
    windows: tuple[Window, ...] = ()
    slow_after: float | None = None
    lag_after: float = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Action:
    """What an operator does at an instant: the name of a command or of a change of the document, and its argument."""

    at: float
    name: str
    argument: Any = None


MISSED, KILLED, CUT, TWIN, LATE_TWIN = "missed", "killed", "cut", "twin", "late twin"


@dataclass(slots=True)
class Plan:
    """When ticks begin: each interval, some hundred milliseconds late, but for the `odd` ones, by their number.

    A `missed` tick never runs, nor does anything of a `killed` one last; a `cut` one saves and writes no heartbeat;
    a `twin` runs twice at once, a `late twin` once more some seconds later.
    """

    begins: float
    interval: float
    odd: dict[int, str] = field(default_factory=dict)
    jitter: tuple[float, ...] = (0.0,)
    order: list[int] = field(default_factory=list)

    def at(self, number: int) -> float:
        return self.begins + number * self.interval + self.jitter[number % len(self.jitter)]

    def next_odd(self, number: int) -> int:
        """Return the number of the next odd tick, from one on."""
        if len(self.order) != len(self.odd):
            self.order = sorted(self.odd)
        place = bisect_right(self.order, number - 1)
        return self.order[place] if place < len(self.order) else 1 << 60


@dataclass(slots=True)
class World:
    """All that a run follows from: the same world makes the same run."""

    family: str
    seed: int
    begins: float
    days: float
    care: Care
    plan: Plan
    truth: Timeline
    events: list[Event]
    actions: list[Action] = field(default_factory=list)
    steps: list[tuple[float, float]] = field(default_factory=list)  # from when on clocks are so many seconds ahead
    skew: float = 0.0  # each tick's clock is off by up to that
    slow: float = 0.0  # a good probe takes up to that, where it is more than usual
    gauges: dict[str, Curve] = field(default_factory=dict)  # how near the servers are to their limits
    about: str = ""

    @property
    def ends(self) -> float:
        return self.begins + self.days * DAY

    @property
    def several(self) -> bool:
        """Return True if the name ever leads to several servers in turn."""
        return any(len(event.servers) > 1 for event in self.events)

    def servers(self, instant: float) -> tuple[Server, ...]:
        place = bisect_right(self.events, instant, key=lambda event: event.at) - 1
        return self.events[max(place, 0)].servers

    def events_after(self, instant: float) -> float:
        """Return when something happens to a server next."""
        place = bisect_right(self.events, instant, key=lambda event: event.at)
        return self.events[place].at if place < len(self.events) else float("inf")

    def same_until(self, instant: float) -> float:
        """Return until when what probes measure is the same."""
        return min((curve.same_until(instant) for curve in self.gauges.values()), default=float("inf"))

    def events_between(self, begins: float, ends: float) -> list[Event]:
        first = bisect_right(self.events, begins, key=lambda event: event.at)
        return self.events[first : bisect_right(self.events, ends, key=lambda event: event.at)]

    def event_within(self, word: str, begins: float | None, ends: float) -> bool:
        return any(event.word == word for event in self.events_between(1 if begins is None else begins, ends))

    def ahead(self, instant: float) -> float:
        """Return how many seconds the monitor's clocks are ahead at an instant."""
        place = bisect_right(self.steps, (instant, float("inf"))) - 1
        return self.steps[place][1] if place >= 0 else 0.0

    def stepped(self, begins: float, ends: float) -> float:
        """Add up by how much clocks were moved within these bounds."""
        total, before = 0.0, 0.0
        for at, ahead in self.steps:
            if begins <= at <= ends:
                total += abs(ahead - before)
            before = ahead
        return total

    def but(self, **changes: Any) -> World:  # noqa: ANN401
        return replace(self, **changes)
