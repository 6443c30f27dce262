"""Send reports that are due, one after the other: each is claimed, made, mailed and held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.log import Event
from heartline.common.deadline import Deadline
from heartline.messages.digest_html import digest_as_html
from heartline.messages.digest_text import digest_as_text
from heartline.notify.channel import Refusal, Scope
from heartline.notify.delivery import SEND_SECONDS
from heartline.notify.email import EmailChannel
from heartline.notify.leases import LEASE
from heartline.rules.editions import SENT_WITHIN, Edition
from heartline.services import Services
from heartline.tick.digest_reading import DigestReader

# To read what is stored of some hundred databases, before a mail.
_READ_SECONDS = 10
# Who cannot be reached is tried again so much later; for any other reason the next tick tries.
_AGAIN_AFTER = timedelta(hours=1)


def send_editions(services: Services, editions: Iterable[Edition], deadline: Deadline) -> int:
    """Send reports, as far as there is time and nobody else sends them; return the number of faults."""
    sender = _Sender(services, deadline, DigestReader(services, deadline), uuid4().hex)
    faults = 0
    for edition in editions:
        faults += sender.send(edition)
        if sender.stopped:
            break
    return faults


@dataclass(slots=True)
class _Sender:
    """Send reports, one after the other, until what stops one would stop them all."""

    services: Services
    deadline: Deadline
    reader: DigestReader
    owner: str
    stopped: bool = False

    def send(self, edition: Edition) -> int:
        """Send one report, if it is nobody else's; return the number of faults."""
        if not self.deadline.allows(_READ_SECONDS + SEND_SECONDS):
            self.stopped = True
            return 0
        digests, now = self.services.digests(), self.services.clock()
        try:
            if not digests.claim(edition, self.owner, now, now + LEASE):
                return 0
            refusal = self._mail(edition)
            if refusal is None:
                digests.hold(edition, self.owner, edition.due + 2 * SENT_WITHIN)
                return 0
            if not refusal.scope.stops:
                digests.hold(edition, self.owner, now + _AGAIN_AFTER)
        except Exception as error:  # noqa: BLE001 - a report that cannot be made holds up no other
            self.stopped = isinstance(error, ClientError | BotoCoreError | TimeoutError)
            self.services.log.error(Event.REPORT_FAILED, "a report not sent: it is tried again", error=error)
            return 1
        return self._refused(edition, refusal)

    def _refused(self, edition: Edition, refusal: Refusal) -> int:
        self.stopped = refusal.scope.stops
        detail = {"recipient": edition.recipient, "scope": refusal.scope.name}
        message = "a report refused: it is tried again"
        self.services.log.error(Event.REPORT_REFUSED, message, error_code=refusal.reason, detail=detail)
        return int(refusal.scope is not Scope.LATER)

    def _mail(self, edition: Edition) -> Refusal | None:
        """Make and send a report; there is none where none of its targets was watched before it was due."""
        digest = self.reader.digest(edition)
        if digest is None:
            return None
        if not self.deadline.allows(SEND_SECONDS):
            raise TimeoutError
        email = next(one for one in self.services.channels() if isinstance(one, EmailChannel))
        written, to = (digest_as_text(digest), digest_as_html(digest)), (edition.recipient,)
        refusal = email.mail(digest, written, to, self.services.clock())
        if refusal is None:
            detail = {"recipient": edition.recipient, "subject": digest.subject}
            self.services.log.info(Event.REPORTED, "a report sent", detail=detail)
        return refusal
