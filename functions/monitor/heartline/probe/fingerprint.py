"""Query a server's identity, and parse its answer without trusting it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from heartline.common.text import sanitize
from heartline.model.observation import Server

# All of it is readable without any grant (PostgreSQL documentation, 9.28 and 27.2). Functions, not the views over
# them: each view costs a new session several look-ups in the catalogue, as each operator does. Times are as a server
# sends them in binary form, since a role can configure how it sees times. Statistics are reset after a crash.
FINGERPRINT = """
SELECT encode(timestamptz_send(pg_postmaster_start_time()), 'hex'),
       pg_is_in_recovery(),
       (pg_control_system()).system_identifier,
       CASE WHEN pg_is_in_recovery() THEN (pg_control_checkpoint()).timeline_id::text
            ELSE pg_walfile_name(pg_current_wal_insert_lsn()) END,
       encode(timestamptz_send(pg_stat_get_bgwriter_stat_reset_time()), 'hex'),
       encode(timestamptz_send((pg_stat_get_archiver()).stats_reset), 'hex'),
       encode(timestamptz_send((pg_stat_get_wal()).stats_reset), 'hex'),
       (SELECT encode(timestamptz_send(stats_reset), 'hex') FROM pg_stat_get_slru() LIMIT 1)
"""
# What PostgreSQL had before 14, and what its relatives are more likely to have: no statistics of WAL and SLRU, a
# timeline that is recorded some time after a promotion, and times in whole microseconds since 1970.
OLDER_FINGERPRINT = """
SELECT (date_part('epoch', pg_postmaster_start_time()) * 1000000)::int8,
       pg_is_in_recovery(),
       (pg_control_system()).system_identifier,
       (pg_control_checkpoint()).timeline_id,
       NULL, NULL, NULL, NULL
"""
# What a server reports at login of what read_server reads.
PARAMETERS = frozenset({b"server_version", b"in_hot_standby", b"default_transaction_read_only"})
NOTHING: Sequence[object] = (None,) * 8
_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)
_WAL_FILE = re.compile(r"[0-9A-F]{24}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# timestamptz_send, src/backend/utils/adt/timestamp.c: microseconds since 2000, in 64 bits, whose first digit is 0 for
# some thousand years.
_BINARY_TIME = re.compile(r"0[0-9a-f]{15}", re.ASCII)
_BINARY_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def read_server(parameters: Mapping[str, str], answer: Sequence[object]) -> Server:
    """Return the server's fingerprint; a malformed part is None.

    Parameters
    ----------
    parameters
        The parameters that the server reported at login.
    answer
        The columns of `FINGERPRINT`, or `NOTHING`.
    """
    started, standby, system, timeline, *resets = answer if len(answer) == len(NOTHING) else NOTHING
    identifier = _number(system)
    return Server(
        version=sanitize(parameters.get("server_version", ""), 64) or None,
        started=_moment(started),
        standby=_flag(standby) if standby is not None else _flag(parameters.get("in_hot_standby")),
        read_only=_flag(parameters.get("default_transaction_read_only")),
        system=None if identifier is None else str(identifier),
        timeline=_timeline(timeline),
        resets=tuple(at for at in map(_moment, resets) if at is not None),
    )


def _flag(value: object) -> bool | None:
    return {"on": True, "t": True, "off": False, "f": False}.get(str(value))


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _timeline(value: object) -> int | None:
    """Return a timeline, given as a number or as the name of a WAL file: the first 8 of its 24 hexadecimal digits."""
    if isinstance(value, str) and _WAL_FILE.fullmatch(value):
        return int(value[:8], 16)
    return _number(value)


def _moment(value: object) -> datetime | None:
    epoch, microseconds = _EPOCH, _number(value)
    if isinstance(value, str) and _BINARY_TIME.fullmatch(value):
        epoch, microseconds = _BINARY_EPOCH, int(value, 16)
    try:
        return None if microseconds is None else epoch + timedelta(microseconds=microseconds)
    except OverflowError:
        return None
