"""Derive what is known of a target from what the probes of one tick say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from heartline.model.incident import Change, Incident, Outage, Span
from heartline.model.observation import Failure, Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.counting import blipped, ended, not_observed
from heartline.rules.flapping import disturbed
from heartline.rules.flapping import not_observed as rest_not_observed
from heartline.rules.server_changes import detect_change

# Of an incident through which Heartline is stopped again and again, the last of these are kept.
_MOST_GAPS = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the probes of one tick found a target: failed, or healthy where there is no failure."""

    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known after a tick, and what was new in it.

    Attributes
    ----------
    change
        What happened to the server between two good probes, without an outage.
    blip
        The last failure in a tick that found the target up.
    """

    state: State
    change: Change | None = None
    blip: Failure | None = None


def judge(state: State, observations: Sequence[Observation], policy: Policy) -> Verdict | None:
    """Judge the probes of one tick: what is up needs all to fail, what is down needs all to be healthy.

    Return None where it needs another probe.
    """
    first, last, number = observations[0], observations[-1], len(observations)
    if state.outage is None:
        if last.failure is None:
            return Verdict()
        return Verdict(last.failure) if number > policy.confirmations else None
    if first.failure:
        another = number == 1 and policy.confirmations and first.failure.kind is not state.outage.failure.kind
        return None if another else Verdict(first.failure)
    if last.failure:
        return Verdict(last.failure)
    return Verdict() if number >= policy.recover_after else None


def observe(
    state: State, verdict: Verdict, observations: Sequence[Observation], policy: Policy, gap: Span | None
) -> Facts:
    """Return what is known after a tick that came to a verdict."""
    if verdict.failure:
        return Facts(with_gap(_failed(state, verdict.failure, observations, policy), gap, policy))
    facts = _healthy(state, observations)
    observed, change = detect_change(facts.state, observations[-1], state.last_ok)
    if change is None:
        return replace(facts, state=with_gap(observed, gap, policy))
    if state.outage:
        return Facts(with_gap(_amend_last(observed, change), gap, policy))
    return replace(facts, state=with_gap(_record(observed, change), gap, policy), change=change)


def with_gap(state: State, gap: Span | None, policy: Policy) -> State:
    """Note in what began, went on or ended in it that a time was not observed."""
    if gap is None or state.first_seen is None or state.first_seen >= gap.ended:
        return state
    touched = state.incident or state.previous
    if touched and touched.ended and touched.ended < gap.ended:
        touched = None
    if touched:
        # A tick that could not write its heartbeat is noticed with the ones that were missed before it.
        others = (one for one in touched.unobserved if one.began != gap.began)
        state = state.holding(replace(touched, unobserved=(*others, gap)[-_MOST_GAPS:]))
    if not (touched or state.belief):
        return state
    unseen = _unseen(gap, state.gap, policy)
    rest = state.flapping if state.outage or state.flapping is None else rest_not_observed(state.flapping, unseen)
    return replace(state, counts=not_observed(state.counts, unseen, touched), gap=gap, flapping=rest)


def _unseen(gap: Span, known: Span | None, policy: Policy) -> Span:
    """Return what of a gap nothing is known of: a gap can grow, and each tick stands for the interval after it.

    Without that, what fails in the rhythm of the missed ticks would look worse than it is, and hardly ever rest.
    """
    began = known.ended if known and known.began == gap.began else gap.began + policy.interval
    return Span(min(began, gap.ended), gap.ended)


def _healthy(state: State, observations: Sequence[Observation]) -> Facts:
    first, last = observations[0], observations[-1]
    if state.outage:
        return Facts(_come_up(state, state.outage, observations))
    if state.up_since is None:
        state = replace(state, first_seen=last.at, up_since=last.until, last_ok=last.at)
    failures = [one.failure for one in observations if one.failure]
    if not failures:
        return Facts(state)
    state = blipped(disturbed(state, last.until), first.at, len(failures))
    return Facts(replace(state, last_ok=last.at), blip=failures[-1])


def _failed(state: State, failure: Failure, observations: Sequence[Observation], policy: Policy) -> State:
    if state.outage:
        return _stay_down(state, state.outage, observations, policy)
    first, last = observations[0], observations[-1]
    name, stamp = _named(state, first.until)
    # The clock may have been set back since the last good probe.
    last_ok = state.last_ok and min(state.last_ok, first.until)
    incident = Incident(name, first.until, last_ok, last.at, kinds=(failure.kind,))
    state = disturbed(state, first.until, name)
    return replace(
        state,
        first_seen=state.first_seen or first.at,
        last_failed=last.at,
        stamp=stamp,
        outage=Outage(incident, failure),
        counts=replace(state.counts, outages=state.counts.outages + 1),
    )


def _stay_down(state: State, outage: Outage, observations: Sequence[Observation], policy: Policy) -> State:
    """Take over a failure of another kind once two probes agree on it."""
    failures = [one.failure for one in observations if one.failure]
    failure = failures[-1]
    if failure.kind is outage.failure.kind:
        return replace(state, outage=replace(outage, failure=failure))
    if policy.confirmations and not (len(failures) > 1 and failure.kind is failures[-2].kind):
        return state
    kinds = tuple(dict.fromkeys((*outage.incident.kinds, failure.kind)))
    return replace(state, outage=Outage(replace(outage.incident, kinds=kinds), failure))


def _come_up(state: State, outage: Outage, observations: Sequence[Observation]) -> State:
    back = max(observations[0].until, outage.incident.began)
    over = replace(outage.incident, ended=back, last_failed=state.last_failed)
    flapping = state.flapping and replace(state.flapping, calm_since=back)
    up = replace(
        state,
        up_since=back,
        last_ok=observations[-1].at,
        outage=None,
        flapping=flapping,
        counts=ended(state.counts, over),
    )
    return _over(up, over)


def _over(state: State, incident: Incident) -> State:
    """Keep an incident that is over, beside the one that people still believe in."""
    believed = state.belief.incident if state.belief else None
    return replace(state, recent=(*(one for one in state.recent if one.id == believed), incident))


def _amend_last(state: State, change: Change) -> State:
    """Add what happened to the server to the incident that has just ended."""
    *others, last = state.recent
    return replace(state, recent=(*others, replace(last, changes=(*last.changes, change))))


def _record(state: State, change: Change) -> State:
    """Keep what happened between two good probes as an incident without a length."""
    at = change.before
    name, stamp = _named(state, at)
    record = Incident(name, at, change.after, ended=at, changes=(change,))
    state = _over(replace(state, stamp=stamp), record)
    if change.several:
        # Found once: kept until there is room to say so. It is no event, and no sign of flapping.
        return replace(state, untold=change)
    return replace(disturbed(state, at, name), counts=replace(state.counts, changes=state.counts.changes + 1))


def _named(state: State, at: datetime) -> tuple[str, datetime]:
    """Return an id that no other incident of the target has, whatever the clock did, and the time in it."""
    stamp = at.replace(microsecond=0)
    if state.stamp and stamp <= state.stamp:
        stamp = state.stamp + timedelta(seconds=1)
    return f"{state.target}-{stamp:%Y%m%dT%H%M%SZ}", stamp
