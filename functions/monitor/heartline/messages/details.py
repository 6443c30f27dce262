"""Give the facts of an alert, for the rows and drawings of a mail."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from heartline.common.text import sanitize
from heartline.messages.context import AlertContext
from heartline.messages.timeline import incidents_until, strip
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Change, Evidence, Incident
from heartline.model.kinds import Phase
from heartline.model.observation import Failure

Row = tuple[str, str]
_MOST_SAID = 300
_PHASES = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.LOGIN, Phase.QUERY)


@dataclass(frozen=True, slots=True)
class PhaseBar:
    """Show one phase of the probe: its time in milliseconds, None where it was not reached, and its share of all."""

    name: str
    spent: float | None
    share: float
    note: str = ""
    failed: bool = False


def server(alert: Alert, wording: Wording) -> tuple[Row, ...]:
    """Say which database it is about, and as whom the monitor logs in; never the secret."""
    endpoint, unknown = alert.endpoint, wording.say("value.in_secret")
    return (
        (wording.say("row.target"), alert.target),
        (wording.say("row.host"), wording.say("value.host", host=endpoint.host or unknown, port=endpoint.port)),
        (wording.say("row.database"), sanitize(endpoint.database, 100)),
        (wording.say("row.user"), sanitize(endpoint.user, 100) or unknown),
    )


def when_failed(incident: Incident, wording: Wording) -> tuple[Row, ...]:
    """Bound the moment at which it failed: after the last good probe, before the first failed one."""
    failed = wording.when(incident.began)
    if incident.last_ok is None:
        return ((wording.say("row.failed_since"), wording.say("value.never_seen", failed=failed)),)
    between = wording.say("value.failed_between", good=wording.when(incident.last_ok), failed=failed)
    return ((wording.say("row.failed_between"), between),)


def when_back(incident: Incident, wording: Wording) -> tuple[Row, ...]:
    """Bound the moment at which it came back: after the last failed probe, before the first good one."""
    if incident.ended is None:
        return ()
    good = wording.when(incident.ended)
    if incident.last_failed is None:
        return ((wording.say("row.back_at"), good),)
    between = wording.say("value.recovered_between", failed=wording.when(incident.last_failed), good=good)
    return ((wording.say("row.recovered_between"), between),)


def trouble(failure: Failure, wording: Wording) -> tuple[Row, ...]:
    """Say where and how it failed, and what the server itself said."""
    key = "value.failure_sqlstate" if failure.sqlstate else "value.failure"
    phase = wording.say(f"phase.{failure.phase}")
    rows = [(wording.say("row.failure"), wording.say(key, phase=phase, kind=failure.kind, sqlstate=failure.sqlstate))]
    if failure.said:
        rows.append((wording.say("row.said"), f'"{sanitize(failure.said, _MOST_SAID)}"'))
    return tuple(rows)


def happened(change: Change, wording: Wording) -> tuple[Row, ...]:
    """Bound what happened between two good probes, and give the evidence."""
    before = wording.when(change.before)
    rows = [(wording.say("row.found_at"), before)]
    if change.after:
        between = wording.say("value.happened_between", after=wording.when(change.after), before=before)
        rows = [(wording.say("row.happened_between"), between)]
    if change.started and not change.several:
        rows.append((wording.say("row.started"), wording.say("value.by_its_clock", at=wording.when(change.started))))
    return (*rows, *(_evidence(one, wording) for one in change.evidence))


def _evidence(one: Evidence, wording: Wording) -> Row:
    was, now = (_shown(one.what, said, wording) for said in (one.was, one.now))
    return wording.say(f"row.was_{one.what}"), wording.say("value.was", was=was, now=now)


def _shown(what: str, said: str, wording: Wording) -> str:
    if what == "role":
        return wording.say(f"value.{said}")
    return wording.when(datetime.fromisoformat(said)) if what in {"started", "statistics"} else said


def meanwhile(change: Change, wording: Wording) -> Row:
    """Say in a line what happened to the server within an outage."""
    what = wording.say("value.several" if change.several else f"value.{change.kind}")
    if change.started:
        what = wording.say("value.at_start", what=what, at=wording.when(change.started))
    return wording.say("row.meanwhile"), what


def phase_bars(alert: Alert, wording: Wording) -> tuple[PhaseBar, ...]:
    """Show how long each phase of the deciding probe took, and at which it failed."""
    if not alert.phases:
        return ()
    failed = alert.failure.phase if alert.failure else None
    until = _PHASES.index(failed) if failed in _PHASES else len(_PHASES)
    longest = max(alert.phases.values()) or 1
    return tuple(
        _step(phase, alert.phases.get(phase), longest, wording, _note(phase, alert.phases, place - until))
        for place, phase in enumerate(_PHASES)
    )


def _note(phase: Phase, phases: Mapping[Phase, float], beyond: int) -> str | None:
    """Name the text for a phase that comes so far before or after the one that failed, where it needs one."""
    if beyond == 0:
        return "failed_here"
    if phase in phases:
        return None
    return "not_used" if beyond < 0 else "not_reached"


def _step(phase: Phase, spent: float | None, longest: float, wording: Wording, note: str | None) -> PhaseBar:
    said = wording.say(f"value.{note}") if note else ""
    return PhaseBar(wording.say(f"phase.{phase}"), spent, (spent or 0) / longest, said, failed=note == "failed_here")


def last_hours(alert: Alert, context: AlertContext, wording: Wording) -> tuple[str, tuple[Row, ...]]:
    """Draw the last 24 hours and count the incidents of 30 days, as of the alert; nothing where that is not known."""
    past = context.histories.get(alert.target)
    if past is None:
        return "", ()
    number = len(incidents_until(past, alert.incident, alert.at))
    month = wording.say("value.month_one" if number == 1 else "value.month", number=number)
    drawn = strip(past, alert.incident, alert.first_seen, alert.at)
    return drawn, ((wording.say("row.month"), month),)


def commands(alert: Alert, context: AlertContext, wording: Wording) -> tuple[Row, ...]:
    """Give the commands to paste that acknowledge and mute; none where the function's name is not known."""
    if not context.function:
        return ()
    target = {"target": alert.target}
    mute = (wording.say("row.mute"), _command(context, {"command": "mute", **target, "for": "2h"}))
    if alert.remind_at is None:
        return (mute,)
    return (wording.say("row.acknowledge"), _command(context, {"command": "acknowledge", **target})), mute


def _command(context: AlertContext, payload: Mapping[str, str]) -> str:
    """Write a call of the function for a shell, in lines that a mail does not break."""
    region = f" --region {shlex.quote(sanitize(context.region))}" if context.region else ""
    return (
        f"aws lambda invoke{region} \\\n"
        f"  --function-name {shlex.quote(sanitize(context.function))} \\\n"
        "  --cli-binary-format raw-in-base64-out \\\n"
        f"  --payload {shlex.quote(json.dumps(payload))} /dev/stdout"
    )
