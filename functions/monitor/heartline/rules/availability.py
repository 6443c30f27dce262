"""Measure how much of the time that Heartline watched a target was up; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from heartline.model.incident import Incident, Span
from heartline.model.state import State


@dataclass(frozen=True, slots=True)
class Availability:
    """Say for which share of the observed time a target was up, and how many seconds were not observed.

    The share is None where nothing was observed.
    """

    share: float | None
    unobserved: float


def availability(
    state: State, incidents: Sequence[Incident], gaps: Sequence[Span], length: timedelta, now: datetime
) -> Availability:
    """Measure a target's availability over the last `length` of time, as far as it was watched at all.

    Parameters
    ----------
    state
        The target's state; its open incident counts until now.
    incidents
        Those that are over; they count from the first failed probe to the first good one.
    gaps
        The times in which Heartline did not run: they count for nothing.
    length, now
        The time to look at.
    """
    if state.first_seen is None:
        return Availability(None, 0)
    begins = max(now - length, state.first_seen)
    spans = [Span(one.began, one.ended or now) for one in incidents]
    if state.incident:
        spans.append(Span(state.incident.began, now))
    unseen = _within(gaps, begins, now)
    observed = (now - begins).total_seconds() - _seconds(unseen)
    down = sum(_seconds(_without(one, unseen)) for one in _within(spans, begins, now))
    return Availability(max(0.0, 1 - down / observed) if observed > 0 else None, _seconds(unseen))


def _within(spans: Iterable[Span], begins: datetime, ends: datetime) -> list[Span]:
    """Cut spans to a time, and join those that overlap."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.began):
        began = max(span.began, begins, joined[-1].ended if joined else begins)
        if began < min(span.ended, ends):
            joined.append(Span(began, min(span.ended, ends)))
    return joined


def _without(span: Span, holes: Iterable[Span]) -> list[Span]:
    left, began = [], span.began
    for hole in holes:
        if hole.ended > began and hole.began < span.ended:
            left.append(Span(began, max(began, hole.began)))
            began = max(began, hole.ended)
    return [*left, Span(began, max(began, span.ended))]


def _seconds(spans: Iterable[Span]) -> float:
    return sum((span.ended - span.began).total_seconds() for span in spans)
