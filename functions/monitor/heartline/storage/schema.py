"""Write stored things as DynamoDB items, and read them back without trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from heartline.common.codec import decode, encode
from heartline.common.frozen import frozen
from heartline.model.alert import Alert
from heartline.model.heartbeat import Heartbeat
from heartline.model.incident import Incident, Span
from heartline.model.latencies import Latencies
from heartline.model.state import State, Stored, Unreadable
from heartline.storage.attribute_values import deserialize, serialize

# Counts up when an item's form changes so that older code cannot read it.
FORMAT = 1
# Partition and sort key.
Key = tuple[str, str]
HEARTBEAT_KEY: Key = ("heartbeat", "heartbeat")
# Which mails nobody has confirmed, and who does not get theirs; a mail each stands beside it.
MAILS_KEY: Key = ("mails", "undelivered")
# Sort keys of heartbeats, those of shards too, lie between that one and this.
LAST_HEARTBEAT = "shard#~"
# What the sort keys begin with of an incident in a target's partition, and of a gap in the heartbeat's.
INCIDENT, GAP = "incident#", "gap#"
# And in the heartbeat's of how long probes took, for each shard.
LATENCIES = "latencies#"
# How long the heartbeat of a shard is kept, when the fleet is divided otherwise since.
_SHARD_KEPT = timedelta(days=30)
# How long either is kept: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
_KEPT = timedelta(days=400)

_NEWER = f"its format is not {FORMAT}: a newer Heartline wrote it, or it is damaged"


def target_key(name: str) -> Key:
    """Return the key of a target's item."""
    return f"target#{name}", "state"


def heartbeat_key(shard: str | None) -> Key:
    """Return the key of the heartbeat: of a shard of the fleet, or of the whole."""
    return HEARTBEAT_KEY if shard is None else (HEARTBEAT_KEY[0], f"shard#{shard}")


def heartbeat_item(heartbeat: Heartbeat, shard: str | None) -> dict[str, object]:
    """Return the item of a heartbeat; of a shard, DynamoDB removes it in time."""
    item = {"format": FORMAT, **{part.name: getattr(heartbeat, part.name) for part in fields(Heartbeat)}}
    return item if shard is None else item | {"expires_at": int((heartbeat.at + _SHARD_KEPT).timestamp())}


def latencies_key(shard: str | None) -> Key:
    """Return the key of how long the probes of a shard took, or of the whole fleet."""
    return HEARTBEAT_KEY[0], f"{LATENCIES}{shard or ''}"


def latencies_item(latencies: Latencies, at: datetime) -> dict[str, object]:
    """Return the item of how long probes took, which DynamoDB removes once nobody writes it any more."""
    return {"format": FORMAT, "expires_at": int((at + _SHARD_KEPT).timestamp()), "latencies": latencies}


def incident_key(name: str, incident: Incident) -> Key:
    """Return the key of an incident in a target's history: by its beginning."""
    return target_key(name)[0], f"{INCIDENT}{sortable(incident.began)}#{incident.id}"


def gap_key(gap: Span) -> Key:
    """Return the key of a time in which Heartline did not run."""
    return HEARTBEAT_KEY[0], f"{GAP}{sortable(gap.began)}"


def sortable(at: datetime) -> str:
    """Write a time so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def record(ended: datetime, document: Mapping[str, object]) -> dict[str, object]:
    """Return an item of the history, which DynamoDB removes in time."""
    return {"format": FORMAT, "expires_at": int((ended + _KEPT).timestamp()), **document}


def key_of(item: Mapping[str, Any]) -> Key:
    """Return the key of an item as attribute values."""
    return item["pk"]["S"], item["sk"]["S"]


def wire(document: Mapping[str, object]) -> dict[str, Any]:
    """Return names and values of the model as attribute values."""
    return {name: serialize(encode(value)) for name, value in document.items()}


def wire_key(key: Key) -> dict[str, Any]:
    """Return a key as attribute values."""
    return wire({"pk": key[0], "sk": key[1]})


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return attribute values as dicts, lists, texts and decimals."""
    return {name: deserialize(value) for name, value in item.items()}


def read_heartbeat(item: Mapping[str, Any] | None) -> Heartbeat | Unreadable | None:
    """Read a heartbeat; a damaged one is as good as none: the next tick writes it anew."""
    if item is None:
        return None
    written = item.get("format")
    if isinstance(written, Decimal) and written > FORMAT:
        return Unreadable(_NEWER)
    try:
        known = {part.name: item[part.name] for part in fields(Heartbeat) if part.name in item}
        return decode(Heartbeat, known)
    except ValueError:
        return None


def read_target(name: str, item: Mapping[str, Any] | None) -> Stored | Unreadable:
    """Read a target's item; a target without one is unknown."""
    if item is None:
        return Stored(State(name))
    if item.get("format") != FORMAT:
        return Unreadable(_NEWER)
    try:
        read = decode(_Item, {part: item.get(part) for part in ("state", "outbox", "version")})
    except (ValueError, TypeError, ArithmeticError) as fault:
        return Unreadable(f"it is damaged: {fault}")
    state, alerts = read.state, sorted(read.outbox.items())
    if state.target != name or read.version < 1 or any(key != alert.id for key, alert in alerts):
        return Unreadable("it is damaged: a name or version in it is not its own")
    return Stored(state, tuple(alert for _, alert in alerts), read.version)


@frozen
class _Item:
    state: State
    outbox: Mapping[str, Alert]
    version: int
