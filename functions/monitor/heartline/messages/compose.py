"""Compose one mail of one or many reports: its subject, what they have in common, and each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heartline.common.text import sanitize
from heartline.i18n.language import Language, language
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.in_common import cut_off, in_common
from heartline.messages.report import Report
from heartline.messages.subjects import subject, topic
from heartline.messages.threads import build_report, split_threads, thread_began
from heartline.messages.wording import Wording
from heartline.model.belief import FLAPPING_SUFFIX

# A mail with a full report on each of 500 databases would be cut off by mail programs (Gmail: at 102 KB).
_MAX_REPORTS = 6
_MAX_LINES = 30
_MAX_SUBJECT = 200
_WORST_FIRST = ("down", "misconfigured", "flapping", "notice", "up", "test")
_FAILED = frozenset({"down", "misconfigured", "flapping"})


@dataclass(frozen=True, slots=True)
class Message:
    """A mail before it is rendered as text or HTML.

    Attributes
    ----------
    language
        Of all its texts.
    subject
        The subject of the mail.
    status
        The value of X-Heartline-Status: that of the worst report.
    targets, incidents
        The names and ids that it is about, the worst first.
    threads
        The ids of the incidents that tie it to earlier mails.
    sentences
        About all reports together.
    reports
        What is reported in full, the worst first.
    more_subjects
        A line for each of the reports after those.
    omitted
        The number of reports beyond them.
    """

    language: Language
    subject: str
    status: str
    targets: tuple[str, ...]
    incidents: tuple[str, ...]
    threads: tuple[str, ...]
    sentences: tuple[str, ...]
    reports: tuple[Report, ...]
    more_subjects: tuple[str, ...] = ()
    omitted: int = 0


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
    # A target with two reports is in the state that the later one says.
    latest = sorted({one.alert.target: one for one in built}.values(), key=_rank)
    reports = [one for last in latest for one in built if one.alert.target == last.alert.target]
    failed = [one for one in latest if one.status in _FAILED]
    zones = {part.target.time_zone for part in parts}
    wording = Wording(language(parts[0].target.language), zones.pop() if len(zones) == 1 else None)
    suspicion = cut_off(context, wording) if failed else ()
    common = in_common(failed, len(latest), wording) if len(failed) > 1 else ()
    full, brief = reports[:_MAX_REPORTS], reports[_MAX_REPORTS : _MAX_REPORTS + _MAX_LINES]
    return Message(
        wording.language,
        sanitize(latest[0].subject if len(latest) == 1 else _subject(latest, context, wording), _MAX_SUBJECT),
        latest[0].status,
        tuple(dict.fromkeys(one.alert.target for one in reports)),
        tuple(dict.fromkeys(one.alert.incident.id for one in reports if one.alert.incident)),
        tuple(dict.fromkeys(thread for one in reports for thread in _threads(one))),
        (*suspicion, *common),
        tuple(full),
        tuple(sanitize(f"{one.label} {one.name}: {one.gist}", _MAX_SUBJECT) for one in brief),
        len(reports) - len(full) - len(brief),
    )


def _rank(report: Report) -> int:
    return _WORST_FIRST.index(report.status)


def _threads(report: Report) -> tuple[str, ...]:
    """Return the ids that a mail has in common with its thread; flapping is named after its first incident."""
    alert = report.alert
    flapping = (alert.flapping.id.removesuffix(FLAPPING_SUFFIX),) if alert.flapping else ()
    return (*flapping, *((alert.incident.id,) if alert.incident else ()))


def _subject(reports: Sequence[Report], context: AlertContext, wording: Wording) -> str:
    """Return a subject that names those in the worst state, and says how many they are and why if they share that."""
    labels = Counter(one.label for one in reports)
    worst = [one for one in reports if one.label == reports[0].label]
    number, names = len(worst), [one.alert.target for one in worst]
    words = {"label": worst[0].label, "number": number, "all": max(context.targets, number)}
    others = "".join(f"; {count} {label}" for label, count in labels.items() if label != worst[0].label)
    counted = wording.text("subject.group", **words)
    brackets = [f"{counted}{others}", counted]
    reasons = {wording.shorts(one.alert.failure) if one.alert.failure else () for one in worst}
    if context.cut_off and worst[0].status in _FAILED:
        # That is what decides, and not which databases they are.
        brackets = [wording.text("subject.cut_off", **words)]
    elif len(reasons) == 1:
        alike = (wording.text("subject.group_alike", short=reason, **words) for reason in reasons.pop())
        brackets = [*(f"{one}{others}" for one in alike), *brackets]
    return subject(brackets, names[0], topic(names, min(thread_began(one.alert) for one in worst), wording))
