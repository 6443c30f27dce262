"""Read what reports say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from heartline.common.deadline import Deadline
from heartline.common.parallel import at_once
from heartline.messages.digest import Digest, MonitorPeriod, compose_digest
from heartline.messages.digest_mails import Sent
from heartline.model.incident import Incident, Span
from heartline.model.latencies import Trend
from heartline.model.state import Unreadable
from heartline.model.target import Target
from heartline.notify.delivery import SEND_SECONDS
from heartline.rules.editions import Edition
from heartline.rules.gaps import silence, unprobed_since
from heartline.rules.periods import Known, count_ticks, sum_up, watched_span
from heartline.services import Services
from heartline.storage.states import Loaded

_MOST_INCIDENTS, _MOST_MAILS = 1000, 200
# The latencies of more targets than that take seconds to read.
_MOST_TRENDS = 1000
# A gap that began long ago may reach into the time.
_LOOKED_BACK = timedelta(days=400)


@dataclass(slots=True)
class DigestReader:
    """Read what is stored, for one report after the other: what one has read serves the next.

    Parameters
    ----------
    services
        The services.
    deadline
        When it must be over; then a TimeoutError ends it.
    """

    services: Services
    deadline: Deadline
    _known: dict[str, Known] = field(default_factory=dict)
    _incidents: dict[str, tuple[tuple[Incident, ...], bool]] = field(default_factory=dict)
    _last: datetime | None = None
    _sent: Sent | None = None
    _gaps: tuple[Span, ...] | None = None
    _trends: dict[str, Trend] | None = None

    def digest(self, edition: Edition) -> Digest | None:
        """Return a report; None where none of its targets was watched before it was due.

        Raises
        ------
        ClientError, BotoCoreError, TimeoutError
            If something could not be read, or not in time: a report says all or is not sent.
        """
        known = self._watched(edition)
        if not known:
            return None
        services, settings = self.services, self.services.settings
        now, within, gaps = services.clock(), edition.within, [*self._read_gaps()]
        if gap := silence(self._last, now, settings.interval):
            gaps.append(gap)
        periods = [sum_up(one, gaps, within, settings.interval, now) for one in known]
        ticks = count_ticks(gaps, watched_span(known, within), settings.interval)
        monitor = MonitorPeriod(ticks, self._read_mails(), services.alert_context())
        return compose_digest(edition, periods, monitor, now)

    def _watched(self, edition: Edition) -> list[Known]:
        """Return what is stored of the targets that were watched when the report was due."""
        unread = [target.name for target in edition.targets if target.name not in self._known]
        if unread:
            loaded = self.services.store.load(unread)
            self._last = loaded.last
            self._known |= {one.name: self._one(one, loaded) for one in edition.targets if one.name in loaded.targets}
        found = [self._known[target.name] for target in edition.targets]
        watched = [one for one in found if not one.state or (one.state.first_seen or edition.due) < edition.due]
        return at_once(lambda one: self._with_incidents(one, edition.within), watched)

    def _one(self, target: Target, loaded: Loaded) -> Known:
        stored, trend = loaded.targets[target.name], self._read_trends().get(target.name)
        if isinstance(stored, Unreadable):
            return Known(target, None)
        now, interval = self.services.clock(), self.services.settings.interval
        since = unprobed_since(loaded.looks.get(target.name), loaded.last, now, interval)
        return Known(target, stored.state, since, len(stored.outbox), trend=trend)

    def _with_incidents(self, known: Known, within: Span) -> Known:
        """Return it with its newest incidents; where the last one was over before that time, nothing is read."""
        last = known.state.incident or known.state.previous if known.state else None
        if last is None or (last.ended and last.ended < within.began):
            return known
        if not self.deadline.allows(SEND_SECONDS):
            raise TimeoutError
        name = known.target.name
        if name not in self._incidents:
            self._incidents[name] = self.services.history.newest_incidents(name, _MOST_INCIDENTS)
        incidents, complete = self._incidents[name]
        return replace(known, incidents=incidents, complete=complete)

    def _read_gaps(self) -> tuple[Span, ...]:
        if self._gaps is None:
            self._gaps = self.services.history.gaps(self.services.clock() - _LOOKED_BACK)
        return self._gaps

    def _read_trends(self) -> dict[str, Trend]:
        """Return how long the probes of all targets took; of a large fleet that is not read."""
        names = [target.name for target in self.services.settings.targets]
        if self._trends is None and len(names) <= _MOST_TRENDS:
            self._trends = self.services.history.trends(names, self.services.clock())
        return self._trends or {}

    def _read_mails(self) -> Sent | None:
        if self._sent is None and self.services.settings.configuration_set:
            mails = self.services.mails()
            self._sent = Sent(mails.newest(_MOST_MAILS), mails.undelivered().unreached)
        return self._sent
