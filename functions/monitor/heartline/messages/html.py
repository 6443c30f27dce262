"""Render a message as HTML for all mail programs: tables, inline styles, nothing remote, no image, no script."""

from __future__ import annotations

import html

from heartline.messages.compose import Message
from heartline.messages.phase_bars import PhaseBar
from heartline.messages.report import Report
from heartline.messages.timeline import DOWN, UP
from heartline.messages.wording import Wording

# Text and its tint on white have a contrast of at least 4.5 (WCAG 2.2, 1.4.3), in the dark style on #16181d too.
_COLOURS = {"up": "up", "test": "note", "notice": "warn", "flapping": "warn"}
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,'Noto Sans KR','Malgun Gothic',sans-serif"
_MONO = "font-family:ui-monospace,Consolas,Menlo,monospace"
_TINTS = {"down": "#a3211a", "up": "#1b6e3c", "note": "#3a4a5c", "warn": "#8a5a00"}
_NIGHT = {"down": "#ff9b93", "up": "#7fd6a0", "note": "#b6c5d6", "warn": "#f0c060"}
_STYLE = (
    ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    "@media (prefers-color-scheme:dark){"
    ".page,.page td{background:#16181d!important;color:#e6e8eb!important}"
    ".page .dim{color:#aab2bd!important}.page .code{background:#22262e!important;color:#e6e8eb!important}"
    + "".join(
        f".page .{name}{{color:{colour}!important;border-color:{colour}!important}}" for name, colour in _NIGHT.items()
    )
    + ".page .bar{background:#7aa2d6!important;color:#16181d!important}"
    ".page .bad{background:#ff9b93!important;color:#16181d!important}"
    ".page .cell{background:#2c313a!important;color:#e6e8eb!important}}"
)
_TABLE = '<table role="presentation" cellpadding="0" cellspacing="0" border="0"'


def escape(text: str) -> str:
    """Return a text as the content of an element; no attribute holds a text from outside."""
    return html.escape(text, quote=False)


def as_html(message: Message) -> str:
    """Return a message as one HTML page of 600 pixels."""
    wording = Wording(message.language)
    several = len(message.reports) > 1
    common = (_title(message.subject, 1) if several else "") + "".join(map(_paragraph, message.sentences))
    blocks = [_block(common)] if common else []
    blocks += [_report(report, wording, 2 if several else 1) for report in message.reports]
    if message.more_subjects:
        lines = "".join(f'<li style="margin:0 0 4px">{escape(line)}</li>' for line in message.more_subjects)
        more = _paragraph(wording.text("sentence.more", number=len(message.more_subjects)))
        blocks.append(_block(f'{more}<ul style="margin:0;padding:0 0 0 20px">{lines}</ul>'))
    if message.omitted:
        blocks.append(_block(_paragraph(wording.text("sentence.rest", number=message.omitted))))
    signed = f'<p class="dim" style="margin:0;font-size:12px;color:#57606a">{escape(wording.text("footer.signed"))}</p>'
    return (
        f'<!doctype html><html lang="{escape(message.language.code)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(message.subject)}</title><style>{_STYLE}</style></head>"
        f'<body class="page" style="margin:0;padding:0;background:#ffffff;color:#1f2328;'
        f'word-break:keep-all;overflow-wrap:anywhere;{_FONT}">'
        f'{_TABLE} width="100%" class="page" style="background:#ffffff"><tr><td align="center" style="padding:16px">'
        f'{_TABLE} width="600" style="width:100%;max-width:600px;font-size:15px;line-height:1.5;color:#1f2328;{_FONT}">'
        f"{''.join(blocks)}{_block(signed)}</table></td></tr></table></body></html>"
    )


def _block(content: str) -> str:
    return f'<tr><td align="left" style="padding:0 0 20px">{content}</td></tr>'


def _report(report: Report, wording: Wording, level: int) -> str:
    name = _COLOURS.get(report.status, "down")
    tint = _TINTS[name]
    content = (
        f'<p class="{name}" style="margin:0 0 4px;font-size:13px;font-weight:bold;color:{tint}">'
        f"{escape(report.label)}</p>"
        f"{_title(report.headline, level)}"
        f"{''.join(map(_paragraph, report.sentences))}{_first(report, wording)}{_rows(report)}"
        f"{_phase_bars(report.phase_bars, wording) if report.phase_bars else ''}"
        f"{_timeline(report, wording) if report.timeline else ''}"
        f"{''.join(_link(label, url) for label, url in (*report.dashboard, *report.links))}"
        f"{''.join(_command(label, command) for label, command in report.commands)}"
    )
    return (
        f'<tr><td align="left" style="padding:0 0 24px">{_TABLE} width="100%" style="table-layout:fixed"><tr>'
        f'<td class="{name}" style="border-left:5px solid {tint};padding:0 0 0 14px;font-size:15px;line-height:1.5">'
        f'<div class="page">{content}</div></td></tr></table></td></tr>'
    )


def _title(text: str, level: int) -> str:
    size = 20 if level == 1 else 17
    return f'<h{level} style="margin:0 0 12px;font-size:{size}px;line-height:1.3">{escape(text)}</h{level}>'


def _first(report: Report, wording: Wording) -> str:
    return _paragraph(f"{wording.text('row.first')}: {report.first_step}") if report.first_step else ""


def _rows(report: Report) -> str:
    rows = "".join(
        '<tr><td class="dim" width="34%" valign="top" style="padding:4px 12px 4px 0;color:#57606a">'
        f'{escape(label)}</td><td valign="top" style="padding:4px 0;overflow-wrap:anywhere">'
        f"{escape(value)}</td></tr>"
        for label, value in report.rows
    )
    return f'{_TABLE} width="100%" style="table-layout:fixed;font-size:14px;line-height:1.4">{rows}</table>'


def _phase_bars(phase_bars: tuple[PhaseBar, ...], wording: Wording) -> str:
    """Draw the phases as bars of proportional lengths; the words say the same."""
    rows = "".join(map(_phase_bar, phase_bars))
    table = f'{_TABLE} width="100%" style="table-layout:fixed;font-size:13px">{rows}</table>'
    return _heading(wording.text("row.phases")) + table


def _phase_bar(bar: PhaseBar) -> str:
    time = "" if bar.spent is None else f"{bar.spent:.1f} ms"
    share = max(2, round(100 * bar.share))
    colour, name = ("#a3211a", "bad") if bar.failed else ("#3867a6", "bar")
    drawn = (
        f'{_TABLE} width="{share}%"><tr><td class="{name}" bgcolor="{colour}" style="background:{colour};'
        'height:10px;line-height:10px;font-size:1px">&#160;</td></tr></table>'
    )
    note = f'<span style="font-size:13px">{escape(bar.note)}</span>' if bar.note else ""
    return (
        f'<tr><td width="24%" style="padding:2px 0">{escape(bar.name)}</td>'
        f'<td width="22%" align="right" style="padding:2px 10px 2px 0;white-space:nowrap">{escape(time)}</td>'
        f'<td style="padding:2px 0">{drawn if bar.spent is not None else ""}{note}</td></tr>'
    )


def _timeline(report: Report, wording: Wording) -> str:
    """Draw the hours as cells, each with the sign that its colour means."""
    cells = "".join(map(_cell, report.timeline))
    return (
        f"{_heading(wording.text('row.lately'))}"
        f'{_TABLE} width="100%" style="table-layout:fixed;{_MONO};font-size:12px"><tr>{cells}</tr></table>'
        f'<p class="dim" style="margin:4px 0 0;font-size:12px;color:#57606a">{escape(report.timeline_legend)}</p>'
    )


def _cell(sign: str) -> str:
    name, back, front = ("bad", "#a3211a", "#ffffff") if sign == DOWN else ("cell", "#e8edf2", "#1f2328")
    if sign not in {UP, DOWN}:
        back = "#ffffff"
    return (
        f'<td class="{name}" align="center" bgcolor="{back}" style="background:{back};color:{front};'
        f'border:1px solid #c6cfd8;line-height:18px">{escape(sign)}</td>'
    )


def _command(label: str, command: str) -> str:
    return (
        f'{_heading(label)}<pre class="code" style="margin:0;padding:8px 10px;background:#f2f4f7;color:#1f2328;{_MONO};'
        f'font-size:12px;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere">{escape(command)}</pre>'
    )


def _link(label: str, url: str) -> str:
    return f'<p style="margin:16px 0 4px"><a href="{html.escape(url)}">{escape(label)}</a></p>'


def _heading(text: str) -> str:
    return f'<p style="margin:16px 0 4px;font-size:13px;font-weight:bold">{escape(text)}</p>'


def _paragraph(text: str) -> str:
    return f'<p style="margin:0 0 12px">{escape(text)}</p>'
