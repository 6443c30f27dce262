"""Derive what is known of a target from what the probes of one tick say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from heartline.common.frozen import frozen
from heartline.model.incident import Change
from heartline.model.kinds import Status
from heartline.model.observation import Failure, Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.conditions import observe_conditions
from heartline.rules.counting import blipped
from heartline.rules.flapping import disturbed
from heartline.rules.incidents import amend_last, begin, end, go_on, record
from heartline.rules.server_changes import detect_change


@frozen
class Facts:
    """What is known after a tick, and what was new in it.

    Attributes
    ----------
    seen
        How its probes found the target; `unknown` where it came to no verdict.
    change
        What happened to the server between two good probes, without an outage.
    blip
        The last failure in a tick that found the target up.
    """

    state: State
    seen: Status = Status.UP
    change: Change | None = None
    blip: Failure | None = None


def judge(state: State, observations: Sequence[Observation], policy: Policy) -> Status:
    """Judge the probes of one tick: what is up needs all to fail, what is down needs all to be healthy.

    Return `unknown` where it needs another probe.
    """
    first, last, number = observations[0], observations[-1], len(observations)
    if state.outage is None:
        failed, enough = last.failure, last.healthy or number > policy.confirmations
    elif first.failure:
        same = first.failure.kind is state.outage.failure.kind
        failed, enough = first.failure, same or number > 1 or not policy.confirmations
    else:
        failed, enough = last.failure, not last.healthy or number >= policy.recover_after
    return Status.UNKNOWN if not enough else Status.DOWN if failed else Status.UP


def observe(state: State, observations: Sequence[Observation], policy: Policy) -> Facts:
    """Return what is known after a tick."""
    seen, failures = judge(state, observations, policy), [one.failure for one in observations if one.failure]
    if seen is Status.UNKNOWN:
        return Facts(state, seen)
    if seen is Status.DOWN and state.outage:
        return Facts(go_on(state, state.outage, observations, policy), seen)
    if seen is Status.DOWN:
        return Facts(begin(state, failures[-1], observations), seen)
    facts = _healthy(state, failures, observations[0], observations[-1])
    known, change = detect_change(facts.state, observations[-1], state.last_ok)
    known = observe_conditions(known, observations[-1], policy)
    if change is None:
        return replace(facts, state=known)
    if state.outage:
        return Facts(amend_last(known, change))
    return replace(facts, state=record(known, change), change=change)


def _healthy(state: State, failures: Sequence[Failure], first: Observation, last: Observation) -> Facts:
    if state.outage:
        return Facts(end(state, state.outage, first, last))
    if state.up_since is None:
        state = replace(state, first_seen=last.at, up_since=last.until, last_ok=last.at)
    if not failures:
        return Facts(state)
    state = blipped(disturbed(state, last.until), first.at, len(failures))
    return Facts(replace(state, last_ok=last.at), blip=failures[-1])
