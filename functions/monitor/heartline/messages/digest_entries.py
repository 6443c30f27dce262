"""What a report says of one database, before it is rendered as text or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from heartline.common.frozen import frozen
from heartline.messages.condition_reports import written
from heartline.messages.details import Rows
from heartline.messages.wording import Wording
from heartline.model.condition import ConditionKind
from heartline.model.incident import Incident
from heartline.rules.availability import percent
from heartline.rules.periods import Known, TargetPeriod

_MAX_INCIDENTS, _MAX_WHAT, _SLOWEST = 5, 4, 3
# From nothing to the highest hour; each step is the highest of so many hours, a third of a day.
_LEVELS, _UNKNOWN, _STEP = "▁▂▃▄▅▆▇█", "·", 8


@frozen
class Entry:
    """What is said of one database.

    Attributes
    ----------
    tone
        What it is coloured by: `down`, `misconfigured`, `flapping`, `notice`, or `up` where there is nothing to say.
    share
        How much of the time it was up, to sort by; 0 where that is not known.
    available
        The same in words.
    facts
        Since when it is watched, and how many incidents and failed probes there were, where there are any.
    slowest, line
        The slowest hour, and all hours as signs of ever greater height; empty where they are not known.
    rows
        Pairs of a label and a value: all else that is to say of it; empty where nothing is.
    """

    name: str
    tone: str
    share: float
    available: str
    facts: tuple[str, ...] = ()
    slowest: str = ""
    line: str = ""
    rows: Rows = ()


def entry(period: TargetPeriod, wording: Wording, now: datetime) -> Entry:
    """Return what is said of one database."""
    slowest = period.slowest(_SLOWEST)
    return Entry(
        period.known.target.name,
        _tone(period),
        period.measured.share or 0,
        percent(period.measured.share) or wording.text("report.unknown"),
        tuple(_facts(period, wording, now)),
        _hour(*slowest[0], wording) if slowest else "",
        _line([spent for _, spent in period.hours]) if slowest else "",
        () if period.quiet else tuple(_rows(period, wording, now)),
    )


def _tone(period: TargetPeriod) -> str:
    state = period.known.state
    if state and state.failure:
        return "misconfigured" if state.failure.kind.misconfigured else "down"
    if state and state.known_flapping:
        return "flapping"
    return "up" if period.quiet else "notice"


def _facts(period: TargetPeriod, wording: Wording, now: datetime) -> list[str]:
    muted = period.known.state and period.known.state.muted_until
    facts = [wording.text("widget.muted", at=wording.stamp(muted))] if muted and muted > now else []
    since = [wording.text("report.since", at=f"{wording.local(period.since)[0]:%Y-%m-%d}")] if period.since else []
    counts = {"incidents": len(period.incidents), "failed": period.measured.failed_probes}
    return facts + since + [wording.count(what, count) for what, count in counts.items() if count]


def _rows(period: TargetPeriod, wording: Wording, now: datetime) -> list[tuple[str, str]]:
    newest = list(reversed(period.incidents))
    rows = [] if period.well else [("report.row_now", _present(period.known, wording))]
    rows += [("report.row_incidents", _incident(one, wording)) for one in newest[:_MAX_INCIDENTS]]
    if more := len(newest[_MAX_INCIDENTS:]):
        text = wording.text("report.many" if period.incomplete else "report.more", number=more)
        rows.append(("report.row_incidents", text))
    rows += [("report.row_warnings", one) for one in _warnings(period.known, wording)]
    if ends := period.expires:
        text = wording.text("report.ends", at=wording.stamp(ends), length=wording.length(ends - now))
        rows.append(("row.expires", text))
    if slowest := period.slowest(_SLOWEST):
        rows.append(("report.row_slowest", ", ".join(_hour(at, spent, wording) for at, spent in slowest)))
    # What has several values is named once.
    named = [key for key, _ in rows]
    return [("" if key in named[:place] else wording.text(key), value) for place, (key, value) in enumerate(rows)]


def _present(known: Known, wording: Wording) -> str:
    """Return how it is now, where that is not well."""
    state = known.state
    if state is None:
        return wording.text("report.unreadable")
    if state.failure and state.since:
        at = wording.stamp(state.since)
        return wording.text("report.failing", at=at, short=wording.short(state.failure))
    if known.unprobed_since:
        return wording.text("report.unprobed", at=wording.stamp(known.unprobed_since))
    return wording.text("report.flapping")


def _incident(incident: Incident, wording: Wording) -> str:
    """Return when an incident was, how long it lasted, and what it was."""
    what = [wording.text(f"short.{kind}") for kind in incident.kinds]
    what += [wording.text("value.several" if one.several else f"value.{one.kind}") for one in incident.changes]
    words = {"at": wording.stamp(incident.began), "what": ", ".join(list(dict.fromkeys(what))[:_MAX_WHAT])}
    if incident.ended is None:
        return wording.text("report.open", **words)
    if incident.ended == incident.began:
        return wording.text("report.instant", **words)
    return wording.text("report.incident", length=wording.length(incident.ended - incident.began), **words)


def _warnings(known: Known, wording: Wording) -> list[str]:
    """Return the alerts that wait and the conditions that hold; the end of a certificate has a row of its own."""
    waiting = [wording.text("widget.pending", number=known.pending)] if known.pending else []
    return waiting + [
        wording.text(
            "report.warning",
            what=wording.text(f"widget.holds_{one.kind}"),
            value=written(one, one.value, wording),
            at=wording.stamp(one.since),
        )
        for one in (known.state.held if known.state else ())
        if one.kind is not ConditionKind.EXPIRING
    ]


def _hour(at: datetime, spent: float, wording: Wording) -> str:
    return wording.text("report.hour", spent=f"{spent:,.0f}", at=f"{wording.local(at)[0]:%m-%d %H:%M}")


def _line(hours: Sequence[float | None]) -> str:
    """Draw hours as signs; each is as high as the highest of its hours."""
    steps = [[one for one in hours[at : at + _STEP] if one is not None] for at in range(0, len(hours), _STEP)]
    highest = max(one for step in steps for one in step) or 1
    top = len(_LEVELS) - 1
    return "".join(_LEVELS[round(top * max(step) / highest)] if step else _UNKNOWN for step in steps)
