"""Show what is known of targets: the answer of `status`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.errors import code_of
from heartline.aws.topic import Topic
from heartline.commands.view import Fleet, TargetView, last_mails, view_fleet, with_history, with_mails
from heartline.model.condition import Condition
from heartline.model.incident import Incident
from heartline.model.kinds import AlertKind
from heartline.model.mail import Mail, MailedAlert, Receipt
from heartline.model.observation import Failure
from heartline.model.target import Target
from heartline.rules.availability import Availability
from heartline.rules.flapping import settle_time
from heartline.services import Services

_LISTED = 5


def overview(services: Services, targets: Sequence[Target]) -> dict[str, Any]:
    """Return what is known of targets, now and in the past."""
    fleet, mails = view_fleet(services, targets), last_mails(services)
    views = with_mails(with_history(services, fleet.targets), mails)
    answer: dict[str, Any] = {} if mails is None else _arrival(fleet, mails)
    answer["targets"] = [entry(view) | _past(view) for view in views]
    return answer if services.health_topic is None else answer | {"health": _health(services.health_topic)}


def _health(topic: Topic) -> dict[str, Any]:
    """Return how many are notified when Heartline itself fails; who has not confirmed is not."""
    try:
        return topic.subscriptions()
    except (ClientError, BotoCoreError) as error:
        return {"error": code_of(error)}


def _past(view: TargetView) -> dict[str, Any]:
    """Return a target's last incidents, and how much of the time it was up."""
    past = {
        "incidents": [_incident(one) for one in reversed(view.all_incidents[-_LISTED:])],
        "availability": {name: _availability(one) for name, one in view.measured().items()},
    }
    return past if view.mailed is None else past | {"alerts": [_mailed(*one) for one in view.mailed]}


def _arrival(fleet: Fleet, mails: Sequence[Mail]) -> dict[str, Any]:
    """Return who does not get alerts, and what became of the last test."""
    marks = fleet.unreached.items()
    tests = ((one, mail) for mail in mails for one in mail.alerts if one.kind is AlertKind.TEST)
    return {
        "not_delivered": [{"address": who, "since": _iso(one.since), **_receipt(one.receipt)} for who, one in marks],
        "test": next((_mailed(*one) for one in tests), None),
    }


def _mailed(alert: MailedAlert, mail: Mail) -> dict[str, Any]:
    """Return an alert, and what became of its mail for each recipient."""
    return {
        "id": alert.alert,
        "kind": alert.kind.value,
        "incident": alert.incident,
        "accepted": _iso(mail.accepted),
        "recipients": {who: _receipt(mail.receipt(who)) for who in mail.recipients},
    }


def _receipt(receipt: Receipt | None) -> dict[str, Any]:
    """Return what became of a mail for a recipient, as far as that is known."""
    if receipt is None:
        return {"outcome": "accepted"}
    known = {"server": receipt.server, "reason": receipt.reason}
    return {
        "outcome": receipt.outcome.value,
        "at": _iso(receipt.at),
        **{name: one for name, one in known.items() if one},
    }


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


def entry(view: TargetView) -> dict[str, Any]:
    """Return what is known of one target now, as the contract names it."""
    known = {
        "name": view.name,
        "status": view.state.status.value,
        "since": _iso(view.since),
        "last_ok": _iso(view.state.last_ok),
        "incident": view.state.incident.id if view.state.incident else None,
        "failure": failure_entry(view.failure),
        "pending": view.pending,
        "muted_until": _iso(view.muted_until),
        "mute_reason": view.mute_reason,
        "acknowledged": view.acknowledged,
        "remind_at": _iso(view.remind_at),
        "flapping": _flapping(view),
        "conditions": [_condition(one) for one in view.state.held],
        "blips": view.state.blips,
        "watched_since": _iso(view.state.first_seen),
        "latency_ms": view.latency,
        "tags": dict(view.target.tags),
    }
    return known | {"error": f"the stored item cannot be read: {view.unreadable}"} if view.unreadable else known


def _flapping(view: TargetView) -> dict[str, Any] | None:
    """Return since when a target flaps and how long it must rest; None where nobody was notified of that."""
    flapping = view.state.flapping
    if flapping is None or not view.flapping:
        return None
    rest = settle_time(flapping, view.target.policy).total_seconds()
    return {
        "since": _iso(flapping.start.at),
        "stable_since": _iso(flapping.stable_since),
        "settle_seconds": round(rest),
    }


def _condition(condition: Condition) -> dict[str, Any]:
    """Return a condition that holds, as it was when its level changed last."""
    return {
        "kind": condition.kind.value,
        "since": _iso(condition.since),
        "value": round(condition.value, 3),
        "threshold": condition.threshold,
        "notified": condition.notified == condition.level,
    }


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
