"""What Lambda's event source starts: shards of a tick from SQS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heartline.tick.shards import shard_of
from local.function import event
from runtime.documents import fleet

if TYPE_CHECKING:
    from local.aws import EmulatedAws
    from local.postgres import Postgres
    from runtime.conftest import Start

NAMES = [f"db-{number}" for number in range(8)]


def shards(**bodies: object) -> dict[str, Any]:
    """Return events/shards.json with a record for each body, by its message's id."""
    (record,) = event("shards")["Records"]
    return {"Records": [record | {"messageId": name, "body": json.dumps(body)} for name, body in bodies.items()]}


def test_exactly_what_failed_of_a_batch_is_told_to_sqs(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    queue = {"TICK_QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/ticks"}
    function = start(fleet(environment, NAMES, database.port) | queue)
    (record,) = event("shards")["Records"]
    half = json.loads(record["body"]) | {"of": 2}
    database.kill()
    aws.refuse("dynamodb:BatchGetItem *shard#00002#00001*", "AccessDeniedException")
    batch = shards(bad={"shard": 2, "of": 2}, refused=half | {"shard": 1}, good=half | {"shard": 0})
    failed = function.invoke(batch)
    assert failed == {"batchItemFailures": [{"itemIdentifier": "bad"}, {"itemIdentifier": "refused"}]}
    notified = " ".join(mail.text for mail in aws.mails)
    assert {name for name in NAMES if name in notified} == {name for name in NAMES if shard_of(name, 2) == 0}
