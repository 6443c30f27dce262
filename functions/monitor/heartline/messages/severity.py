"""The words that say how serious a failure is, in one table: subject, body, header and document agree by reading it."""

from __future__ import annotations

from dataclasses import replace

from heartline.common.frozen import frozen
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind, Phase
from heartline.model.observation import Failure


@frozen
class SeverityWords:
    """What a mail says of a failure because of its severity.

    Attributes
    ----------
    label
        The words in the subject's brackets.
    status
        The value of X-Heartline-Status.
    verdict
        The key of the sentence that says whether this is an outage.
    suffix
        The end of the keys of headlines and subjects: no alert may say that a database is down that answers.
    """

    label: str
    status: str
    verdict: str
    suffix: str


_OUTAGE = SeverityWords("DOWN", "down", "verdict.outage", "")
_MISCONFIGURED = SeverityWords("CANNOT LOG IN", "misconfigured", "verdict.misconfigured", "_misconfigured")
# Without a credential nothing is known of the database.
_WITHOUT_CREDENTIAL = replace(_MISCONFIGURED, verdict="verdict.credentials")


def severity_words(failure: Failure) -> SeverityWords:
    """Return the words for a failure's severity."""
    if not failure.kind.misconfigured:
        return _OUTAGE
    return _WITHOUT_CREDENTIAL if failure.phase is Phase.CREDENTIALS else _MISCONFIGURED


# Where an alert's kind is not the state that it reports.
_STATES = {
    AlertKind.STABLE: "STABLE AGAIN",
    AlertKind.WATCHED: "NOW WATCHING",
    AlertKind.UNWATCHED: "NO LONGER WATCHED",
}


def state_of(alert: Alert) -> str:
    """Return the state that an alert reports, as its subject begins with it, without what other alerts add to it."""
    if alert.kind in {AlertKind.DOWN, AlertKind.REMINDER} and alert.failure:
        label = severity_words(alert.failure).label
        return label if alert.kind is AlertKind.DOWN else f"STILL {label}"
    ended = " ENDED" if alert.condition and alert.condition.ended else ""
    return _STATES.get(alert.kind, alert.kind.upper().replace("-", " ")) + ended
