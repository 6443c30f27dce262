"""The sentences that the reports of outages and of flapping share."""

from __future__ import annotations

from heartline.messages.severity import severity_words
from heartline.messages.wording import Wording
from heartline.model.incident import Incident
from heartline.model.observation import Failure

# Of an incident through which Heartline was stopped again and again, the last gaps are reported.
_MAX_GAPS = 3


def verdict(failure: Failure, wording: Wording) -> str:
    """Return whether this is an outage, or a monitor that is misconfigured or refused."""
    return wording.text(severity_words(failure).verdict)


def next_step(failure: Failure, wording: Wording) -> str:
    """Return what to check first."""
    return wording.text("sentence.advice", next_step=wording.next_step(failure))


def gaps(incident: Incident, wording: Wording) -> tuple[str, ...]:
    """Return when Heartline itself did not run: nothing is known of that time."""
    return tuple(
        wording.text(
            "sentence.gap",
            began=wording.when(gap.began),
            ended=wording.when(gap.ended),
            length=wording.length(gap.ended - gap.began),
        )
        for gap in incident.unobserved[-_MAX_GAPS:]
    )
