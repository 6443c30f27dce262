"""Report that a mail did not reach some of its recipients, to the others."""

from __future__ import annotations

from heartline.messages.details import Rows
from heartline.messages.report import Report
from heartline.messages.wording import Wording
from heartline.model.undelivered import NotDelivered

# More of the alerts that a mail reports, or of its recipients, are not named.
_MOST_NAMED = 3


def not_delivered(last: NotDelivered, wording: Wording) -> Report:
    """Report whom an alert did not reach, why, and the fix."""
    outcome, whom = last.receipt.outcome, _listed(last.recipients, wording)
    return Report(
        last,
        "NOT DELIVERED",
        "notice",
        wording.text(f"undelivered.{outcome}_headline", recipients=whom, target=last.target),
        wording.text(f"undelivered.{outcome}"),
        wording.clock(last.receipt.at, last.at),
        title=whom,
        first_step=wording.text(f"undelivered.{outcome}_look"),
        sentences=(wording.text("undelivered.still_true"),),
        rows=_rows(last, wording),
    )


def _rows(last: NotDelivered, wording: Wording) -> Rows:
    receipt, alerts = last.receipt, [f"{wording.state(one.state)}: {one.target}" for one in reversed(last.mail.alerts)]
    rows = [
        (wording.text("undelivered.row_alerts"), _listed(alerts, wording)),
        (wording.text("undelivered.row_accepted"), wording.when(last.mail.accepted)),
        (wording.text("undelivered.row_reported"), wording.when(receipt.at)),
    ]
    if receipt.server:
        rows.append((wording.text("undelivered.row_server"), receipt.server))
    if receipt.reason:
        rows.append((wording.text("row.said"), f'"{receipt.reason}"'))
    return tuple(rows)


def _listed(names: list[str] | tuple[str, ...], wording: Wording) -> str:
    shown, more = ", ".join(names[:_MOST_NAMED]), len(names) - _MOST_NAMED
    return wording.text("subject.more", names=shown, number=more) if more > 0 else shown
