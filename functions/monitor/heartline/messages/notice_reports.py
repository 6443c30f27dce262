"""Report the alerts of a database that was not down: changes of the server, its conditions, a test."""

from __future__ import annotations

from heartline.messages.details import Rows, change_rows, endpoint_rows, failed_rows
from heartline.messages.phase_bars import phase_bars
from heartline.messages.report import Report
from heartline.messages.sentences import gaps
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Change


def changed(last: Alert, change: Change, wording: Wording) -> Report:
    """Report that something happened to the server between two good probes."""
    key = "several" if change.several else str(last.kind)
    version = next((one.now for one in change.evidence if one.what == "version"), "")
    label = "SEVERAL SERVERS" if change.several else last.kind.replace("-", " ").upper()
    unobserved = gaps(last.incident, wording) if last.incident else ()
    return Report(
        last,
        label,
        "notice",
        wording.text(f"headline.{key}", target=last.target),
        wording.text(f"gist.{key}", version=version),
        wording.clock(change.before, last.at),
        (wording.text("subject.upgraded", label=wording.state(label), version=version),) if key == "upgraded" else (),
        first_step="" if change.several else wording.text(f"sentence.look_{last.kind}"),
        sentences=(wording.text("sentence.several" if change.several else "sentence.happened"), *unobserved),
        rows=(*endpoint_rows(last, wording), *change_rows(change, wording)),
        phase_bars=phase_bars(last, wording),
    )


def watched(last: Alert, wording: Wording) -> Report:
    """Report that a target was found and is watched from now on."""
    return Report(
        last,
        "NOW WATCHING",
        "notice",
        wording.text("headline.watched", target=last.target),
        wording.text("gist.watched"),
        wording.clock(last.at, last.at),
        sentences=(wording.text("sentence.watched"),),
        rows=endpoint_rows(last, wording),
        phase_bars=phase_bars(last, wording),
    )


def unwatched(last: Alert, wording: Wording) -> Report:
    """Report that a target is no longer watched."""
    rows: Rows = failed_rows(last.incident, wording) if last.incident else ()
    key = "unwatched_discovered" if last.discovered else "unwatched"
    if last.previous:
        rows += ((wording.text("row.before"), wording.cause(last.previous)),)
    return Report(
        last,
        "NO LONGER WATCHED",
        "notice",
        wording.text(f"headline.{key}", target=last.target),
        wording.text(f"gist.{key}"),
        wording.clock(last.at, last.at),
        sentences=_unknown(last, wording),
        rows=rows,
    )


def test(last: Alert, wording: Wording) -> Report:
    """Report that somebody wants to know whether alerts arrive."""
    return Report(
        last,
        "TEST",
        "test",
        wording.text("sentence.test"),
        "",
        wording.clock(last.at, last.at),
        title=wording.text("subject.test"),
        rows=((wording.text("row.requested_at"), wording.when(last.at)),),
    )


def _unknown(last: Alert, wording: Wording) -> tuple[str, ...]:
    """Return what is not known of a target that nobody watches any more."""
    if last.condition:
        return (wording.text("condition.unwatched_sentence", condition=last.condition.kind.upper()),)
    return () if last.discovered and not last.previous else (wording.text("sentence.unwatched"),)
