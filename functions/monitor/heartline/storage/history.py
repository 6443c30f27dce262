"""Keep what is over: incidents, and the times in which Heartline itself did not run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from heartline.common.codec import decode
from heartline.model.incident import Incident, Span
from heartline.storage.schema import FORMAT, GAP, HEARTBEAT_KEY, INCIDENT, gap_key, record, sortable, target_key
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

    def incidents(self, name: str, since: datetime) -> tuple[Incident, ...]:
        """Return the incidents of a target that began since then and are over, oldest first."""
        return tuple(self._read(target_key(name)[0], INCIDENT, since, "incident", Incident))

    def gaps(self, since: datetime) -> tuple[Span, ...]:
        """Return the times that began since then in which Heartline did not run, oldest first."""
        return tuple(self._read(HEARTBEAT_KEY[0], GAP, since, "gap", Span))

    def _read(self, partition: str, prefix: str, since: datetime, name: str, kind: type[_T]) -> Iterable[_T]:
        """Read what is there in this version's form; the rest is left alone."""
        for item in self._table.listed((partition, f"{prefix}{sortable(since)}"), f"{prefix}~"):
            if item.get("format") == FORMAT:
                try:
                    yield decode(kind, item.get(name))
                except (ValueError, TypeError, ArithmeticError):
                    continue
