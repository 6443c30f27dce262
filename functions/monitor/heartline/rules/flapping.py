"""Recognise a target that goes down and up again and again, and tell when it has settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from heartline.model.incident import OF_SPELL, Incident, Span, Spell
from heartline.model.kinds import Status
from heartline.model.state import State
from heartline.model.target import Policy

# How much of the rhythm of two outages must pass in calm before a third is a new story, and the most of it.
_RHYTHM = 2
_MOST_CALM = 6


def calm(state: State, policy: Policy) -> timedelta:
    """Tell how long a target must stay up to count as settled: `settle_after`, longer for a slower rhythm."""
    rhythm = timedelta(seconds=_RHYTHM * (state.lull or 0))
    return min(max(policy.settle_after, rhythm), _MOST_CALM * policy.settle_after)


def went_down(state: State, incident: Incident, policy: Policy) -> State:
    """Count an outage that has begun: people were told of a short one before, and it had not settled since."""
    previous, spell = state.previous, state.spell
    if previous is None or previous.ended is None:
        return state
    lull, length = incident.began - previous.ended, _seconds(previous.began, previous.ended)
    if lull > calm(state, policy) and not (spell and spell.told):
        spell = None
    elif spell is None and previous.told and length < policy.settle_after.total_seconds():
        spell = Spell(f"{previous.id}{OF_SPELL}", previous.began, incident.began, 1, length, length)
    if spell:
        spell = replace(spell, outages=spell.outages + 1, steady=incident.began)
    return replace(state, lull=max(0.0, lull.total_seconds()), spell=spell)


def came_up(spell: Spell, began: datetime, ended: datetime) -> Spell:
    """Add an outage that is over."""
    length = _seconds(began, ended)
    return replace(spell, total=spell.total + length, longest=max(spell.longest, length), steady=ended)


def unobserved(spell: Spell, gap: Span) -> Spell:
    """Begin the time anew for which it has been seen as it is."""
    return replace(spell, steady=max(spell.steady, gap.ended))


def has_settled(state: State, policy: Policy, now: datetime) -> bool:
    """Tell whether a spell is over: up for as long as its rhythm asks, or down for `settle_after`."""
    if state.spell is None:
        return False
    rest = policy.settle_after if state.status is Status.DOWN else calm(state, policy)
    return now - state.spell.steady >= rest


def _seconds(began: datetime, ended: datetime) -> float:
    return max(0.0, (ended - began).total_seconds())
