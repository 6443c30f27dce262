"""Write a message as text and as HTML, with the same facts in both."""

from __future__ import annotations

import textwrap
from html import escape

from heartline.message import Message
from heartline.report import Report

_COLUMNS = 72
_SIGNED = "Heartline watches PostgreSQL and writes only when something changes."
_COLOURS = {"up": "#1b6e3c", "test": "#3a4a5c", "unstable": "#8a5a00"}
_FAILED = "#a3211a"


def as_text(message: Message) -> str:
    """Write a message as plain text of 72 columns."""
    several = len(message.reports) > 1
    parts = [*map(_fill, message.sentences)]
    parts += [_report_as_text(report, several=several) for report in message.reports]
    if message.more:
        parts.append("\n".join([_more(message), *(_fill(f"  {subject}", "    ") for subject in message.more)]))
    return "\n\n".join([*parts, f"-- \n{_SIGNED}"]) + "\n"


def _report_as_text(report: Report, *, several: bool) -> str:
    title = (f"{report.subject}\n{'-' * min(len(report.subject), _COLUMNS)}",) if several else ()
    paragraphs = [_fill(part) for part in (report.headline, *report.sentences)]
    width = max((len(label) for label, _ in report.rows), default=0) + 3
    rows = [_fill(f"{label + ':':<{width}}{value}", " " * width) for label, value in report.rows]
    return "\n\n".join([*title, *paragraphs, "\n".join(rows)])


def _more(message: Message) -> str:
    return f'And {len(message.more)} more; the command "status" shows all:'


def _fill(text: str, indent: str = "") -> str:
    """Break between words only: a host name or an incident must stay whole, to be copied."""
    return textwrap.fill(text, _COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def as_html(message: Message) -> str:
    """Write a message as HTML tables of 600 pixels: inline styles, no image, no script, nothing remote."""
    common = "".join(map(_paragraph, message.sentences))
    reports = "".join(map(_report_as_html, message.reports))
    more = "".join(f"<li>{escape(subject)}</li>" for subject in message.more)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>'
        f"{escape(message.subject)}</title></head>"
        '<body style="margin:0;padding:16px;background:#ffffff;color:#1f2328;'
        'font:16px/1.5 system-ui,-apple-system,Segoe UI,Roboto,sans-serif">'
        f'<table role="presentation" style="max-width:600px;width:100%;border-collapse:collapse">'
        f"{f'<tr><td>{common}</td></tr>' if common else ''}{reports}"
        f"{f'<tr><td>{_paragraph(_more(message))}<ul>{more}</ul></td></tr>' if more else ''}"
        f'<tr><td style="padding:16px 0 0;font-size:12px;color:#57606a">{_SIGNED}</td></tr>'
        "</table></body></html>"
    )


def _report_as_html(report: Report) -> str:
    colour = _COLOURS.get(report.status, _FAILED)
    rows = "".join(
        '<tr><td style="padding:4px 16px 4px 0;vertical-align:top;color:#57606a;white-space:nowrap">'
        f'{escape(label)}</td><td style="padding:4px 0;word-break:break-word">{escape(value)}</td></tr>'
        for label, value in report.rows
    )
    return (
        f'<tr><td style="border-left:6px solid {colour};padding:4px 0 16px 16px">'
        f'<h1 style="font-size:20px;line-height:1.3;margin:0 0 12px;color:{colour}">{escape(report.headline)}</h1>'
        f"{''.join(map(_paragraph, report.sentences))}"
        f'<table role="presentation" style="border-collapse:collapse;font-size:14px">{rows}</table></td></tr>'
    )


def _paragraph(text: str) -> str:
    return f'<p style="margin:0 0 12px">{escape(text)}</p>'
