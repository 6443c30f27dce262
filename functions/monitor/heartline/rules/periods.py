"""Sum up how targets, and Heartline itself, were over a length of time that is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta

from heartline.common.frozen import frozen
from heartline.model.condition import ConditionKind
from heartline.model.incident import Incident, Span
from heartline.model.kinds import Status
from heartline.model.latencies import HOURS, Trend, hour_of
from heartline.model.state import State
from heartline.model.target import Target
from heartline.rules.availability import Availability, availability

_HOUR = timedelta(hours=1)
# A certificate that ends sooner is worth a line.
_SOON = timedelta(days=30)


@frozen
class Known:
    """What is stored of one target.

    Attributes
    ----------
    state
        How it is now; None where that cannot be read.
    unprobed_since
        When ticks last came to a verdict on it, if that is long ago although they ran.
    pending
        The number of its alerts that not every channel has accepted yet.
    incidents
        Those that are over, oldest first.
    complete
        False if there are older incidents than these.
    trend
        How long its probes took; None where that is not known.
    """

    target: Target
    state: State | None
    unprobed_since: datetime | None = None
    pending: int = 0
    incidents: tuple[Incident, ...] = ()
    complete: bool = True
    trend: Trend | None = None


@frozen
class TargetPeriod:
    """How one target was over a length of time, and how it is now.

    Attributes
    ----------
    measured
        Its availability; without a share where that is not known.
    incidents
        Those that began, ended or lasted in it, oldest first; the last one may be open.
    incomplete
        True if there were more, which were not read.
    since
        Since when it is watched, where that is later than the beginning.
    hours
        When hours began and the median milliseconds of a probe in them, oldest first; None where that is not known.
    expires
        When its certificate ends, if that is soon.
    """

    known: Known
    measured: Availability = field(default_factory=Availability)
    incidents: tuple[Incident, ...] = ()
    incomplete: bool = False
    since: datetime | None = None
    hours: tuple[tuple[datetime, float | None], ...] = ()
    expires: datetime | None = None

    @property
    def well(self) -> bool:
        """Return True if it is up now as far as probes say, and not flapping."""
        state = self.known.state
        if state is None or self.known.unprobed_since:
            return False
        return state.status is Status.UP and state.known_flapping is None

    @property
    def warnings(self) -> int:
        """Count the conditions that hold, a certificate that ends soon, and alerts that wait."""
        held = self.known.state.held if self.known.state else ()
        conditions = sum(one.kind is not ConditionKind.EXPIRING for one in held)
        return conditions + (self.expires is not None) + bool(self.known.pending)

    @property
    def quiet(self) -> bool:
        """Return True if there is nothing to say of it but how available and how fast it was."""
        return self.well and not self.incidents and not self.warnings and self.measured.share == 1

    def slowest(self, most: int) -> list[tuple[datetime, float]]:
        """Return the slowest hours, the slowest first."""
        known = [(at, spent) for at, spent in self.hours if spent is not None]
        return sorted(known, key=lambda one: -one[1])[:most]


@frozen
class Ticks:
    """How often Heartline ran of how often it should have, and the times in which it did not, the longest first."""

    expected: int
    missed: int
    gaps: tuple[Span, ...] = ()


def sum_up(known: Known, gaps: Sequence[Span], within: Span, interval: timedelta, now: datetime) -> TargetPeriod:
    """Return how one target was.

    Parameters
    ----------
    gaps
        The times in which Heartline did not run.
    within
        The time to look at; it is over.
    interval
        How often ticks come.
    now
        The moment at which all this is known.
    """
    state = known.state
    if state is None:
        return TargetPeriod(known)
    every = (*known.incidents, *((state.incident,) if state.incident else ()))
    incidents = tuple(one for one in every if one.began < within.ended and (one.ended or now) >= within.began)
    incomplete = not known.complete and all(one.began > within.began for one in known.incidents)
    counted = replace(state, blip_counts=tuple(one for one in state.blip_counts if one.began < within.ended))
    measured = availability(counted, incidents, gaps, within, interval)
    ends = state.server.certificate_expires if state.server else None
    return TargetPeriod(
        known,
        replace(measured, share=None) if incomplete else measured,
        incidents,
        incomplete,
        state.first_seen if state.first_seen and state.first_seen > within.began else None,
        _hours(known.trend, within, now) if known.trend else (),
        ends if ends and ends - now <= _SOON else None,
    )


def _hours(trend: Trend, within: Span, now: datetime) -> tuple[tuple[datetime, float | None], ...]:
    totals = [*(None,) * HOURS, *trend.totals()][-HOURS:]
    first = hour_of(now) - HOURS
    begun = [(datetime.fromtimestamp(3600 * (first + place), UTC), spent) for place, spent in enumerate(totals)]
    return tuple((at, spent) for at, spent in begun if at < within.ended and at + _HOUR > within.began)


def watched_span(known: Sequence[Known], within: Span) -> Span:
    """Return the part of a time in which any of the targets was watched, as far as that is known."""
    seen = [one.state.first_seen for one in known if one.state and one.state.first_seen]
    return replace(within, began=max(within.began, min(seen, default=within.began)))


def count_ticks(gaps: Sequence[Span], within: Span, interval: timedelta) -> Ticks:
    """Return how often Heartline ran in a time that is over, by its gaps, each from one tick to the next one."""
    found = [Span(max(one.began, within.began), min(one.ended, within.ended)) for one in gaps]
    found = [one for one in found if one.began < one.ended]
    expected, missed, reached = round((within.ended - within.began) / interval), 0, within.began
    for one in sorted(found, key=lambda gap: gap.began):
        # At its end a tick ran. Several runs may have noted the same one.
        missed += max(0, round((one.ended - max(one.began, reached)) / interval) - (one.began >= reached))
        reached = max(reached, one.ended)
    longest = sorted(found, key=lambda gap: gap.began - gap.ended)
    return Ticks(expected, min(missed, expected), tuple(longest))
