"""Ask a server who it is, and read its answer without trust."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from heartline.model import Server
from heartline.text import tame

# All of it is readable without any grant (PostgreSQL documentation, 9.28 and 27.2). Functions and not the
# views over them: each view costs a new session several look-ups in the catalogue. As text, since that needs no
# conversion; times as seconds, since a role can set how it sees times. The statistics begin anew after a crash.
FINGERPRINT = """
SELECT extract(epoch FROM pg_postmaster_start_time())::text,
       pg_is_in_recovery()::text,
       (pg_control_system()).system_identifier::text,
       (pg_control_checkpoint()).timeline_id::text,
       extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())::text,
       extract(epoch FROM (pg_stat_get_archiver()).stats_reset)::text
"""
NOTHING: Sequence[object] = (None,) * 6
_NUMBER = re.compile(r"\d{1,20}(\.\d{1,9})?", re.ASCII)


def read_server(said: Mapping[str, str], answer: Sequence[object]) -> Server:
    """Read what a server says of itself; a part that is malformed is as good as not said.

    Parameters
    ----------
    said
        The parameters that it reported at login.
    answer
        The columns of `FINGERPRINT`, or `NOTHING`.
    """
    started, standby, system, timeline, *resets = answer if len(answer) == len(NOTHING) else NOTHING
    timeline = _number(timeline)
    return Server(
        version=tame(said.get("server_version", ""), 64) or None,
        started=_moment(started),
        standby=_flag(standby) if standby is not None else _flag(said.get("in_hot_standby")),
        read_only=_flag(said.get("default_transaction_read_only")),
        system=str(system) if _number(system) is not None else None,
        timeline=None if timeline is None else int(timeline),
        resets=tuple(at for at in map(_moment, resets) if at is not None),
    )


def _flag(value: object) -> bool | None:
    return {"on": True, "true": True, "off": False, "false": False}.get(str(value))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _moment(value: object) -> datetime | None:
    number = _number(value)
    try:
        return None if number is None else datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
