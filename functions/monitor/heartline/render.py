"""Write a report as text and as HTML, with the same facts in both."""

from __future__ import annotations

import textwrap
from html import escape

from heartline.message import Report

_COLUMNS = 72
_SIGNED = "Heartline watches PostgreSQL and writes only when something changes."


def as_text(report: Report) -> str:
    """Write a report as plain text of 72 columns."""
    paragraphs = [_fill(part) for part in (report.headline, *report.sentences)]
    width = max((len(label) for label, _ in report.rows), default=0) + 3
    rows = [_fill(f"{label + ':':<{width}}{value}", " " * width) for label, value in report.rows]
    return "\n\n".join([*paragraphs, "\n".join(rows), f"-- \n{_SIGNED}"]) + "\n"


def _fill(text: str, indent: str = "") -> str:
    """Break between words only: a host name or an incident must stay whole, to be copied."""
    return textwrap.fill(text, _COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def as_html(report: Report) -> str:
    """Write a report as one HTML table of 600 pixels: inline styles, no image, no script, nothing remote."""
    colour = {"up": "#1b6e3c", "test": "#3a4a5c"}.get(report.status, "#a3211a")
    sentences = "".join(f'<p style="margin:0 0 12px">{escape(part)}</p>' for part in report.sentences)
    rows = "".join(
        '<tr><td style="padding:4px 16px 4px 0;vertical-align:top;color:#57606a;white-space:nowrap">'
        f'{escape(label)}</td><td style="padding:4px 0;word-break:break-word">{escape(value)}</td></tr>'
        for label, value in report.rows
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>'
        f"{escape(report.subject)}</title></head>"
        '<body style="margin:0;padding:16px;background:#ffffff;color:#1f2328;'
        'font:16px/1.5 system-ui,-apple-system,Segoe UI,Roboto,sans-serif">'
        '<table role="presentation" style="max-width:600px;width:100%;border-collapse:collapse"><tr>'
        f'<td style="border-left:6px solid {colour};padding:4px 0 4px 16px">'
        f'<h1 style="font-size:20px;line-height:1.3;margin:0 0 12px;color:{colour}">{escape(report.headline)}</h1>'
        f"{sentences}"
        f'<table role="presentation" style="border-collapse:collapse;font-size:14px">{rows}</table>'
        f'<p style="margin:16px 0 0;font-size:12px;color:#57606a">{_SIGNED}</p>'
        "</td></tr></table></body></html>"
    )
