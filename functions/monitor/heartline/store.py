"""Keep states, outboxes and the heartbeat in DynamoDB.

One item a target holds its state, guarded by `version`, and its outbox, whose alerts come and go one by
one; a claim is a lease on the outbox. One more item is the heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import sleep
from typing import Any

from botocore.exceptions import ClientError

from heartline.items import (
    FORMAT,
    HEARTBEAT_KEY,
    Heartbeat,
    Key,
    freshen,
    key_of,
    plain,
    read_heartbeat,
    read_target,
    target_key,
    wire,
    wire_key,
)
from heartline.model import Alert, State, Stored, Unreadable

# BatchGetItem takes 100 keys: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_BATCH = 100
_BATCH_ATTEMPTS = 5
_BATCH_PAUSE_SECONDS = 0.1
_THROTTLED = Unreadable("DynamoDB did not give it, again and again: the table is throttled")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Hold what was stored of each target, and of the last tick."""

    targets: Mapping[str, Stored | Unreadable]
    heartbeat: Heartbeat | None = None


class Store:
    """Read and write the table.

    Every method lets boto3's ClientError and BotoCoreError through: DynamoDB refused or did not answer.

    Parameters
    ----------
    client
        The DynamoDB client.
    table
        The table's name.
    """

    def __init__(self, client: Any, table: str) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        self._client = client
        self._table = table

    def load(self, names: Iterable[str]) -> Loaded:
        """Read the targets' items, and the heartbeat, which tells when the healthy ones were last good."""
        keys = {name: target_key(name) for name in names}
        items, unread = self._read([HEARTBEAT_KEY, *keys.values()])
        heartbeat = read_heartbeat(items.get(HEARTBEAT_KEY))
        targets: dict[str, Stored | Unreadable] = {}
        for name, key in keys.items():
            stored = _THROTTLED if key in unread else read_target(name, items.get(key))
            targets[name] = freshen(stored, heartbeat) if isinstance(stored, Stored) else stored
        return Loaded(targets, heartbeat)

    def _read(self, keys: Sequence[Key]) -> tuple[dict[Key, dict[str, Any]], set[Key]]:
        """Read items by their keys; give also the keys that DynamoDB left unread, again and again."""
        items: dict[Key, dict[str, Any]] = {}
        unread: set[Key] = set()
        for start in range(0, len(keys), _BATCH):
            wanted = [wire_key(key) for key in keys[start : start + _BATCH]]
            for attempt in range(_BATCH_ATTEMPTS):
                sleep(_BATCH_PAUSE_SECONDS * attempt)
                asked = {self._table: {"Keys": wanted, "ConsistentRead": True}}
                answer = self._client.batch_get_item(RequestItems=asked)
                items |= {key_of(item): item for item in map(plain, answer["Responses"].get(self._table, ()))}
                wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
                if not wanted:
                    break
            unread |= {key_of(plain(key)) for key in wanted}
        return items, unread

    def save(self, before: Stored, state: State, alerts: Sequence[Alert] = ()) -> bool:
        """Write a state and the alerts that follow from it, both or neither.

        Parameters
        ----------
        before
            What was read; the write holds only if the item is still at that version.
        state, alerts
            What was decided.

        Returns
        -------
        bool
            False when another tick has written since: then nothing was written.
        """
        if before.version == 0:
            item = {"format": FORMAT, "version": 1, "state": state, "outbox": {alert.id: alert for alert in alerts}}
            return self._put(target_key(state.target), item, "attribute_not_exists(pk)")
        fresh = {f"a{place}": alert for place, alert in enumerate(alerts)}
        added = [f"outbox.#{mark} = :{mark}" for mark in fresh]
        return self._update(
            state.target,
            "SET " + ", ".join(["#state = :state", "version = :next", *added]),
            "version = :read AND #format = :format",
            {"#state": "state", "#format": "format"} | {f"#{mark}": alert.id for mark, alert in fresh.items()},
            {":state": state, ":read": before.version, ":next": before.version + 1, ":format": FORMAT}
            | {f":{mark}": alert for mark, alert in fresh.items()},
        )

    def claim(self, name: str, owner: str, now: datetime, lease: timedelta) -> Stored | None:
        """Take the lease on a target's outbox and read it; None when it is empty or another's.

        Parameters
        ----------
        name
            The target.
        owner
            Who claims; unique to this run.
        now, lease
            When the lease begins, and how long it holds.
        """
        answer = self._conditionally(
            self._client.update_item,
            Key=wire_key(target_key(name)),
            UpdateExpression="SET lease = :lease",
            ConditionExpression="#format = :format AND size(outbox) > :none"
            # The owner's own lease counts as free, since botocore may have repeated a call that went through;
            # and so does one without a time, which would hold for ever.
            " AND (NOT attribute_type(lease.#until, :number) OR lease.#until < :now OR lease.#owner = :owner)",
            ExpressionAttributeNames={"#format": "format", "#until": "until", "#owner": "owner"},
            ExpressionAttributeValues=wire(
                {
                    ":lease": {"owner": owner, "until": (now + lease).timestamp()},
                    ":now": now.timestamp(),
                    ":owner": owner,
                    ":number": "N",
                    ":format": FORMAT,
                    ":none": 0,
                }
            ),
            ReturnValues="ALL_NEW",
        )
        stored = read_target(name, plain(answer["Attributes"])) if answer is not None else None
        return stored if isinstance(stored, Stored) else None

    def clear(self, name: str, owner: str, alerts: Sequence[Alert]) -> bool:
        """Write what each alert still waits for, and drop those that wait for nothing.

        Returns
        -------
        bool
            False when the lease is no longer the owner's: then nothing was written.
        """
        marks = {f"a{place}": alert for place, alert in enumerate(alerts)}
        kept = {mark: alert for mark, alert in marks.items() if alert.waiting}
        clauses = {
            "SET": [f"outbox.#{mark}.waiting = :{mark}" for mark in kept],
            "REMOVE": [f"outbox.#{mark}" for mark in marks if mark not in kept],
        }
        return self._update(
            name,
            " ".join(f"{verb} {', '.join(paths)}" for verb, paths in clauses.items() if paths),
            "lease.#owner = :owner",
            {"#owner": "owner"} | {f"#{mark}": alert.id for mark, alert in marks.items()},
            {":owner": owner} | {f":{mark}": alert.waiting for mark, alert in kept.items()},
        )

    def release(self, name: str, owner: str) -> bool:
        """Give the lease back; False when it is no longer the owner's."""
        return self._update(name, "REMOVE lease", "lease.#owner = :owner", {"#owner": "owner"}, {":owner": owner})

    def beat(self, heartbeat: Heartbeat, before: Heartbeat | None) -> bool:
        """Write the heartbeat in place of the one that was read; False when a later tick has written its own.

        One that could not be read gives way in any case.
        """
        item = {"format": FORMAT, "at": heartbeat.at, "healthy": heartbeat.healthy}
        if before is None:
            return self._put(HEARTBEAT_KEY, item)
        return self._put(HEARTBEAT_KEY, item, "#at < :at", {"#at": "at"}, {":at": heartbeat.at})

    def _put(
        self,
        key: Key,
        item: Mapping[str, object],
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> bool:
        guard = {
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values and wire(values),
        }
        given = {name: argument for name, argument in guard.items() if argument}
        return self._conditionally(self._client.put_item, Item=wire_key(key) | wire(item), **given) is not None

    def _update(
        self, name: str, change: str, condition: str, names: Mapping[str, str], values: Mapping[str, object]
    ) -> bool:
        answer = self._conditionally(
            self._client.update_item,
            Key=wire_key(target_key(name)),
            UpdateExpression=change,
            ConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=wire(values),
        )
        return answer is not None

    def _conditionally(self, call: Any, **arguments: Any) -> dict[str, Any] | None:  # noqa: ANN401
        """Make a call that a condition guards; None when the condition does not hold."""
        try:
            answer: dict[str, Any] = call(TableName=self._table, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None
        return answer
