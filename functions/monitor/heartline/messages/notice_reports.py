"""Say what the alerts of a database that was not seen to be down tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from heartline.messages.details import happened, server, steps
from heartline.messages.report import Report
from heartline.messages.wording import Voice
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind


def _happened(bundle: Sequence[Alert], voice: Voice) -> Report:
    last = bundle[-1]
    assert last.change is not None  # noqa: S101 - decide gives one to each of these kinds
    change, key = last.change, "several" if last.change.several else str(last.kind)
    version = next((one.now for one in change.evidence if one.what == "version"), "")
    sentences = (voice.say("sentence.several"),) if change.several else _told_of(last.kind, voice)
    return Report(
        last,
        "SEVERAL SERVERS" if change.several else last.kind.replace("-", " ").upper(),
        voice.say(f"subject.{key}", version=version),
        voice.say(f"headline.{key}", target=last.target),
        "notice",
        sentences,
        (*server(last, voice), *happened(change, voice)),
        steps=steps(last, voice),
    )


def _told_of(kind: AlertKind, voice: Voice) -> tuple[str, str]:
    return voice.say("sentence.happened"), voice.say(f"sentence.look_{kind}")


def _expiring(bundle: Sequence[Alert], voice: Voice) -> Report:
    last = bundle[-1]
    expires = last.expires or last.at
    length = voice.length(expires - last.at)
    return Report(
        last,
        "EXPIRING",
        voice.say("subject.expiring", length=length),
        voice.say("headline.expiring", target=last.target, length=length),
        "notice",
        (voice.say("sentence.expiring"),),
        (*server(last, voice), (voice.say("row.expires"), voice.when(expires))),
    )


def _test(bundle: Sequence[Alert], voice: Voice) -> Report:
    alert = bundle[-1]
    rows = ((voice.say("row.asked_at"), voice.when(alert.at)),)
    gist, headline = voice.say("subject.test"), voice.say("headline.test")
    return Report(alert, "TEST", gist, headline, "test", (voice.say("sentence.test"),), rows)


NOTICES: Mapping[AlertKind, Callable[[Sequence[Alert], Voice], Report]] = {
    AlertKind.RESTARTED: _happened,
    AlertKind.CRASHED: _happened,
    AlertKind.FAILED_OVER: _happened,
    AlertKind.REPLACED: _happened,
    AlertKind.UPGRADED: _happened,
    AlertKind.EXPIRING: _expiring,
    AlertKind.TEST: _test,
}
