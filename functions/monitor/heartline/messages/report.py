"""Hold what is told of one target, before it is written as text or HTML."""

from __future__ import annotations

from dataclasses import dataclass

from heartline.common.text import columns
from heartline.messages.details import PhaseBar
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind

# RFC 5322, 2.1.1: what a line should not exceed.
MOST_COLUMNS = 78
Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what is told of one target, before it is written as text or HTML.

    `label` and `gist` make its subject, or `brief` where that would be too long; `rows` are pairs of a label and a
    value, `status` is for people's filters.
    """

    alert: Alert
    label: str
    gist: str
    headline: str
    status: str
    sentences: tuple[str, ...] = ()
    rows: Rows = ()
    brief: str = ""
    phase_bars: tuple[PhaseBar, ...] = ()
    strip: str = ""
    legend: str = ""
    commands: Rows = ()

    @property
    def subject(self) -> str:
        """Give what decides whether to get up."""
        if self.alert.kind is AlertKind.TEST:
            return f"[{self.label}] {self.gist}"
        head = f"[{self.label}] {self.alert.target}: "
        return head + (self.brief if self.brief and columns(head + self.gist) > MOST_COLUMNS else self.gist)
