"""Render the table of several reports, and what they have in common, as HTML."""

from __future__ import annotations

from heartline.messages.compose import Message
from heartline.messages.markup import flow, inked, paragraph
from heartline.messages.page import TEXT, listed, listing
from heartline.messages.palette import TONES
from heartline.messages.report import Report
from heartline.messages.wording import Wording

_COLUMNS = (("row.name", "27%"), ("row.state", "26%"), ("row.gist", "22%"), ("row.since", "25%"))


def overview(message: Message, wording: Wording) -> list[str]:
    """Return the table of several databases, and what they have in common."""
    omitted = (wording.text("sentence.rest", number=message.omitted),) if message.omitted else ()
    below = (paragraph(flow(one), TEXT) for one in (*omitted, *message.sentences))
    return [listing(_COLUMNS, "".join(map(_row, message.table)), wording), *below]


def _row(report: Report) -> str:
    label = inked(report.label, TONES[report.status])
    return listed((f"<b>{flow(report.name, 8)}</b>", label, flow(report.gist), flow(report.since)))
