"""The public JSON document of an alert, field by field: docs/alert.schema.json describes it.

It is written out here, so that no field of the model becomes public by itself and no renaming breaks a subscriber. What
has no value is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from heartline.common.text import sanitize
from heartline.messages.compose import Message
from heartline.model.alert import Alert
from heartline.model.belief import Flapping, Tally
from heartline.model.condition import Condition
from heartline.model.incident import Change, Incident
from heartline.model.observation import Failure
from heartline.model.target import Endpoint
from heartline.model.undelivered import NotDelivered

Document = dict[str, Any]
# A sentence about the longest names that a target may have.
_MAX_SENTENCE = 700


def alert_document(alert: Alert, message: Message, text: str) -> Document:
    """Return the document of one alert.

    Parameters
    ----------
    alert
        What it is about.
    message, text
        The same alert as a mail: its subject, its status and its plain text.
    """
    return {
        **_chat(message.subject, text),
        "id": alert.id,
        "kind": alert.kind.value,
        "status": message.status,
        "target": alert.target,
        "at": alert.at.isoformat(),
        "subject": message.subject,
        "text": text,
        **_known(
            endpoint=_endpoint(alert.endpoint),
            address=alert.address,
            failure=alert.failure and _failure(alert.failure),
            previous=alert.previous and _failure(alert.previous),
            incident=alert.incident and _incident(alert.incident),
            flapping=alert.flapping and _flapping(alert.flapping, alert.total, alert.settle_seconds),
            since_last_alert=alert.tally and _tally(alert.tally),
            change=alert.change and _change(alert.change),
            condition=alert.condition and _condition(alert.condition),
            certificate_expires=_time(alert.expires),
            phases_ms={phase.value: spent for phase, spent in alert.phases.items()} or None,
            remind_at=_time(alert.remind_at),
            watched_since=_time(alert.first_seen),
            not_delivered=_not_delivered(alert) if isinstance(alert, NotDelivered) else None,
        ),
    }


def _chat(subject: str, text: str) -> Document:
    """Return what Amazon Q Developer shows in Slack or Teams.

    https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    """
    # The text must not end the code block that it stands in.
    description = "```\n" + text.replace("```", "'''") + "\n```"
    content = {"textType": "client-markdown", "title": subject, "description": description}
    return {"version": "1.0", "source": "custom", "content": content}


def _endpoint(endpoint: Endpoint) -> Mapping[str, object] | None:
    """Return the endpoint as far as it is known; None where nothing was probed, as in a test."""
    if endpoint == Endpoint():
        return None
    known = _known(host=endpoint.host or None, user=endpoint.user or None)
    return {**known, "port": endpoint.port, "database": endpoint.database}


def _failure(failure: Failure) -> Document:
    return {
        "phase": failure.phase.value,
        "kind": failure.kind.value,
        "severity": failure.kind.severity.value,
        "cause": sanitize(failure.cause, _MAX_SENTENCE),
        "next_step": sanitize(failure.next_step, _MAX_SENTENCE),
        **_known(sqlstate=failure.sqlstate, said=failure.said and sanitize(failure.said)),
    }


def _incident(incident: Incident) -> Document:
    return {
        "id": incident.id,
        "began": incident.began.isoformat(),
        **_known(ended=_time(incident.ended), last_ok=_time(incident.last_ok), last_failed=_time(incident.last_failed)),
        **_known(
            severity_since=_time(incident.severity_since),
            outage_seconds=round(incident.outage_seconds, 3) if incident.ended else None,
        ),
        "kinds": [kind.value for kind in incident.kinds],
        "notified": [kind.value for kind in incident.notified],
        "changes": [_change(change) for change in incident.changes],
        "unobserved": [{"began": gap.began.isoformat(), "ended": gap.ended.isoformat()} for gap in incident.unobserved],
    }


def _flapping(flapping: Flapping, total: Tally | None, settle_seconds: float | None) -> Document:
    return {
        "began": flapping.start.at.isoformat(),
        "stable_since": flapping.stable_since.isoformat(),
        **_known(total=total and _tally(total), settle_seconds=settle_seconds),
    }


def _tally(tally: Tally) -> Document:
    return {
        "since": tally.since.isoformat(),
        "share_down": round(tally.share, 4),
        "outages": tally.counts.outages,
        "down_seconds": round(tally.counts.down, 3),
        "failed_probes": tally.counts.failed_probes,
        "share_failed": round(tally.failed_share, 4),
        "changes": tally.counts.changes,
        "unobserved_seconds": round(tally.counts.unobserved, 3),
    }


def _change(change: Change) -> Document:
    return {
        "kind": change.kind.value,
        **_known(after=_time(change.after)),
        "before": change.before.isoformat(),
        **_known(server_started=_time(change.started)),
        "several_servers": change.several,
        "evidence": [{"what": one.what, "was": one.was, "now": one.now} for one in change.evidence],
    }


def _condition(condition: Condition) -> Document:
    return {
        "kind": condition.kind.value,
        "value": round(condition.value, 3),
        "threshold": condition.threshold,
        "since": condition.since.isoformat(),
        **_known(ended=_time(condition.ended)),
    }


def _not_delivered(alert: NotDelivered) -> Document:
    receipt = alert.receipt
    return {
        "recipients": list(alert.recipients),
        "outcome": receipt.outcome.value,
        "at": receipt.at.isoformat(),
        **_known(server=receipt.server, reason=receipt.reason),
        "accepted": alert.mail.accepted.isoformat(),
        "alerts": [
            {"target": one.target, "kind": one.kind.value, "id": one.alert, **_known(incident=one.incident)}
            for one in alert.mail.alerts
        ],
    }


def _known(**fields: object) -> Document:
    return {name: value for name, value in fields.items() if value is not None}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
