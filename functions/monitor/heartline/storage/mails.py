"""Keep the mails that SES accepted and what became of them, an item each, and in one more what is not as it should be.

What SES accepted and what it reports of that come in any order, and the item is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from heartline.model.mail import Mail, Receipt
from heartline.model.undelivered import Owed, Undelivered, Unreached
from heartline.storage.mail_items import MAIL, MAPS, MOST, mail_key, mail_values, read_mail, read_undelivered, receiving
from heartline.storage.schema import FORMAT, MAILS_KEY
from heartline.storage.table import Guard, Table

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
        item = self._table.take(mail_key(mail.id), change, Guard("", {"#format": "format"}, mail_values(mail)))
        if item and (kept := read_mail(mail.id, item)) and kept.delivered:
            self.confirm(mail.id)

    def _expect(self, mail: Mail) -> None:
        mark = {"at": mail.accepted.timestamp(), "alerts": mail.reports}
        guard = Guard(
            "attribute_exists(pk) AND size(unconfirmed) < :most",
            {"#mail": mail.id},
            {":mark": mark, ":most": MOST},
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
        return self._table.update(*receiving(mail, recipient, receipt))

    def fail(
        self, mail: Mail, recipient: str, receipt: Receipt, mark: Unreached | None, waiting: Collection[str]
    ) -> bool:
        """Keep that a recipient did not get a mail, and with it a mark of the address and who is to be told.

        Returns
        -------
        bool
            False if that was known: then nothing was written.
        """
        self._begin()
        changes, values = list[str](), dict[str, object]()
        if mark:
            changes.append("unreached.#to = :mark")
            values[":mark"] = mark
        if waiting:
            changes.append("owed.#to = if_not_exists(owed.#to, :owed)")
            values[":owed"] = Owed(mail.id, 0, tuple(waiting))
        writes = [self._table.updating(*receiving(mail, recipient, receipt))]
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
        self._remove({"unconfirmed": [mail], "unreached": lifted})

    def claim(self, recipient: str, now: datetime) -> Owed | None:
        """Return what others are to be told of an address, to whoever claims it first; None where there is nothing."""
        free = "owed.#to.#until < :now AND (attribute_not_exists(told.#to) OR told.#to < :lately)"
        times = {":now": now, ":lately": now - TOLD_EVERY, ":lease": now + _LEASE}
        values = {name: time.timestamp() for name, time in times.items()}
        guard = Guard(free, {"#to": recipient.lower(), "#until": "until"}, values)
        item = self._table.take(MAILS_KEY, "SET owed.#to.#until = :lease", guard)
        known = read_undelivered(item) if item else Undelivered()
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
        self._remove({name: list(getattr(known, name)) for name in MAPS})

    def undelivered(self) -> Undelivered:
        """Return what is not as it should be."""
        return read_undelivered(next(self._table.listed(MAILS_KEY, MAILS_KEY[1]), {}))

    def read(self, mail: str) -> Mail | None:
        """Return a mail; None where nothing is known of it."""
        item = next(self._table.listed(mail_key(mail), mail_key(mail)[1]), None)
        return read_mail(mail, item) if item else None

    def newest(self, most: int) -> tuple[Mail, ...]:
        """Return the last mails, newest first, by one call that returns at most so many, and at most 1 MB."""
        items, _ = self._table.newest(MAILS_KEY[0], MAIL, most)
        read = (read_mail(str(item["sk"]).removeprefix(MAIL), item) for item in items)
        return tuple(mail for mail in read if mail)

    def _begin(self) -> bool:
        """Make the item of what is not as it should be; return False if it was there."""
        empty: dict[str, object] = {"format": FORMAT} | {name: {} for name in MAPS}
        return self._table.put(MAILS_KEY, empty, Guard("attribute_not_exists(pk)"))

    def _remove(self, parts: Mapping[str, Collection[str]]) -> None:
        paths = [(name, key) for name, keys in parts.items() for key in keys]
        for start in range(0, len(paths), _SLICE):
            marked = {f"#k{place}": path for place, path in enumerate(paths[start : start + _SLICE])}
            change = "REMOVE " + ", ".join(f"{name}.{mark}" for mark, (name, _) in marked.items())
            keys = {mark: key for mark, (_, key) in marked.items()}
            self._table.update(MAILS_KEY, change, Guard("attribute_exists(pk)", keys))
