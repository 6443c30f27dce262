"""Write a message as plain text that reads well in a terminal of 72 columns."""

from __future__ import annotations

import textwrap

from heartline.common.text import columns
from heartline.messages.compose import Message
from heartline.messages.details import PhaseBar
from heartline.messages.report import Report
from heartline.messages.wording import Wording

_COLUMNS = 72
_BAR = 24


def as_text(message: Message) -> str:
    """Write a message as plain text."""
    wording = Wording(message.language)
    several = len(message.reports) > 1
    parts = [_fill(part) for part in ((message.subject,) if several else ()) + message.sentences]
    parts += [_report(report, wording, several=several) for report in message.reports]
    if message.lines:
        lines = [_fill(f"- {line}", "  ") for line in message.lines]
        parts.append("\n".join([_fill(wording.say("sentence.more", number=len(lines))), *lines]))
    if message.rest:
        parts.append(_fill(wording.say("sentence.rest", number=message.rest)))
    return "\n\n".join([*parts, f"-- \n{_fill(wording.say('footer.signed'))}"]) + "\n"


def _report(report: Report, wording: Wording, *, several: bool) -> str:
    title = (f"{_fill(report.subject)}\n{'=' * min(columns(report.subject), _COLUMNS)}",) if several else ()
    paragraphs = [_fill(part) for part in (report.headline, *report.sentences)]
    drawings = [_steps(report.phase_bars, wording)] if report.phase_bars else []
    if report.strip:
        drawings.append(_strip(report, wording))
    commands = [f"{label}:\n\n{_indented(command)}" for label, command in report.commands]
    return "\n\n".join([*title, *paragraphs, _rows(report), *drawings, *commands])


def _rows(report: Report) -> str:
    width = max((columns(label) for label, _ in report.rows), default=0) + 3
    return "\n".join(
        _padded(f"{label}:", width) + f"\n{' ' * width}".join(_lines(value, _COLUMNS - width))
        for label, value in report.rows
    )


def _steps(phase_bars: tuple[PhaseBar, ...], wording: Wording) -> str:
    """Draw the phases as bars whose lengths are their times."""
    width = max(columns(step.name) for step in phase_bars) + 2
    lines = []
    for step in phase_bars:
        time = "" if step.spent is None else f"{step.spent:.1f} ms"
        bar = "#" * max(1, round(step.share * _BAR)) if step.spent is not None else ""
        lines.append(f"  {_padded(step.name, width)}{time:>10}  {' '.join(filter(None, (bar, step.note)))}".rstrip())
    return "\n".join([f"{wording.say('row.phases')}:", *lines])


def _strip(report: Report, wording: Wording) -> str:
    sixes = " ".join(report.strip[place : place + 6] for place in range(0, len(report.strip), 6))
    return f"{wording.say('row.lately')}:\n  {sixes}\n  {_fill(f'({report.legend})', '  ')}"


def _indented(command: str) -> str:
    return textwrap.indent(command, "  ")


def _fill(text: str, indent: str = "") -> str:
    return f"\n{indent}".join(_lines(text, _COLUMNS - len(indent)))


def _lines(text: str, width: int) -> list[str]:
    """Break between words only: a host name or an incident must stay whole, to be copied.

    textwrap does not know the characters that take two columns.
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
