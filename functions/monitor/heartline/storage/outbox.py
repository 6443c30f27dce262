"""Lend a target's outbox to one sender at a time: a claim is a lease on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from heartline.model.alert import Alert
from heartline.model.state import Stored
from heartline.storage.schema import FORMAT, read_target, target_key
from heartline.storage.table import Guard, Table

# An expression takes 4 KB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_SLICE = 25
# What changes of an alert while it waits.
_KEPT = ("waiting", "refused")


class Outbox:
    """Claim, settle and release the outboxes of targets.

    Every method lets boto3's ClientError and BotoCoreError through: DynamoDB refused or did not answer.

    Parameters
    ----------
    table
        The table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, name: str, owner: str, now: datetime, lease: timedelta) -> Stored | None:
        """Take the lease on a target's outbox and read it; None when it is empty or another's.

        Parameters
        ----------
        name
            The target.
        owner
            Who claims; unique to this run.
        now, lease
            When the lease begins, and how long it holds.
        """
        # The owner's own lease counts as free, since botocore may have repeated a call that went through;
        # and so does one without a time, which would hold for ever.
        free = "(NOT attribute_type(lease.#until, :number) OR lease.#until < :now OR lease.#owner = :owner)"
        guard = Guard(
            f"#format = :format AND size(outbox) > :none AND {free}",
            {"#format": "format", "#until": "until", "#owner": "owner"},
            {
                ":lease": {"owner": owner, "until": (now + lease).timestamp()},
                ":now": now.timestamp(),
                ":owner": owner,
                ":number": "N",
                ":format": FORMAT,
                ":none": 0,
            },
        )
        item = self._table.take(target_key(name), "SET lease = :lease", guard)
        stored = read_target(name, item) if item is not None else None
        return stored if isinstance(stored, Stored) else None

    def clear(self, name: str, owner: str, alerts: Sequence[Alert]) -> bool:
        """Write what each alert still waits for and why, and drop those that wait for nothing.

        Returns
        -------
        bool
            False when the lease is no longer the owner's: then nothing more was written.
        """
        return all(self._clear(name, owner, alerts[at : at + _SLICE]) for at in range(0, len(alerts), _SLICE))

    def _clear(self, name: str, owner: str, alerts: Sequence[Alert]) -> bool:
        marks = {f"a{place}": alert for place, alert in enumerate(alerts)}
        kept = {mark: alert for mark, alert in marks.items() if alert.waiting}
        clauses = {
            "SET": [f"outbox.#{mark}.{part} = :{mark}{part}" for mark in kept for part in _KEPT],
            "REMOVE": [f"outbox.#{mark}" for mark in marks if mark not in kept],
        }
        guard = Guard(
            "lease.#owner = :owner",
            {"#owner": "owner"} | {f"#{mark}": alert.id for mark, alert in marks.items()},
            {":owner": owner}
            | {f":{mark}{part}": getattr(alert, part) for mark, alert in kept.items() for part in _KEPT},
        )
        change = " ".join(f"{verb} {', '.join(paths)}" for verb, paths in clauses.items() if paths)
        return self._table.update(target_key(name), change, guard)

    def release(self, name: str, owner: str) -> bool:
        """Release the lease; False when it is no longer the owner's."""
        guard = Guard("lease.#owner = :owner", {"#owner": "owner"}, {":owner": owner})
        return self._table.update(target_key(name), "REMOVE lease", guard)
