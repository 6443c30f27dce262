"""Divide a fleet into shards by the names of its targets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from heartline.common.codec import decode, encode
from heartline.model.target import MOST_TARGETS, Target


@dataclass(frozen=True, slots=True)
class Shard:
    """Name one of the parts that a fleet is divided into for one tick; they count from 0."""

    shard: int
    of: int
    tick: datetime

    @property
    def name(self) -> str:
        """Name it apart from all others, those of another division of the same fleet too."""
        return f"{self.of:05}#{self.shard:05}"

    def stale(self, now: datetime, interval: timedelta) -> bool:
        """Tell whether the next tick has come since: what this one would see, that sees too."""
        return now - self.tick >= interval

    def members(self, targets: Iterable[Target]) -> tuple[Target, ...]:
        """Give the targets of the fleet that belong here."""
        return tuple(target for target in targets if shard_of(target.name, self.of) == self.shard)

    def written(self) -> str:
        """Write it as a message."""
        return json.dumps(encode(self))


def shards(targets: int, share: int, tick: datetime) -> list[Shard]:
    """Divide so many targets into shards of about a share each."""
    number = -(-targets // share)
    return [Shard(place, number, tick) for place in range(number)]


def read_shard(message: str) -> Shard:
    """Read a message.

    Raises
    ------
    ValueError
        When it names no shard.
    """
    try:
        shard = decode(Shard, json.loads(message))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not 0 <= shard.shard < shard.of <= MOST_TARGETS:
        raise ValueError("there is no shard of that number")
    return shard


@lru_cache(maxsize=MOST_TARGETS)
def shard_of(name: str, number: int) -> int:
    """Give the shard of a name: the same for ever; one shard more moves only its own share of the names.

    Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", https://arxiv.org/abs/1406.2294
    """
    key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
    here, following = -1, 0
    while following < number:
        here = following
        key = (key * 2862933555777941757 + 1) % 2**64
        following = int((here + 1) * (2**31 / ((key >> 33) + 1)))
    return here
