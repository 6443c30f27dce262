"""Compose a report: first whether all was well and Heartline itself ran, then each database, bounded in size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from heartline.common.frozen import frozen
from heartline.i18n.language import Language, language
from heartline.messages.context import AlertContext
from heartline.messages.details import Rows
from heartline.messages.digest_entries import Entry, entry
from heartline.messages.digest_mails import Sent, arrivals, unreached
from heartline.messages.links import dashboard_link
from heartline.messages.subjects import subject
from heartline.messages.wording import Wording
from heartline.model.incident import Span
from heartline.rules.editions import Edition
from heartline.rules.periods import TargetPeriod, Ticks

# Gmail cuts a mail off at 102 KB: of so many databases all is said, of so many a line, and the others are counted.
_MAX_DETAILS, _MAX_LINES = 12, 50
_MAX_GAPS = 3
_INSTANT = timedelta(microseconds=1)
# What a report is about can last, and be worse than a notice: its colour says what its words do.
_WORST_FIRST = ("down", "misconfigured", "flapping", "notice", "up")


@frozen
class Digest:
    """A report before it is rendered as text or HTML.

    Attributes
    ----------
    label, title, when
        What it is, what it is about, and of which time.
    tone
        What its head is coloured by: the worst of it.
    sentences
        Whether all was well, whether Heartline itself ran, and whether its mails arrive.
    details, lines, omitted
        The databases of which there is something to say, the others, and the number of those that have no room.
    notes
        What is not known.
    """

    language: Language
    subject: str
    label: str
    title: str
    when: str
    tone: str
    targets: tuple[str, ...]
    sentences: tuple[str, ...]
    details: tuple[Entry, ...]
    lines: tuple[Entry, ...]
    omitted: int
    notes: tuple[str, ...]
    footer: str
    dashboard: Rows = ()
    # What its mail's headers say of it.
    status: str = "notice"
    incidents: tuple[str, ...] = ()
    threads: tuple[str, ...] = ()


@frozen
class MonitorPeriod:
    """How Heartline itself was over the time.

    Attributes
    ----------
    ticks
        How often it ran.
    sent
        What is known of its mails; None where nobody keeps that.
    context
        The monitor's own names, for the link.
    """

    ticks: Ticks
    sent: Sent | None
    context: AlertContext


def compose_digest(edition: Edition, periods: Sequence[TargetPeriod], monitor: MonitorPeriod, now: datetime) -> Digest:
    """Return the report of an edition.

    Parameters
    ----------
    periods
        How the databases were; at least one.
    monitor
        How Heartline itself was.
    now
        When it leaves.
    """
    wording = Wording(language(edition.targets[0].language), edition.targets[0].time_zone)
    entries = sorted((entry(one, wording, now) for one in periods), key=_rank)
    details = tuple(one for one in entries if one.rows)[:_MAX_DETAILS]
    others = tuple(one for one in entries if one not in details)
    counts = _counts(edition, periods, monitor)
    brackets = _brackets(counts, wording)
    about = entries[0].name if len(entries) == 1 else wording.count("databases", len(entries))
    days, span = _spans(edition.within, wording)
    tone = entries[0].tone
    return Digest(
        wording.language,
        subject(brackets, about, f"{about} · {days}"),
        brackets[0],
        about,
        span,
        "notice" if tone == "up" and any(counts.values()) else tone,
        tuple(one.name for one in entries),
        (*_answers(periods, monitor.ticks, counts, wording, now), *arrivals(edition, monitor.sent, wording)),
        details,
        others[:_MAX_LINES],
        len(others[_MAX_LINES:]),
        _notes(periods, edition.within, wording),
        wording.text("report.footer", written=str(edition.recurrence)),
        dashboard_link(monitor.context, wording),
    )


def _brackets(counts: Mapping[str, int], wording: Wording) -> list[str]:
    """Return what the subject's bracket may say: all that is not well, ever less of it, and at least the worst."""
    found = [wording.count(what, number) for what, number in counts.items() if number] or [wording.text("report.well")]
    label = wording.text("state.report")
    return [f"{label}: {', '.join(found[:most])}" for most in range(len(found), 0, -1)]


def _spans(within: Span, wording: Wording) -> tuple[str, str]:
    """Return the days that a report is about, and the same to the minute."""
    days = [f"{wording.local(at)[0]:%Y-%m-%d}" for at in (within.began, within.ended - _INSTANT)]
    minutes = [f"{wording.stamp(at)} {wording.local(at)[1]}" for at in (within.began, within.ended)]
    written = [wording.text("report.span", began=began, ended=ended) for began, ended in (days, minutes)]
    return written[0], written[1]


def _rank(one: Entry) -> tuple[int, float, str]:
    return _WORST_FIRST.index(one.tone), one.share, one.name


def _counts(edition: Edition, periods: Sequence[TargetPeriod], monitor: MonitorPeriod) -> dict[str, int]:
    """Count what is not well, the worst first."""
    return {
        "not_well": sum(not one.well for one in periods),
        "incidents": sum(len(one.incidents) for one in periods),
        "unreached": len(unreached(edition, monitor.sent)),
        "missed": monitor.ticks.missed,
        "warnings": sum(one.warnings for one in periods),
    }


def _answers(
    periods: Sequence[TargetPeriod], ticks: Ticks, counts: Mapping[str, int], wording: Wording, now: datetime
) -> tuple[str, str]:
    """Return whether all was well and is now, and whether Heartline itself ran."""
    key = "verdict" if counts["incidents"] else "verdict_calm" if any(counts.values()) else "verdict_well"
    words = {
        "incidents": wording.count("incidents", counts["incidents"]),
        "databases": wording.count("databases", sum(bool(one.incidents) for one in periods)),
        "up": len(periods) - counts["not_well"],
        "all": len(periods),
        "at": wording.clock(now, now),
    }
    return wording.text(f"report.{key}", **words), _ran(ticks, wording)


def _ran(ticks: Ticks, wording: Wording) -> str:
    """Return whether Heartline itself ran, and when it did not."""
    words = {"ran": f"{ticks.expected - ticks.missed:,}", "expected": f"{ticks.expected:,}"}
    if not ticks.missed:
        return wording.text("report.ran", **words)
    gaps = [
        wording.text("report.gap", began=wording.stamp(one.began), length=wording.length(one.ended - one.began))
        for one in ticks.gaps[:_MAX_GAPS]
    ]
    if len(ticks.gaps) > _MAX_GAPS:
        gaps.append(wording.text("report.more", number=len(ticks.gaps) - _MAX_GAPS))
    return wording.text("report.missed", gaps=", ".join(gaps), **words)


def _notes(periods: Sequence[TargetPeriod], within: Span, wording: Wording) -> tuple[str, ...]:
    """Return what is not known of the time."""
    begun = [one.hours[0][0] for one in periods if one.hours]
    if not begun:
        return (wording.text("report.no_hours"),)
    if min(begun) <= within.began:
        return ()
    return (wording.text("report.hours", at=wording.stamp(min(begun))),)
