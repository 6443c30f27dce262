"""The phases of a probe, to be drawn as the segments of one line."""

from __future__ import annotations

from collections.abc import Mapping

from heartline.common.frozen import frozen
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.kinds import Phase

_PHASES = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.LOGIN, Phase.QUERY)


@frozen
class PhaseBar:
    """One phase of a probe, to be drawn as a segment.

    Attributes
    ----------
    name, note
        In the reader's language; the note says what is special about the phase.
    time
        How long it took; empty where it was not reached.
    failed
        Whether the probe failed here.
    """

    name: str
    time: str
    note: str = ""
    failed: bool = False


def phase_bars(alert: Alert, wording: Wording) -> tuple[PhaseBar, ...]:
    """Return how long each phase of the deciding probe took, and at which it failed."""
    if not alert.phases:
        return ()
    failed = alert.failure.phase if alert.failure else None
    until = _PHASES.index(failed) if failed in _PHASES else len(_PHASES)
    return tuple(_phase_bar(phase, alert.phases, place - until, wording) for place, phase in enumerate(_PHASES))


def _phase_bar(phase: Phase, phases: Mapping[Phase, float], beyond: int, wording: Wording) -> PhaseBar:
    """Return the segment of a phase that many places after the failed one."""
    note = ""
    if beyond == 0:
        note = "failed_here"
    elif phase not in phases:
        note = "not_used" if beyond < 0 else "not_reached"
    words = wording.text(f"value.{note}") if note else ""
    return PhaseBar(wording.text(f"phase.{phase}"), _time(phases.get(phase)), words, failed=beyond == 0)


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.1f} ms"
