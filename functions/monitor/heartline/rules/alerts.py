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
from heartline.rules.conditions import notify_conditions
from heartline.rules.counting import marked
from heartline.rules.drafts import Drafts
from heartline.rules.facts import Facts
from heartline.rules.flapping import begun, least_outage, settle_time
from heartline.rules.notices import mention, postpone
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
    else:
        postpone(drafts, facts)
    notify_conditions(drafts)
    return drafts.state, tuple(drafts.alerts)


def _end(drafts: Drafts, belief: Belief) -> None:
    """Notify people that what they believe is over."""
    state, believed = drafts.state, drafts.state.find(belief.incident)
    if state.known_flapping:
        _stabilize(drafts)
    elif believed and believed.ended:
        if drafts.may(budget.after_up(drafts.policy)):
            drafts.add(AlertKind.RECOVERED, believed)
            drafts.state = replace(drafts.state, belief=None)
        elif state.outage is None:
            drafts.flap(belief.reminders)


def _stabilize(drafts: Drafts) -> None:
    """Notify people that what flapped has rested, where it has."""
    state, flapping, now = drafts.state, drafts.state.known_flapping, drafts.now
    if flapping is None or state.outage or now - flapping.stable_since < settle_time(flapping, drafts.policy):
        return
    if drafts.may(budget.after_stable(drafts.policy)):
        drafts.add(AlertKind.STABLE, state.last_outage)
        # Its rhythm is kept, should it not last. Failed probes are accounted for: one more is not frequent.
        rested = replace(flapping, start=marked(state, now), notified=False, longest=0)
        drafts.state = replace(drafts.state, belief=None, flapping=rested, recent_blips=())


def _worsen(drafts: Drafts, outage: Outage) -> None:
    """Notify people that it is down, that it is an outage after all, or that it stays down."""
    belief, policy, present = drafts.state.belief, drafts.policy, Believed.of(outage.failure)
    reminders, lasted = belief.reminders if belief else 0, drafts.now - outage.incident.began
    news = belief is not None and belief.incident != outage.incident.id
    lasts = news and lasted >= least_outage(drafts.state.known_flapping, policy)
    lasting = lasts and drafts.may(budget.after_lasting(policy, present))
    if belief is None or (belief.kind is Believed.MISCONFIGURED and present is Believed.DOWN):
        if not drafts.may(budget.after_down(policy, reminders)):
            drafts.begin_flapping()
    elif belief.kind is Believed.FLAPPING:
        if lasted < policy.settle_after:
            return
    elif lasting:
        drafts.begin_flapping()
    else:
        return
    again = drafts.state.known_flapping or outage.incident.notified.count(AlertKind.DOWN) > 1
    drafts.notify(AlertKind.DOWN, reminders if again and not lasting else 0)


def _remind(drafts: Drafts, belief: Belief) -> None:
    """Remind people of what is still wrong."""
    due, outage = next_reminder(drafts.state, drafts.policy), drafts.state.outage
    if due is None or drafts.now < due:
        return
    if outage:
        _settle(drafts, belief, outage)
        drafts.notify(AlertKind.REMINDER, belief.reminders + 1)
    else:
        drafts.flap(belief.reminders + 1)


def _settle(drafts: Drafts, belief: Belief, outage: Outage) -> None:
    """End the flapping where it has been down for as long as its rhythm asks; begin it where this outage is news."""
    state, began, room = drafts.state, outage.incident.began, budget.after_settled(drafts.policy, belief.reminders + 1)
    flapping = state.known_flapping
    if belief.incident != outage.incident.id:
        drafts.begin_flapping()
    if flapping and drafts.now - began >= settle_time(flapping, drafts.policy) and drafts.may(room):
        settled = begun(state, began, outage.incident.id)
        drafts.state = replace(state, flapping=replace(settled, longest=flapping.longest))
