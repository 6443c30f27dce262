"""Write single items of the table under a condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from time import sleep
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from heartline.common.frozen import frozen
from heartline.storage.schema import Key, plain, wire, wire_key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_CONDITION_FAILED = "ConditionalCheckFailed"
# Another run's transaction holds the item for a moment, and boto3 does not wait for it:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
_CONFLICT = "TransactionConflict"


@frozen
class Guard:
    """Hold a condition with the names and values that it and what it guards mention."""

    condition: str
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Return it as DynamoDB's calls take it, without what is empty."""
        given = {
            "ConditionExpression": self.condition,
            "ExpressionAttributeNames": dict(self.names),
            "ExpressionAttributeValues": wire(self.values),
        }
        return {name: argument for name, argument in given.items() if argument}


@frozen
class Table:
    """Reach the one table; DynamoDB's refusals and silence come through as ClientError and BotoCoreError.

    Parameters
    ----------
    client
        Returns the DynamoDB client.
    name
        The table's name.
    pauses
        After how many seconds a write is tried again that met another one, each time.
    """

    client: Callable[[], DynamoDBClient]
    name: str
    pauses: tuple[float, ...] = (0.05, 0.2)

    def put(self, key: Key, item: Mapping[str, object], guard: Guard | None = None) -> bool:
        """Write a whole item; False when the condition does not hold."""
        return self._conditionally(self.client().put_item, **self.putting(key, item, guard)) is not None

    def update(self, key: Key, change: str, guard: Guard) -> bool:
        """Change an item; False when the condition does not hold."""
        return self._conditionally(self.client().update_item, **self.updating(key, change, guard)) is not None

    def take(self, key: Key, change: str, guard: Guard) -> dict[str, Any] | None:
        """Change an item and return it as it is then; None when the condition does not hold."""
        asked = {**self.updating(key, change, guard), "ReturnValues": "ALL_NEW"}
        answer = self._conditionally(self.client().update_item, **asked)
        return None if answer is None else plain(answer["Attributes"])

    def together(self, writes: Sequence[Mapping[str, Any]]) -> bool:
        """Carry out several writes or none; False when a condition does not hold.

        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        """
        answer = self._conditionally(self.client().transact_write_items, TransactItems=list(writes))
        return answer is not None

    def putting(self, key: Key, item: Mapping[str, object], guard: Guard | None = None) -> dict[str, Any]:
        """Return the arguments that write a whole item."""
        guarded = guard.arguments() if guard else {}
        return {"TableName": self.name, "Item": wire_key(key) | wire(item), **guarded}

    def updating(self, key: Key, change: str, guard: Guard) -> dict[str, Any]:
        """Return the arguments that change an item."""
        return {"TableName": self.name, "Key": wire_key(key), "UpdateExpression": change, **guard.arguments()}

    def listed(self, key: Key, last: str) -> Iterator[dict[str, Any]]:
        """Yield the items of a partition from one sort key to another, oldest first."""
        pages = (
            self.client()
            .get_paginator("query")
            .paginate(
                TableName=self.name,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                ExpressionAttributeValues=wire({":pk": key[0], ":first": key[1], ":last": last}),
                ConsistentRead=True,
            )
        )
        for page in pages:
            yield from map(plain, page["Items"])

    def newest(self, partition: str, prefix: str, most: int) -> tuple[list[dict[str, Any]], bool]:
        """Return the last items whose sort keys begin like this, newest first, and True if there are no others.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
        """
        answer = self.client().query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=wire({":pk": partition, ":prefix": prefix}),
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=most,
        )
        return [plain(item) for item in answer["Items"]], "LastEvaluatedKey" not in answer

    def _conditionally(self, call: Callable[..., Any], **arguments: object) -> dict[str, Any] | None:
        """Make a call that a condition may guard; None when the condition does not hold."""
        pauses = iter(self.pauses)
        while True:
            try:
                answer: dict[str, Any] = call(**arguments)
            except ClientError as error:
                reasons = _reasons(error)
                if _CONDITION_FAILED in reasons:
                    return None
                pause = next(pauses, None)
                if pause is None or _CONFLICT not in reasons:
                    raise
                sleep(pause)
            else:
                return answer


def _reasons(error: ClientError) -> set[str]:
    """Name why a call was refused, for a transaction why each of its writes was."""
    codes = [reason.get("Code", "") for reason in error.response.get("CancellationReasons", ())]
    return {str(code).removesuffix("Exception") for code in (error.response["Error"]["Code"], *codes)}
