"""Keep what is over: incidents, how long probes took, and the times in which Heartline itself did not run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from heartline.common.codec import decode
from heartline.model.incident import Incident, Span
from heartline.model.latencies import Latencies, Trend
from heartline.storage.schema import (
    FORMAT,
    GAP,
    HEARTBEAT_KEY,
    INCIDENT,
    LATENCIES,
    gap_key,
    latencies_item,
    latencies_key,
    record,
    sortable,
    target_key,
)
from heartline.storage.table import Table

_T = TypeVar("_T")


class History:
    """Read and write the history.

    Every method lets boto3's ClientError and BotoCoreError through: DynamoDB refused or did not answer.

    Parameters
    ----------
    table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def note_gap(self, gap: Span) -> None:
        """Keep a time in which Heartline did not run."""
        self._table.put(gap_key(gap), record(gap.ended, {"gap": gap}))

    def note_latencies(self, shard: str | None, until: int, samples: Mapping[str, str], at: datetime) -> None:
        """Keep how long the probes of an hour took."""
        key = latencies_key(shard)
        known = _readable(self._table.listed(key, key[1]), "latencies", Latencies)
        latencies = next(known, Latencies(0, {})).following(until, samples)
        self._table.put(key, latencies_item(latencies, at))

    def trends(self, names: Collection[str], at: datetime) -> dict[str, Trend]:
        """Return how long the probes of targets took in the days before a moment, where that is known."""
        items = self._table.listed((HEARTBEAT_KEY[0], LATENCIES), f"{LATENCIES}~")
        shards = sorted(_readable(items, "latencies", Latencies), key=lambda one: one.until)
        return {name: trend for one in shards for name in names if (trend := one.trend(name, at))}

    def incidents(self, name: str, since: datetime) -> tuple[Incident, ...]:
        """Return the incidents of a target that began since then and are over, oldest first."""
        return tuple(self._read(target_key(name)[0], INCIDENT, since, "incident", Incident))

    def newest_incidents(self, name: str, most: int) -> tuple[tuple[Incident, ...], bool]:
        """Return a target's newest incidents that are over, oldest first, and True if there are no older ones.

        It is one call, which returns at most so many, and at most 1 MB.
        """
        items, complete = self._table.newest(target_key(name)[0], INCIDENT, most)
        return tuple(reversed(list(_readable(items, "incident", Incident)))), complete

    def gaps(self, since: datetime) -> tuple[Span, ...]:
        """Return the times that began since then in which Heartline did not run, oldest first."""
        return tuple(self._read(HEARTBEAT_KEY[0], GAP, since, "gap", Span))

    def _read(self, partition: str, prefix: str, since: datetime, name: str, kind: type[_T]) -> Iterable[_T]:
        items = self._table.listed((partition, f"{prefix}{sortable(since)}"), f"{prefix}~")
        return _readable(items, name, kind)


def _readable(items: Iterable[Mapping[str, Any]], name: str, kind: type[_T]) -> Iterator[_T]:
    """Yield what is there in this version's form; the rest is left alone."""
    for item in items:
        if item.get("format") == FORMAT:
            try:
                yield decode(kind, item.get(name))
            except (ValueError, TypeError, ArithmeticError):
                continue
