"""Notify people of what is no outage and has passed: a change of the server, frequent failures."""

from __future__ import annotations

from dataclasses import replace

from heartline.rules.budget import after_notice
from heartline.rules.counting import frequent, tally
from heartline.rules.drafts import Drafts
from heartline.rules.facts import Facts
from heartline.rules.incidents import pending


def mention(drafts: Drafts, facts: Facts) -> None:
    """Notify people of what happened between two good probes, and of frequent failures."""
    postpone(drafts, facts)
    for change in drafts.state.pending_changes:
        if drafts.may(after_notice(drafts.policy)):
            last = drafts.state.previous
            drafts.add(change.kind, last if last and change in last.changes else None, change=change)
            drafts.state = replace(drafts.state, pending_changes=drafts.state.pending_changes[1:])
    event = facts.change and not facts.change.several
    if event and drafts.state.pending_changes and _restless(drafts):
        drafts.flap(0)
    elif facts.blip and frequent(drafts.state, drafts.policy):
        drafts.flap(0, facts.blip)
    if drafts.state.belief:
        # All of them are summed up.
        drafts.state = replace(drafts.state, pending_changes=())


def postpone(drafts: Drafts, facts: Facts) -> None:
    """Keep what happened between two good probes until it is reported, unless reminders sum it up."""
    known = drafts.state.pending_changes
    if facts.change and facts.change not in known and drafts.state.known_flapping is None:
        drafts.state = pending(drafts.state, facts.change)


def _restless(drafts: Drafts) -> bool:
    """Return True if this is not the first event in times without rest."""
    flapping = drafts.state.flapping
    found = flapping and tally(flapping.start, drafts.state, drafts.now, drafts.policy).counts
    return bool(found and found.outages + found.changes + found.failed_probes > 1)
