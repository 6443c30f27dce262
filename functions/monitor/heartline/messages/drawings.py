"""Draw the phases of a probe as one segmented line, and the last hours as cells, in HTML."""

from __future__ import annotations

from collections.abc import Sequence

from heartline.messages.markup import cell, escape, paragraph, table
from heartline.messages.palette import CARD, DIM, INK, PANEL, TONES, Tone
from heartline.messages.phase_bars import PhaseBar
from heartline.messages.timeline import DOWN, UNWATCHED, UP, Timeline
from heartline.messages.wording import Wording

_SIGNS = {
    UP: ("&#160;", INK, "#93d3ab", "gap"),
    DOWN: ("&#215;", "#ffffff", TONES["down"].solid, "gap"),
    UNWATCHED: ("?", DIM, PANEL, "panel gap"),
}


def draw_phases(bars: Sequence[PhaseBar], tone: Tone) -> str:
    """Return the five phases as the segments of one line; the words say what the colours say."""
    cells = "".join(_segment(bar, tone) for bar in bars)
    return table(f"<tr>{cells}</tr>", "table-layout:fixed;font-size:11px;line-height:1.3")


def _segment(bar: PhaseBar, tone: Tone) -> str:
    ground, ink, name = (TONES["up"].tint, INK, "tint-up gap") if bar.time else (PANEL, DIM, "panel gap")
    if bar.failed:
        ground, ink, name = tone.solid, "#ffffff", "gap"
    below = "<br>".join(escape(one) for one in (bar.time, bar.note) if one)
    style = f"padding:5px 2px;color:{ink};border-left:2px solid {CARD}"
    content = f"<b>{escape(bar.name)}</b><br>{below}"
    return cell(content, style, ground=ground, name=name, align="center", valign="top", width="20%")


def draw_hours(timeline: Timeline, wording: Wording) -> str:
    """Return the last hours as cells, with the hours of the clock below them."""
    share = wording.text("value.lately", share=timeline.share, zone=timeline.zone)
    head = paragraph(
        f'<b>{escape(wording.text("row.lately"))}</b> <span class="dim" style="color:{DIM}">{escape(share)}</span>',
        "font-size:12px;line-height:1.35",
        margin="0 0 3px",
    )
    cells = "".join(_hour(sign) for _, sign in timeline.hours)
    labels = "".join(
        cell(f"{first:02d}", f"padding:1px 0 0;color:{DIM}", name="dim", colspan=str(len(signs)))
        for first, signs in timeline.quarters
    )
    return head + table(f"<tr>{cells}</tr><tr>{labels}</tr>", "table-layout:fixed;font-size:10px;line-height:14px")


def _hour(sign: str) -> str:
    style = f"border-left:1px solid {CARD};padding:0"
    shown, ink, ground, name = _SIGNS[sign]
    return cell(shown, f"{style};color:{ink}", ground=ground, name=name, align="center")
