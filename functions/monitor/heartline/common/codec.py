"""Encode frozen dataclasses as plain documents, and decode them strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_T = TypeVar("_T")
# Dicts, lists, texts, numbers, truth values and None, in each other; an annotation of the model; a value of it.
Document = Any
Annotation = Any
Value = Any


def encode(value: object) -> Document:
    """Return a value of the model as dicts, lists, strings and numbers, without what is None.

    Floats become decimals, as DynamoDB requires.
    """
    if is_dataclass(value):
        named = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: encode(part) for name, part in named if part is not None}
    if isinstance(value, Mapping):
        return {str(key): encode(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [encode(part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return Decimal(str(value)) if isinstance(value, float) else value


def decode(kind: type[_T], document: object) -> _T:
    """Return the value that a document was encoded from.

    Raises
    ------
    ValueError
        When the document has another form: a field is missing, unknown or of another type.
    """
    return _decode(kind, document)  # type: ignore[no-any-return]


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(kind: Annotation, document: object) -> Value:
    origin: object = get_origin(kind)
    parts = get_args(kind)
    if origin is UnionType:
        return None if document is None else _decode(next(p for p in parts if p is not NoneType), document)
    if origin is tuple and isinstance(document, list):
        return tuple(_decode(parts[0], part) for part in document)
    if origin is Mapping and isinstance(document, dict):
        return {_decode(parts[0], key): _decode(parts[1], part) for key, part in document.items()}
    if is_dataclass(kind) and isinstance(document, dict):
        return _decode_fields(kind, document)
    if isinstance(kind, type) and origin is None:
        return _decode_scalar(kind, document)
    raise ValueError(f"a {type(document).__name__} stands where {kind} should")


def _decode_fields(kind: Annotation, document: Mapping[str, object]) -> Value:
    known = {item.name: item for item in fields(kind)}
    if unknown := sorted(document.keys() - known.keys()):
        raise ValueError(f"{kind.__name__} has unknown fields: {', '.join(unknown)[:100]}")
    for name, item in known.items():
        if name not in document and item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{kind.__name__} lacks its field {name}")
    hints = _hints(kind)
    return kind(**{name: _decode(hints[name], part) for name, part in document.items()})


def _decode_scalar(kind: type, document: object) -> Value:
    if kind is datetime and isinstance(document, str):
        moment = datetime.fromisoformat(document)
        if moment.tzinfo is None:
            raise ValueError("a time lacks its zone")
        return moment
    if issubclass(kind, Enum) and isinstance(document, str):
        return kind(document)
    if kind in {int, float} and isinstance(document, Decimal | int) and not isinstance(document, bool):
        number = kind(document)
        if number == document or kind is float:
            return number
    if kind in {str, bool} and isinstance(document, kind):
        return document
    raise ValueError(f"a {type(document).__name__} stands where a {kind.__name__} should")
