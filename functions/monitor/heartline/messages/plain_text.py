"""Render a message as plain text that reads well in a terminal of 72 columns."""

from __future__ import annotations

import textwrap

from heartline.common.text import columns
from heartline.messages.compose import Message
from heartline.messages.phase_bars import PhaseBar
from heartline.messages.report import Report
from heartline.messages.wording import Wording

_COLUMNS = 72
_BAR = 24


def as_text(message: Message) -> str:
    """Return a message as plain text."""
    wording = Wording(message.language)
    several = len(message.reports) > 1
    parts = [_fill(part) for part in ((message.subject,) if several else ()) + message.sentences]
    parts += [_report(report, wording, several=several) for report in message.reports]
    if message.more_subjects:
        lines = [_fill(f"- {line}", "  ") for line in message.more_subjects]
        parts.append("\n".join([_fill(wording.text("sentence.more", number=len(lines))), *lines]))
    if message.omitted:
        parts.append(_fill(wording.text("sentence.rest", number=message.omitted)))
    return "\n\n".join([*parts, f"-- \n{_fill(wording.text('footer.signed'))}"]) + "\n"


def _report(report: Report, wording: Wording, *, several: bool) -> str:
    title = (f"{_fill(report.subject)}\n{'=' * min(columns(report.subject), _COLUMNS)}",) if several else ()
    first = (f"{wording.text('row.first')}: {report.first_step}",) if report.first_step else ()
    paragraphs = [_fill(part) for part in (report.headline, *report.sentences, *first)]
    drawings = [_phase_bars(report.phase_bars, wording)] if report.phase_bars else []
    if report.timeline:
        drawings.append(_timeline(report, wording))
    drawings += [f"{label}:\n  {url}" for label, url in (*report.dashboard, *report.links)]
    commands = [f"{label}:\n\n{_indented(command)}" for label, command in report.commands]
    return "\n\n".join([*title, *paragraphs, _rows(report), *drawings, *commands])


def _rows(report: Report) -> str:
    width = max((columns(label) for label, _ in report.rows), default=0) + 3
    return "\n".join(
        _padded(f"{label}:", width) + f"\n{' ' * width}".join(_lines(value, _COLUMNS - width))
        for label, value in report.rows
    )


def _phase_bars(phase_bars: tuple[PhaseBar, ...], wording: Wording) -> str:
    """Draw the phases as bars of proportional lengths."""
    width = max(columns(one.name) for one in phase_bars) + 2
    lines = []
    for one in phase_bars:
        time = "" if one.spent is None else f"{one.spent:.1f} ms"
        bar = "#" * max(1, round(one.share * _BAR)) if one.spent is not None else ""
        lines.append(f"  {_padded(one.name, width)}{time:>10}  {' '.join(filter(None, (bar, one.note)))}".rstrip())
    return "\n".join([f"{wording.text('row.phases')}:", *lines])


def _timeline(report: Report, wording: Wording) -> str:
    sixes = " ".join(report.timeline[place : place + 6] for place in range(0, len(report.timeline), 6))
    return f"{wording.text('row.lately')}:\n  {sixes}\n  {_fill(f'({report.timeline_legend})', '  ')}"


def _indented(command: str) -> str:
    return textwrap.indent(command, "  ")


def _fill(text: str, indent: str = "") -> str:
    return f"\n{indent}".join(_lines(text, _COLUMNS - len(indent)))


def _lines(text: str, width: int) -> list[str]:
    """Break a text between words only: a host name or an incident's id must stay whole, to be copied.

    textwrap does not know that some characters take two columns.
    """
    lines: list[str] = []
    for word in text.split():
        if lines and columns(lines[-1]) + 1 + columns(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))
