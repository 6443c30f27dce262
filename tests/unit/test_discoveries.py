"""What was found in RDS is read back whole, and without trust."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.common.codec import encode
from heartline.model.rds import Found, RdsKind
from heartline.storage.discoveries import Discoveries, Listed
from heartline.storage.schema import Key, plain, wire
from heartline.storage.table import Guard, Table
from unit.samples import NOW

texts = st.text(st.characters(codec="utf-8"), max_size=20)
found = st.builds(
    Found,
    st.sampled_from(RdsKind),
    identifier=texts,
    region=texts,
    host=texts,
    port=st.integers(1, 65535),
    tag=texts,
    secret=st.none() | texts,
    members=st.lists(texts, max_size=3).map(tuple),
    gone=st.none() | st.just(NOW),
)


class Kept:
    """A table that takes all, and gives back what DynamoDB would."""

    def __init__(self) -> None:
        self.items: dict[Key, dict[str, Any]] = {}

    def put(self, key: Key, item: Mapping[str, object], guard: Guard | None = None) -> bool:  # noqa: ARG002
        self.items[key] = plain(wire({"pk": key[0], "sk": key[1], **item}))
        return True

    def listed(self, key: Key, last: str) -> Iterator[dict[str, Any]]:
        return (item for (pk, sk), item in self.items.items() if pk == key[0] and key[1] <= sk <= last)


def kept() -> tuple[Kept, Discoveries]:
    table = Kept()
    return table, Discoveries(cast("Table", table))


@given(st.lists(found, max_size=5).map(tuple))
def test_what_was_found_is_read_back(several: tuple[Found, ...]) -> None:
    _, discoveries = kept()
    for region, listed in (("eu-west-1", Listed(NOW, several)), ("us-east-1", Listed(NOW, ()))):
        assert discoveries.save(region, listed)
    assert discoveries.claim(NOW)  # what counts ticks stands beside it
    assert discoveries.load() == {"eu-west-1": Listed(NOW, several), "us-east-1": Listed(NOW, ())}


def test_it_is_decoded_again_where_it_has_changed() -> None:
    table, discoveries = kept()
    one = Found(RdsKind.INSTANCE, "orders", "eu-west-1", "orders.example.com", 5432)
    discoveries.save("eu-west-1", Listed(NOW, (one,)))
    first, second = discoveries.load(), discoveries.load()
    assert first["eu-west-1"] is second["eu-west-1"]
    discoveries.save("eu-west-1", Listed(NOW + timedelta(minutes=5), ()))
    assert discoveries.load() == {"eu-west-1": Listed(NOW + timedelta(minutes=5), ())}
    table.items.clear()
    assert discoveries.load() == {}


ITEM = {"pk": "discovery", "sk": "region#eu-west-1", "format": Decimal(1), "at": NOW.isoformat()}


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"format": Decimal(2), "found": "eJyLjgUAARUAuQ=="},
        {"found": "not base64"},
        {"found": "AAAA"},
        {"found": "eJwDAAAAAAE="},
        {"found": "eJyrrgUAAXUA+Q=="},
        {"found": "eJyLjgUAARUAuQ==", "at": "yesterday"},
        {"found": "eJyLjgUAARUAuQ==", "at": None},
        {"found": None},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_none(damaged: dict[str, object]) -> None:
    table, discoveries = kept()
    table.items["discovery", "region#eu-west-1"] = ITEM | damaged
    assert discoveries.load() == {"eu-west-1": None}
    table.items["discovery", "region#eu-west-1"] = ITEM | {"found": "eJyLjgUAARUAuQ=="}
    assert discoveries.load() == {"eu-west-1": Listed(NOW, ())}


def test_it_is_small() -> None:
    """An item has at most 400 KB, and a fleet 10,000 databases."""
    table, discoveries = kept()
    names = [f"{team}-{number:04}" for team in ("orders", "billing", "stock", "users") for number in range(2500)]
    several = tuple(Found(RdsKind.INSTANCE, name, "eu-west-1", f"{name}.c7tj4.rds.example.com", 5432) for name in names)
    discoveries.save("eu-west-1", Listed(cast("datetime", NOW), several))
    assert len(str(table.items)) < 400_000 < len(str(encode(several)))
