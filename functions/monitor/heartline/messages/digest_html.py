"""Render a report as HTML."""

from __future__ import annotations

from heartline.messages.digest import Digest
from heartline.messages.digest_entries import Entry
from heartline.messages.markup import cell, flow, inked, paragraph, table
from heartline.messages.page import SMALL, TEXT, buttons, head, labelled, listed, listing, page, row, subhead
from heartline.messages.palette import DIM, TONES
from heartline.messages.wording import Wording

# Signs that are all as wide.
_SIGNS = "font-family:Menlo,Consolas,monospace;font-size:10px;line-height:1"
# As wide as the labels beside it.
_BESIDE = "4px 0 0 92px"
_COLUMNS = (("row.name", "28%"), ("report.column_available", "25%"), ("report.row_slowest", "47%"))


def digest_as_html(digest: Digest) -> str:
    """Return a report as one HTML page of 600 pixels."""
    wording, button = Wording(digest.language), buttons(digest.dashboard)
    rows = [head(digest.label, digest.title, digest.when, TONES[digest.tone])]
    rows += [row(paragraph(flow(one), TEXT)) for one in digest.sentences]
    rows += [row(table(f"<tr>{button}</tr>", width=""), 14)] if button else []
    for one in digest.details:
        told = table(labelled(one.rows), f"table-layout:fixed;{SMALL}") + _drawn(one, _BESIDE)
        rows += [_subhead(one, wording), row(told, 12)]
    if digest.lines:
        rows.append(row(listing(_COLUMNS, "".join(map(_line, digest.lines)), wording)))
    omitted = (wording.text("sentence.rest", number=digest.omitted),) if digest.omitted else ()
    rows += [row(paragraph(flow(one), f"{SMALL};color:{DIM}", "dim")) for one in (*omitted, *digest.notes)]
    return page(digest.language, digest.subject, digest.sentences[0], rows, digest.footer)


def _subhead(entry: Entry, wording: Wording) -> str:
    tone, available = TONES[entry.tone], wording.text("report.available", share=entry.available)
    return subhead(entry.name, " · ".join((inked(available, tone), *map(flow, entry.facts))), tone)


def _drawn(entry: Entry, padding: str = "0 0 2px") -> str:
    """Return the line of how long probes took; in words it is the slowest hours."""
    line = cell(entry.line, f"padding:{padding};color:{DIM}", name="dim")
    return table(f"<tr>{line}</tr>", _SIGNS, width="") if entry.line else ""


def _line(entry: Entry) -> str:
    facts = "<br>".join((inked(entry.available, TONES[entry.tone]), *map(flow, entry.facts)))
    return listed((f"<b>{flow(entry.name, 8)}</b>", facts, _drawn(entry) + flow(entry.slowest)))
