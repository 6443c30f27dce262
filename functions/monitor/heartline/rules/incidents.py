"""Begin, follow and end incidents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from heartline.model.incident import Change, Incident, Outage
from heartline.model.observation import Failure, Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.counting import marked
from heartline.rules.flapping import disturbed

# Of changes that wait for room, the last of these are kept.
_MOST_PENDING = 5


def begin(state: State, failure: Failure, observations: Sequence[Observation]) -> State:
    """Begin an incident with the first of the probes that failed."""
    first, last = observations[0], observations[-1]
    name, stamp = _named(state, first.until)
    # The clock may have been set back since the last good probe.
    last_ok = state.last_ok and min(state.last_ok, first.until)
    incident = Incident(name, first.until, last_ok, last.at, kinds=(failure.kind,))
    return replace(
        disturbed(state, first.until, name),
        first_seen=state.first_seen or first.at,
        last_failed=last.at,
        stamp=stamp,
        outage=Outage(incident, failure),
        counts=replace(state.counts, outages=state.counts.outages + 1),
    )


def go_on(state: State, outage: Outage, observations: Sequence[Observation], policy: Policy) -> State:
    """Take over a failure of another kind once two probes agree on it, or on its severity where that is another."""
    failures = [one.failure for one in observations if one.failure]
    failure, incident = failures[-1], outage.incident
    before, turned = failures[-2:-1], failure.kind.severity is not outage.failure.kind.severity
    agreed = any(one.kind is failure.kind or (turned and one.kind.severity is failure.kind.severity) for one in before)
    if policy.confirmations and failure.kind is not outage.failure.kind and not agreed:
        return state
    if turned:
        same = (one.until for one in observations if one.failure and one.failure.kind.severity is failure.kind.severity)
        since = next(same)
        incident = replace(incident, severity_since=since, outage_seconds=outage.outage_seconds(since))
    kinds = tuple(dict.fromkeys((*incident.kinds, failure.kind)))
    return replace(state, outage=Outage(replace(incident, kinds=kinds), failure))


def end(state: State, outage: Outage, first: Observation, last: Observation) -> State:
    """End the open incident with the first of the probes that confirm it."""
    incident = outage.incident
    back, flapping = max(first.until, incident.began), state.flapping
    if flapping:
        counted = flapping.notified or flapping.longest
        lasted = (back - incident.began).total_seconds() if counted else 0
        flapping = replace(flapping, stable_since=back, longest=max(flapping.longest, lasted))
    up = replace(
        state,
        up_since=back,
        last_ok=last.at,
        outage=None,
        flapping=flapping,
        counts=marked(state, back).counts,
    )
    seconds = outage.outage_seconds(back)
    return _keep(up, replace(incident, ended=back, last_failed=state.last_failed, outage_seconds=seconds))


def amend_last(state: State, change: Change) -> State:
    """Add what happened to the server to the incident that has just ended."""
    *others, last = state.recent
    return replace(state, recent=(*others, replace(last, changes=(*last.changes, change))))


def record(state: State, change: Change) -> State:
    """Keep what happened between two good probes as an incident without a length."""
    at = change.before
    name, stamp = _named(state, at)
    state = _keep(replace(state, stamp=stamp), Incident(name, at, change.after, ended=at, changes=(change,)))
    if change.several:
        # Found once: kept until it is reported, also from a quiet time. It is no event, and no sign of flapping.
        return pending(state, change)
    return replace(disturbed(state, at, name), counts=replace(state.counts, changes=state.counts.changes + 1))


def pending(state: State, change: Change) -> State:
    """Keep what happened to the server until there is room to report it."""
    return replace(state, pending_changes=(*state.pending_changes, change)[-_MOST_PENDING:])


def _keep(state: State, incident: Incident) -> State:
    """Keep an incident that is over, beside the one that people still believe in."""
    believed = state.belief.incident if state.belief else None
    return replace(state, recent=(*(one for one in state.recent if one.id == believed), incident))


def _named(state: State, at: datetime) -> tuple[str, datetime]:
    """Return an id that no other incident of the target has, whatever the clock did, and the time in it."""
    stamp = at.replace(microsecond=0)
    if state.stamp and stamp <= state.stamp:
        stamp = state.stamp + timedelta(seconds=1)
    return f"{state.target}-{stamp:%Y%m%dT%H%M%SZ}", stamp
