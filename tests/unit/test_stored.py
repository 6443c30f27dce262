"""What each released form of the items holds is still read, and nothing of it is lost or renamed.

stored/ has an item of each kind as it was written. A change of the form adds a file and keeps these.
"""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from heartline.common.codec import decode
from heartline.model.incident import Incident, Span
from heartline.model.state import Stored
from heartline.storage.schema import heartbeat_item, plain, read_heartbeat, read_target, record, wire

FILES = sorted((Path(__file__).parent / "stored").glob("*.json"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def items(request: pytest.FixtureRequest) -> dict[str, Any]:
    return json.loads(request.param.read_text())


def unset(value: object) -> set[str]:
    """Name the fields of a value that are empty."""
    assert is_dataclass(value)
    return {name for name, part in asdict(value).items() if part in (None, (), {}, "")}


def test_a_target_s_item_is_read_whole(items: dict[str, Any]) -> None:
    stored = read_target("orders", plain(items["target"]))
    assert isinstance(stored, Stored)
    assert unset(stored.state) == set()
    assert unset(stored.outbox[0]) == set()
    written = {"state": stored.state, "outbox": {one.id: one for one in stored.outbox}, "version": stored.version}
    assert items["target"] == items["target"] | wire(written)


def test_a_heartbeat_is_read_whole(items: dict[str, Any]) -> None:
    heartbeat = read_heartbeat(plain(items["heartbeat"]))
    assert unset(heartbeat) == set()
    assert wire(heartbeat_item(heartbeat, None)) == items["heartbeat"]


@pytest.mark.parametrize(("name", "kind"), [("incident", Incident), ("gap", Span)])
def test_a_record_of_the_history_is_read_whole(items: dict[str, Any], name: str, kind: type) -> None:
    kept = decode(kind, plain(items[name])[name])
    assert unset(kept) == set()
    assert wire(record(kept.ended, {name: kept})) == items[name]
