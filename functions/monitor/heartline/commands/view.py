"""Hold what is known of the targets, for whoever shows it: the answer of `status`, and the widget's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import IntEnum

from heartline.common.frozen import frozen
from heartline.common.parallel import at_once
from heartline.model.incident import Incident, Span
from heartline.model.kinds import AlertKind, Status
from heartline.model.latencies import Trend
from heartline.model.mail import Mail, MailedAlert
from heartline.model.observation import Failure
from heartline.model.state import State, Stored, Unreadable
from heartline.model.target import Target
from heartline.model.undelivered import Undelivered, Unreached
from heartline.rules.availability import Availability, availability
from heartline.rules.decide import quiet_until
from heartline.rules.gaps import missed, silence, unprobed_since
from heartline.rules.reminders import next_reminder
from heartline.services import Services
from heartline.storage.mail_items import read_undelivered
from heartline.storage.schema import plain

# As far as anything is kept, and so that a gap that began long ago and reaches into these days is not missed.
LOOKED_BACK = timedelta(days=800)
DAY, MONTH = timedelta(days=1), timedelta(days=30)
LENGTHS = {"24h": DAY, "7d": timedelta(days=7), "30d": MONTH}
# The most incidents of a target that are read for a list of targets, and for one target.
FEW_INCIDENTS, MOST_INCIDENTS = 100, 1000
# A week of more targets than that takes seconds to read.
_MOST_TRENDS = 1000
# So many of the last mails are read, and so many alerts of a target are shown.
_MOST_MAILS, _MOST_MAILED = 200, 5


class Standing(IntEnum):
    """How a target stands, the worst first."""

    DOWN = 0
    MISCONFIGURED = 1
    UNREADABLE = 2
    FLAPPING = 3
    UNKNOWN = 4
    UP = 5


@frozen
class TargetView:
    """What is known of one target at a moment.

    Attributes
    ----------
    at
        The moment.
    pending
        The number of its alerts that not every channel has accepted yet.
    seen
        When a tick last came to a verdict on it.
    latency
        The milliseconds that its last good probe took, if it is up.
    unreadable
        Why its stored item cannot be read; then the state is a blank one.
    incidents
        Those that are over, oldest first; None where they were not read.
    complete
        False if there are older incidents than these.
    gaps
        The times in which Heartline did not run.
    interval
        How often ticks come.
    trend
        How long its probes took in the last days; None where that was not read, or is not known.
    mailed
        Its last alerts with the mails that report them, newest first; None where nobody knows what became of these.
    """

    target: Target
    at: datetime
    state: State
    pending: int = 0
    seen: datetime | None = None
    latency: int | None = None
    unreadable: str | None = None
    incidents: tuple[Incident, ...] | None = None
    complete: bool = True
    gaps: tuple[Span, ...] = ()
    interval: timedelta = timedelta(minutes=1)
    trend: Trend | None = None
    mailed: tuple[tuple[MailedAlert, Mail], ...] | None = None

    @property
    def name(self) -> str:
        """Return the target's name."""
        return self.target.name

    @property
    def standing(self) -> Standing:
        """Return how it stands."""
        if self.unreadable:
            return Standing.UNREADABLE
        if self.failure:
            return Standing.MISCONFIGURED if self.failure.kind.misconfigured else Standing.DOWN
        if self.flapping:
            return Standing.FLAPPING
        return Standing.UP if self.state.status is Status.UP else Standing.UNKNOWN

    @property
    def failure(self) -> Failure | None:
        """Return what is wrong now."""
        return self.state.failure

    @property
    def since(self) -> datetime | None:
        """Return since when it is up, or down."""
        return self.state.since

    @property
    def flapping(self) -> bool:
        """Return True if it goes down and up so often that people were notified of that."""
        return self.state.known_flapping is not None

    @property
    def acknowledged(self) -> bool:
        """Return True if somebody has stopped the reminders of what is wrong now."""
        return self.state.belief is not None and self.remind_at is None

    @property
    def remind_at(self) -> datetime | None:
        """Return when people are reminded of what is wrong; None where nothing is, or it was acknowledged."""
        return next_reminder(self.state, self.target.policy)

    @property
    def muted_until(self) -> datetime | None:
        """Return until when nobody is notified of it, by a mute or a maintenance window."""
        return quiet_until(self.state, self.target.policy, self.at)

    @property
    def muted(self) -> bool:
        """Return True if somebody muted it; a maintenance window is no mute."""
        return self.state.muted_until is not None and self.state.muted_until > self.at

    @property
    def mute_reason(self) -> str | None:
        """Return why it is muted, as whoever muted it said."""
        return self.state.mute_reason if self.muted else None

    @property
    def all_incidents(self) -> tuple[Incident, ...]:
        """Return the incidents that were read and the open one, oldest first."""
        return (*(self.incidents or ()), *((self.state.incident,) if self.state.incident else ()))

    def measured(self) -> dict[str, Availability]:
        """Return the availability over each of LENGTHS.

        It has no share where a shorter one covers all that is known, and where that much of the past was not read.
        """
        found, shorter = {}, timedelta(0)
        for name, length in LENGTHS.items():
            begins, watched = self.at - length, self.at - (self.state.first_seen or self.at)
            within = Span(begins, self.at)
            one = availability(self.state, self.incidents or (), self.gaps, within, self.interval)
            if watched <= shorter or not self._read_since(begins):
                one = replace(one, share=None, failed_share=None)
            found[name], shorter = one, length
        return found

    def _read_since(self, moment: datetime) -> bool:
        if self.incidents is None:
            return False
        return self.complete or any(one.began <= moment for one in self.incidents)


@frozen
class Fleet:
    """What is known of several targets at a moment.

    Attributes
    ----------
    last_tick
        When a tick last ran; None if none ever has.
    interval
        How often ticks come.
    gaps
        The times in which Heartline did not run.
    unreached
        Why recipients of these targets do not get their alerts, by address.
    """

    at: datetime
    interval: timedelta
    last_tick: datetime | None = None
    targets: tuple[TargetView, ...] = ()
    gaps: tuple[Span, ...] = ()
    unreached: Mapping[str, Unreached] = field(default_factory=dict)

    @property
    def silent_for(self) -> timedelta | None:
        """Return for how long no tick has run, if one should have."""
        silent = silence(self.last_tick, self.at, self.interval)
        return silent.ended - silent.began if silent else None

    @property
    def known_until(self) -> datetime:
        """Return the moment up to which anything can be said: now, or the last tick where Heartline is silent."""
        silent = silence(self.last_tick, self.at, self.interval)
        return silent.began if silent else self.at

    def stale_for(self, view: TargetView) -> timedelta | None:
        """Return for how long no tick has come to a verdict on a target, although ticks ran."""
        since = unprobed_since(view.seen, self.last_tick, self.at, self.interval)
        return self.known_until - since if since else None


def view_fleet(services: Services, targets: Sequence[Target]) -> Fleet:
    """Return what is known of targets, without their past.

    Raises
    ------
    ClientError, BotoCoreError
        If the states could not be read.
    """
    loaded = services.store.load(target.name for target in targets)
    now, interval = services.clock(), services.settings.interval
    gaps = list(services.history.gaps(now - LOOKED_BACK))
    if gap := missed(loaded.last, now, max(interval, loaded.interval)):
        gaps.append(gap)
    views = (
        replace(
            view_target(target, loaded.targets[target.name], now),
            seen=loaded.looks.get(target.name),
            latency=loaded.latencies.get(target.name),
            gaps=tuple(gaps),
            interval=interval,
        )
        for target in targets
    )
    known = read_undelivered(plain(loaded.mails)) if loaded.mails else Undelivered()
    recipients = {who.lower() for target in targets for who in target.recipients}
    unreached = {who: mark for who, mark in known.unreached.items() if who in recipients}
    return Fleet(now, interval, loaded.last, tuple(views), tuple(gaps), unreached)


def view_target(target: Target, stored: Stored | Unreadable, now: datetime) -> TargetView:
    """Return what is known of one target by its stored item."""
    if isinstance(stored, Unreadable):
        return TargetView(target, now, State(target.name), unreadable=stored.reason)
    return TargetView(target, now, stored.state, len(stored.outbox))


def with_history(services: Services, views: Sequence[TargetView]) -> list[TargetView]:
    """Return the views with all their incidents.

    Raises
    ------
    ClientError, BotoCoreError
        If the history could not be read.
    """

    def read(view: TargetView) -> TargetView:
        return replace(view, incidents=services.history.incidents(view.name, view.at - LOOKED_BACK))

    return at_once(read, views)


def with_newest(services: Services, views: Sequence[TargetView], length: timedelta, most: int) -> list[TargetView]:
    """Return the views with their newest incidents, by at most one call for each.

    Of a target whose last incident was over before that length of time, nothing is read.

    Raises
    ------
    ClientError, BotoCoreError
        If the history could not be read.
    """

    def read(view: TargetView) -> TargetView:
        last = view.state.incident or view.state.previous
        if last is None or (last.ended and last.ended < view.at - length):
            return replace(view, incidents=())
        newest, complete = services.history.newest_incidents(view.name, most)
        return replace(view, incidents=newest, complete=complete)

    return at_once(read, views)


def with_trends(services: Services, views: Sequence[TargetView]) -> list[TargetView]:
    """Return the views with how long their probes took in the last days; of a large fleet that is not read.

    Raises
    ------
    ClientError, BotoCoreError
        If it could not be read.
    """
    if len(services.settings.targets) > _MOST_TRENDS:
        return list(views)
    trends = services.history.trends([view.name for view in views], services.clock())
    return [replace(view, trend=trends.get(view.name)) for view in views]


def last_mails(services: Services) -> tuple[Mail, ...] | None:
    """Return the last mails of all targets, newest first, by one call; None where nobody knows what became of them.

    Raises
    ------
    ClientError, BotoCoreError
        If they could not be read.
    """
    return services.mails().newest(_MOST_MAILS) if services.settings.configuration_set else None


def with_mails(views: Sequence[TargetView], mails: Sequence[Mail] | None) -> list[TargetView]:
    """Return the views with their last alerts, as far as these are in the last mails of all."""
    if mails is None:
        return list(views)
    mailed: dict[str, list[tuple[MailedAlert, Mail]]] = {view.name: [] for view in views}
    for mail in mails:
        for alert in reversed(mail.alerts):
            if alert.target in mailed and alert.kind is not AlertKind.NOT_DELIVERED:
                mailed[alert.target].append((alert, mail))
    return [replace(view, mailed=tuple(mailed[view.name][:_MOST_MAILED])) for view in views]
