"""Give stored things their form as DynamoDB items, and read them back without trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from heartline.codec import decode, encode
from heartline.model import Alert, State, Status, Stored, Unreadable

# Counts up when an item's form changes so that older code cannot read it.
FORMAT = 1
# Partition and sort key.
Key = tuple[str, str]
HEARTBEAT_KEY: Key = ("heartbeat", "heartbeat")

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Say when a tick last ran and which targets it found healthy."""

    at: datetime
    healthy: tuple[str, ...]


def target_key(name: str) -> Key:
    """Give the key of a target's item."""
    return f"target#{name}", "state"


def key_of(item: Mapping[str, Any]) -> Key:
    """Give the key of an item."""
    return item["pk"], item["sk"]


def wire(document: Mapping[str, object]) -> dict[str, Any]:
    """Turn names and values of the model into DynamoDB's own notation."""
    return {name: _serialize(encode(value)) for name, value in document.items()}


def wire_key(key: Key) -> dict[str, Any]:
    """Turn a key into DynamoDB's own notation."""
    return wire({"pk": key[0], "sk": key[1]})


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Turn DynamoDB's own notation into dicts, lists, texts and decimals."""
    return {name: _deserialize(value) for name, value in item.items()}


def read_heartbeat(item: Mapping[str, Any] | None) -> Heartbeat | None:
    """Read the heartbeat; one that cannot be read is as good as none, the next tick writes it anew."""
    if item is None:
        return None
    try:
        return decode(Heartbeat, {"at": item.get("at"), "healthy": item.get("healthy")})
    except ValueError:
        return None


def read_target(name: str, item: Mapping[str, Any] | None) -> Stored | Unreadable:
    """Read a target's item; a target without one is unknown."""
    if item is None:
        return Stored(State(name))
    if item.get("format") != FORMAT:
        return Unreadable(f"its format is not {FORMAT}: a newer Heartline wrote it, or it is damaged")
    try:
        read = decode(_Item, {part: item.get(part) for part in ("state", "outbox", "version")})
    except (ValueError, TypeError, ArithmeticError) as fault:
        return Unreadable(f"it is damaged: {fault}")
    state, alerts = read.state, sorted(read.outbox.items())
    if state.target != name or read.version < 1 or any(key != alert.id for key, alert in alerts):
        return Unreadable("it is damaged: a name or version in it is not its own")
    if state.status is Status.DOWN and (state.incident is None or state.failure is None):
        return Unreadable("it is damaged: it is down without an incident or a failure")
    return Stored(state, tuple(alert for _, alert in alerts), read.version)


@dataclass(frozen=True, slots=True)
class _Item:
    state: State
    outbox: Mapping[str, Alert]
    version: int


def freshen(stored: Stored, heartbeat: Heartbeat | None) -> Stored:
    """Give a target that was healthy at the last tick that tick's time as its last good one."""
    state = stored.state
    if heartbeat is None or state.status is not Status.UP or state.target not in heartbeat.healthy:
        return stored
    if state.last_ok is not None and state.last_ok >= heartbeat.at:
        return stored
    return replace(stored, state=replace(state, last_ok=heartbeat.at))
