"""Divide a fleet into shards by the names of its targets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from heartline.common.codec import decode, encode
from heartline.common.frozen import frozen
from heartline.model.target import MOST_TARGETS, Target


@frozen
class Shard:
    """Name one of the parts that a fleet is divided into for one tick, counted from 0."""

    shard: int
    of: int
    tick: datetime

    @property
    def name(self) -> str:
        """Return a name that no other shard has, also of another division of the same fleet."""
        return f"{self.of:05}#{self.shard:05}"

    def stale(self, now: datetime, interval: timedelta) -> bool:
        """Return True if the next tick has begun since: it sees what this one would see."""
        return now - self.tick >= interval

    def members(self, targets: Iterable[Target]) -> tuple[Target, ...]:
        """Return the targets of the fleet that belong here."""
        return tuple(target for target in targets if shard_of(target.name, self.of) == self.shard)

    def written(self) -> str:
        """Return it as a message."""
        return json.dumps(encode(self))


def shards(targets: int, share: int, tick: datetime) -> list[Shard]:
    """Return the shards, of about `share` targets each, that so many targets are divided into."""
    number = -(-targets // share)
    return [Shard(place, number, tick) for place in range(number)]


def read_shard(message: str) -> Shard:
    """Return the shard that a message names.

    Raises
    ------
    ValueError
        If it names none.
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
    """Return the shard of a name: always the same; one shard more moves only its own share of the names.

    Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", https://arxiv.org/abs/1406.2294
    """
    key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
    here, following = -1, 0
    while following < number:
        here = following
        key = (key * 2862933555777941757 + 1) % 2**64
        following = int((here + 1) * (2**31 / ((key >> 33) + 1)))
    return here
