"""Report the alerts of a target that does not rest: flapping, a reminder of that, stable again."""

from __future__ import annotations

from collections.abc import Sequence

from heartline.messages.details import endpoint_rows, reminder_row
from heartline.messages.phase_bars import phase_bars
from heartline.messages.report import Report
from heartline.messages.sentences import gaps, settle, tally_sentence
from heartline.messages.severity import severity_words
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.belief import Flapping, Tally
from heartline.model.kinds import AlertKind


def flapping(last: Alert, total: Tally, wording: Wording) -> Report:
    """Report that a target flaps, for the first time or once more; it is up at that moment."""
    form, found = _found(last, total, wording)
    words = {"target": last.target, "length": wording.length(last.at - total.since), "found": found}
    sentences = [
        tally_sentence(last.tally or total, last.previous, wording),
        settle(last, wording),
        wording.text("sentence.lasting"),
    ]
    rows = [*endpoint_rows(last, wording), (wording.text("row.flapping_since"), wording.when(total.since))]
    if last.previous:
        rows.append((wording.text("row.before"), wording.cause(last.previous)))
    return Report(
        last,
        "FLAPPING",
        "flapping",
        wording.text(f"headline.flapping{form}", **words),
        wording.text("gist.flapping", **words),
        wording.clock(total.since, last.at),
        (wording.text("subject.flapping", label=wording.state("FLAPPING"), **words),),
        sentences=(*sentences, *(gaps(last.incident, wording) if last.incident else ())),
        rows=(*rows, reminder_row(last, wording)),
        phase_bars=phase_bars(last, wording),
    )


def stable(thread: Sequence[Alert], known: Flapping, total: Tally, wording: Wording) -> Report:
    """Report that a target that flapped has rested for long enough."""
    last, calm = thread[-1], known.stable_since
    rest = wording.length(last.at - calm)
    words = {"target": last.target, "rest": rest}
    never_sent = len(thread) > 1 and thread[0].kind is not AlertKind.REMINDER
    unheard = (wording.text("sentence.unheard_flapping"),) if never_sent else ()
    unobserved = gaps(last.incident, wording) if last.incident else ()
    return Report(
        last,
        "STABLE AGAIN",
        "up",
        wording.text("headline.stable", **words),
        wording.text("gist.stable", **words),
        wording.clock(calm, last.at),
        (wording.text("subject.lasting", label=wording.state("STABLE AGAIN"), length=rest),),
        sentences=(*unheard, tally_sentence(total, last.previous, wording), *unobserved),
        rows=(
            *endpoint_rows(last, wording),
            (wording.text("row.flapping_since"), wording.when(total.since)),
            (wording.text("row.up_since"), wording.when(calm)),
        ),
        phase_bars=phase_bars(last, wording),
    )


def _found(last: Alert, total: Tally, wording: Wording) -> tuple[str, str]:
    """Return the end of the keys of what was found, and its number: outages, else failed probes, else changes."""
    counts = total.counts
    if counts.outages:
        suffix = severity_words(last.previous).suffix if last.previous else ""
        return suffix, wording.count(f"outages{suffix}", counts.outages)
    if counts.failed_probes:
        return "_failed", wording.count("failed", counts.failed_probes)
    return "_changes", wording.count("changes", counts.changes)
