"""Keep the mails that SES accepted and what became of them, an item each, and in one more what is not as it should be.

What SES accepted and what it reports of that come in any order, and the item is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from heartline.common.codec import decode
from heartline.model.mail import Mail, Mark, Owed, Receipt, Undelivered, left_at
from heartline.storage.schema import FORMAT, MAILS_KEY, Key
from heartline.storage.table import Guard, Table

_PARTITION = MAILS_KEY[0]
_MAIL, _TO = "mail#", "to:"
KEPT = timedelta(days=30)
# An item may have 400 KB: an alert that a mail reports takes 200 bytes, a mail that nobody confirms 100, and an address
# that does not get its alerts 700.
_MOST_ALERTS = _MOST_UNCONFIRMED = 1000
_MOST_MARKS = 200
_MAPS = ("unconfirmed", "marks", "owed", "told")
# Nobody is told of an address more often, whatever comes back from it; and who is about to has so long.
TOLD_EVERY, _LEASE = timedelta(hours=1), timedelta(seconds=45)
# An expression takes 4 KB.
_SLICE = 25


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
        if mail.reports:
            self._expect(mail)
        change = (
            "SET #format = :format, expires_at = :expires, accepted = :accepted, recipients = :to, alerts = :alerts"
        )
        item = self._table.take(_key(mail.id), change, Guard("", {"#format": "format"}, _values(mail)))
        if item and (kept := _read(mail.id, item)) and kept.delivered:
            self.confirm(mail.id)

    def _expect(self, mail: Mail) -> None:
        mark = {"at": mail.accepted.timestamp(), "alerts": mail.reports}
        guard = Guard(
            "attribute_exists(pk) AND size(unconfirmed) < :most",
            {"#mail": mail.id},
            {":mark": mark, ":most": _MOST_UNCONFIRMED},
        )
        change = "SET unconfirmed.#mail = :mark"
        if not self._table.update(MAILS_KEY, change, guard) and self._begin():
            self._table.update(MAILS_KEY, change, guard)

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

    def fail(self, mail: Mail, recipient: str, receipt: Receipt, mark: Mark | None, waiting: Collection[str]) -> bool:
        """Keep that a recipient did not get a mail, and with it a mark of the address and who is to be told.

        Returns
        -------
        bool
            False if that was known: then nothing was written.
        """
        self._begin()
        changes, values = list[str](), dict[str, object]()
        if mark:
            changes.append("marks.#to = :mark")
            values[":mark"] = mark
        if waiting:
            changes.append("owed.#to = if_not_exists(owed.#to, :owed)")
            values[":owed"] = Owed(mail.id, 0, tuple(waiting))
        writes = [self._table.updating(*_receiving(mail, recipient, receipt))]
        if changes:
            guard = Guard("attribute_exists(pk)", {"#to": recipient.lower()}, values)
            writes.append(self._table.updating(MAILS_KEY, f"SET {', '.join(changes)}", guard))
        return self._table.together([{"Update": write} for write in writes])

    def confirm(self, mail: str, lifted: Collection[str] = ()) -> None:
        """Note that a mail was delivered, after that was received: if `keep` comes later, it finds that out.

        Parameters
        ----------
        mail
            Its id.
        lifted
            The addresses that get their alerts again.
        """
        self._remove({"unconfirmed": [mail], "marks": lifted})

    def claim(self, recipient: str, now: datetime) -> Owed | None:
        """Return what others are to be told of an address, to whoever claims it first; None where there is nothing."""
        free = "owed.#to.#until < :now AND (attribute_not_exists(told.#to) OR told.#to < :lately)"
        times = {":now": now, ":lately": now - TOLD_EVERY, ":lease": now + _LEASE}
        values = {name: time.timestamp() for name, time in times.items()}
        guard = Guard(free, {"#to": recipient.lower(), "#until": "until"}, values)
        item = self._table.take(MAILS_KEY, "SET owed.#to.#until = :lease", guard)
        known = undelivered(item) if item else Undelivered()
        return known.owed.get(recipient.lower())

    def settle(self, recipient: str, waiting: Collection[str], told: datetime | None) -> None:
        """Write who is still to be told of an address; when nobody is, that somebody was told."""
        names = {"#to": recipient.lower()}
        if waiting:
            change, values = "SET owed.#to.waiting = :waiting", dict[str, object]({":waiting": tuple(waiting)})
            self._table.update(MAILS_KEY, change, Guard("attribute_exists(owed.#to)", names, values))
        elif told:
            told_at = {":told": told.timestamp()}
            self._table.update(
                MAILS_KEY, "REMOVE owed.#to SET told.#to = :told", Guard("attribute_exists(pk)", names, told_at)
            )
        else:
            self._remove({"owed": [recipient.lower()]})

    def forget(self, known: Undelivered) -> None:
        """Remove what is over."""
        self._remove({name: list(getattr(known, name)) for name in _MAPS})

    def undelivered(self) -> Undelivered:
        """Return what is not as it should be."""
        return undelivered(next(self._table.listed(MAILS_KEY, MAILS_KEY[1]), {}))

    def read(self, mail: str) -> Mail | None:
        """Return a mail; None where nothing is known of it."""
        item = next(self._table.listed(_key(mail), _key(mail)[1]), None)
        return _read(mail, item) if item else None

    def newest(self, most: int) -> tuple[Mail, ...]:
        """Return the last mails, newest first, by one call that returns at most so many, and at most 1 MB."""
        items, _ = self._table.newest(_PARTITION, _MAIL, most)
        read = (_read(str(item["sk"]).removeprefix(_MAIL), item) for item in items)
        return tuple(mail for mail in read if mail)

    def _begin(self) -> bool:
        """Make the item of what is not as it should be; return False if it was there."""
        empty: dict[str, object] = {"format": FORMAT} | {name: {} for name in _MAPS}
        return self._table.put(MAILS_KEY, empty, Guard("attribute_not_exists(pk)"))

    def _remove(self, parts: Mapping[str, Collection[str]]) -> None:
        paths = [(name, key) for name, keys in parts.items() for key in keys]
        for start in range(0, len(paths), _SLICE):
            marked = {f"#k{place}": path for place, path in enumerate(paths[start : start + _SLICE])}
            change = "REMOVE " + ", ".join(f"{name}.{mark}" for mark, (name, _) in marked.items())
            keys = {mark: key for mark, (_, key) in marked.items()}
            self._table.update(MAILS_KEY, change, Guard("attribute_exists(pk)", keys))


def undelivered(item: Mapping[str, Any]) -> Undelivered:
    """Read the item of what is not as it should be; one that is damaged is as good as none."""
    try:
        return decode(Undelivered, {name: item.get(name, {}) for name in _MAPS})
    except (ValueError, TypeError, ArithmeticError):
        return Undelivered()


def markable(known: Undelivered, recipient: str) -> bool:
    """Return True if there is room for the mark of an address."""
    return recipient.lower() in known.marks or len(known.marks) < _MOST_MARKS


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
    try:
        receipts = {name.removeprefix(_TO): one["receipt"] for name, one in item.items() if name.startswith(_TO)}
        known = {name: item[name] for name in ("accepted", "recipients", "alerts")}
        return decode(Mail, {"id": mail, "receipts": receipts, **known}) if item["format"] == FORMAT else None
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return None
