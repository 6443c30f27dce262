"""Draw how long probes took in the last days as a line, and say it in numbers."""

from __future__ import annotations

from itertools import groupby
from math import ceil

from heartline.commands.widget.html import Html, element
from heartline.commands.widget.viewer import Viewer
from heartline.model.latencies import HOURS, Trend

# In a list a step is so many hours: a page of fifty targets stays small.
_HEIGHT, _STEP = 40, 4
# What may be slow is so many times the week's median, in steps of so many milliseconds.
_SLOW_TIMES, _STEP_OF_SLOW = 5, 100


def sparkline(trend: Trend, viewer: Viewer, *, tall: bool = False) -> Html:
    """Return the last days, broken where nothing is known, the highest hour of each step; a text says the same."""
    step, hours = (1 if tall else _STEP), [*(None,) * HOURS, *trend.totals()][-HOURS:]
    highest = max((one for one in hours if one is not None), default=0) or 1
    peaks = [
        max((one for one in hours[at : at + step] if one is not None), default=None) for at in range(0, HOURS, step)
    ]
    known = groupby(enumerate(peaks), lambda point: point[1] is not None)
    runs = (
        [f"{at * step} {_HEIGHT - _HEIGHT * (one or 0) / highest:.0f}" for at, one in run] for is_, run in known if is_
    )
    # One alone is a line of no length, which a round cap makes a dot.
    path = "".join(f"M{run[0]}L{'L'.join(run[1:] or run)}" for run in runs)
    said = viewer.text("widget.trend", highest=f"{highest:,.0f}")
    return element(
        "svg",
        element("title", said),
        element(
            "path",
            d=path,
            fill="none",
            stroke="var(--link)",
            stroke_linecap="round",
            vector_effect="non-scaling-stroke",
        ),
        viewBox=f"0 -1 {HOURS} {_HEIGHT + 2}",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
        class_="hl-trend hl-tall" if tall else "hl-trend",
    )


def medians(trend: Trend, viewer: Viewer) -> list[str]:
    """Return the medians of the last day and of the days before, phase by phase."""
    return [viewer.wording.medians(f"widget.medians_{name}", found) for name, found in trend.recent().items()]


def suggestion(trend: Trend) -> str:
    """Return a `slow_after` that probes do not exceed as long as all is as it was, in seconds."""
    usual = sum(trend.medians(0, HOURS).values())
    return f"{ceil(_SLOW_TIMES * usual / _STEP_OF_SLOW) * _STEP_OF_SLOW / 1000:g}"
