"""Report a condition that begins, becomes worse or ends."""

from __future__ import annotations

from datetime import timedelta

from heartline.messages.context import AlertContext
from heartline.messages.details import Rows, endpoint_rows
from heartline.messages.phase_bars import phase_bars
from heartline.messages.report import Report
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.condition import Condition, ConditionKind
from heartline.model.kinds import AlertKind
from heartline.model.observation import Gauges

_DAYS = timedelta(days=1)


def condition_report(last: Alert, condition: Condition, wording: Wording) -> Report:
    """Return the report of a condition that has begun, become worse or ended."""
    gauges, ended = last.gauges or Gauges(), "_ended" if condition.ended else ""
    value, label = written(condition, condition.value, wording), condition.kind.upper() + (" ENDED" if ended else "")
    words = {"value": value, "used": gauges.slots_used, "slots": gauges.slots}
    state, key = wording.state(label), f"condition.{condition.kind}{ended}"
    expires = condition.kind is ConditionKind.EXPIRING and not ended
    rows = [*endpoint_rows(last, wording), (wording.text("condition.row_since"), wording.when(condition.since))]
    if condition.ended:
        rows.append((wording.text("condition.row_ended"), wording.when(condition.ended)))
    if condition.kind is ConditionKind.EXPIRING and last.expires:
        rows.append((wording.text("row.expires"), wording.when(last.expires)))
    else:
        threshold = written(condition, condition.threshold, wording)
        rows.append((wording.text("condition.row_threshold"), threshold))
    return Report(
        last,
        label,
        "notice",
        wording.text(f"{key}_headline", **words),
        wording.text(f"{key}_subject", **words),
        wording.clock(condition.ended or condition.since, last.at),
        (wording.text("subject.expiring", label=state, length=value) if expires else f"{state}: {value}",),
        first_step="" if ended else wording.text(f"{key}_look"),
        rows=tuple(rows),
        phase_bars=phase_bars(last, wording),
    )


def written(condition: Condition, value: float, wording: Wording) -> str:
    """Return a value in the unit of its condition."""
    return {
        ConditionKind.EXPIRING: lambda: wording.length(-value * _DAYS),
        ConditionKind.SLOW: lambda: f"{value:,.0f} ms",
        ConditionKind.FILLING: lambda: f"{value:.0f} %",
        ConditionKind.LAGGING: lambda: wording.length(timedelta(seconds=value)),
        ConditionKind.WRAPAROUND: lambda: f"{value:,.0f}",
    }[condition.kind]()


def median_rows(alert: Alert, context: AlertContext, wording: Wording) -> Rows:
    """Return how long probes took in the last day and in the days before, beside what is slow now."""
    history = context.histories.get(alert.target)
    if alert.kind is not AlertKind.SLOW or history is None or history.trend is None:
        return ()
    return tuple(
        (wording.text(f"condition.row_{name}"), wording.medians("condition.median", found))
        for name, found in history.trend.recent().items()
    )
