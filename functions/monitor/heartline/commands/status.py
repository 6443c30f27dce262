"""Show what is known of targets: the answer of `status`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.errors import code_of
from heartline.aws.topic import Topic
from heartline.common.parallel import at_once
from heartline.model.incident import Incident, Span
from heartline.model.observation import Failure
from heartline.model.state import State, Stored, Unreadable
from heartline.model.target import Target
from heartline.rules.alerts import next_reminder
from heartline.rules.availability import Availability, availability
from heartline.rules.decide import quiet_until
from heartline.rules.flapping import settle_time
from heartline.rules.gaps import missed
from heartline.services import Services

_LENGTHS = {"24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
# As far as anything is kept, and so that what began long ago and reaches into these is not missed.
_LOOKED_BACK = timedelta(days=800)
_MOST_INCIDENTS = 5


def overview(services: Services, targets: Sequence[Target]) -> dict[str, Any]:
    """Return what is known of targets, now and in the past."""
    loaded = services.store.load(target.name for target in targets)
    now = services.clock()
    gaps = list(services.history.gaps(now - _LOOKED_BACK))
    if gap := missed(loaded.last, now, services.settings.interval):
        gaps.append(gap)
    past = at_once(lambda target: services.history.incidents(target.name, now - _LOOKED_BACK), targets)
    entries = [
        entry(target, loaded.targets[target.name], now)
        | _past(loaded.targets[target.name], incidents, gaps, now, services.settings.interval)
        for target, incidents in zip(targets, past, strict=True)
    ]
    answer: dict[str, Any] = {"targets": entries}
    return answer if services.health_topic is None else answer | {"health": _health(services.health_topic)}


def _health(topic: Topic) -> dict[str, Any]:
    """Return how many are notified when Heartline itself fails; who has not confirmed is not."""
    try:
        return topic.subscriptions()
    except (ClientError, BotoCoreError) as error:
        return {"error": code_of(error)}


def _past(
    stored: Stored | Unreadable,
    incidents: Sequence[Incident],
    gaps: Sequence[Span],
    now: datetime,
    interval: timedelta,
) -> dict[str, Any]:
    """Return a target's last incidents, and how much of the time it was up."""
    state = stored.state if isinstance(stored, Stored) else State("")
    latest = [*incidents, *((state.incident,) if state.incident else ())][-_MOST_INCIDENTS:]
    measured = dict(_measured(state, incidents, gaps, now, interval))
    return {
        "incidents": [_incident(one) for one in reversed(latest)],
        "availability": {name: _availability(one) for name, one in measured.items()},
    }


def _measured(
    state: State, incidents: Sequence[Incident], gaps: Sequence[Span], now: datetime, interval: timedelta
) -> Iterator[tuple[str, Availability]]:
    """Yield the availability over each length of time; it has no share where a shorter one covers all that is known."""
    shorter = timedelta(0)
    for name, length in _LENGTHS.items():
        known = state.first_seen is not None and now - state.first_seen > shorter
        found = availability(state, incidents, gaps, Span(now - length, now), interval)
        yield name, found if known else replace(found, share=None, failed_share=None)
        shorter = length


def _availability(measured: Availability) -> dict[str, Any]:
    return {
        "percent": _percent(measured.share),
        "observed_seconds": round(measured.observed),
        "unobserved_seconds": round(measured.unobserved),
        "blips": measured.blips,
        "failed_probes": measured.failed_probes,
        "failed_probes_percent": _percent(measured.failed_share),
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 3)


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "last_ok": _iso(incident.last_ok),
        "began": _iso(incident.began),
        "last_failed": _iso(incident.last_failed),
        "ended": _iso(incident.ended),
        "kinds": [kind.value for kind in incident.kinds],
        "notified": [kind.value for kind in incident.notified],
        "changes": [change.kind.value for change in incident.changes],
        "unobserved_seconds": round(sum((gap.ended - gap.began).total_seconds() for gap in incident.unobserved)),
    }


def entry(target: Target, stored: Stored | Unreadable, now: datetime) -> dict[str, Any]:
    """Return what is known of one target now, as the contract names it."""
    if isinstance(stored, Unreadable):
        blank = entry(target, Stored(State(target.name)), now)
        return blank | {"error": f"the stored item cannot be read: {stored.reason}"}
    state = stored.state
    remind_at = next_reminder(state, target.policy)
    return {
        "name": target.name,
        "status": state.status.value,
        "since": _iso(state.since),
        "last_ok": _iso(state.last_ok),
        "incident": state.incident.id if state.incident else None,
        "failure": failure_entry(state.failure),
        "pending": len(stored.outbox),
        "muted_until": _iso(quiet_until(state, target.policy, now)),
        "mute_reason": state.mute_reason if state.muted_until and now < state.muted_until else None,
        "acknowledged": state.belief is not None and remind_at is None,
        "remind_at": _iso(remind_at),
        "flapping": _flapping(state, target),
        "blips": state.blips,
        "watched_since": _iso(state.first_seen),
    }


def _flapping(state: State, target: Target) -> dict[str, Any] | None:
    """Return since when a target flaps and how long it must rest; None where nobody was notified of that."""
    flapping = state.flapping
    if flapping is None or not flapping.notified:
        return None
    rest = settle_time(flapping, target.policy).total_seconds()
    return {"since": _iso(flapping.start.at), "stable_since": _iso(flapping.calm_since), "settle_seconds": round(rest)}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def failure_entry(failure: Failure | None) -> dict[str, Any] | None:
    """Return a failure as the contract names it."""
    if failure is None:
        return None
    return {
        "phase": failure.phase.value,
        "kind": failure.kind.value,
        "sqlstate": failure.sqlstate,
        "cause": f"{failure.kind.severity}: {failure.cause}",
        "next_step": failure.next_step,
    }
