"""The sentences that the reports of outages and of flapping share."""

from __future__ import annotations

from datetime import timedelta

from heartline.messages.severity import severity_words
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.belief import Tally
from heartline.model.incident import Incident
from heartline.model.observation import Failure

# Of an incident through which Heartline was stopped again and again, the last gaps are reported.
_MAX_GAPS = 3


def verdict(failure: Failure, wording: Wording) -> str:
    """Return whether this is an outage, or a monitor that is misconfigured or refused."""
    return wording.text(severity_words(failure).verdict)


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


def tally_sentence(tally: Tally, failure: Failure | None, wording: Wording) -> str:
    """Return what was found between two moments, in words for that failure: the share of time down, and the numbers."""
    counts, suffix = tally.counts, severity_words(failure).suffix if failure else ""
    return wording.text(
        f"sentence.tally{suffix}",
        since=wording.when(tally.since),
        length=wording.length(tally.until - tally.since),
        share=round(100 * tally.share),
        outages=wording.count(f"outages{suffix}", counts.outages),
        failed=wording.count("failed", counts.failed_probes),
        failed_share=round(100 * tally.failed_share),
        changes=wording.count("changes", counts.changes),
    )


def settle(alert: Alert, wording: Wording) -> str:
    """Return how long a flapping target must rest, and what is reported until then."""
    return wording.text("sentence.settle", length=wording.length(timedelta(seconds=alert.settle_seconds or 0)))
