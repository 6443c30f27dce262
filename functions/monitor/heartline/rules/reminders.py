"""Find what people are reminded of, and when."""

from __future__ import annotations

from datetime import datetime

from heartline.model.belief import Believed
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.budget import after_reminder, earliest, reminder_interval


def reminded_of(state: State) -> str | None:
    """Return the id of what reminders are about now: an incident, or else the flapping; None where there are none."""
    if state.belief is None:
        return None
    known = state.belief.incident
    if state.flapping is None or (state.incident and state.incident.id == known):
        return known
    return state.flapping.id


def next_reminder(state: State, policy: Policy) -> datetime | None:
    """Return when the next reminder is due and affordable; None where nothing is wrong, or it was acknowledged."""
    belief = state.belief
    if belief is None or belief.acknowledged == reminded_of(state):
        return None
    due = belief.notified_at + reminder_interval(policy, belief.reminders)
    # An outage that is not the one that people know of is reported as flapping.
    flapping = bool(state.known_flapping or (state.incident and state.incident.id != belief.incident))
    return earliest(state.alerted, due, after_reminder(Believed.of(state.failure), flapping=flapping))
