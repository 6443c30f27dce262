"""What a mail says of one target, before it is rendered as text or HTML."""

from __future__ import annotations

from dataclasses import dataclass

from heartline.common.text import columns
from heartline.messages.details import Rows
from heartline.messages.phase_bars import PhaseBar
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind

# RFC 5322, 2.1.1: the length that a line should not exceed.
MAX_COLUMNS = 78


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail says of one target, before it is rendered as text or HTML.

    Attributes
    ----------
    alert
        The latest alert that it reports.
    label
        The words in the subject's brackets.
    summary, short_summary
        The rest of the subject; the short one where the subject would be too long.
    headline, sentences
        The text before the rows.
    status
        The value of X-Heartline-Status.
    rows
        Pairs of a label and a value.
    phase_bars
        How long each phase of the probe took; empty where there was no probe.
    timeline, timeline_legend
        The last 24 hours, a character an hour, and its legend; empty where the history is not known.
    commands
        Pairs of a label and a command to paste into a shell.
    """

    alert: Alert
    label: str
    summary: str
    headline: str
    status: str
    sentences: tuple[str, ...] = ()
    rows: Rows = ()
    short_summary: str = ""
    phase_bars: tuple[PhaseBar, ...] = ()
    timeline: str = ""
    timeline_legend: str = ""
    commands: Rows = ()

    @property
    def subject(self) -> str:
        """The subject of a mail about this target alone."""
        if self.alert.kind is AlertKind.TEST:
            return f"[{self.label}] {self.summary}"
        head = f"[{self.label}] {self.alert.target}: "
        too_long = columns(head + self.summary) > MAX_COLUMNS
        return head + (self.short_summary if self.short_summary and too_long else self.summary)
