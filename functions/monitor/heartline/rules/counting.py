"""Count outages, failed probes and changes, and say what was found between two moments."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta

from heartline.model.belief import Counts, Mark, Tally
from heartline.model.incident import Incident, Span
from heartline.model.state import BlipCount, State
from heartline.model.target import Policy

_MOST_RECENT = 6
# So many ticks with failed probes within an hour, or within so many ticks where those come more seldom, are frequent.
_FREQUENT, _WITHIN, _WITHIN_TICKS = 6, timedelta(hours=1), 10
_HOURS, _DAYS = timedelta(hours=25), timedelta(days=31)


def marked(state: State, now: datetime) -> Mark:
    """Return the counts of now, with the open outage counted until then."""
    counts = state.counts
    if state.outage:
        counts = replace(counts, down=counts.down + _seconds(state.outage.incident.began, now))
    return Mark(now, counts)


def tally(since: Mark, state: State, now: datetime, policy: Policy) -> Tally:
    """Return what was found between a mark and now."""
    until = marked(state, now)
    found = {one.name: getattr(until.counts, one.name) - getattr(since.counts, one.name) for one in fields(Counts)}
    counts = Counts(**found)
    # Each tick that found it up had one good probe.
    good = max(0.0, _seconds(since.at, now) - counts.down - counts.unobserved) / policy.interval.total_seconds()
    failed = counts.failed_probes
    return Tally(since.at, now, counts, failed / (failed + max(good, 1)) if failed else 0)


def not_observed(counts: Counts, unseen: Span, outage: Incident | None) -> Counts:
    """Count a time that was not observed, and take it out of the outage that it fell into."""
    ends = outage.ended if outage and outage.ended else unseen.ended
    within = _seconds(max(unseen.began, outage.began), min(unseen.ended, ends)) if outage else 0
    unobserved = counts.unobserved + _seconds(unseen.began, unseen.ended)
    return replace(counts, unobserved=unobserved, down=counts.down - within)


def blipped(state: State, at: datetime, probes: int) -> State:
    """Count a tick in which probes failed that made no outage."""
    return replace(
        state,
        blips=state.blips + 1,
        recent_blips=(*state.recent_blips, at)[-_MOST_RECENT:],
        blip_counts=_counted(state.blip_counts, at, probes),
        counts=replace(state.counts, failed_probes=state.counts.failed_probes + probes),
    )


def frequent(state: State, policy: Policy) -> bool:
    """Return True if ticks with failed probes come so often that people should know."""
    blips = state.recent_blips
    within = max(_WITHIN, _WITHIN_TICKS * policy.interval)
    return len(blips) >= _FREQUENT and blips[-1] - blips[0] <= within


def _counted(counts: tuple[BlipCount, ...], at: datetime, probes: int) -> tuple[BlipCount, ...]:
    """Add a tick to its hour; hours that are over for a day become a part of their day."""
    merged: dict[tuple[datetime, bool], BlipCount] = {}
    for one in (*counts, BlipCount(at.replace(minute=0, second=0, microsecond=0), 1, probes)):
        old = at - one.began > _HOURS
        began = one.began.replace(hour=0) if old else one.began
        if at - began > _DAYS:
            continue
        before = merged.get((began, old), BlipCount(began, 0, 0))
        merged[began, old] = BlipCount(began, before.ticks + one.ticks, before.probes + one.probes)
    return tuple(merged.values())


def _seconds(began: datetime, ended: datetime) -> float:
    return max(0.0, (ended - began).total_seconds())
