"""Recognize from two fingerprints of a healthy server what happened between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from heartline.model.incident import Change, Evidence
from heartline.model.kinds import AlertKind
from heartline.model.observation import Observation, Server
from heartline.model.state import State

# How many servers under one name are remembered.
_MOST_KNOWN = 32
# So many statistics begin anew at the very same microsecond after a crash alone: a reset by hand takes them one by one
# (PostgreSQL's source, pgstat_reset_after_failure and pg_stat_reset_shared).
_AGREE = 4

# What each difference makes it, the most specific first.
KINDS: Mapping[str, AlertKind] = {
    "system": AlertKind.REPLACED,
    "version": AlertKind.UPGRADED,
    "timeline": AlertKind.FAILED_OVER,
    "role": AlertKind.FAILED_OVER,
    "address": AlertKind.FAILED_OVER,
    "started": AlertKind.RESTARTED,
    "statistics": AlertKind.CRASHED,
}


def detect_change(state: State, seen: Observation, after: datetime | None) -> tuple[State, Change | None]:
    """Return the state that remembers who answered, and what has changed since the last time, if anything has.

    What a server did not say, then or now, is no difference. One that comes back after another has answered is
    none either: then the name leads to several in turn, which is reported once. `after` is the last good probe before.
    """
    server, before = seen.server, state.server
    if server is None or server == before:
        return state, None
    if before and _says_less(before, server):
        return replace(state, server=server, address=seen.address), None
    name = _name(server, seen.address)
    if name in state.known[:-1]:
        if state.several:
            return state, None
        return replace(state, several=True), Change(AlertKind.FAILED_OVER, seen.until, after, several=True)
    known = state.known if name in state.known else (*state.known, name)[-_MOST_KNOWN:]
    fresh = replace(state, server=server, address=seen.address, known=known)
    if before is None or state.several:
        return fresh, None
    evidence = _evidence(before, server, state.address, seen.address)
    kinds = [kind for what, kind in KINDS.items() if any(one.what == what for one in evidence)]
    return fresh, Change(kinds[0], seen.until, after, server.started, evidence) if kinds else None


def _says_less(before: Server, server: Server) -> bool:
    """Return True if a server does not say now who it is, and did: it may be the same one, and has no name."""
    parts = ("system", "started", "version", "standby")
    return any(getattr(before, part) is not None and getattr(server, part) is None for part in parts)


def _name(server: Server, address: str | None) -> str:
    """Name a server so that no other has the name, as long as it runs, as far as it says who it is."""
    if server.system is None:
        return f"? {server.version} {server.standby}"
    return f"{server.system} {server.started.isoformat() if server.started else address}"


def _evidence(was: Server, now: Server, was_at: str | None, now_at: str | None) -> tuple[Evidence, ...]:
    """List what differs, where both have said it."""
    restarted = _differ(was.started, now.started)
    promoted = _differ(was.standby, now.standby)
    same = was.system is not None and was.system == now.system
    pairs = {
        "system": (was.system, now.system),
        "version": (was.version, now.version),
        # A primary writes its new timeline down some time after it was promoted, and was reported then.
        "timeline": (was.timeline, now.timeline) if restarted or promoted or now.standby else (None, None),
        "role": (_role(was.standby), _role(now.standby)),
        # The same server may be reached by several addresses; another start is another server.
        "address": (was_at, now_at) if restarted and same else (None, None),
        "started": (_written(was.started), _written(now.started)),
        "statistics": _crash(was, now),
    }
    return tuple(Evidence(what, str(a), str(b)) for what, (a, b) in pairs.items() if _differ(a, b))


def _differ(was: object, now: object) -> bool:
    return was is not None and now is not None and was != now


def _role(standby: bool | None) -> str | None:  # noqa: FBT001 - three values, and none of them a flag
    return None if standby is None else "standby" if standby else "primary"


def _written(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _crash(was: Server, now: Server) -> tuple[str | None, str | None]:
    """Return when the statistics began, before and now, where they show a crash that the server survived."""
    together = len(now.resets) >= _AGREE and len(set(now.resets)) == 1
    if was.started is None or was.started != now.started or not together or now.resets[0] in was.resets:
        return None, None
    return (max(was.resets).isoformat(), now.resets[0].isoformat()) if len(was.resets) >= _AGREE else (None, None)
