"""Keep the mails that SES accepted and what became of them, an item each, and in one more what is not as it should be.

What SES accepted and what it reports of that come in any order, and the item is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from heartline.common.codec import decode
from heartline.model.mail import Mail, Receipt, left_at
from heartline.storage.schema import FORMAT, MAILS_KEY, Key
from heartline.storage.table import Guard, Table

_PARTITION = MAILS_KEY[0]
_MAIL, _TO = "mail#", "to:"
KEPT = timedelta(days=30)
# An item may have 400 KB: of an alert that a mail reports it takes 200 bytes, of a mail that nobody confirms 100.
_MOST_ALERTS = _MOST_UNCONFIRMED = 1000
_MAPS = ("unconfirmed",)


class Mails:
    """Read and write what became of mails.

    Every method lets boto3's ClientError and BotoCoreError through: DynamoDB refused or did not answer.

    Parameters
    ----------
    table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, mail: Mail) -> None:
        """Keep a mail that SES accepted, and that nobody has confirmed its delivery if nobody has."""
        # In this order, since the event may come at any moment: see `confirm`.
        path, mark = "unconfirmed.#mail", {"at": mail.accepted.timestamp(), "alerts": len(mail.alerts)}
        names, values = {"#mail": mail.id}, {":mark": mark, ":most": _MOST_UNCONFIRMED}
        self._note(f"SET {path} = :mark", Guard("attribute_exists(pk) AND size(unconfirmed) < :most", names, values))
        change = (
            "SET #format = :format, expires_at = :expires, accepted = :accepted, recipients = :to, alerts = :alerts"
        )
        item = self._table.take(_key(mail.id), change, Guard("", {"#format": "format"}, _values(mail)))
        if item and (kept := _read(mail.id, item)) and kept.delivered:
            self.confirm(mail.id)

    def receive(self, mail: Mail, recipient: str, receipt: Receipt) -> bool:
        """Keep what became of a mail for a recipient; return False if that or more was known.

        Parameters
        ----------
        mail
            The mail as its event describes it; what `keep` writes has precedence.
        recipient, receipt
            The recipient, and what is new.
        """
        return self._table.update(*_receiving(mail, recipient, receipt))

    def confirm(self, mail: str) -> None:
        """Note that a mail was delivered, after that was received: if `keep` comes later, it finds that out."""
        self._table.update(MAILS_KEY, "REMOVE unconfirmed.#mail", Guard("attribute_exists(pk)", {"#mail": mail}))

    def newest(self, most: int) -> tuple[Mail, ...]:
        """Return the last mails, newest first, by one call that returns at most so many, and at most 1 MB."""
        items, _ = self._table.newest(_PARTITION, _MAIL, most)
        read = (_read(str(item["sk"]).removeprefix(_MAIL), item) for item in items)
        return tuple(mail for mail in read if mail)

    def _note(self, change: str, guard: Guard) -> None:
        """Change the item of what is not as it should be, which there may not be yet."""
        if not self._table.update(MAILS_KEY, change, guard):
            empty: dict[str, object] = {"format": FORMAT} | {name: {} for name in _MAPS}
            if self._table.put(MAILS_KEY, empty, Guard("attribute_not_exists(pk)")):
                self._table.update(MAILS_KEY, change, guard)


def _key(mail: str) -> Key:
    return _PARTITION, f"{_MAIL}{mail}"


def _values(mail: Mail) -> dict[str, object]:
    left = left_at(mail.id) or mail.accepted
    return {
        ":format": FORMAT,
        ":expires": int((left + KEPT).timestamp()),
        ":accepted": mail.accepted,
        ":to": mail.recipients,
        ":alerts": mail.alerts[-_MOST_ALERTS:],
    }


def _receiving(mail: Mail, recipient: str, receipt: Receipt) -> tuple[Key, str, Guard]:
    """Return the change that keeps a receipt, unless one of the same rank or a higher one is there."""
    known = ("#format = :format", "expires_at = :expires")
    first = {"accepted": ":accepted", "recipients": ":to", "alerts": ":alerts"}
    clauses = [*known, *(f"{name} = if_not_exists({name}, {value})" for name, value in first.items()), "#to = :receipt"]
    written = {"rank": receipt.outcome.rank, "receipt": receipt}
    guard = Guard(
        "attribute_not_exists(#to) OR #to.#rank < :rank",
        {"#format": "format", "#to": f"{_TO}{recipient.lower()}", "#rank": "rank"},
        _values(mail) | {":receipt": written, ":rank": receipt.outcome.rank},
    )
    return _key(mail.id), f"SET {', '.join(clauses)}", guard


def _read(mail: str, item: Mapping[str, Any]) -> Mail | None:
    """Read a mail's item; one that is damaged, or a newer Heartline's, is as good as none."""
    receipts = {name.removeprefix(_TO): one.get("receipt") for name, one in item.items() if name.startswith(_TO)}
    known = {name: item.get(name) for name in ("accepted", "recipients", "alerts")}
    try:
        return decode(Mail, {"id": mail, "receipts": receipts, **known}) if item.get("format") == FORMAT else None
    except (ValueError, TypeError, AttributeError, ArithmeticError):
        return None
