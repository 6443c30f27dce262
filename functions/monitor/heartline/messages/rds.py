"""What RDS says of a database, in the words of a mail: its status, its events, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from heartline.common.text import sanitize
from heartline.messages.details import Rows
from heartline.messages.report import Report
from heartline.messages.wording import Wording
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


def with_rds(report: Report, facts: RdsFacts, wording: Wording) -> Report:
    """Return a report with what RDS says: what to do first, what explains a change, and what else it knows."""
    alert, rows = report.alert, (*report.rows, *_rows(facts, wording))
    if alert.change:
        event = _explanation(alert.change, facts.events)
        said = (wording.text("rds.explains", event=_written(event, wording)),) if event else ()
        return replace(report, sentences=(*said, *report.sentences), rows=rows)
    step = STEPS.get(facts.status or "") if alert.failure else None
    if step is None:
        return replace(report, rows=rows)
    first = wording.text("rds.says", step=wording.text(f"rds.{step}"))
    return replace(report, first_step=f"{first} {report.first_step}".strip(), rows=rows)


def _rows(facts: RdsFacts, wording: Wording) -> Rows:
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
