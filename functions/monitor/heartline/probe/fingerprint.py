"""Query a server's identity, and parse its answer without trusting it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from heartline.common.text import sanitize
from heartline.model.observation import Server

# All of it is readable without any grant (PostgreSQL documentation, 9.28 and 27.2). Functions, not the views over
# them: each view costs a new session several look-ups in the catalogue. Times are whole microseconds, since a role can
# configure how it sees times and fractions. Statistics are reset after a crash.
FINGERPRINT = """
SELECT (date_part('epoch', pg_postmaster_start_time()) * 1000000)::int8,
       pg_is_in_recovery(),
       (pg_control_system()).system_identifier,
       CASE WHEN pg_is_in_recovery() THEN (pg_control_checkpoint()).timeline_id::text
            ELSE pg_walfile_name(pg_current_wal_insert_lsn()) END,
       (date_part('epoch', pg_stat_get_bgwriter_stat_reset_time()) * 1000000)::int8,
       (date_part('epoch', (pg_stat_get_archiver()).stats_reset) * 1000000)::int8,
       (date_part('epoch', (pg_stat_get_wal()).stats_reset) * 1000000)::int8,
       (SELECT (date_part('epoch', stats_reset) * 1000000)::int8 FROM pg_stat_get_slru() LIMIT 1)
"""
# What PostgreSQL had before 14, and what its relatives are more likely to have: no statistics of WAL and SLRU, and a
# timeline that is recorded some time after a promotion.
OLDER_FINGERPRINT = """
SELECT (date_part('epoch', pg_postmaster_start_time()) * 1000000)::int8,
       pg_is_in_recovery(),
       (pg_control_system()).system_identifier,
       (pg_control_checkpoint()).timeline_id,
       NULL, NULL, NULL, NULL
"""
NOTHING: Sequence[object] = (None,) * 8
_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)
_WAL_FILE = re.compile(r"[0-9A-F]{24}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    microseconds = _number(value)
    try:
        return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return None
