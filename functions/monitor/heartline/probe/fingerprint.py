"""Query a server's identity, and parse its answer without trusting it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from heartline.common.text import sanitize
from heartline.model.observation import Server

# All of it is readable without any grant (PostgreSQL documentation, 9.28 and 27.2). Functions, not the views over
# them: each view costs a new session several look-ups in the catalogue, as each operator, cast and aggregate does.
# Times are as a server sends them in binary form, since a role can configure how it sees times. Statistics are reset
# after a crash. Transaction ids are as of the last checkpoint; a standby leaves them to its primary.
_IDENTITY = """
SELECT encode(timestamptz_send(pg_postmaster_start_time()), 'hex'),
       pg_is_in_recovery(),
       (pg_control_system()).system_identifier,
       {timeline},
       encode(timestamptz_send(pg_stat_get_bgwriter_stat_reset_time()), 'hex'),
       encode(timestamptz_send((pg_stat_get_archiver()).stats_reset), 'hex'),
       encode(timestamptz_send((pg_stat_get_wal()).stats_reset), 'hex'),
       encode(timestamptz_send((SELECT (pg_stat_get_slru()).stats_reset LIMIT 1)), 'hex'),
"""
_GAUGES = """
       current_setting('max_connections', true),
       current_setting('superuser_reserved_connections', true),
       current_setting('reserved_connections', true),
       current_setting('rds.rds_superuser_reserved_connections', true),
       ARRAY(SELECT {sessions})
"""
_AGE = ", (pg_control_checkpoint()).next_xid, (pg_control_checkpoint()).oldest_xid"
# From 17 on the number of a session's slot, and those below max_connections are clients'. Before, the database of each
# process that has one, which some background workers do: an ordinary role cannot distinguish them.
_SLOT_NUMBERS, _DATABASES = "pg_stat_get_backend_idset()", "pg_stat_get_backend_dbid(pg_stat_get_backend_idset())"
SLOT_NUMBERS_SINCE = 17
# CURRENT_TIMESTAMP is no function, and needs no look-up. Of the receiver an ordinary role sees that there is one.
_REPLAY = """,
       encode(timestamptz_send(CURRENT_TIMESTAMP), 'hex'),
       encode(timestamptz_send(pg_last_xact_replay_timestamp()), 'hex'),
       pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), (pg_stat_get_wal_receiver()).pid
"""
_PRIMARY = _IDENTITY.replace("{timeline}", "pg_walfile_name(pg_current_wal_insert_lsn())") + _GAUGES + _AGE
_STANDBY = _IDENTITY.replace("{timeline}", "(pg_control_checkpoint()).timeline_id") + _GAUGES + ", NULL, NULL" + _REPLAY
# What PostgreSQL had before 14, and what its relatives are more likely to have: no statistics of WAL and SLRU, and a
# timeline that is recorded some time after a promotion. At login it does not say yet whether it is a standby.
_OLDER = """
SELECT encode(timestamptz_send(pg_postmaster_start_time()), 'hex'),
       pg_is_in_recovery(),
       (pg_control_system()).system_identifier,
       (pg_control_checkpoint()).timeline_id,
       NULL, NULL, NULL, NULL,
"""
_OLDER += _GAUGES + _AGE + _REPLAY
_STATISTICS_SINCE = 14
# What a server reports at login of what read_server reads.
PARAMETERS = frozenset({b"server_version", b"in_hot_standby", b"default_transaction_read_only"})
IDENTITY_COLUMNS = 8
NOTHING: Sequence[object] = (None,) * IDENTITY_COLUMNS
_VERSION = re.compile(r"\d{1,4}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)
_WAL_FILE = re.compile(r"[0-9A-F]{24}", re.ASCII)
# timestamptz_send, src/backend/utils/adt/timestamp.c: microseconds since 2000, in 64 bits, whose first digit is 0 for
# some thousand years.
_TIME = re.compile(r"0[0-9a-f]{15}", re.ASCII)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def fingerprint_queries(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Return the queries to try one after the other, by what a server reported of itself at login: one is enough."""
    older = _OLDER.format(sessions=_sessions(parameters))
    if 0 < major_version(parameters) < _STATISTICS_SINCE:
        return (older,)
    latest = _STANDBY if _flag(parameters.get("in_hot_standby")) else _PRIMARY
    return latest.format(sessions=_sessions(parameters)), older


def _sessions(parameters: Mapping[str, str]) -> str:
    return _SLOT_NUMBERS if major_version(parameters) >= SLOT_NUMBERS_SINCE else _DATABASES


def major_version(parameters: Mapping[str, str]) -> int:
    """Return the major version that a server reported; 0 where it is not known."""
    known = _VERSION.match(parameters.get("server_version", ""))
    return int(known[0]) if known else 0


def read_server(parameters: Mapping[str, str], answer: Sequence[object]) -> Server:
    """Return the server's fingerprint; a malformed part is None.

    Parameters
    ----------
    parameters
        The parameters that the server reported at login.
    answer
        The columns of a fingerprint, or `NOTHING`.
    """
    known = answer if len(answer) >= IDENTITY_COLUMNS else NOTHING
    started, standby, system, timeline, *resets = known[:IDENTITY_COLUMNS]
    identifier = number(system)
    return Server(
        version=sanitize(parameters.get("server_version", ""), 64) or None,
        started=moment(started),
        standby=_flag(standby) if standby is not None else _flag(parameters.get("in_hot_standby")),
        read_only=_flag(parameters.get("default_transaction_read_only")),
        system=None if identifier is None else str(identifier),
        timeline=_timeline(timeline),
        resets=tuple(at for at in map(moment, resets) if at is not None),
    )


def _flag(value: object) -> bool | None:
    return {"on": True, "t": True, "off": False, "f": False}.get(str(value))


def number(value: object) -> int | None:
    """Return a whole number, or None."""
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _timeline(value: object) -> int | None:
    """Return a timeline, given as a number or as the name of a WAL file: the first 8 of its 24 hexadecimal digits."""
    if isinstance(value, str) and _WAL_FILE.fullmatch(value):
        return int(value[:8], 16)
    return number(value)


def moment(value: object) -> datetime | None:
    """Return a time in the form that fingerprints have it in, or None."""
    known = isinstance(value, str) and _TIME.fullmatch(value)
    try:
        return _EPOCH + timedelta(microseconds=int(known[0], 16)) if known else None
    except OverflowError:
        return None
