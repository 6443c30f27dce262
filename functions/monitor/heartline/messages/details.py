"""The rows, the timeline and the commands of a mail about one target."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import datetime

from heartline.common.text import sanitize
from heartline.messages.context import AlertContext
from heartline.messages.timeline import Timeline, draw_timeline, recent_incidents
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Change, Evidence, Incident
from heartline.model.observation import Failure

Row = tuple[str, str]
Rows = tuple[Row, ...]
_MAX_SAID = 300


def endpoint_rows(alert: Alert, wording: Wording) -> Rows:
    """Return which database it is, and as whom the monitor logs in; never the secret."""
    endpoint, unknown = alert.endpoint, wording.text("value.in_secret")
    user = sanitize(endpoint.user, 100) or unknown
    words = {"database": sanitize(endpoint.database, 100), "port": endpoint.port, "user": user}
    return (
        (wording.text("row.host"), endpoint.host or unknown),
        (wording.text("row.database"), wording.text("value.database", **words)),
    )


def failed_rows(incident: Incident, wording: Wording) -> Rows:
    """Return the bounds of the moment of failure: after the last good probe, before the first failed one."""
    failed = wording.when(incident.began)
    if incident.last_ok is None:
        return ((wording.text("row.failed_since"), wording.text("value.never_seen", failed=failed)),)
    between = wording.text("value.failed_between", good=wording.when(incident.last_ok), failed=failed)
    return ((wording.text("row.failed_between"), between),)


def recovered_rows(incident: Incident, wording: Wording) -> Rows:
    """Return the bounds of the moment of recovery: after the last failed probe, before the first good one."""
    if incident.ended is None:
        return ()
    good = wording.when(incident.ended)
    if incident.last_failed is None:
        return ((wording.text("row.recovered_at"), good),)
    between = wording.text("value.recovered_between", failed=wording.when(incident.last_failed), good=good)
    return ((wording.text("row.recovered_between"), between),)


def failure_rows(failure: Failure, wording: Wording) -> Rows:
    """Return phase, kind and SQLSTATE of a failure, and what the server itself said."""
    key = "value.failure_sqlstate" if failure.sqlstate else "value.failure"
    phase = wording.text(f"phase.{failure.phase}")
    rows = [(wording.text("row.failure"), wording.text(key, phase=phase, kind=failure.kind, sqlstate=failure.sqlstate))]
    if failure.said:
        rows.append((wording.text("row.said"), f'"{sanitize(failure.said, _MAX_SAID)}"'))
    return tuple(rows)


def change_rows(change: Change, wording: Wording) -> Rows:
    """Return the bounds of a change between two good probes, and its evidence."""
    before = wording.when(change.before)
    rows = [(wording.text("row.found_at"), before)]
    if change.after:
        between = wording.text("value.happened_between", after=wording.when(change.after), before=before)
        rows = [(wording.text("row.happened_between"), between)]
    if change.started and not change.several:
        rows.append((wording.text("row.started"), wording.text("value.by_its_clock", at=wording.when(change.started))))
    return (*rows, *(_evidence(one, wording) for one in change.evidence))


def _evidence(one: Evidence, wording: Wording) -> Row:
    was, now = (_shown(one.what, value, wording) for value in (one.was, one.now))
    return wording.text(f"row.was_{one.what}"), wording.text("value.was", was=was, now=now)


def _shown(what: str, value: str, wording: Wording) -> str:
    if what == "role":
        return wording.text(f"value.{value}")
    return wording.when(datetime.fromisoformat(value)) if what in {"started", "statistics"} else value


def reminder_row(alert: Alert, wording: Wording) -> Row:
    """Return when the next reminder is due."""
    due = wording.when(alert.remind_at) if alert.remind_at else wording.text("value.acknowledged")
    return wording.text("row.reminder"), due


def change_row(change: Change, wording: Wording) -> Row:
    """Return what happened to the server within an outage, in one row."""
    what = wording.text("value.several" if change.several else f"value.{change.kind}")
    if change.started:
        what = wording.text("value.at_start", what=what, at=wording.when(change.started))
    return wording.text("row.meanwhile"), what


def timeline_and_count(alert: Alert, context: AlertContext, wording: Wording) -> tuple[Timeline | None, Rows]:
    """Return the last 24 hours and the number of incidents in 30 days, as of the alert; nothing if not known."""
    history = context.histories.get(alert.target)
    if history is None:
        return None, ()
    number = len(recent_incidents(history, alert.incident, alert.at))
    month = wording.text("value.month_one" if number == 1 else "value.month", number=number)
    timeline = draw_timeline(history, alert.incident, alert.first_seen, alert.at, wording)
    return timeline, ((wording.text("row.month"), month),)


def command_rows(alert: Alert, context: AlertContext, wording: Wording) -> Rows:
    """Return the commands to paste that acknowledge and mute; none where the stack's name is not known."""
    if not context.stack:
        return ()
    target = {"target": alert.target}
    mute = (wording.text("row.mute"), _command(context, {"command": "mute", **target, "for": "2h"}))
    if alert.remind_at is None:
        return (mute,)
    return (wording.text("row.acknowledge"), _command(context, {"command": "acknowledge", **target})), mute


def _command(context: AlertContext, payload: Mapping[str, str]) -> str:
    """Return a call of the monitor for a shell, in lines that a mail does not break."""
    region = f" --region {shlex.quote(sanitize(context.region))}" if context.region else ""
    return (
        "sam remote invoke MonitorFunction \\\n"
        f"  --stack-name {shlex.quote(sanitize(context.stack))}{region} \\\n"
        f"  --event {shlex.quote(json.dumps(payload))}"
    )
