"""Keep states, with the alerts and the history that follow from them, and the heartbeat in DynamoDB.

One item a target holds its state, guarded by `version`, and its outbox, whose alerts come and go one by
one. One more item is the heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from time import sleep
from typing import Any

from heartline.common.frozen import frozen
from heartline.model.alert import Alert
from heartline.model.heartbeat import Heartbeat, freshen
from heartline.model.incident import Incident
from heartline.model.state import State, Stored, Unreadable
from heartline.storage.schema import (
    FORMAT,
    HEARTBEAT_KEY,
    LAST_HEARTBEAT,
    MAILS_KEY,
    Key,
    heartbeat_item,
    heartbeat_key,
    incident_key,
    key_of,
    plain,
    read_heartbeat,
    read_target,
    record,
    target_key,
    wire_key,
)
from heartline.storage.table import Guard, Table

# BatchGetItem takes 100 keys: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_BATCH = 100
_BATCH_ATTEMPTS = 5
_BATCH_PAUSE_SECONDS = 0.1
_FIRST_SHARD = "#00000"
_THROTTLED = Unreadable("DynamoDB did not give it, again and again: the table is throttled")


@frozen
class Loaded:
    """What was stored of targets, and of the last ticks.

    Attributes
    ----------
    heartbeat
        Of the last tick of the same shard.
    looks
        When ticks last came to a verdict on each target, where one has.
    watched
        The names of all targets of which something may be stored.
    last
        When any tick last ran.
    interval
        How often the last ticks were to come.
    unsure
        True where a newer Heartline wrote the heartbeat.
    mails
        What is not as it should be of mails, as attribute values; None where all is, or where that is not read.
    """

    targets: Mapping[str, Stored | Unreadable]
    heartbeat: Heartbeat | None = None
    looks: Mapping[str, datetime] = field(default_factory=dict)
    watched: frozenset[str] = frozenset()
    last: datetime | None = None
    latencies: Mapping[str, int] = field(default_factory=dict)
    interval: timedelta = timedelta(0)
    unsure: bool = False
    mails: Mapping[str, Any] | None = None


class Store:
    """Read and write states.

    Every method lets boto3's ClientError and BotoCoreError through: DynamoDB refused or did not answer.

    Parameters
    ----------
    table
        The table.
    mails
        Whether it is known what became of mails.
    """

    def __init__(self, table: Table, *, mails: bool = False) -> None:
        self._table = table
        self._mails = mails
        self._decoded: dict[str, tuple[Mapping[str, Any] | None, Stored | Unreadable]] = {}

    def load(self, names: Iterable[str], shard: str | None = None, since: datetime | None = None) -> Loaded:
        """Read the targets' items, and the heartbeat, which says when each was last seen as it is.

        Parameters
        ----------
        names
            Of the targets.
        shard
            Whose heartbeat; None for that of the undivided fleet.
        since
            A heartbeat from then on that names all of them is enough; else those of all shards are read.
        """
        keys, own_key = {name: target_key(name) for name in names}, heartbeat_key(shard)
        # One shard of a fleet looks at it for all.
        mails = [MAILS_KEY] if self._mails and (shard is None or shard.endswith(_FIRST_SHARD)) else []
        items, unread = self._read([own_key, *mails, *keys.values()])
        targets = {
            name: _THROTTLED if key in unread else self._decode(name, items.get(key)) for name, key in keys.items()
        }
        own = self._own_heartbeat(own_key, items.get(own_key), unread)
        if isinstance(own, Unreadable):
            return Loaded(targets, unsure=True)
        beats = [own] if own else []
        seen = own.looks() if own and since and own.at >= since else {}
        stored = {name for name, one in targets.items() if isinstance(one, Stored) and one.version}
        if not own or not seen or stored - seen.keys():
            # Others may have run meanwhile, and the targets may have been theirs.
            beats = self.heartbeats()
        fresh = {name: _freshened(one, beats) if isinstance(one, Stored) else one for name, one in targets.items()}
        looks = {name: at for beat in beats for name, at in beat.looks().items()}
        latencies = {name: spent for beat in beats for name, spent in beat.milliseconds().items()}
        watched = frozenset(name for beat in beats for name in (*beat.looks(), *beat.others))
        interval = timedelta(seconds=beats[-1].interval if beats else 0)
        last, noted = beats[-1].at if beats else None, _noted(items.get(MAILS_KEY))
        return Loaded(fresh, own, looks, watched, last, latencies, interval, mails=noted)

    def _own_heartbeat(
        self, key: Key, item: Mapping[str, Any] | None, unread: set[Key]
    ) -> Heartbeat | Unreadable | None:
        if key in unread:
            # Without it mails would name a last good probe that was none: rather nothing is decided.
            return read_heartbeat(next(self._table.listed(key, key[1]), None))
        return read_heartbeat(plain(item)) if item else None

    def heartbeats(self) -> list[Heartbeat]:
        """Read the heartbeats of the whole fleet and of its shards, the latest last."""
        read = map(read_heartbeat, self._table.listed(HEARTBEAT_KEY, LAST_HEARTBEAT))
        return sorted((one for one in read if isinstance(one, Heartbeat)), key=lambda beat: beat.at)

    def _decode(self, name: str, item: Mapping[str, Any] | None) -> Stored | Unreadable:
        """Read a target's item; one that is to the letter as it was in this environment's last tick was decoded then.

        Its version does not show it: the outbox and the lease change without it.
        """
        known = self._decoded.get(name)
        if known is None or known[0] != item:
            known = item, read_target(name, None if item is None else plain(item))
            self._decoded[name] = known
        return known[1]

    def _read(self, keys: Sequence[Key]) -> tuple[dict[Key, dict[str, Any]], set[Key]]:
        """Return items by their keys, as attribute values, and the keys that DynamoDB left unread again and again."""
        items: dict[Key, dict[str, Any]] = {}
        unread: set[Key] = set()
        for start in range(0, len(keys), _BATCH):
            wanted: list[Any] = [wire_key(key) for key in keys[start : start + _BATCH]]
            for attempt in range(_BATCH_ATTEMPTS):
                sleep(_BATCH_PAUSE_SECONDS * attempt)
                answer = self._table.client().batch_get_item(
                    RequestItems={self._table.name: {"Keys": wanted, "ConsistentRead": True}}
                )
                found = answer["Responses"].get(self._table.name, ())
                items |= {key_of(item): item for item in found}
                unprocessed = answer.get("UnprocessedKeys", {}).get(self._table.name)
                wanted = list(unprocessed["Keys"]) if unprocessed else []
                if not wanted:
                    break
            unread |= {key_of(key) for key in wanted}
        return items, unread

    def save(self, before: Stored, state: State, alerts: Sequence[Alert] = (), ended: Sequence[Incident] = ()) -> bool:
        """Write a state, the alerts and the records of incidents that follow from it, all or nothing.

        Parameters
        ----------
        before
            What was read; the write holds only if the item is still at that version.
        state, alerts, ended
            What was decided; nothing has ended yet of what was never written.

        Returns
        -------
        bool
            False when another tick has written since: then nothing was written.
        """
        if before.version == 0:
            return self._table.put(*self._first(state, alerts))
        following = self._next(before, state, alerts)
        if not ended:
            return self._table.update(*following)
        records = [{"Put": self._table.putting(*_record(state.target, incident))} for incident in ended]
        return self._table.together([{"Update": self._table.updating(*following)}, *records])

    def _first(self, state: State, alerts: Sequence[Alert]) -> tuple[Key, dict[str, object], Guard]:
        item = {"format": FORMAT, "version": 1, "state": state, "outbox": {alert.id: alert for alert in alerts}}
        return target_key(state.target), item, Guard("attribute_not_exists(pk)")

    def _next(self, before: Stored, state: State, alerts: Sequence[Alert]) -> tuple[Key, str, Guard]:
        fresh = {f"a{place}": alert for place, alert in enumerate(alerts)}
        added = [f"outbox.#{mark} = :{mark}" for mark in fresh]
        guard = Guard(
            "version = :read AND #format = :format",
            {"#state": "state", "#format": "format"} | {f"#{mark}": alert.id for mark, alert in fresh.items()},
            {":state": state, ":read": before.version, ":next": before.version + 1, ":format": FORMAT}
            | {f":{mark}": alert for mark, alert in fresh.items()},
        )
        return target_key(state.target), "SET " + ", ".join(["#state = :state", "version = :next", *added]), guard

    def beat(self, heartbeat: Heartbeat, before: Heartbeat | None, shard: str | None = None) -> bool:
        """Write the heartbeat in place of the one that was read; False when a later tick has written its own.

        A damaged one gives way in any case.
        """
        item = heartbeat_item(heartbeat, shard)
        if before is None:
            return self._table.put(heartbeat_key(shard), item)
        return self._table.put(heartbeat_key(shard), item, Guard("#at <= :at", {"#at": "at"}, {":at": heartbeat.at}))

    def announce(self, names: Sequence[str], loaded: Loaded, at: datetime, shard: str | None = None) -> Loaded | None:
        """Let the heartbeat name targets of which nothing is stored yet; None when another tick has written its own."""
        known = loaded.heartbeat
        named = known or Heartbeat(at, ())
        named = replace(named, others=(*named.others, *names))
        same = Guard("#at = :at", {"#at": "at"}, {":at": named.at}) if known else Guard("attribute_not_exists(pk)")
        if not self._table.put(heartbeat_key(shard), heartbeat_item(named, shard), same):
            return None
        return replace(loaded, heartbeat=named, watched=loaded.watched.union(names))


def _freshened(stored: Stored, heartbeats: Iterable[Heartbeat]) -> Stored:
    for heartbeat in heartbeats:
        stored = freshen(stored, heartbeat)
    return stored


def _noted(item: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the item of what is not as it should be of mails; None where it says nothing."""
    return item if item and any(part.get("M") for part in item.values()) else None


def _record(target: str, incident: Incident) -> tuple[Key, dict[str, object]]:
    document = {"incident": incident}
    return incident_key(target, incident), record(incident.ended or incident.began, document)
