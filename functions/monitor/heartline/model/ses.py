"""Read what SES reports of a mail: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from heartline.common.frozen import frozen
from heartline.common.text import sanitize
from heartline.model.mail import Mail, Outcome, Receipt, left_at, tagged_alert

_MAX_REASON, _MAX_SERVER = 300, 120
# By type of event: where its part stands, and there its recipients; a rejected mail reaches nobody.
_PARTS = {
    "Delivery": ("delivery", "recipients"),
    "Bounce": ("bounce", "bouncedRecipients"),
    "Complaint": ("complaint", "complainedRecipients"),
    "DeliveryDelay": ("deliveryDelay", "delayedRecipients"),
    "Reject": ("reject", ""),
}
_OUTCOMES = {
    "Delivery": Outcome.DELIVERED,
    "Complaint": Outcome.COMPLAINED,
    "DeliveryDelay": Outcome.DELAYED,
    "Reject": Outcome.REJECTED,
}
# Said of a mail that somebody took out of the spam: https://www.iana.org/assignments/marf-parameters
_NO_COMPLAINT = "not-spam"


@frozen
class SesReport:
    """What an event says of a mail of ours: the set that it went by, and what became of it, by recipient."""

    configuration_set: str
    mail: Mail
    receipts: Mapping[str, Receipt]


def parse(event: Mapping[str, Any]) -> SesReport | None:
    """Return what an event says of a mail that Heartline tagged; None where it is about none, or cannot be read."""
    detail = _mapping(event.get("detail"))
    mail, kind = _mapping(detail.get("mail")), str(detail.get("eventType"))
    tags = {str(name): _first(values) for name, values in _mapping(mail.get("tags")).items()}
    left = left_at(tags.get("heartline", ""))
    if left is None or kind not in _PARTS:
        return None
    to = tuple(_texts(mail.get("destination")))
    alert, name = tagged_alert(tags), _PARTS[kind][0]
    described = Mail(tags["heartline"], _time(mail.get("timestamp")) or left, to, (alert,) if alert else ())
    part = _mapping(detail.get(name))
    at = _time(part.get("timestamp")) or _time(event.get("time")) or left
    receipts = dict(_receipts(kind, part, to, at))
    return SesReport(tags.get("ses:configuration-set", ""), described, receipts) if to else None


def _receipts(kind: str, part: Mapping[str, Any], to: tuple[str, ...], at: datetime) -> Iterator[tuple[str, Receipt]]:
    """Yield what became of the mail for each recipient that the event names."""
    if part.get("complaintFeedbackType") == _NO_COMPLAINT:
        return
    known = {address.lower(): address for address in to}
    listed = part.get(_PARTS[kind][1]) if kind != "Reject" else list(to)
    for one in listed if isinstance(listed, list) else ():
        given = _mapping(one) if isinstance(one, Mapping) else {"emailAddress": one}
        named = str(given.get("emailAddress")).strip("<> ").lower()
        # Where the recipient forwards its mail, the address is that of the other end.
        address = known.get(named) or (to[0] if len(to) == 1 else None)
        if address:
            yield address, _receipt(kind, part, given, at)


def _receipt(kind: str, part: Mapping[str, Any], given: Mapping[str, Any], at: datetime) -> Receipt:
    outcome = _OUTCOMES.get(kind) or (Outcome.BOUNCED if part.get("bounceType") == "Permanent" else Outcome.RETURNED)
    said = (given.get("diagnosticCode"), part.get("smtpResponse"), part.get("reason"), part.get("delayType"))
    # An answer from an absent reader has no diagnosis, but a type.
    types = (part.get("bounceSubType"),) if outcome is Outcome.BOUNCED else (part.get("complaintFeedbackType"),)
    server = part.get("remoteMtaIp") or str(part.get("reportingMTA") or "").rpartition(";")[2]
    return Receipt(outcome, at, _said((server,), _MAX_SERVER), _said((*said, *types), _MAX_REASON))


def _said(texts: tuple[object, ...], limit: int) -> str | None:
    """Return the first text that says something, on one line."""
    return next((line for text in texts if isinstance(text, str) and (line := sanitize(text, limit))), None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> Iterator[str]:
    yield from (one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _first(values: object) -> str:
    return next(_texts(values), "")


def _time(written: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
