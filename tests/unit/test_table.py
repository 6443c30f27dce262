"""What becomes of a write that DynamoDB refuses, by the reason that it gives."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from heartline.model.incident import Incident
from heartline.storage.history import History
from heartline.storage.schema import record, wire, wire_key
from heartline.storage.table import Guard, Table
from unit.samples import HOUR, MINUTE, NOW

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEY = ("target#orders", "state")
GUARD = Guard("version = :read", values={":read": 1})
CONFLICT, CONDITION = "TransactionConflict", "ConditionalCheckFailed"


@pytest.fixture(scope="module")
def _client() -> DynamoDBClient:
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    return boto3.client("dynamodb", "eu-central-1", config=Config(retries={"total_max_attempts": 1}), **keys)


@pytest.fixture
def dynamodb(_client: DynamoDBClient) -> Iterator[Stubber]:
    """Answer in DynamoDB's place: botocore holds requests and answers against its description of the service."""
    with Stubber(_client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def table(dynamodb: Stubber) -> Table:
    return Table(lambda: dynamodb.client, "table")


def refuse(dynamodb: Stubber, reason: str, *, transaction: bool = False) -> None:
    """Refuse the next write; of a transaction for one of its two items."""
    if not transaction:
        dynamodb.add_client_error("put_item", f"{reason}Exception", http_status_code=400)
        return
    reasons = {"CancellationReasons": [{"Code": "None"}, {"Code": reason}]}
    dynamodb.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=reasons)


def write(dynamodb: Stubber, *, transaction: bool) -> bool:
    one = table(dynamodb)
    if transaction:
        return one.together([{"Put": one.putting(KEY, {"n": 1}, GUARD)}, {"Put": one.putting(KEY, {"n": 2})}])
    return one.put(KEY, {"n": 1}, GUARD)


def accept(dynamodb: Stubber, *, transaction: bool) -> None:
    dynamodb.add_response("transact_write_items" if transaction else "put_item", {})


transactions = pytest.mark.parametrize("transaction", [False, True], ids=["item", "transaction"])


@transactions
def test_a_write_whose_condition_does_not_hold_is_told_as_such_and_not_tried_again(
    dynamodb: Stubber, transaction: bool
) -> None:
    refuse(dynamodb, CONDITION, transaction=transaction)
    assert not write(dynamodb, transaction=transaction)


@transactions
def test_a_write_in_the_way_of_a_transaction_of_another_run_is_tried_again(
    dynamodb: Stubber, transaction: bool
) -> None:
    refuse(dynamodb, CONFLICT, transaction=transaction)
    accept(dynamodb, transaction=transaction)
    assert write(dynamodb, transaction=transaction)


@transactions
def test_a_write_that_has_waited_for_another_run_may_find_that_its_condition_does_not_hold(
    dynamodb: Stubber, transaction: bool
) -> None:
    refuse(dynamodb, CONFLICT, transaction=transaction)
    refuse(dynamodb, CONDITION, transaction=transaction)
    assert not write(dynamodb, transaction=transaction)


@transactions
def test_a_write_that_is_in_the_way_again_and_again_is_an_error_in_the_end(
    dynamodb: Stubber, transaction: bool
) -> None:
    for _ in range(3):
        refuse(dynamodb, CONFLICT, transaction=transaction)
    began = monotonic()
    with pytest.raises(ClientError):
        write(dynamodb, transaction=transaction)
    assert monotonic() - began >= 0.2


@pytest.mark.parametrize("reason", ["ProvisionedThroughputExceeded", "Throttling", "ResourceNotFound"])
def test_any_other_refusal_is_an_error_at_once(dynamodb: Stubber, reason: str) -> None:
    """boto3 has tried again by then, where that may help."""
    refuse(dynamodb, reason)
    with pytest.raises(ClientError, match=reason):
        write(dynamodb, transaction=False)


@pytest.mark.parametrize("others", [False, True])
def test_the_newest_incidents_come_with_one_call_that_tells_whether_there_are_others(
    dynamodb: Stubber, others: bool
) -> None:
    """Oldest first, without one that a newer version wrote."""
    older, newer = Incident("1", NOW, ended=NOW + MINUTE), Incident("2", NOW + HOUR, ended=NOW + 2 * HOUR)
    items = [wire(record(NOW, {"incident": one})) for one in (newer, older)]
    found = {"Items": [items[0], {"format": {"N": "2"}}, items[1]]}
    more = {"LastEvaluatedKey": wire_key(KEY)} if others else {}
    asked = {"TableName": "table", "ScanIndexForward": False, "Limit": 3, "ConsistentRead": True}
    asked |= {"KeyConditionExpression": ANY, "ExpressionAttributeValues": ANY}
    dynamodb.add_response("query", found | more, asked)
    assert History(table(dynamodb)).newest_incidents("orders", 3) == ((older, newer), not others)
