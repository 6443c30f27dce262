"""Lay a mail out as HTML for all mail programs: tables, inline styles, nothing remote, no image, no script."""

from __future__ import annotations

from collections.abc import Sequence

from heartline.i18n.language import Language
from heartline.messages.details import Rows
from heartline.messages.markup import cell, escape, flow, paragraph, table
from heartline.messages.palette import CARD, DIM, INK, LINE, LINK, PAGE, STYLE, Tone
from heartline.messages.wording import Wording

_FONT = "font-family:-apple-system,'Segoe UI',Roboto,'Noto Sans KR','Malgun Gothic',sans-serif"
TEXT = "font-size:15px;line-height:1.4"
SMALL = "font-size:12px;line-height:1.35"


def page(language: Language, subject: str, preview: str, rows: Sequence[str], footer: str) -> str:
    """Return a page of 600 pixels; the preview stands in the list of mails after the subject, and is not shown."""
    signed = row(paragraph(flow(footer), f"{SMALL};color:{DIM}", "dim"), 14)
    style = f"width:100%;max-width:600px;{TEXT};{_FONT}"
    card = cell(
        table("".join((*rows, signed)), style, width="600"), "padding:0", ground=PAGE, name="page", align="center"
    )
    hidden = "display:none;mso-hide:all;font-size:1px;line-height:1px"
    return (
        f'<!doctype html><html lang="{escape(language.code)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(subject)}</title><style>{STYLE}</style></head>"
        f'<body class="page" style="margin:0;background:{PAGE};color:{INK};word-break:keep-all;{_FONT}">'
        f'<div style="{hidden}">{escape(preview)}</div>'
        f"{table(f'<tr>{card}</tr>')}</body></html>"
    )


def row(content: str, below: int = 0) -> str:
    """Return a block of the page."""
    style = f"padding:12px 16px {below}px;color:{INK}"
    return f"<tr>{cell(content, style, ground=CARD, name='card', align='left')}</tr>"


def head(label: str, title: str, when: str, tone: Tone) -> str:
    """Return the head of the page: the state, whom it is about, and since when or of which time."""
    content = (
        paragraph(escape(label), "font-size:13px;line-height:1.3;font-weight:bold;letter-spacing:1px")
        + f'<h1 style="margin:0 0 2px;font-size:24px;line-height:1.25">{flow(title, 12)}</h1>'
        + paragraph(flow(when), "font-size:14px;line-height:1.35")
    )
    return f"<tr>{cell(content, 'padding:14px 16px;color:#ffffff', ground=tone.solid, align='left')}</tr>"


def subhead(title: str, line: str, tone: Tone) -> str:
    """Return the head of what is said of one database among several; the line is HTML already."""
    content = (
        f'<h2 style="margin:0;font-size:18px;line-height:1.25">{flow(title, 12)}</h2>'
        f"{paragraph(line, 'font-size:14px;line-height:1.35')}"
    )
    style = f"padding:10px 16px;border-top:4px solid {tone.solid};color:{INK}"
    return f"<tr>{cell(content, style, ground=tone.tint, name=f'tint-{tone.name}', align='left')}</tr>"


def buttons(dashboard: Rows) -> str:
    """Return the link to the page with the buttons, as a cell that looks like one."""
    style = "display:block;padding:10px 16px;color:#ffffff;text-decoration:none;line-height:20px;font-weight:bold"
    look = "border-radius:6px;white-space:nowrap"
    return "".join(
        cell(f'<a href="{escape(url)}" style="{style}">{escape(label).replace(" ", "&#160;")}</a>', look, ground=LINK)
        for label, url in dashboard
    )


def listing(columns: Sequence[tuple[str, str]], rows: str, wording: Wording) -> str:
    """Return a table of several databases; a column is the key of its head, and its width."""
    style = f"padding:0 6px 4px 0;color:{DIM};border-bottom:1px solid {LINE};font-weight:normal"
    heads = "".join(
        f'<th scope="col" align="left" class="dim line" width="{width}" style="{style}">'
        f"{escape(wording.text(key))}</th>"
        for key, width in columns
    )
    return (
        '<table cellpadding="0" cellspacing="0" border="0" width="100%" '
        f'style="table-layout:fixed;{SMALL}"><tr>{heads}</tr>{rows}</table>'
    )


def listed(cells: Sequence[str]) -> str:
    """Return a line of such a table, of cells that are HTML already."""
    style = f"padding:6px 6px 6px 0;border-bottom:1px solid {LINE}"
    return f"<tr>{''.join(cell(one, style, name='line', valign='top') for one in cells)}</tr>"


def labelled(rows: Rows) -> str:
    """Return pairs of a label and a value, as rows of a table."""
    return "".join(
        f"<tr>{cell(escape(label), 'padding:1px 8px 1px 0', width='84', valign='top')}"
        f"{cell(flow(value), 'padding:1px 0', valign='top')}</tr>"
        for label, value in rows
    )
