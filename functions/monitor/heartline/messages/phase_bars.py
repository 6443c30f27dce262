"""The phases of a probe, to be drawn as bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.kinds import Phase

_PHASES = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.LOGIN, Phase.QUERY)


@dataclass(frozen=True, slots=True)
class PhaseBar:
    """One phase of a probe, to be drawn as a bar.

    Attributes
    ----------
    name, note
        In the reader's language; the note says what is special about the phase.
    spent
        Milliseconds; None where the phase was not reached.
    share
        Of the longest phase, 0 to 1.
    failed
        Whether the probe failed here.
    """

    name: str
    spent: float | None
    share: float
    note: str = ""
    failed: bool = False


def phase_bars(alert: Alert, wording: Wording) -> tuple[PhaseBar, ...]:
    """Return how long each phase of the deciding probe took, and at which it failed."""
    if not alert.phases:
        return ()
    failed = alert.failure.phase if alert.failure else None
    until = _PHASES.index(failed) if failed in _PHASES else len(_PHASES)
    longest = max(alert.phases.values()) or 1
    return tuple(
        _phase_bar(phase, alert.phases.get(phase), longest, wording, _note(phase, alert.phases, place - until))
        for place, phase in enumerate(_PHASES)
    )


def _note(phase: Phase, phases: Mapping[Phase, float], beyond: int) -> str | None:
    """Return the key of the note for a phase that many places after the failed one; None where it needs no note."""
    if beyond == 0:
        return "failed_here"
    if phase in phases:
        return None
    return "not_used" if beyond < 0 else "not_reached"


def _phase_bar(phase: Phase, spent: float | None, longest: float, wording: Wording, note: str | None) -> PhaseBar:
    words = wording.text(f"value.{note}") if note else ""
    return PhaseBar(wording.text(f"phase.{phase}"), spent, (spent or 0) / longest, words, failed=note == "failed_here")
