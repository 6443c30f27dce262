"""What Lambda's event sources start: shards of a tick from SQS, and the courier from the table's stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heartline.tick.shards import shard_of
from local.courier import courier_environment
from local.function import event
from runtime.documents import fleet, watching

if TYPE_CHECKING:
    from local.aws import EmulatedAws
    from local.postgres import Postgres
    from runtime.conftest import Start
    from runtime.emulator import Sandbox

NAMES = [f"db-{number}" for number in range(8)]
MONITOR = "shop-MonitorFunction-Ab1"


def shards(**bodies: object) -> dict[str, Any]:
    """Give events/shards.json with a record for each body, by its message's id."""
    (record,) = event("shards")["Records"]
    return {"Records": [record | {"messageId": name, "body": json.dumps(body)} for name, body in bodies.items()]}


def test_exactly_what_failed_of_a_batch_is_told_to_sqs(
    start: Start, environment: dict[str, str], database: Postgres, aws: EmulatedAws
) -> None:
    queue = {"TICK_QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/ticks", "TARGETS_PER_INVOCATION": "4"}
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


def test_the_stream_s_event_starts_the_courier_and_that_delivers(
    start: Start, environment: dict[str, str], courier_sandbox: Sandbox, database: Postgres, aws: EmulatedAws
) -> None:
    monitor = start(watching(environment) | {"COURIER": "true"})
    courier = start(courier_environment(watching(environment), MONITOR), courier_sandbox)
    database.kill()
    assert monitor.invoke(event("scheduled"))["alerts"] == {"sent": 0, "pending": 1}
    assert aws.mails == []
    assert courier.invoke(event("stream")) == {"alerts": {"sent": 1, "pending": 0}}
    (mail,) = aws.mails
    assert mail.subject.startswith("[DOWN] demo: connection refused")
    assert f"--function-name {MONITOR} " in mail.text
