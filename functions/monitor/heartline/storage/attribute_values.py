"""Write and read DynamoDB's attribute values: the part that documents of the model need.

boto3 has it too, in `boto3.dynamodb.types`; but with it comes all of boto3, a tenth of a cold start.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from heartline.common.codec import Document


def serialize(value: object) -> dict[str, Any]:
    """Return a text, number, truth value, None, list or mapping as an attribute value.

    Raises
    ------
    TypeError
        When it is none of these, a float, or a number that DynamoDB does not have.
    """
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite()):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [serialize(part) for part in value]}
    if isinstance(value, Mapping):
        return {"M": {name: serialize(part) for name, part in value.items()}}
    raise TypeError(f"a {type(value).__name__} has no form in DynamoDB")


def deserialize(value: Mapping[str, Any]) -> Document:
    """Return an attribute value as a text, decimal, truth value, None, list or dict; other types as a set."""
    ((kind, written),) = value.items()
    if kind in {"S", "BOOL"}:
        return written
    if kind == "M":
        return {name: deserialize(part) for name, part in written.items()}
    if kind == "N":
        return Decimal(written)
    if kind == "L":
        return [deserialize(part) for part in written]
    # Binary values and sets: nothing of the model is read from a set, so the item counts as damaged.
    return None if kind == "NULL" else frozenset(written)
