"""Notify people of what is no outage: a change of the server, frequent failures, the end of a certificate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from heartline.model.kinds import AlertKind, Status
from heartline.model.state import Warned
from heartline.rules.budget import after_notice
from heartline.rules.counting import frequent
from heartline.rules.drafts import Drafts
from heartline.rules.facts import Facts

# How many days before the end of a certificate people are notified.
_DAYS_BEFORE = (1, 7, 30)
# A name that leads to several servers has a certificate of each.
_MOST_WARNED = 32


def mention(drafts: Drafts, facts: Facts) -> None:
    """Notify people of what happened between two good probes, and of frequent failures."""
    state, policy = drafts.state, drafts.policy
    if change := facts.change or state.untold:
        if drafts.may(after_notice(policy)):
            drafts.add(change.kind, state.previous if facts.change else None, change=change)
            drafts.state = replace(drafts.state, untold=None)
        elif not change.several:
            drafts.flap(0)
    elif facts.blip and frequent(state, policy):
        drafts.flap(0, facts.blip)


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
