"""Render a message as plain text that reads well in a terminal of 72 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from heartline.common.text import columns
from heartline.messages.compose import Message
from heartline.messages.report import Report
from heartline.messages.timeline import DOWN, UNWATCHED, UP, Timeline
from heartline.messages.wording import Wording

_COLUMNS = 72


def as_text(message: Message) -> str:
    """Return a message as plain text."""
    wording, report = Wording(message.language), message.report
    parts = head(report.label, message.title, message.when)
    if message.table:
        parts.append("\n".join(map(_line, message.table)))
    if message.omitted:
        parts.append(fill(wording.text("sentence.rest", number=message.omitted)))
    parts += map(fill, message.sentences)
    if message.table:
        parts += head(report.label, report.name, report.when)
    parts += _report(report, wording)
    return whole(parts, wording.text("footer.signed"))


def whole(parts: Sequence[str], footer: str) -> str:
    """Return the parts of a mail and its footer as one text."""
    return "\n\n".join([*parts, f"-- \n{fill(footer)}"]) + "\n"


def head(label: str, title: str, when: str) -> list[str]:
    """Return the head of a mail, or of what it says of one database."""
    first = f"{label}: {title}"
    return [f"{fill(first)}\n{'=' * min(columns(first), _COLUMNS)}\n{fill(when)}"]


def _line(report: Report) -> str:
    return fill(f"{report.label}: {report.name}, {report.gist}, {report.since}", "  ")


def _report(report: Report, wording: Wording) -> list[str]:
    parts = [fill(report.headline)]
    if report.first_step:
        parts.append(fill(f"{wording.text('row.first')}: {report.first_step}"))
    if links := (*report.dashboard, *report.links):
        parts.append("\n".join(f"{label}:\n  {url}" for label, url in links))
    if report.phase_bars:
        bars = (" ".join(filter(None, (bar.name, bar.time, bar.note))) for bar in report.phase_bars)
        parts.append(fill(f"{wording.text('row.phases')}: {' > '.join(bars)}", "  "))
    if report.timeline:
        parts.append(_timeline(report.timeline, wording))
    parts += map(fill, report.sentences)
    parts.append(labelled(report.rows))
    return [*parts, *(f"{label}:\n\n{textwrap.indent(command, '  ')}" for label, command in report.commands)]


def _timeline(timeline: Timeline, wording: Wording) -> str:
    share = wording.text("value.lately", share=timeline.share, zone=timeline.zone)
    signs = wording.text("value.signs", up=UP, down=DOWN, unwatched=UNWATCHED)
    drawn = "  ".join(f"{first:02d} {signs}" for first, signs in timeline.quarters)
    first = fill(f"{wording.text('row.lately')}: {share}", "  ")
    return f"{first}\n  {drawn}\n  ({signs})"


def labelled(rows: Sequence[tuple[str, str]]) -> str:
    """Return pairs of a label and a value, a line or more each; a label may be empty."""
    width = max((columns(label) for label, _ in rows), default=0) + 3
    return "\n".join(
        _padded(label and f"{label}:", width) + f"\n{' ' * width}".join(_lines(value, _COLUMNS - width))
        for label, value in rows
    )


def fill(text: str, indent: str = "") -> str:
    """Break a text into lines; those after the first are indented."""
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
