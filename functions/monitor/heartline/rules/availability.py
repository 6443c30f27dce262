"""Measure how much of the time that Heartline watched a target was up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from heartline.common.frozen import frozen
from heartline.model.incident import Incident, Span
from heartline.model.state import State


@frozen
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
    up = (measured.share or 0) * measured.observed
    counts = [one for one in state.blip_counts if one.began > begins - timedelta(hours=1)]
    blips, failed = sum(one.ticks for one in counts), sum(one.probes for one in counts)
    # Each tick that found it up had one good probe.
    probes = failed + max(up / interval.total_seconds(), blips)
    failed_share = failed / probes if probes else None
    return replace(measured, blips=blips, failed_probes=failed, failed_share=failed_share)


def share_up(outages: Iterable[Span], gaps: Iterable[Span], within: Span) -> Availability:
    """Measure how much of a time was up, with nothing said of blips."""
    begins, ends, gaps = within.began, within.ended, list(gaps)
    unseen, covered = _within(gaps, begins, ends), _within([*outages, *gaps], begins, ends)
    observed = max(0.0, (ends - begins).total_seconds() - unseen)
    up = max(0.0, (ends - begins).total_seconds() - covered)
    return Availability(up / observed if observed else None, observed, unseen)


def percent(share: float | None) -> str | None:
    """Return a share in percent, cut and not rounded: what was down for a moment is not at 100."""
    if share is None:
        return None
    return "100%" if share >= 1 else f"{int(share * 10_000) / 100:.2f}%"


def _within(spans: Iterable[Span], begins: datetime, ends: datetime) -> float:
    """Return how many seconds of a time spans cover; those that overlap count once."""
    covered = 0.0
    for span in sorted(spans, key=lambda one: one.began):
        began, ended = max(span.began, begins), min(span.ended, ends)
        if began < ended:
            covered, begins = covered + (ended - began).total_seconds(), ended
    return covered
