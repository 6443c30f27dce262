"""Keep what RDS listed, an item a region, and count the ticks that its events start."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta

from heartline.common.codec import decode, encode
from heartline.common.frozen import frozen
from heartline.model.rds import Found
from heartline.storage.schema import FORMAT, Key
from heartline.storage.table import Guard, Table

_PARTITION = "discovery"
_REGION = "region#"
# As many ticks as events may start in a minute.
_SLOTS = 6
_MINUTE = timedelta(minutes=1)


@frozen
class Listed:
    """Hold what a region listed at a moment, and what it listed before and does no more."""

    at: datetime
    found: tuple[Found, ...]


class Discoveries:
    """Read and write what was found.

    Every method lets boto3's ClientError and BotoCoreError through: DynamoDB refused or did not answer.

    Parameters
    ----------
    table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._decoded: dict[str, tuple[dict[str, object], Listed | None]] = {}

    def load(self) -> dict[str, Listed | None]:
        """Return what each region listed last; None where the item cannot be read."""
        items = {str(item["sk"]): item for item in self._table.listed((_PARTITION, _REGION), f"{_REGION}~")}
        # What is as it was at the last look of this environment was decoded then.
        same = {key: known for key, known in self._decoded.items() if known[0] == items.get(key)}
        self._decoded = {key: same.get(key) or (item, _read(item)) for key, item in items.items()}
        return {key.removeprefix(_REGION): listed for key, (_, listed) in self._decoded.items()}

    def save(self, region: str, listed: Listed) -> bool:
        """Write what a region lists; False when another run has written what it listed later."""
        # A database takes 250 bytes, 20 when compressed, and an item may have 400 KB.
        packed = b64encode(zlib.compress(json.dumps(encode(listed.found)).encode(), 9)).decode()
        item = {"format": FORMAT, "at": listed.at, "found": packed}
        guard = Guard("attribute_not_exists(pk) OR NOT #at > :at", {"#at": "at"}, {":at": listed.at})
        return self._table.put(_key(region), item, guard)

    def claim(self, now: datetime) -> bool:
        """Return True if an event may start a tick: there were fewer than six in the last minute."""
        ago = {":ago": (now - _MINUTE).timestamp()}
        guard = Guard("attribute_not_exists(pk) OR #at <= :ago", {"#at": "at"}, ago)
        slots: Sequence[Key] = [(_PARTITION, f"slot#{number}") for number in range(_SLOTS)]
        return any(self._table.put(slot, {"at": now.timestamp()}, guard) for slot in slots)


def _key(region: str) -> Key:
    return _PARTITION, f"{_REGION}{region}"


def _read(item: dict[str, object]) -> Listed | None:
    try:
        if item["format"] != FORMAT:
            return None
        found = json.loads(zlib.decompress(b64decode(str(item["found"]))))
        return decode(Listed, {"at": item["at"], "found": found})
    except (KeyError, ValueError, zlib.error):
        return None
