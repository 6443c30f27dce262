"""Report the alerts of a target that goes down and up again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from heartline.messages.details import endpoint_rows, failed_rows, failure_rows, reminder_row
from heartline.messages.outage_reports import failure_of, incident_of
from heartline.messages.phase_bars import phase_bars
from heartline.messages.report import Report
from heartline.messages.sentences import gaps, next_step, verdict
from heartline.messages.severity import severity_words
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Flapping
from heartline.model.kinds import AlertKind
from heartline.model.observation import Failure


def _unstable(thread: Sequence[Alert], wording: Wording) -> Report:
    last, failure, flapping = thread[-1], failure_of(thread[-1]), _flapping_of(thread[-1])
    words = {"outages": flapping.outages, "length": wording.length(last.at - flapping.began)}
    quiet = wording.length(timedelta(seconds=last.settle_seconds or 0))
    return Report(
        last,
        "UNSTABLE",
        wording.text("subject.unstable", short=wording.short(failure), **words),
        wording.text("headline.unstable", target=last.target, cause=wording.cause(failure), **words),
        "flapping",
        (
            verdict(failure, wording),
            wording.text("sentence.silence", length=quiet),
            *gaps(incident_of(last), wording),
            next_step(failure, wording),
        ),
        (
            *endpoint_rows(last, wording),
            *failed_rows(incident_of(last), wording),
            (wording.text("row.outages"), wording.text("value.outages_so_far", **words)),
            *failure_rows(failure, wording),
        ),
        short_summary=wording.short(failure),
        phase_bars=phase_bars(last, wording),
    )


def _settled(thread: Sequence[Alert], wording: Wording) -> Report:
    last = thread[-1]
    unheard = (wording.text("sentence.unheard_unstable"),) if len(thread) > 1 else ()
    unobserved = gaps(last.incident, wording) if last.incident else ()
    if last.failure:
        return _settled_down(last, last.failure, unheard, unobserved, wording)
    return _settled_up(last, (*unheard, *unobserved), wording)


def _settled_up(last: Alert, sentences: tuple[str, ...], wording: Wording) -> Report:
    flapping, words = _flapping_of(last), _settled_words(last, wording)
    outages = wording.text("value.outages", outages=flapping.outages, **_totals(flapping, wording))
    return Report(
        last,
        "SETTLED",
        wording.text("subject.settled", **words),
        wording.text("headline.settled", **words),
        "up",
        sentences,
        (
            *endpoint_rows(last, wording),
            (wording.text("row.unstable_since"), wording.when(flapping.began)),
            (wording.text("row.outages"), outages),
            (wording.text("row.up_since"), wording.when(flapping.stable_since)),
        ),
        phase_bars=phase_bars(last, wording),
    )


def _settled_down(
    last: Alert, failure: Failure, unheard: tuple[str, ...], unobserved: tuple[str, ...], wording: Wording
) -> Report:
    flapping, severity = _flapping_of(last), severity_words(failure)
    words = _settled_words(last, wording) | {"short": wording.short(failure), "cause": wording.cause(failure)}
    outages = wording.text("value.outages_before", outages=flapping.outages - 1, **_totals(flapping, wording))
    return Report(
        last,
        f"STILL {severity.label}",
        wording.text("subject.settled_down", **words),
        wording.text(f"headline.settled_down{severity.suffix}", **words),
        severity.status,
        (*unheard, verdict(failure, wording), *unobserved, next_step(failure, wording)),
        (
            *endpoint_rows(last, wording),
            (wording.text("row.unstable_since"), wording.when(flapping.began)),
            (wording.text("row.outages"), outages),
            (wording.text("row.down_since"), wording.when(flapping.stable_since)),
            *failure_rows(failure, wording),
            reminder_row(last, wording),
        ),
        short_summary=wording.short(failure),
        phase_bars=phase_bars(last, wording),
    )


def _settled_words(last: Alert, wording: Wording) -> dict[str, object]:
    flapping = _flapping_of(last)
    length = wording.length(last.at - flapping.stable_since)
    return {"target": last.target, "length": length, "outages": flapping.outages}


def _totals(flapping: Flapping, wording: Wording) -> dict[str, str]:
    total, longest = timedelta(seconds=flapping.total), timedelta(seconds=flapping.longest)
    return {"total": wording.length(total), "longest": wording.length(longest)}


def _flapping_of(alert: Alert) -> Flapping:
    assert alert.flapping is not None  # noqa: S101 - decide sets it in each of these kinds
    return alert.flapping


FLAPPING_REPORTS: Mapping[AlertKind, Callable[[Sequence[Alert], Wording], Report]] = {
    AlertKind.UNSTABLE: _unstable,
    AlertKind.SETTLED: _settled,
}
