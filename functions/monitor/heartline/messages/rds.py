"""What RDS says of a database, in the words of a mail: its status, its events, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from heartline.common.text import sanitize
from heartline.messages.details import Rows
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Change
from heartline.model.kinds import AlertKind
from heartline.model.rds import RdsEvent, RdsFacts

# An event may be written down some time after what it reports, and a failover begins before anybody notices.
_AROUND = timedelta(minutes=2)
_MAX_EVENTS, _MAX_ACTIONS, _MAX_MESSAGE = 5, 3, 200
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status
STEPS = {
    **{
        word: word
        for word in (
            *("available", "deleting", "failed", "failing-over", "maintenance", "modifying", "rebooting", "starting"),
            *("stopped", "storage-full", "upgrading"),
        )
    },
    "stopping": "stopped",
    "inaccessible-encryption-credentials": "encryption",
    "inaccessible-encryption-credentials-recoverable": "encryption",
    "incompatible-parameters": "parameters",
}
# The categories of the events that may explain a change, the best first:
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
_EXPLAINING = {
    AlertKind.FAILED_OVER: ("failover", "global failover", "availability", "recovery"),
    AlertKind.RESTARTED: ("availability", "maintenance", "failover", "recovery", "configuration change"),
    AlertKind.CRASHED: ("recovery", "failure", "availability", "low storage"),
    AlertKind.REPLACED: ("restoration", "recovery", "failover", "creation"),
    AlertKind.UPGRADED: ("maintenance", "availability", "notification"),
}


def rds_sentence(alert: Alert, facts: RdsFacts, wording: Wording) -> str:
    """Return what explains a change, or what RDS's word for its status means for a database that fails, if anything."""
    if alert.change:
        event = _explanation(alert.change, facts.events)
        return wording.text("rds.explains", event=_written(event, wording)) if event else ""
    step = STEPS.get(facts.status or "") if alert.failure else None
    return wording.text("rds.says", step=wording.text(f"rds.{step}")) if step else ""


def rds_rows(facts: RdsFacts, wording: Wording) -> Rows:
    """Return the status, a cluster's writer, pending maintenance and the last events."""
    rows = [
        ("status", facts.status),
        ("writer", facts.writer),
        ("pending", "; ".join(facts.maintenance[:_MAX_ACTIONS])),
    ]
    named = [(wording.text(f"rds.row_{name}"), sanitize(value, _MAX_MESSAGE)) for name, value in rows if value]
    events = [(wording.text("rds.row_event"), _written(event, wording)) for event in facts.events[-_MAX_EVENTS:]]
    return (*named, *events)


def _explanation(change: Change, events: Iterable[RdsEvent]) -> RdsEvent | None:
    """Return the last event of the best category around a change."""
    categories = _EXPLAINING.get(change.kind, ())
    begins, ends = (change.after or change.before) - _AROUND, change.before + _AROUND
    ranked = [
        (-min(categories.index(one) for one in event.categories if one in categories), event.at, event)
        for event in events
        if begins <= event.at <= ends and not set(categories).isdisjoint(event.categories)
    ]
    return max(ranked, key=lambda one: one[:2])[2] if ranked else None


def _written(event: RdsEvent, wording: Wording) -> str:
    return wording.text("rds.event", at=wording.when(event.at), message=sanitize(event.message, _MAX_MESSAGE))
