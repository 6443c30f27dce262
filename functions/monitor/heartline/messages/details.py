"""Give the facts of an alert, for the rows and drawings of a mail."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from heartline.common.text import tame
from heartline.messages.context import Fleet
from heartline.messages.timeline import incidents_until, strip
from heartline.messages.wording import Voice
from heartline.model.alert import Alert
from heartline.model.incident import Change, Evidence, Incident
from heartline.model.kinds import Phase
from heartline.model.observation import Failure

Row = tuple[str, str]
_MOST_SAID = 300
_PHASES = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.LOGIN, Phase.QUERY)


@dataclass(frozen=True, slots=True)
class Step:
    """Show one phase of the probe: its time in milliseconds, None where it was not reached, and its share of all."""

    name: str
    spent: float | None
    share: float
    note: str = ""
    failed: bool = False


def server(alert: Alert, voice: Voice) -> tuple[Row, ...]:
    """Say which database it is about, and as whom the monitor logs in; never the secret."""
    endpoint, unknown = alert.endpoint, voice.say("value.in_secret")
    return (
        (voice.say("row.target"), alert.target),
        (voice.say("row.host"), voice.say("value.host", host=endpoint.host or unknown, port=endpoint.port)),
        (voice.say("row.database"), tame(endpoint.database, 100)),
        (voice.say("row.user"), tame(endpoint.user, 100) or unknown),
    )


def when_failed(incident: Incident, voice: Voice) -> tuple[Row, ...]:
    """Bound the moment at which it failed: after the last good probe, before the first failed one."""
    failed = voice.when(incident.began)
    if incident.last_ok is None:
        return ((voice.say("row.failed_since"), voice.say("value.never_seen", failed=failed)),)
    between = voice.say("value.failed_between", good=voice.when(incident.last_ok), failed=failed)
    return ((voice.say("row.failed_between"), between),)


def when_back(incident: Incident, voice: Voice) -> tuple[Row, ...]:
    """Bound the moment at which it came back: after the last failed probe, before the first good one."""
    if incident.ended is None:
        return ()
    good = voice.when(incident.ended)
    if incident.last_failed is None:
        return ((voice.say("row.back_at"), good),)
    between = voice.say("value.recovered_between", failed=voice.when(incident.last_failed), good=good)
    return ((voice.say("row.recovered_between"), between),)


def trouble(failure: Failure, voice: Voice) -> tuple[Row, ...]:
    """Say where and how it failed, and what the server itself said."""
    key = "value.failure_sqlstate" if failure.sqlstate else "value.failure"
    phase = voice.say(f"phase.{failure.phase}")
    rows = [(voice.say("row.failure"), voice.say(key, phase=phase, kind=failure.kind, sqlstate=failure.sqlstate))]
    if failure.said:
        rows.append((voice.say("row.said"), f'"{tame(failure.said, _MOST_SAID)}"'))
    return tuple(rows)


def happened(change: Change, voice: Voice) -> tuple[Row, ...]:
    """Bound what happened between two good probes, and give the evidence."""
    before = voice.when(change.before)
    rows = [(voice.say("row.found_at"), before)]
    if change.after:
        between = voice.say("value.happened_between", after=voice.when(change.after), before=before)
        rows = [(voice.say("row.happened_between"), between)]
    if change.started and not change.several:
        rows.append((voice.say("row.started"), voice.say("value.by_its_clock", at=voice.when(change.started))))
    return (*rows, *(_evidence(one, voice) for one in change.evidence))


def _evidence(one: Evidence, voice: Voice) -> Row:
    was, now = (_shown(one.what, said, voice) for said in (one.was, one.now))
    return voice.say(f"row.was_{one.what}"), voice.say("value.was", was=was, now=now)


def _shown(what: str, said: str, voice: Voice) -> str:
    if what == "role":
        return voice.say(f"value.{said}")
    return voice.when(datetime.fromisoformat(said)) if what in {"started", "statistics"} else said


def meanwhile(change: Change, voice: Voice) -> Row:
    """Say in a line what happened to the server within an outage."""
    what = voice.say("value.several" if change.several else f"value.{change.kind}")
    if change.started:
        what = voice.say("value.at_start", what=what, at=voice.when(change.started))
    return voice.say("row.meanwhile"), what


def steps(alert: Alert, voice: Voice) -> tuple[Step, ...]:
    """Show how long each phase of the deciding probe took, and at which it failed."""
    if not alert.phases:
        return ()
    failed = alert.failure.phase if alert.failure else None
    until = _PHASES.index(failed) if failed in _PHASES else len(_PHASES)
    longest = max(alert.phases.values()) or 1
    return tuple(
        _step(phase, alert.phases.get(phase), longest, voice, _note(phase, alert.phases, place - until))
        for place, phase in enumerate(_PHASES)
    )


def _note(phase: Phase, phases: Mapping[Phase, float], beyond: int) -> str | None:
    """Name the text for a phase that comes so far before or after the one that failed, where it needs one."""
    if beyond == 0:
        return "failed_here"
    if phase in phases:
        return None
    return "not_used" if beyond < 0 else "not_reached"


def _step(phase: Phase, spent: float | None, longest: float, voice: Voice, note: str | None) -> Step:
    said = voice.say(f"value.{note}") if note else ""
    return Step(voice.say(f"phase.{phase}"), spent, (spent or 0) / longest, said, failed=note == "failed_here")


def last_hours(alert: Alert, fleet: Fleet, voice: Voice) -> tuple[str, tuple[Row, ...]]:
    """Draw the last 24 hours and count the incidents of 30 days, as of the alert; nothing where that is not known."""
    past = fleet.pasts.get(alert.target)
    if past is None:
        return "", ()
    number = len(incidents_until(past, alert.incident, alert.at))
    month = voice.say("value.month_one" if number == 1 else "value.month", number=number)
    drawn = strip(past, alert.incident, alert.first_seen, alert.at)
    return drawn, ((voice.say("row.month"), month),)


def commands(alert: Alert, fleet: Fleet, voice: Voice) -> tuple[Row, ...]:
    """Give the commands to paste that acknowledge and mute; none where the function's name is not known."""
    if not fleet.function:
        return ()
    target = {"target": alert.target}
    mute = (voice.say("row.mute"), _command(fleet, {"command": "mute", **target, "for": "2h"}))
    if alert.remind_at is None:
        return (mute,)
    return (voice.say("row.acknowledge"), _command(fleet, {"command": "acknowledge", **target})), mute


def _command(fleet: Fleet, payload: Mapping[str, str]) -> str:
    """Write a call of the function for a shell, in lines that a mail does not break."""
    region = f" --region {shlex.quote(tame(fleet.region))}" if fleet.region else ""
    return (
        f"aws lambda invoke{region} \\\n"
        f"  --function-name {shlex.quote(tame(fleet.function))} \\\n"
        "  --cli-binary-format raw-in-base64-out \\\n"
        f"  --payload {shlex.quote(json.dumps(payload))} /dev/stdout"
    )
