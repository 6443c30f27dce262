"""Close the difference between what probes say and what people believe, within the budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from heartline.model.alert import Alert
from heartline.model.belief import Belief, Believed
from heartline.model.incident import Outage
from heartline.model.kinds import AlertKind
from heartline.model.observation import Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules import budget
from heartline.rules.counting import marked
from heartline.rules.drafts import Drafts
from heartline.rules.facts import Facts
from heartline.rules.flapping import begun, settle_time
from heartline.rules.notices import expire, mention
from heartline.rules.reminders import next_reminder


def notify(facts: Facts, last: Observation, policy: Policy, now: datetime) -> tuple[State, tuple[Alert, ...]]:
    """Return the state and the alerts that bring belief to the facts, as far as the budget allows, oldest first."""
    drafts = Drafts(facts.state, last, policy, now)
    if drafts.state.belief:
        _end(drafts, drafts.state.belief)
    if drafts.state.outage:
        _worsen(drafts, drafts.state.outage)
    if drafts.state.belief:
        _remind(drafts, drafts.state.belief)
    if drafts.state.belief is None:
        mention(drafts, facts)
    expire(drafts)
    return drafts.state, tuple(drafts.alerts)


def _end(drafts: Drafts, belief: Belief) -> None:
    """Notify people that what they believe is over."""
    state, believed, room = drafts.state, drafts.state.find(belief.incident), budget.after_up(drafts.policy)
    if flapping := state.known_flapping:
        calm = drafts.now - flapping.calm_since >= settle_time(flapping, drafts.policy)
        if calm and state.outage is None and drafts.may(room):
            drafts.add(AlertKind.STABLE, state.last_outage)
            # Its rhythm is kept, should it not last. Failed probes are accounted for: one more is not frequent.
            rested = replace(flapping, start=marked(state, drafts.now), notified=False)
            drafts.state = replace(drafts.state, belief=None, flapping=rested, recent_blips=())
    elif believed and believed.ended:
        if drafts.may(room):
            drafts.add(AlertKind.RECOVERED, believed)
            drafts.state = replace(drafts.state, belief=None)
        elif state.outage is None:
            drafts.flap(belief.reminders)


def _worsen(drafts: Drafts, outage: Outage) -> None:
    """Notify people that it is down, that it is an outage after all, or that it stays down."""
    belief, policy = drafts.state.belief, drafts.policy
    reminders = belief.reminders if belief else 0
    if belief is None or (belief.kind is Believed.MISCONFIGURED and Believed.of(outage.failure) is Believed.DOWN):
        if not drafts.may(budget.after_down(policy, reminders)):
            drafts.begin_flapping()
    elif belief.kind is not Believed.FLAPPING or drafts.now - outage.incident.began < policy.settle_after:
        return
    again = drafts.state.known_flapping or outage.incident.notified.count(AlertKind.DOWN) > 1
    drafts.tell(AlertKind.DOWN, reminders if again else 0)


def _remind(drafts: Drafts, belief: Belief) -> None:
    """Remind people of what is still wrong."""
    due, outage = next_reminder(drafts.state, drafts.policy), drafts.state.outage
    if due is None or drafts.now < due:
        return
    if outage:
        _settle(drafts, belief, outage)
        drafts.tell(AlertKind.REMINDER, belief.reminders + 1)
    else:
        drafts.flap(belief.reminders + 1)


def _settle(drafts: Drafts, belief: Belief, outage: Outage) -> None:
    """End the flapping where it has been down for as long as its rhythm asks; begin it where this outage is news."""
    state, began, room = drafts.state, outage.incident.began, budget.after_reminder(Believed.DOWN, flapping=False)
    flapping = state.known_flapping
    if belief.incident != outage.incident.id:
        drafts.begin_flapping()
    if flapping and drafts.now - began >= settle_time(flapping, drafts.policy) and drafts.may(room):
        drafts.state = replace(state, flapping=begun(state, began, outage.incident.id))
