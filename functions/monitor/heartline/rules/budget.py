"""Bound how many alerts people get of one target, and keep enough of the bound for those that must come.

An alert that may be left out is made only if the budget has room for every alert that could have to follow it,
whatever the database does. Those that must come then always fit, and need no check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from heartline.model.belief import Believed
from heartline.model.target import Policy

# The promise of docs/architecture.md, "Rules of alerting".
_HOUR, _PER_HOUR = timedelta(hours=1), 6
_DAY, _PER_DAY = timedelta(days=1), 24
# What must be possible at once after an alert. Believed up: it is down and flaps, and what was misconfigured is an
# outage. Believed down: it recovers, and then the same. Believed to flap: it stays down, and it is an outage.
_AFTER_UP = 2
_AFTER_DOWN = 3
_AFTER_FLAPPING = 2
_AFTER_NOTICE = 3
# A reminder of what flaps, that it stays down, and that it is an outage.
_ROUND = 3
# The end of flapping leaves room for the reminders alone: single outages, which plan for more, leave enough of a day.
_ROUND_AFTER_FLAPPING = 1
# Reminders that come sooner than this, doubled each time, are made only where there is room; others are planned for.
_LEAST_INTERVAL = timedelta(hours=1)
_LATER = timedelta(seconds=1)
# Those of an outage before its recovery, which plans for others anew; in hours in which nothing else is planned.
_REMINDERS = tuple(timedelta(hours=later) for later in (2, 4, 6))
# Kept: more than the budget of a day, for alerts that had to come although a clock was set back.
_MOST_KEPT = 32


def after_up(policy: Policy) -> list[timedelta]:
    """Plan what may have to follow an alert after which people believe the target to be up."""
    return _plan(_AFTER_UP, policy, 0)


def after_stable(policy: Policy) -> list[timedelta]:
    """Plan what may have to follow when people hear that what flapped is stable again."""
    return _plan(_AFTER_UP, policy, 0, _ROUND_AFTER_FLAPPING)


def after_settled(policy: Policy, reminders: int) -> list[timedelta]:
    """Plan what may have to follow when what flapped is an ordinary outage from then on."""
    return _plan(_AFTER_DOWN, policy, reminders, _ROUND_AFTER_FLAPPING)


def after_lasting(policy: Policy, kind: Believed) -> list[timedelta]:
    """Plan what may have to follow when people hear that what flaps stays down."""
    return _plan(kind is Believed.MISCONFIGURED, policy, 0, _ROUND_AFTER_FLAPPING)


def after_notice(policy: Policy) -> list[timedelta]:
    """Plan what may have to follow a notice about a target that is believed to be up."""
    return _plan(_AFTER_NOTICE, policy, 0, _ROUND_AFTER_FLAPPING)


def lone_outage(policy: Policy) -> list[timedelta]:
    """Plan an outage that is reported by itself, its reminders, and its recovery."""
    return [timedelta(0), *after_down(policy), *_REMINDERS]


def after_down(policy: Policy, reminders: int = 0) -> list[timedelta]:
    """Plan what may have to follow an alert after which people believe the target to be down."""
    return _plan(_AFTER_DOWN, policy, reminders)


def after_reminder(kind: Believed, *, flapping: bool) -> list[timedelta]:
    """Plan what may have to follow at once when people are reminded, or hear that it flaps; reminders can wait."""
    if kind is Believed.FLAPPING:
        return [timedelta(0)] * _AFTER_FLAPPING
    if not flapping:
        return [timedelta(0)] * _AFTER_DOWN
    return [timedelta(0)] * (kind is Believed.MISCONFIGURED)


def affordable(alerted: Iterable[datetime], now: datetime, plan: Sequence[timedelta]) -> bool:
    """Return True if an alert now and those of a plan after it stay within the budget."""
    planned = [now, *(now + later for later in plan)]
    # A clock that was set back has made alerts in its future: they count as of now.
    instants = [*(min(at, now) for at in alerted), *planned]
    return all(
        sum(at - length <= one <= at for one in instants) <= most
        for at in planned
        for length, most in ((_HOUR, _PER_HOUR), (_DAY, _PER_DAY))
    )


def earliest(alerted: Sequence[datetime], due: datetime, plan: Sequence[timedelta]) -> datetime:
    """Return the first moment from one on at which an alert, and those of a plan at once after it, are affordable."""
    # The room grows only where one of them is an hour or a day ago.
    vacated = sorted(at + length + _LATER for at in alerted for length in (_HOUR, _DAY))
    return next(at for at in (due, *vacated) if affordable(alerted, at, plan))


def spent(alerted: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """Return when the alerts of the last day were made, with one of now."""
    return (*(min(at, now) for at in alerted if now - at <= _DAY), now)[-_MOST_KEPT:]


def reminder_interval(policy: Policy, reminders: int) -> timedelta:
    """Return how long after the last alert the next reminder is due: doubled each time, a day at most."""
    doubled: timedelta = policy.remind_every * 2 ** min(reminders, 30)
    return min(doubled, max(policy.remind_every, _DAY))


def _plan(at_once: int, policy: Policy, reminders: int, each: int = _ROUND) -> list[timedelta]:
    plan, later, least = [timedelta(0)] * at_once, timedelta(0), _LEAST_INTERVAL
    while True:
        later += max(reminder_interval(policy, reminders), least)
        if later > _DAY:
            return plan
        plan += [later + _LATER] * each
        reminders, least = reminders + 1, 2 * least
