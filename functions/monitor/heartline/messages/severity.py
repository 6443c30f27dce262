"""The words that say how serious a failure is, in one table: subject, body, header and document agree by reading it."""

from __future__ import annotations

from dataclasses import replace

from heartline.common.frozen import frozen
from heartline.model.kinds import Phase
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
