"""Report the alerts of a target that does not rest: flapping, a reminder of that, stable again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from heartline.messages.details import Rows, endpoint_rows, reminder_row
from heartline.messages.phase_bars import phase_bars
from heartline.messages.report import Report
from heartline.messages.sentences import gaps, settle, tally_sentence
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.belief import Tally
from heartline.model.kinds import AlertKind


def flapping(thread: Sequence[Alert], wording: Wording) -> Report:
    """Report that a target flaps, for the first time or once more; it is up at that moment."""
    last = thread[-1]
    total = _total_of(last)
    summary = wording.text(f"subject.flapping{_found(total)}", **_words(last, total, wording))
    sentences = [tally_sentence(last.tally or total, wording), settle(last, wording), wording.text("sentence.lasting")]
    rows = [*endpoint_rows(last, wording), *_since_rows(total, wording)]
    if last.previous:
        rows.append((wording.text("row.before"), wording.cause(last.previous)))
    return Report(
        last,
        "FLAPPING",
        summary,
        wording.text(f"headline.flapping{_found(total)}", **_words(last, total, wording)),
        "flapping",
        (*sentences, *(gaps(last.incident, wording) if last.incident else ())),
        (*rows, reminder_row(last, wording)),
        phase_bars=phase_bars(last, wording),
    )


def _stable(thread: Sequence[Alert], wording: Wording) -> Report:
    last = thread[-1]
    total = _total_of(last)
    calm = last.flapping.stable_since if last.flapping else last.at
    words = _words(last, total, wording) | {"rest": wording.length(last.at - calm)}
    unheard = (wording.text("sentence.unheard_flapping"),) if len(thread) > 1 else ()
    unobserved = gaps(last.incident, wording) if last.incident else ()
    rows = (
        *endpoint_rows(last, wording),
        *_since_rows(total, wording),
        (wording.text("row.up_since"), wording.when(calm)),
    )
    return Report(
        last,
        "STABLE AGAIN",
        wording.text("subject.stable", **words),
        wording.text("headline.stable", **words),
        "up",
        (*unheard, tally_sentence(total, wording), *unobserved),
        rows,
        phase_bars=phase_bars(last, wording),
    )


def _words(last: Alert, total: Tally, wording: Wording) -> dict[str, object]:
    counts = total.counts
    return {
        "target": last.target,
        "length": wording.length(last.at - total.since),
        "outages": counts.outages,
        "failed": counts.failed_probes,
        "changes": counts.changes,
    }


def _found(total: Tally) -> str:
    """Return the end of the keys of what was found: outages, else failed probes, else changes of the server."""
    if total.counts.outages:
        return ""
    return "_failed" if total.counts.failed_probes else "_changes"


def _since_rows(total: Tally, wording: Wording) -> Rows:
    return ((wording.text("row.flapping_since"), wording.when(total.since)),)


def _total_of(alert: Alert) -> Tally:
    assert alert.total is not None  # noqa: S101 - decide sets it in each of these kinds
    return alert.total


FLAPPING_REPORTS: Mapping[AlertKind, Callable[[Sequence[Alert], Wording], Report]] = {
    AlertKind.FLAPPING: flapping,
    AlertKind.STABLE: _stable,
}
