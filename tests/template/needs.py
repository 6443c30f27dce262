"""What IAM asks for a call, and whether a statement of a policy allows it.

IAM's own rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr
from fnmatch import fnmatchcase
from typing import Any

from local.aws import REGION
from local.wire import GET_ACCOUNT, Call

ARN = f"arn:aws:{{}}:{REGION}:123456789012:{{}}"


@dataclass(frozen=True)
class Need:
    """What IAM asks for a call."""

    action: str
    resource: str
    sender: str = ""

    def met_by(self, statement: dict[str, Any]) -> bool:
        notified = {"ses:FromAddress": self.sender}
        asked = statement.get("Condition", {}).get("StringEquals", {})
        return (
            self.action in listed(statement["Action"])
            and any(fnmatchcase(self.resource, pattern) for pattern in listed(statement["Resource"]))
            and all(notified.get(key) == value for key, value in asked.items())
        )


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def needs(call: Call) -> Iterator[Need]:
    """Yield what IAM asks for a call.

    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """
    service, _, operation = call.name.partition(":")
    asked = call.request
    if service == "dynamodb":
        yield from (
            Need(f"dynamodb:{action}", ARN.format("dynamodb", f"table/{table}")) for action, table in items(call)
        )
    elif service == "sesv2":
        yield from (
            Need(f"ses:{operation}", to, parseaddr(asked.get("FromEmailAddress", ""))[1]) for to in identities(call)
        )
    elif service == "rds":
        yield Need(call.name, asked.get("ResourceName", "*"))
    elif service == "sns":
        yield Need(call.name, asked["TopicArn"])
    elif service == "sqs":
        yield Need(call.name.removesuffix("Batch"), ARN.format("sqs", asked["QueueUrl"].rpartition("/")[2]))
    elif service == "secretsmanager":
        name = asked["SecretId"]
        yield Need(call.name, name if name.startswith("arn:") else ARN.format(service, f"secret:{name}-AbCdEf"))
    else:
        raise AssertionError(f"no rule for {call.name}")


def items(call: Call) -> Iterator[tuple[str, str]]:
    """Yield action and table: a transaction needs its writes' own actions.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    if call.name == "dynamodb:TransactWriteItems":
        for write in call.request["TransactItems"]:
            ((kind, one),) = write.items()
            yield f"{kind}Item", one["TableName"]
        return
    tables = call.request["RequestItems"] if "RequestItems" in call.request else [call.request["TableName"]]
    yield from ((call.name.partition(":")[2], table) for table in tables)


def identities(call: Call) -> Iterator[str]:
    if call.name == GET_ACCOUNT:
        yield "*"
    if "EmailIdentity" in call.request:
        yield ARN.format("ses", f"identity/{call.request['EmailIdentity']}")
    if "FromEmailAddress" in call.request:
        for who in (parseaddr(call.request["FromEmailAddress"])[1], *call.request["Destination"]["ToAddresses"]):
            yield ARN.format("ses", f"identity/{who}")
    if "ConfigurationSetName" in call.request:
        yield ARN.format("ses", f"configuration-set/{call.request['ConfigurationSetName']}")
