"""Compose one mail of one or many reports: its subject, what they have in common, and each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heartline.common.text import columns, sanitize
from heartline.i18n.language import Language, language
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.in_common import cut_off, in_common
from heartline.messages.report import MAX_COLUMNS, Report
from heartline.messages.threads import build_report, split_threads
from heartline.messages.wording import Wording
from heartline.model.belief import FLAPPING_SUFFIX

# A mail with a full report on each of 500 databases would be cut off by mail programs (Gmail: at 102 KB).
_MAX_REPORTS = 6
_MAX_LINES = 30
# Columns of a subject for the names of targets.
_MAX_NAMES = 28
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
        The subjects of the reports after those.
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
    wording = Wording(language(parts[0].target.language))
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
        tuple(sanitize(one.subject, _MAX_SUBJECT) for one in brief),
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
    """Return how many targets have which label, the worst first, and why if they share the reason."""
    labels = Counter(one.label for one in reports)
    label = reports[0].label
    first = [one for one in reports if one.label == label]
    targets = dict.fromkeys(one.alert.target for one in first)
    others = [f"{number} {name}" for name, number in labels.items() if name != label]
    words = {"number": len(targets), "all": max(context.targets, len(targets)), "gist": _summary(first, wording)}
    suspected = context.cut_off and reports[0].status in _FAILED
    summary = wording.text("subject.cut_off" if suspected else "subject.group", **words)
    whole = "; ".join([f"[{label}] {summary}", *others])
    if not others or columns(whole) <= MAX_COLUMNS:
        return whole
    return "; ".join([f"[{label}] {wording.text('subject.number', **words)}", *others])


def _summary(reports: Sequence[Report], wording: Wording) -> str:
    reasons = {wording.short(one.alert.failure) if one.alert.failure else "" for one in reports}
    if len(reasons) == 1 and (shared := reasons.pop()):
        return shared
    names = list(dict.fromkeys(one.alert.target for one in reports))
    shown = max(1, sum(len(", ".join(names[:number])) <= _MAX_NAMES for number in range(1, len(names) + 1)))
    more, first = len(names) - shown, ", ".join(names[:shown])
    return wording.text("subject.group_more", names=first, number=more) if more > 0 else first
