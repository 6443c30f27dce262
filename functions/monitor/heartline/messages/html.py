"""Render a message as HTML."""

from __future__ import annotations

from heartline.messages.compose import Message
from heartline.messages.details import Rows
from heartline.messages.drawings import draw_hours, draw_phases
from heartline.messages.markup import cell, escape, flow, inked, paragraph, table
from heartline.messages.overview import overview
from heartline.messages.page import SMALL, TEXT, buttons, head, labelled, page, row, subhead
from heartline.messages.palette import DIM, INK, LINK, PANEL, TONES, Tone
from heartline.messages.report import Report
from heartline.messages.wording import Wording


def as_html(message: Message) -> str:
    """Return a message as one HTML page of 600 pixels."""
    wording, report = Wording(message.language), message.report
    tone, button = TONES[report.status], buttons(report.dashboard)
    rows = [head(report.label, message.title, message.when, tone)]
    if message.table:
        below = table(f"<tr>{button}</tr>", width="") if button else ""
        line = f"{inked(report.label, tone)} · {flow(report.when)}"
        rows += [row(one) for one in overview(message, wording)] + [row(below, 14), subhead(report.name, line, tone)]
    else:
        rows += [row(paragraph(flow(one), TEXT)) for one in message.sentences]
    rows += [row(one) for one in _blocks(report, tone, wording, "" if message.table else button) if one]
    preview = message.sentences[-1] if message.table and message.sentences else report.headline
    return page(message.language, message.subject, preview, rows, wording.text("footer.signed"))


def _blocks(report: Report, tone: Tone, wording: Wording, button: str) -> tuple[str, ...]:
    """Return what is said of a target, block by block; those for which there is nothing to say are empty."""
    links = _links(report.links, beside=bool(button))
    return (
        paragraph(flow(report.headline), TEXT),
        _first_step(wording.text("row.first"), report.first_step, tone) if report.first_step else "",
        table(f"<tr>{button}{links}</tr>", width="") if button or links else "",
        draw_phases(report.phase_bars, tone) if report.phase_bars else "",
        draw_hours(report.timeline, wording) if report.timeline else "",
        _details(report),
    )


def _first_step(title: str, text: str, tone: Tone) -> str:
    """Return what to do first, in a shaded box."""
    style = f"font-size:13px;line-height:1.4;font-weight:bold;color:{tone.solid}"
    content = paragraph(escape(title), style, f"ink-{tone.name}") + paragraph(flow(text), TEXT)
    box = f"padding:10px 12px;border-left:4px solid {tone.solid};color:{INK}"
    return table(f"<tr>{cell(content, box, ground=tone.tint, name=f'tint-{tone.name}')}</tr>")


def _links(links: Rows, *, beside: bool) -> str:
    style = f"display:inline-block;color:{LINK};{SMALL};padding:2px 14px 2px 0"
    shown = " ".join(
        f'<a href="{escape(url)}" class="link" style="{style}">{escape(label)}</a>' for label, url in links
    )
    return cell(shown, f"padding:0 0 0 {14 if beside else 0}px") if shown else ""


def _details(report: Report) -> str:
    """Return all else that is to be known, in one quiet block."""
    sentences = "".join(paragraph(flow(one), "", margin="0 0 6px") for one in report.sentences)
    content = sentences + table(labelled(report.rows), f"table-layout:fixed;{SMALL}")
    inner = cell(content, f"padding:9px;{SMALL};color:{DIM}", ground=PANEL, name="panel")
    return table(f"<tr>{inner}</tr>", "table-layout:fixed")
