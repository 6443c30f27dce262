"""Render the table of several reports, and what they have in common, as HTML."""

from __future__ import annotations

from heartline.messages.compose import Message
from heartline.messages.markup import cell, escape, flow, inked, paragraph
from heartline.messages.palette import DIM, LINE, TONES
from heartline.messages.report import Report
from heartline.messages.wording import Wording

_COLUMNS = (("name", "27%"), ("state", "26%"), ("gist", "22%"), ("since", "25%"))


def overview(message: Message, wording: Wording) -> list[str]:
    """Return the table of several databases, and what they have in common."""
    heads = "".join(
        f'<th scope="col" align="left" class="dim line" width="{width}" style="padding:0 6px 4px 0;color:{DIM};'
        f'border-bottom:1px solid {LINE};font-weight:normal">{escape(wording.text(f"row.{key}"))}</th>'
        for key, width in _COLUMNS
    )
    listed = (
        '<table cellpadding="0" cellspacing="0" border="0" width="100%" '
        f'style="table-layout:fixed;font-size:12px;line-height:1.35"><tr>{heads}</tr>'
        f"{''.join(map(_row, message.table))}</table>"
    )
    omitted = (wording.text("sentence.rest", number=message.omitted),) if message.omitted else ()
    below = (paragraph(flow(one), "font-size:15px;line-height:1.4") for one in (*omitted, *message.sentences))
    return [listed, *below]


def _row(report: Report) -> str:
    tone, style = TONES[report.status], f"padding:6px 6px 6px 0;border-bottom:1px solid {LINE}"
    cells = (f"<b>{flow(report.name, 8)}</b>", inked(report.label, tone), flow(report.gist), flow(report.since))
    return f"<tr>{''.join(cell(one, style, name='line', valign='top') for one in cells)}</tr>"
