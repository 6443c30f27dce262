"""Report the alerts of a target that does not rest: flapping, a reminder of that, stable again."""

from __future__ import annotations

from collections.abc import Sequence

from heartline.messages.details import endpoint_rows, reminder_row
from heartline.messages.phase_bars import phase_bars
from heartline.messages.report import Report
from heartline.messages.sentences import gaps, settle, tally_sentence
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.belief import Flapping, Tally


def flapping(last: Alert, total: Tally, wording: Wording) -> Report:
    """Report that a target flaps, for the first time or once more; it is up at that moment."""
    form, words = f"flapping{_found(total)}", _words(last, total, wording)
    sentences = [tally_sentence(last.tally or total, wording), settle(last, wording), wording.text("sentence.lasting")]
    rows = [*endpoint_rows(last, wording), (wording.text("row.flapping_since"), wording.when(total.since))]
    if last.previous:
        rows.append((wording.text("row.before"), wording.cause(last.previous)))
    return Report(
        last,
        "FLAPPING",
        "flapping",
        wording.text(f"headline.{form}", **words),
        wording.text(f"gist.{form}", **words),
        wording.clock(total.since, last.at),
        (wording.text(f"subject.{form}", label="FLAPPING", **words),),
        sentences=(*sentences, *(gaps(last.incident, wording) if last.incident else ())),
        rows=(*rows, reminder_row(last, wording)),
        phase_bars=phase_bars(last, wording),
    )


def stable(thread: Sequence[Alert], known: Flapping, total: Tally, wording: Wording) -> Report:
    """Report that a target that flapped has rested for long enough."""
    last, calm = thread[-1], known.stable_since
    rest = wording.length(last.at - calm)
    words = _words(last, total, wording) | {"rest": rest}
    unheard = (wording.text("sentence.unheard_flapping"),) if len(thread) > 1 else ()
    unobserved = gaps(last.incident, wording) if last.incident else ()
    return Report(
        last,
        "STABLE AGAIN",
        "up",
        wording.text("headline.stable", **words),
        wording.text("gist.stable", **words),
        wording.clock(calm, last.at),
        (wording.text("subject.lasting", label="STABLE AGAIN", length=rest),),
        sentences=(*unheard, tally_sentence(total, wording), *unobserved),
        rows=(
            *endpoint_rows(last, wording),
            (wording.text("row.flapping_since"), wording.when(total.since)),
            (wording.text("row.up_since"), wording.when(calm)),
        ),
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
