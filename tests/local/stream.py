"""What Lambda does between the table's stream and the courier: read, filter, make batches, start, and not repeat."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import yaml
from moto.events.models import EventPattern

from local.template import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.aws import EmulatedAws

    Record = dict[str, Any]
    Start = Callable[[dict[str, Any]], dict[str, Any]]

BATCH = 100  # https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
MOST = 12  # batches from one look; more is a courier that calls itself


class _TemplateLoader(yaml.SafeLoader):
    """Read a template with the arguments of its functions in their place."""


def _arguments(loader: _TemplateLoader, _: str, node: yaml.Node) -> Any:  # noqa: ANN401, any YAML
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_TemplateLoader.add_multi_constructor("!", _arguments)


@cache
def properties(resource: str) -> Any:  # noqa: ANN401, any YAML
    """Give a resource's properties as the template has them."""
    template = yaml.load(TEMPLATE.read_text(), _TemplateLoader)  # noqa: S506, a subclass of SafeLoader
    return template["Resources"][resource]["Properties"]


class Stream:
    """Follow a table's stream from now on, by the rules that template.yaml gives the courier's event source.

    Parameters
    ----------
    aws, table
        Where it is; the table has its stream from now on.
    """

    def __init__(self, aws: EmulatedAws, table: str) -> None:
        self._rules = properties("CourierFunction")["Events"]["Announced"]["Properties"]
        filters = self._rules["FilterCriteria"]["Filters"]
        self._patterns = [EventPattern.load(each["Pattern"]) for each in filters]
        _, specification, _ = properties("StateTable")["StreamSpecification"]
        asked = {"TableName": table, "StreamSpecification": {"StreamEnabled": True, **specification}}
        self.arn: str = aws.client("dynamodb").update_table(**asked)["TableDescription"]["LatestStreamArn"]
        self._client = aws.client("dynamodbstreams")
        (shard,) = self._client.describe_stream(StreamArn=self.arn)["StreamDescription"]["Shards"]
        self._place = self._client.get_shard_iterator(
            StreamArn=self.arn, ShardId=shard["ShardId"], ShardIteratorType=self._rules["StartingPosition"]
        )["ShardIterator"]

    def read(self) -> list[Record]:
        """Give what was written since the last look, as Lambda has it in events."""
        answer = self._client.get_records(ShardIterator=self._place)
        self._place = answer["NextShardIterator"]
        return [self._record(record) for record in answer["Records"]]

    def passes(self, record: Record) -> bool:
        """Tell whether the filter lets a record through to the courier."""
        return any(pattern.matches_event(record) for pattern in self._patterns)

    def pump(self, start: Start, most: int = BATCH) -> list[dict[str, Any] | Exception]:
        """Start the courier for batch after batch until the stream is at its end; give what became of each start.

        Parameters
        ----------
        start
            Starts it with an event.
        most
            Records in a batch.

        Raises
        ------
        RuntimeError
            When there is no end.
        """
        ended: list[dict[str, Any] | Exception] = []
        for batch in self._batches(most):
            if len(ended) == MOST:
                raise RuntimeError("the courier calls itself again and again")
            for _ in range(1 + self._rules["MaximumRetryAttempts"]):
                ended.append(_outcome(start, {"Records": batch}))
                if not isinstance(ended[-1], Exception):
                    break
        return ended

    def _batches(self, most: int) -> Iterator[list[Record]]:
        while written := self.read():
            records = list(filter(self.passes, written))
            for at in range(0, len(records), most):
                yield records[at : at + most]

    def _record(self, record: Record) -> Record:
        """Give a record of GetRecords as events have it: with its stream, and the time as a number."""
        change = record["dynamodb"]
        at = change["ApproximateCreationDateTime"].timestamp()
        return record | {"eventSourceARN": self.arn, "dynamodb": change | {"ApproximateCreationDateTime": at}}


def _outcome(start: Start, event: dict[str, Any]) -> dict[str, Any] | Exception:
    try:
        return start(event)
    except Exception as error:  # noqa: BLE001 - Lambda counts it, and goes on
        return error
