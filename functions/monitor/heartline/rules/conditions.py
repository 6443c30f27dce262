"""Follow the conditions of a target through their thresholds, and notify people when each begins and ends.

One mechanism for all: a level is reached at its raising threshold and left below its clearing one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from heartline.common.frozen import frozen
from heartline.model.condition import Condition, ConditionKind
from heartline.model.kinds import AlertKind, Status
from heartline.model.observation import Observation
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.budget import after_notice, lone_outage
from heartline.rules.drafts import Drafts

# Sightings count in so many ticks, the present one among them; a tick may come half an interval late.
_TICKS, _LATE = 5, 0.5
# A name that leads to several servers in turn shows the calm ones too.
_REST_OF_SEVERAL = timedelta(hours=1)
_DAY = timedelta(days=1)


@frozen
class _Thresholds:
    """When a condition holds.

    Attributes
    ----------
    raising, clearing
        Where each level is reached, and below which it is left.
    sightings
        How often it must be seen beyond the first before it holds.
    rest
        How long it must be below a level to leave it.
    """

    raising: tuple[float, ...]
    clearing: tuple[float, ...]
    sightings: int = 1
    rest: timedelta = timedelta(0)


def _thresholds(policy: Policy) -> Mapping[ConditionKind, _Thresholds]:
    """Return the thresholds of the conditions that are looked for."""
    lag = policy.lag_after.total_seconds()
    known = {
        # Behind one name there may be a certificate of each server.
        ConditionKind.EXPIRING: _Thresholds((-30, -7, -1), (-31, -8, -2), rest=_REST_OF_SEVERAL),
        ConditionKind.FILLING: _Thresholds((85,), (75,)),
        # On an idle primary's standby what has just arrived, and is replayed in a moment, is as old as it was idle.
        ConditionKind.LAGGING: _Thresholds((lag,), (lag / 2,), sightings=2),
        ConditionKind.WRAPAROUND: _Thresholds((1.2e9, 1.6e9, 1.9e9), (1.1e9, 1.5e9, 1.8e9)),
    }
    if policy.slow_after is None:
        return known
    slow, rest = policy.slow_after.total_seconds() * 1000, (_TICKS - 1 - _LATE) * policy.interval
    return known | {ConditionKind.SLOW: _Thresholds((slow,), (0.8 * slow,), sightings=3, rest=rest)}


def _measured(seen: Observation) -> Mapping[ConditionKind, float]:
    """Return what a healthy probe measured, each in the unit of its condition; nothing where the server did not say."""
    gauges, server = seen.gauges, seen.server
    measured = {ConditionKind.SLOW: sum(seen.phases.values())}
    if server and server.certificate_expires:
        measured[ConditionKind.EXPIRING] = (seen.until - server.certificate_expires) / _DAY
    if gauges.slots and gauges.slots_used is not None:
        measured[ConditionKind.FILLING] = 100 * gauges.slots_used / gauges.slots
    if gauges.xid_age is not None:
        measured[ConditionKind.WRAPAROUND] = gauges.xid_age
    if server and server.standby is False:
        measured[ConditionKind.LAGGING] = 0
    elif gauges.replay_delay is not None:
        measured[ConditionKind.LAGGING] = gauges.replay_delay
    return measured


def observe_conditions(state: State, seen: Observation, policy: Policy) -> State:
    """Return the state with the conditions as a healthy probe found them; one that is not looked for is dropped."""
    known, measured = {one.kind: one for one in state.conditions}, _measured(seen)
    followed = (
        _follow(known.get(kind), Condition(kind, seen.until, measured[kind], 0), one, policy, several=state.several)
        if kind in measured
        else known.get(kind)
        for kind, one in _thresholds(policy).items()
    )
    conditions = tuple(one for one in followed if one)
    return state if conditions == state.conditions else replace(state, conditions=conditions)


def _follow(
    before: Condition | None, fresh: Condition, thresholds: _Thresholds, policy: Policy, *, several: bool
) -> Condition | None:
    """Return a condition after one more measurement; None where there is nothing to remember of it."""
    at, value, known = fresh.since, fresh.value, before or fresh
    pairs = enumerate(zip(thresholds.raising, thresholds.clearing, strict=True), start=1)
    level = max((n for n, (up, down) in pairs if value >= up or (n <= known.level and value >= down)), default=0)
    recent = tuple(one for one in known.sightings if at - one < (_TICKS - _LATE) * policy.interval)
    if level == known.level:
        remembered = known.level or known.notified or recent
        return replace(known, sightings=recent, calm_since=None, calm_level=0) if remembered else None
    fresh = replace(fresh, level=level, threshold=thresholds.raising[max(0, level - 1)])
    if level > known.level:
        return _risen(replace(known, sightings=recent), fresh, thresholds)
    return _fallen(known, fresh, thresholds, max(thresholds.rest, _REST_OF_SEVERAL if several else timedelta(0)))


def _risen(known: Condition, fresh: Condition, thresholds: _Thresholds) -> Condition:
    """Return a condition that has passed a threshold; it holds once that was seen often enough."""
    sightings = () if known.level else (*known.sightings, fresh.since)
    if sightings and len(sightings) < thresholds.sightings:
        return replace(known, sightings=sightings)
    since = known.since if known.level or known.notified else sightings[0]
    told = min(fresh.level, known.notified)
    return replace(fresh, since=since, notified=told, addressees=known.addressees)


def _fallen(known: Condition, fresh: Condition, thresholds: _Thresholds, rest: timedelta) -> Condition | None:
    """Return a condition below its level, which it leaves once it has rested; None if it is over and nobody knows."""
    at, calm_since, level = fresh.since, known.calm_since or fresh.since, max(fresh.level, known.calm_level)
    if at - calm_since < rest:
        return replace(known, calm_since=calm_since, calm_level=level)
    left = replace(known, level=level, value=fresh.value, calm_since=None, calm_level=0)
    if fresh.level < level:
        left = replace(left, calm_since=at, calm_level=fresh.level)
    if not level:
        return replace(left, ended=at) if known.notified else None
    return replace(left, threshold=thresholds.raising[level - 1], notified=min(level, known.notified))


def notify_conditions(drafts: Drafts) -> None:
    """Notify people of each condition that has begun, become worse or ended, where the budget has room."""
    if drafts.state.status is not Status.UP:
        return
    for one in drafts.state.conditions:
        # What was held back is told as long as it is so: it is seen beyond its threshold, or not any more.
        due = not one.sightings if one.ended else one.level > one.notified and one.calm_since is None
        if not due or not _room(drafts, one):
            continue
        told = replace(one, notified=one.level)
        value = _measured(drafts.last).get(one.kind, one.value)
        drafts.add(AlertKind(one.kind), condition=replace(told, value=value, addressees=None))
        kept = (told if known is one else known for known in drafts.state.conditions if known is not one or one.level)
        drafts.state = replace(drafts.state, conditions=tuple(kept))


def _room(drafts: Drafts, one: Condition) -> bool:
    """Return True if an outage after it would be reported as ever; what holds for a day does not wait for that."""
    waited = drafts.state.known_flapping or drafts.now - one.since >= _DAY
    return drafts.may((after_notice if waited else lone_outage)(drafts.policy))
