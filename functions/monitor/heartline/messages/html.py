"""Render a message as HTML for all mail programs: tables, inline styles, nothing remote, no image, no script."""

from __future__ import annotations

from heartline.messages.compose import Message
from heartline.messages.details import Rows
from heartline.messages.drawings import draw_hours, draw_phases
from heartline.messages.markup import cell, escape, flow, inked, paragraph, table
from heartline.messages.overview import overview
from heartline.messages.palette import CARD, DIM, INK, LINK, PAGE, PANEL, STYLE, TONES, Tone
from heartline.messages.report import Report
from heartline.messages.wording import Wording

_FONT = "font-family:-apple-system,'Segoe UI',Roboto,'Noto Sans KR','Malgun Gothic',sans-serif"
_TEXT = "font-size:15px;line-height:1.4"
_SMALL = "font-size:12px;line-height:1.35"


def as_html(message: Message) -> str:
    """Return a message as one HTML page of 600 pixels."""
    wording, report = Wording(message.language), message.report
    tone, button = TONES[report.status], _buttons(report.dashboard)
    rows = [_head(report.label, message, tone)]
    if message.table:
        below = table(f"<tr>{button}</tr>", width="") if button else ""
        rows += [_row(one) for one in overview(message, wording)] + [_row(below, 14), _subhead(report, tone)]
    else:
        rows += [_row(paragraph(flow(one), _TEXT)) for one in message.sentences]
    rows += [_row(one) for one in _blocks(report, tone, wording, "" if message.table else button) if one]
    rows.append(_row(paragraph(escape(wording.text("footer.signed")), f"{_SMALL};color:{DIM}", "dim"), 14))
    style = f"width:100%;max-width:600px;{_TEXT};{_FONT}"
    card = cell(table("".join(rows), style, width="600"), "padding:0", ground=PAGE, name="page", align="center")
    # What stands in the list of mails after the subject, and is not shown.
    preview = escape(message.sentences[-1] if message.table and message.sentences else report.headline)
    hidden = "display:none;mso-hide:all;font-size:1px;line-height:1px"
    return (
        f'<!doctype html><html lang="{escape(message.language.code)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(message.subject)}</title><style>{STYLE}</style></head>"
        f'<body class="page" style="margin:0;background:{PAGE};color:{INK};word-break:keep-all;{_FONT}">'
        f'<div style="{hidden}">{preview}</div>'
        f"{table(f'<tr>{card}</tr>')}</body></html>"
    )


def _row(content: str, below: int = 0) -> str:
    style = f"padding:12px 16px {below}px;color:{INK}"
    return f"<tr>{cell(content, style, ground=CARD, name='card', align='left')}</tr>"


def _head(label: str, message: Message, tone: Tone) -> str:
    content = (
        paragraph(escape(label), "font-size:13px;line-height:1.3;font-weight:bold;letter-spacing:1px")
        + f'<h1 style="margin:0 0 2px;font-size:24px;line-height:1.25">{flow(message.title, 12)}</h1>'
        + paragraph(flow(message.when), "font-size:14px;line-height:1.35")
    )
    return f"<tr>{cell(content, 'padding:14px 16px;color:#ffffff', ground=tone.solid, align='left')}</tr>"


def _subhead(report: Report, tone: Tone) -> str:
    """Return the head of what is reported in full, below the table of all."""
    label = inked(report.label, tone)
    content = (
        f'<h2 style="margin:0;font-size:18px;line-height:1.25">{flow(report.name, 12)}</h2>'
        f"{paragraph(f'{label} · {flow(report.when)}', 'font-size:14px;line-height:1.35')}"
    )
    style = f"padding:10px 16px;border-top:4px solid {tone.solid};color:{INK}"
    return f"<tr>{cell(content, style, ground=tone.tint, name=f'tint-{tone.name}', align='left')}</tr>"


def _blocks(report: Report, tone: Tone, wording: Wording, button: str) -> tuple[str, ...]:
    """Return what is said of a target, block by block; those for which there is nothing to say are empty."""
    links = _links(report.links, beside=bool(button))
    return (
        paragraph(flow(report.headline), _TEXT),
        _first_step(wording.text("row.first"), report.first_step, tone) if report.first_step else "",
        table(f"<tr>{button}{links}</tr>", width="") if button or links else "",
        draw_phases(report.phase_bars, tone) if report.phase_bars else "",
        draw_hours(report.timeline, wording) if report.timeline else "",
        _details(report),
    )


def _first_step(title: str, text: str, tone: Tone) -> str:
    """Return what to do first, in a shaded box."""
    style = f"font-size:13px;line-height:1.4;font-weight:bold;color:{tone.solid}"
    content = paragraph(escape(title), style, f"ink-{tone.name}") + paragraph(flow(text), _TEXT)
    box = f"padding:10px 12px;border-left:4px solid {tone.solid};color:{INK}"
    return table(f"<tr>{cell(content, box, ground=tone.tint, name=f'tint-{tone.name}')}</tr>")


def _buttons(dashboard: Rows) -> str:
    """Return the link to the page with the buttons, as a cell that looks like one."""
    style = "display:block;padding:10px 16px;color:#ffffff;text-decoration:none;line-height:20px;font-weight:bold"
    look = "border-radius:6px;white-space:nowrap"
    return "".join(
        cell(f'<a href="{escape(url)}" style="{style}">{escape(label).replace(" ", "&#160;")}</a>', look, ground=LINK)
        for label, url in dashboard
    )


def _links(links: Rows, *, beside: bool) -> str:
    style = f"display:inline-block;color:{LINK};{_SMALL};padding:2px 14px 2px 0"
    shown = " ".join(
        f'<a href="{escape(url)}" class="link" style="{style}">{escape(label)}</a>' for label, url in links
    )
    return cell(shown, f"padding:0 0 0 {14 if beside else 0}px") if shown else ""


def _details(report: Report) -> str:
    """Return all else that is to be known, in one quiet block."""
    sentences = "".join(paragraph(flow(one), "", margin="0 0 6px") for one in report.sentences)
    rows = "".join(
        f"<tr>{cell(escape(label), 'padding:1px 8px 1px 0', width='84', valign='top')}"
        f"{cell(flow(value), 'padding:1px 0', valign='top')}</tr>"
        for label, value in report.rows
    )
    content = sentences + table(rows, f"table-layout:fixed;{_SMALL}")
    inner = cell(content, f"padding:9px;{_SMALL};color:{DIM}", ground=PANEL, name="panel")
    return table(f"<tr>{inner}</tr>", "table-layout:fixed")
