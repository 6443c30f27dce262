"""Say what the alerts of a database that was not seen to be down tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from heartline.messages.details import happened, phase_bars, server
from heartline.messages.report import Report
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind


def _happened(bundle: Sequence[Alert], wording: Wording) -> Report:
    last = bundle[-1]
    assert last.change is not None  # noqa: S101 - decide gives one to each of these kinds
    change, key = last.change, "several" if last.change.several else str(last.kind)
    version = next((one.now for one in change.evidence if one.what == "version"), "")
    sentences = (wording.say("sentence.several"),) if change.several else _told_of(last.kind, wording)
    return Report(
        last,
        "SEVERAL SERVERS" if change.several else last.kind.replace("-", " ").upper(),
        wording.say(f"subject.{key}", version=version),
        wording.say(f"headline.{key}", target=last.target),
        "notice",
        sentences,
        (*server(last, wording), *happened(change, wording)),
        phase_bars=phase_bars(last, wording),
    )


def _told_of(kind: AlertKind, wording: Wording) -> tuple[str, str]:
    return wording.say("sentence.happened"), wording.say(f"sentence.look_{kind}")


def _expiring(bundle: Sequence[Alert], wording: Wording) -> Report:
    last = bundle[-1]
    expires = last.expires or last.at
    length = wording.length(expires - last.at)
    return Report(
        last,
        "EXPIRING",
        wording.say("subject.expiring", length=length),
        wording.say("headline.expiring", target=last.target, length=length),
        "notice",
        (wording.say("sentence.expiring"),),
        (*server(last, wording), (wording.say("row.expires"), wording.when(expires))),
    )


def _test(bundle: Sequence[Alert], wording: Wording) -> Report:
    alert = bundle[-1]
    rows = ((wording.say("row.asked_at"), wording.when(alert.at)),)
    gist, headline = wording.say("subject.test"), wording.say("headline.test")
    return Report(alert, "TEST", gist, headline, "test", (wording.say("sentence.test"),), rows)


NOTICES: Mapping[AlertKind, Callable[[Sequence[Alert], Wording], Report]] = {
    AlertKind.RESTARTED: _happened,
    AlertKind.CRASHED: _happened,
    AlertKind.FAILED_OVER: _happened,
    AlertKind.REPLACED: _happened,
    AlertKind.UPGRADED: _happened,
    AlertKind.EXPIRING: _expiring,
    AlertKind.TEST: _test,
}
