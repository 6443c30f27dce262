"""Keep which reports were sent, so that each is sent once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from heartline.rules.editions import Edition
from heartline.storage.schema import Key, sortable
from heartline.storage.table import Guard, Table

_PARTITION = "report"
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
_KEPT = timedelta(days=30)


class Digests:
    """Lend each report to one sender at a time, and to nobody once it was sent.

    What is known to be held is not read again. Every method lets boto3's ClientError and BotoCoreError through.

    Parameters
    ----------
    table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._until: dict[Key, float] = {}

    def free(self, editions: Iterable[Edition], now: datetime) -> list[Edition]:
        """Return the reports that were not sent, and that nobody is sending."""
        free = self._free(editions, now)
        if not free:
            return []
        keys = sorted(map(_key, free))
        for item in self._table.listed(keys[0], keys[-1][1]):
            self._until[item["pk"], item["sk"]] = float(item.get("until", 0))
        return self._free(free, now)

    def _free(self, editions: Iterable[Edition], now: datetime) -> list[Edition]:
        return [one for one in editions if self._until.get(_key(one), 0) < now.timestamp()]

    def claim(self, edition: Edition, owner: str, now: datetime, until: datetime) -> bool:
        """Take a report until a moment; False if another has it."""
        # The owner's own claim counts as free: botocore may have repeated a call that went through.
        guard = Guard(
            "attribute_not_exists(pk) OR #until < :now OR #owner = :owner",
            {"#until": "until", "#owner": "owner"},
            {":now": now.timestamp(), ":owner": owner},
        )
        item = {"owner": owner, "until": until.timestamp(), "expires_at": int((now + _KEPT).timestamp())}
        return self._table.put(_key(edition), item, guard)

    def hold(self, edition: Edition, owner: str, until: datetime) -> bool:
        """Let nobody have a report until a moment; False if another has taken it meanwhile."""
        # Known here, whatever becomes of the write.
        self._until[_key(edition)] = until.timestamp()
        guard = Guard(
            "#owner = :owner", {"#until": "until", "#owner": "owner"}, {":until": until.timestamp(), ":owner": owner}
        )
        return self._table.update(_key(edition), "SET #until = :until", guard)


def _key(edition: Edition) -> Key:
    return _PARTITION, "#".join((sortable(edition.due), *edition.key))
