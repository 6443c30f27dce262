"""Compose one mail of one or many reports: its subject, what they have in common, and the worst of them in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from heartline.common.frozen import frozen
from heartline.common.text import sanitize
from heartline.i18n.language import Language, language
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.in_common import cut_off, in_common
from heartline.messages.report import Report
from heartline.messages.subjects import subject, topic
from heartline.messages.threads import build_report, split_threads, thread_began, when
from heartline.messages.wording import Wording
from heartline.model.belief import FLAPPING_SUFFIX

# A mail with a line on each of 500 databases would be cut off by mail programs (Gmail: at 102 KB).
_MAX_ROWS = 40
_MAX_SUBJECT = 200
_WORST_FIRST = ("down", "misconfigured", "flapping", "notice", "up", "test")
_FAILED = frozenset({"down", "misconfigured", "flapping"})


@frozen
class Message:
    """A mail before it is rendered as text or HTML.

    Attributes
    ----------
    language
        Of all its texts.
    subject
        The subject of the mail.
    title, when
        Whom it is about, and what is wrong with them since when.
    targets, incidents
        The names and ids that it is about, the worst first.
    threads
        The ids of the incidents that tie it to earlier mails.
    sentences
        About all reports together.
    report
        What is reported in full: the worst.
    table
        All reports of several, the worst first; what is reported in full is among them.
    omitted
        The number of reports that the table has no room for.
    """

    language: Language
    subject: str
    title: str
    when: str
    targets: tuple[str, ...]
    incidents: tuple[str, ...]
    threads: tuple[str, ...]
    sentences: tuple[str, ...]
    report: Report
    table: tuple[Report, ...] = ()
    omitted: int = 0

    @property
    def status(self) -> str:
        """The value of X-Heartline-Status: that of the worst report."""
        return self.report.status


def compose(parts: Sequence[TargetAlerts], context: AlertContext, now: datetime) -> Message:
    """Return the mail that reports these alerts.

    Parameters
    ----------
    parts
        The targets with their alerts; at least one of each, and all in one language.
    context
        What is known beside the alerts, to distinguish a failure of the monitor's own network from one of databases.
    now
        When the mail leaves.
    """
    built = [build_report(thread, part.target, context, now) for part in parts for thread in split_threads(part.alerts)]
    # A target with two reports is in the state that the later one says, but for one of what happened.
    lasting = [one for one in built if one.status != "notice"]
    latest = sorted({one.alert.target: one for one in (*built, *lasting)}.values(), key=_rank)
    reports = [one for last in latest for one in built if one.alert.target == last.alert.target]
    failed = [one for one in latest if one.status in _FAILED]
    zones = {part.target.time_zone for part in parts}
    wording = Wording(language(parts[0].target.language), zones.pop() if len(zones) == 1 else None)
    late = [one.late for one in sorted(built, key=lambda one: one.alert.at) if one.late][:1]
    suspicion = cut_off(context, wording) if failed else ()
    common = in_common(failed, len(latest), wording) if len(failed) > 1 else ()
    table = tuple(reports[:_MAX_ROWS]) if len(reports) > 1 else ()
    first = latest[0]
    alone = (first.subject, first.name, first.when)
    whole, title, line = _several(latest, context, wording) if len(latest) > 1 else alone
    return Message(
        wording.language,
        sanitize(whole, _MAX_SUBJECT),
        title,
        line,
        tuple(dict.fromkeys(one.alert.target for one in reports)),
        tuple(dict.fromkeys(one.alert.incident.id for one in reports if one.alert.incident)),
        tuple(dict.fromkeys(thread for one in reports for thread in _threads(one))),
        (*late, *suspicion, *common),
        first,
        table,
        len(reports) - len(table) if table else 0,
    )


def _rank(report: Report) -> int:
    return _WORST_FIRST.index(report.status)


def _threads(report: Report) -> tuple[str, ...]:
    """Return the ids that a mail has in common with its thread; flapping is named after its first incident."""
    alert = report.alert
    flapping = (alert.flapping.id.removesuffix(FLAPPING_SUFFIX),) if alert.flapping else ()
    return (*flapping, *((alert.incident.id,) if alert.incident else ()))


def _several(reports: Sequence[Report], context: AlertContext, wording: Wording) -> tuple[str, str, str]:
    """Return subject, title and what is below it, named after those in the worst state."""
    worst = [one for one in reports if one.label == reports[0].label]
    first = min(worst, key=lambda one: thread_began(one.alert))
    names, number = [one.alert.target for one in worst], len(worst)
    words = {"label": wording.state(worst[0].label), "number": number, "all": max(context.targets, number)}
    brackets = _brackets(reports, worst, words, wording)
    if context.cut_off and worst[0].status in _FAILED:
        # That is what decides, and not which databases they are.
        brackets = [wording.text("subject.cut_off", **words)]
    gists = {one.gist for one in worst}
    shared = gists.pop() if len(gists) == 1 else ""
    return (
        subject(brackets, names[0], topic(names, thread_began(first.alert), wording)),
        wording.text("value.of_all", **words),
        when(shared, first.since, first.status, wording),
    )


def _brackets(
    reports: Sequence[Report], worst: Sequence[Report], words: dict[str, object], wording: Wording
) -> list[str]:
    """Return what the bracket may say: how many, why if they share that, and how many others."""
    labels = Counter(one.label for one in reports if one.label != worst[0].label)
    others = "".join(f"; {count} {label}" for label, count in labels.items())
    reasons = {wording.shorts(one.alert.failure) if one.alert.failure else () for one in worst}
    shared = reasons.pop() if len(reasons) == 1 else ()
    alike = [wording.text("subject.group_alike", short=reason, **words) for reason in shared]
    counted = wording.text("subject.group", **words)
    return [*(f"{one}{others}" for one in (*alike, counted)), counted]
