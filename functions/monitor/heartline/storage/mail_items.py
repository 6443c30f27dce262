"""Write mails and what is not as it should be of them as DynamoDB items, and read them back without trust."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from heartline.common.codec import decode
from heartline.model.mail import Mail, Receipt, left_at
from heartline.model.undelivered import Undelivered
from heartline.storage.schema import FORMAT, MAILS_KEY, Key
from heartline.storage.table import Guard

_PARTITION = MAILS_KEY[0]
MAIL, _TO = "mail#", "to:"
KEPT = timedelta(days=30)
# An item may have 400 KB: an alert that a mail reports takes 200 bytes, a mail that nobody confirms 100, and an address
# that does not get its alerts 700.
MOST, _MOST_ADDRESSES = 1000, 200
MAPS = ("unconfirmed", "unreached", "owed", "told")


def read_undelivered(item: Mapping[str, Any]) -> Undelivered:
    """Read the item of what is not as it should be; one that is damaged is as good as none."""
    try:
        return decode(Undelivered, {name: item.get(name, {}) for name in MAPS})
    except (ValueError, TypeError, ArithmeticError):
        return Undelivered()


def has_room(known: Undelivered, recipient: str) -> bool:
    """Return True if there is room for what is to be said of an address."""
    parts = (known.unreached, known.owed, known.told)
    return any(recipient.lower() in part for part in parts) or max(map(len, parts)) < _MOST_ADDRESSES


def mail_key(mail: str) -> Key:
    """Return the key of a mail's item."""
    return _PARTITION, f"{MAIL}{mail}"


def mail_values(mail: Mail) -> dict[str, object]:
    """Return what an expression writes of a mail."""
    left = left_at(mail.id) or mail.accepted
    return {
        ":format": FORMAT,
        ":expires": int((left + KEPT).timestamp()),
        ":accepted": mail.accepted,
        ":to": mail.recipients,
        ":alerts": mail.alerts[-MOST:],
    }


def receiving(mail: Mail, recipient: str, receipt: Receipt) -> tuple[Key, str, Guard]:
    """Return the change that keeps a receipt, unless one of the same rank or a higher one is there."""
    known = ("#format = :format", "expires_at = :expires")
    first = {"accepted": ":accepted", "recipients": ":to", "alerts": ":alerts"}
    clauses = [*known, *(f"{name} = if_not_exists({name}, {value})" for name, value in first.items()), "#to = :receipt"]
    written = {"rank": receipt.outcome.rank, "receipt": receipt}
    guard = Guard(
        "attribute_not_exists(#to) OR #to.#rank < :rank",
        {"#format": "format", "#to": f"{_TO}{recipient.lower()}", "#rank": "rank"},
        mail_values(mail) | {":receipt": written, ":rank": receipt.outcome.rank},
    )
    return mail_key(mail.id), f"SET {', '.join(clauses)}", guard


def read_mail(mail: str, item: Mapping[str, Any]) -> Mail | None:
    """Read a mail's item; one that is damaged, or a newer Heartline's, is as good as none."""
    try:
        receipts = {name.removeprefix(_TO): one["receipt"] for name, one in item.items() if name.startswith(_TO)}
        known = {name: item[name] for name in ("accepted", "recipients", "alerts")}
        return decode(Mail, {"id": mail, "receipts": receipts, **known}) if item["format"] == FORMAT else None
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return None
