"""Measure how much of the time that Heartline watched a target was up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from heartline.model.incident import Incident, Span
from heartline.model.state import State


@dataclass(frozen=True, slots=True)
class Availability:
    """How much of a length of time a target was up, as far as it was observed.

    Attributes
    ----------
    share
        The share of the observed time in which it was up; None where nothing was observed.
    observed, unobserved
        The seconds that it was observed, and the seconds in which Heartline did not run.
    blips, failed_probes
        The ticks with failed probes that made no outage, and those probes.
    failed_share
        The share of these among all probes outside outages; None where there were none.
    """

    share: float | None = None
    observed: float = 0
    unobserved: float = 0
    blips: int = 0
    failed_probes: int = 0
    failed_share: float | None = None


def availability(
    state: State,
    incidents: Sequence[Incident],
    gaps: Sequence[Span],
    within: Span,
    interval: timedelta,
) -> Availability:
    """Measure a target's availability over a length of time until now, as far as it was watched at all.

    Parameters
    ----------
    state
        The target's state; its open incident counts until now.
    incidents
        Those that are over; they count from the first failed probe to the first good one.
    gaps
        The times in which Heartline did not run: they count for nothing.
    within
        The time to look at.
    interval
        How often ticks come.
    """
    if state.first_seen is None:
        return Availability()
    begins, now = max(within.began, state.first_seen), within.ended
    spans = [Span(one.began, one.ended or now) for one in incidents]
    if state.incident:
        spans.append(Span(state.incident.began, now))
    measured = share_up(spans, gaps, Span(begins, now))
    return _with_blips(measured, state, begins, (measured.share or 0) * measured.observed / interval.total_seconds())


def share_up(outages: Iterable[Span], gaps: Iterable[Span], within: Span) -> Availability:
    """Measure how much of a time was up, with nothing said of blips."""
    unseen = _within(gaps, within.began, within.ended)
    observed = (within.ended - within.began).total_seconds() - _seconds(unseen)
    up = observed - sum(_seconds(_without(one, unseen)) for one in _within(outages, within.began, within.ended))
    return Availability(max(0.0, up / observed) if observed > 0 else None, max(0.0, observed), _seconds(unseen))


def percent(share: float | None) -> str | None:
    """Return a share in percent, cut and not rounded: what was down for a moment is not at 100."""
    if share is None:
        return None
    return "100%" if share >= 1 else f"{int(share * 10_000) / 100:.2f}%"


def _with_blips(measured: Availability, state: State, begins: datetime, ticks: float) -> Availability:
    counts = [one for one in state.blip_counts if one.began >= begins - timedelta(hours=1)]
    blips, failed = sum(one.ticks for one in counts), sum(one.probes for one in counts)
    # Each tick that found it up had one good probe.
    share = failed / (failed + max(ticks, blips)) if failed or ticks > 0 else None
    return Availability(measured.share, measured.observed, measured.unobserved, blips, failed, share)


def _within(spans: Iterable[Span], begins: datetime, ends: datetime) -> list[Span]:
    """Cut spans to a time, and join those that overlap."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.began):
        began = max(span.began, begins, joined[-1].ended if joined else begins)
        if began < min(span.ended, ends):
            joined.append(Span(began, min(span.ended, ends)))
    return joined


def _without(span: Span, holes: Iterable[Span]) -> list[Span]:
    rest, began = [], span.began
    for hole in holes:
        if hole.ended > began and hole.began < span.ended:
            rest.append(Span(began, max(began, hole.began)))
            began = max(began, hole.ended)
    return [*rest, Span(began, max(began, span.ended))]


def _seconds(spans: Iterable[Span]) -> float:
    return sum((span.ended - span.began).total_seconds() for span in spans)
