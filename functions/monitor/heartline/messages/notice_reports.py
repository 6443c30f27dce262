"""Report the alerts of a database that was not down: changes of the server, an expiring certificate, a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from heartline.messages.details import change_rows, endpoint_rows, failed_rows
from heartline.messages.phase_bars import phase_bars
from heartline.messages.report import Report
from heartline.messages.sentences import gaps
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind


def _changed(thread: Sequence[Alert], wording: Wording) -> Report:
    last = thread[-1]
    assert last.change is not None  # noqa: S101 - decide sets it in each of these kinds
    change, key = last.change, "several" if last.change.several else str(last.kind)
    version = next((one.now for one in change.evidence if one.what == "version"), "")
    sentences = (wording.text("sentence.several"),) if change.several else _next_steps(last.kind, wording)
    unobserved = gaps(last.incident, wording) if last.incident else ()
    return Report(
        last,
        "SEVERAL SERVERS" if change.several else last.kind.replace("-", " ").upper(),
        wording.text(f"subject.{key}", version=version),
        wording.text(f"headline.{key}", target=last.target),
        "notice",
        (*sentences, *unobserved),
        (*endpoint_rows(last, wording), *change_rows(change, wording)),
        phase_bars=phase_bars(last, wording),
    )


def _next_steps(kind: AlertKind, wording: Wording) -> tuple[str, str]:
    return wording.text("sentence.happened"), wording.text(f"sentence.look_{kind}")


def _expiring(thread: Sequence[Alert], wording: Wording) -> Report:
    last = thread[-1]
    expires = last.expires or last.at
    length = wording.length(expires - last.at)
    return Report(
        last,
        "EXPIRING",
        wording.text("subject.expiring", length=length),
        wording.text("headline.expiring", target=last.target, length=length),
        "notice",
        (wording.text("sentence.expiring"),),
        (*endpoint_rows(last, wording), (wording.text("row.expires"), wording.when(expires))),
    )


def _watched(thread: Sequence[Alert], wording: Wording) -> Report:
    last = thread[-1]
    return Report(
        last,
        "NOW WATCHING",
        wording.text("subject.watched"),
        wording.text("headline.watched", target=last.target),
        "notice",
        (wording.text("sentence.watched"),),
        endpoint_rows(last, wording),
        phase_bars=phase_bars(last, wording),
    )


def _unwatched(thread: Sequence[Alert], wording: Wording) -> Report:
    last = thread[-1]
    rows = [(wording.text("row.target"), last.target), *(failed_rows(last.incident, wording) if last.incident else ())]
    key = "unwatched_discovered" if last.discovered else "unwatched"
    if last.previous:
        rows.append((wording.text("row.before"), wording.cause(last.previous)))
    return Report(
        last,
        "NO LONGER WATCHED",
        wording.text(f"subject.{key}"),
        wording.text(f"headline.{key}", target=last.target),
        "notice",
        () if last.discovered and not last.previous else (wording.text("sentence.unwatched"),),
        tuple(rows),
    )


def _test(thread: Sequence[Alert], wording: Wording) -> Report:
    alert = thread[-1]
    rows = ((wording.text("row.requested_at"), wording.when(alert.at)),)
    summary, headline = wording.text("subject.test"), wording.text("headline.test")
    return Report(alert, "TEST", summary, headline, "test", (wording.text("sentence.test"),), rows)


NOTICE_REPORTS: Mapping[AlertKind, Callable[[Sequence[Alert], Wording], Report]] = {
    AlertKind.RESTARTED: _changed,
    AlertKind.CRASHED: _changed,
    AlertKind.FAILED_OVER: _changed,
    AlertKind.REPLACED: _changed,
    AlertKind.UPGRADED: _changed,
    AlertKind.EXPIRING: _expiring,
    AlertKind.WATCHED: _watched,
    AlertKind.UNWATCHED: _unwatched,
    AlertKind.TEST: _test,
}
