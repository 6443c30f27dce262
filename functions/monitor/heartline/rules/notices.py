"""Notify people of what is no outage: a change of the server, frequent failures, the end of a certificate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from heartline.model.kinds import AlertKind, Status
from heartline.model.state import Warned
from heartline.rules.budget import after_notice
from heartline.rules.counting import frequent, tally
from heartline.rules.drafts import Drafts
from heartline.rules.facts import Facts
from heartline.rules.incidents import pending

# How many days before the end of a certificate people are notified.
_DAYS_BEFORE = (1, 7, 30)
# A name that leads to several servers has a certificate of each.
_MOST_WARNED = 32


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


def expire(drafts: Drafts) -> None:
    """Notify people once at each of some days before the server's certificate ends."""
    state, server = drafts.state, drafts.last.server
    expires = server.certificate_expires if server else None
    if expires is None or state.status is not Status.UP:
        return
    days = next((one for one in _DAYS_BEFORE if expires - drafts.now <= timedelta(days=one)), None)
    others = tuple(one for one in state.warned if one.expires != expires)
    if days is None or any(one.days <= days for one in state.warned if one.expires == expires):
        return
    if drafts.may(after_notice(drafts.policy)):
        drafts.add(AlertKind.EXPIRING, expires=expires)
        drafts.state = replace(drafts.state, warned=(*others, Warned(expires, days))[-_MOST_WARNED:])
