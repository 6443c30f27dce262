"""Parse how near a server is to its limits, without trusting it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from heartline.model.observation import Gauges
from heartline.probe.fingerprint import IDENTITY_COLUMNS, SLOT_NUMBERS_SINCE, major_version, moment, number

_COLUMNS = IDENTITY_COLUMNS + 12
_ARRAY = re.compile(r"\{[\d,]*\}", re.ASCII)
_LSN = re.compile(r"([0-9A-F]{1,8})/([0-9A-F]{1,8})", re.ASCII)
_XID = re.compile(r"(?:\d{1,10}:)?(\d{1,10})", re.ASCII)


def read_gauges(parameters: Mapping[str, str], answer: Sequence[object]) -> Gauges:
    """Return how near the server is to its limits, by the same answer; a malformed part is None."""
    known = [*answer, *(None,) * _COLUMNS][:_COLUMNS]
    columns, standby = known[IDENTITY_COLUMNS:], known[1] == "t"
    most, *reserved, sessions, next_xid, oldest_xid = columns[:7]
    limit, kept = number(most), sum(number(one) or 0 for one in reserved)
    newest, oldest = _xid(next_xid), _xid(oldest_xid)
    return Gauges(
        slots=limit - kept if limit is not None and limit > kept >= 0 else None,
        slots_used=None if limit is None else _used(sessions, limit, major_version(parameters)),
        # 32 bits that go round: https://www.postgresql.org/docs/current/routine-vacuuming.html. A standby's are its
        # primary's to tell of; the older query asks for them everywhere.
        xid_age=None if standby or newest is None or oldest is None else (newest - oldest) % (1 << 32),
        # What is a primary now may have been a standby.
        replay_delay=_delay(*columns[7:]) if standby else None,
    )


def _used(sessions: object, limit: int, version: int) -> int | None:
    """Count slots in use; the numbers say by the version what they are."""
    if not isinstance(sessions, str) or not _ARRAY.fullmatch(sessions):
        return None
    numbers = [int(one) for one in sessions.strip("{}").split(",") if one]
    return sum(one < limit if version >= SLOT_NUMBERS_SINCE else one > 0 for one in numbers)


def _delay(now: object, replayed_until: object, received: object, replayed: object, receiver: object) -> float | None:
    """Return by how many seconds a standby lags; 0 while it is connected and there is nothing to replay.

    What was never received says nothing: its WAL comes from an archive, and an idle primary archives nothing.
    """
    ends = _lsn(received), _lsn(replayed)
    if ends[0] is None or ends[1] is None:
        return None
    if ends[1] >= ends[0] and receiver is not None:
        return 0.0
    times = moment(now), moment(replayed_until)
    return None if times[0] is None or times[1] is None else max(0.0, (times[0] - times[1]).total_seconds())


def _lsn(value: object) -> int | None:
    read = _LSN.fullmatch(value) if isinstance(value, str) else None
    return (int(read[1], 16) << 32) + int(read[2], 16) if read else None


def _xid(value: object) -> int | None:
    """Return a transaction id, with or without its epoch before it."""
    read = _XID.fullmatch(value) if isinstance(value, str) else None
    return int(read[1]) if read else None
