"""Draw the last 24 hours of a target as one line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from heartline.commands.view import DAY, TargetView
from heartline.commands.widget.html import Html, element
from heartline.commands.widget.viewer import Viewer
from heartline.model.incident import Span
from heartline.rules.availability import percent

# The line in units of five minutes; what is shorter than so many of them is drawn so wide that it can be seen.
_UNITS, _LEAST = 288, 3


def strip(view: TargetView, now: datetime, viewer: Viewer, *, tall: bool = False) -> Html:
    """Return the last 24 hours until a moment: up, down, or not watched; a text says the same."""
    begins, first = now - DAY, view.state.first_seen
    down = [Span(one.began, one.ended or now) for one in view.all_incidents if one.ended != one.began]
    down = [span for span in down if span.ended >= begins and span.began <= now]
    unseen = [Span(begins, first or now)] if first is None or first > begins else []
    gaps = [gap for gap in view.gaps if gap.ended > begins and gap.began < now]
    said = _said(view, down, viewer)
    return element(
        "svg",
        element("title", said),
        _box("up", 0, _UNITS),
        *_boxes("off", unseen, begins, 0),
        *_boxes("down", down, begins, _LEAST),
        *_boxes("off", gaps, begins, 0),
        viewBox=f"0 0 {_UNITS} 10",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
        class_="hl-strip hl-tall" if tall else "hl-strip",
    )


def _said(view: TargetView, down: list[Span], viewer: Viewer) -> str:
    share = percent(view.measured()["24h"].share)
    if share is None:
        return viewer.text("widget.strip_unknown")
    return viewer.text("widget.strip", share=share, outages=len(down))


def _boxes(tone: str, spans: Iterable[Span], begins: datetime, least: float) -> list[Html]:
    boxes = []
    for span in spans:
        left = max(0.0, (span.began - begins) / DAY * _UNITS)
        right = min(float(_UNITS), (span.ended - begins) / DAY * _UNITS)
        # What has just begun is drawn at the end of the line, and not beyond it.
        wide = max(least, right - left)
        boxes.append(_box(tone, min(left, _UNITS - wide), wide))
    return boxes


def _box(tone: str, left: float, wide: float) -> Html:
    return element(
        "rect", x=f"{left:.1f}", y=0, width=f"{wide:.1f}", height=10, class_=f"hl-{tone}", style="fill:var(--mark)"
    )
