"""DynamoDB's notation is written and read as boto3's own code does it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from heartline.storage.attribute_values import deserialize, serialize

numbers = st.integers(-(10**37), 10**37) | st.decimals(
    allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
)
documents = st.recursive(
    st.none() | st.booleans() | st.text() | numbers,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(documents)
def test_a_document_is_written_and_read_as_boto3_does_it(document: object) -> None:
    written = serialize(document)
    assert written == TypeSerializer().serialize(document)
    assert deserialize(written) == TypeDeserializer().deserialize(written) == document


@pytest.mark.parametrize(
    "value",
    [1.5, b"bytes", {"a set"}, Decimal("NaN"), Decimal("Infinity"), object()],
    ids=lambda value: type(value).__name__,
)
def test_what_no_document_holds_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        serialize({"deep": [value]})


@pytest.mark.parametrize("value", [{"B": b"ab"}, {"SS": ["a"]}, {"NS": ["1"]}, {"BS": [b"a"]}], ids=repr)
def test_what_no_document_holds_is_read_as_none_of_its_values(value: dict[str, object]) -> None:
    assert isinstance(deserialize(value), frozenset)
