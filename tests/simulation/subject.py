"""Heartline's pure parts as the simulation drives them: the one module here that knows them.

Only signatures are used: what is decided, how it is stored, and what the alerts say. Nothing of how it is derived.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from heartline.config.windows import window
from heartline.model.alert import Alert
from heartline.model.belief import Addressees, Believed
from heartline.model.heartbeat import Heartbeat, freshen
from heartline.model.kinds import AlertKind, Kind, Phase, Status
from heartline.model.observation import Failure, Gauges, Observation
from heartline.model.observation import Server as Fingerprint
from heartline.model.state import State, Stored
from heartline.model.target import Endpoint, Policy
from heartline.rules.decide import decide, wants_another
from heartline.rules.gaps import missed
from heartline.rules.reminders import reminded_of
from heartline.rules.watching import addressed, unwatch
from heartline.storage.schema import FORMAT, plain, read_target, wire
from simulation.gauges import FILLING, LAGGING, SLOW, WRAPAROUND, Readings
from simulation.mail import DOWN, FLAPPING, GONE, NOTICE, UP, Claim, Mail, Told

if TYPE_CHECKING:
    from simulation.truth import Fault, Server
    from simulation.world import Care, Window

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ENDPOINT = Endpoint("db.example.com", 5432, "orders", "heartline")
_NAME = "orders"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tick decided; `verdict` is True for up, False for down, None for neither."""

    decision: Any
    mails: tuple[Mail, ...]
    verdict: bool | None
    changed: bool


class Subject(Protocol):
    """A monitor of one target as the simulation drives it; all times are by its own clock, in seconds since 1970."""

    def adopt(self, care: Care) -> None: ...
    def observe(  # what a failed probe read is nothing
        self, begins: float, ends: float, fault: Fault | None, server: Server, readings: Readings
    ) -> Any: ...  # noqa: ANN401
    def load(self) -> Any: ...  # noqa: ANN401
    def wants_another(self, before: Any, seen: Sequence[Any]) -> bool: ...  # noqa: ANN401
    def decide(self, before: Any, seen: Sequence[Any], began: float, now: float) -> Outcome: ...  # noqa: ANN401
    def save(self, outcome: Outcome) -> None: ...
    def beat(self, began: float, outcome: Outcome | None) -> None: ...
    def glide(self, times: Sequence[float], server: Server, readings: Readings) -> int: ...
    def reload(self) -> None: ...
    def mute(self, until: float) -> None: ...
    def acknowledge(self) -> None: ...
    def address(self, readers: Sequence[str]) -> None: ...
    def remove(self, now: float) -> tuple[Mail, ...]: ...
    def blips(self) -> int | None: ...


class Heartline:
    """Heartline's rules over a state that is kept as the table keeps it: saved when changed, freshened when read."""

    def __init__(self, care: Care, interval: float) -> None:
        self._interval = timedelta(seconds=interval)
        self._stored = Stored(State(_NAME))
        self._heartbeat: Heartbeat | None = None
        self._readers = Addressees(("ops@example.com",))
        self.adopt(care)

    def adopt(self, care: Care) -> None:
        self._policy = _policy(care, self._interval)

    def observe(
        self, begins: float, ends: float, fault: Fault | None, server: Server, readings: Readings
    ) -> Observation:
        phase = Phase(fault.phase) if fault else Phase.QUERY
        phases = {phase: readings.get(SLOW, (ends - begins) * 1000)}
        if fault:
            return Observation(_moment(begins), _ENDPOINT, phases, _failure(fault), None, server.address, _moment(ends))
        said, gauges = _fingerprint(server), _gauges(readings, server)
        return Observation(_moment(begins), _ENDPOINT, phases, None, said, server.address, _moment(ends), gauges)

    def load(self) -> Stored:
        return self._stored if self._heartbeat is None else freshen(self._stored, self._heartbeat)

    def wants_another(self, before: Stored, seen: Sequence[Observation]) -> bool:
        return wants_another(before.state, seen, self._policy)

    def decide(self, before: Stored, seen: Sequence[Observation], began: float, now: float) -> Outcome:
        gap = missed(self._last_look(), _moment(began), self._interval)
        decision = decide(before.state, seen, self._policy, _moment(now), gap)
        if decision.alerts:
            decision = addressed(before.state, decision, self._readers)
        verdict = {Status.UP: True, Status.DOWN: False}.get(decision.seen)
        changed = decision.state is not before.state and decision.state != before.state
        return Outcome(decision, tuple(_read(alert) for alert in decision.alerts), verdict, changed)

    def save(self, outcome: Outcome) -> None:
        self._stored = Stored(outcome.decision.state)

    def beat(self, began: float, outcome: Outcome | None) -> None:
        at, others = _moment(began), ("others",)
        if outcome is None:  # the target is not in the document: the tick was about others
            self._heartbeat = Heartbeat(at, others)
        elif outcome.verdict is not None:
            up, down = ((_NAME,), ()) if outcome.verdict else ((), (_NAME,))
            self._heartbeat = Heartbeat(at, up, down)
        else:
            state = outcome.decision.state
            look = state.last_ok if state.status is Status.UP else state.last_failed
            self._heartbeat = Heartbeat(at, (), (), {_NAME: look} if look else {})

    def glide(self, times: Sequence[float], server: Server, readings: Readings) -> int:
        """Run ticks that find it good, each in one probe, as long as they change and say nothing; return how many."""
        policy, fingerprint, number = self._policy, _fingerprint(server), 0
        phases, gauges = {Phase.QUERY: readings[SLOW]}, _gauges(readings, server)
        if self._heartbeat is None:
            return 0
        stored, heartbeat = self._stored, self._heartbeat
        for began in times:
            at = datetime.fromtimestamp(began, UTC)
            if at - heartbeat.at > self._interval * 1.25:
                break
            state = freshen(stored, heartbeat).state
            seen = (Observation(at + _SOON, _ENDPOINT, phases, None, fingerprint, server.address, gauges=gauges),)
            if wants_another(state, seen, policy):
                break
            decision = decide(state, seen, policy, at + _SOON + _SOON, None)
            if decision.state is not state or decision.alerts or decision.seen is not Status.UP:
                break
            heartbeat = Heartbeat(at, _HEALTHY)
            number += 1
        self._heartbeat = heartbeat
        return number

    def reload(self) -> None:
        """Keep nothing but what DynamoDB has."""
        document = {"format": FORMAT, "state": self._stored.state, "outbox": {}, "version": 1}
        read = read_target(_NAME, plain(wire(document)))
        assert isinstance(read, Stored), read
        assert read.state == self._stored.state
        self._stored = Stored(read.state)

    def mute(self, until: float) -> None:
        reason = "work" if until else None
        self._stored = Stored(
            replace(self.load().state, muted_until=_moment(until) if until else None, mute_reason=reason)
        )

    def acknowledge(self) -> None:
        state = self.load().state
        if state.belief:
            self._stored = Stored(replace(state, belief=replace(state.belief, acknowledged=reminded_of(state))))

    def address(self, readers: Sequence[str]) -> None:
        self._readers = Addressees(tuple(readers))

    def remove(self, now: float) -> tuple[Mail, ...]:
        decision = unwatch(self.load().state, _moment(now))
        self._stored = Stored(decision.state)
        return tuple(_read(alert) for alert in decision.alerts)

    def blips(self) -> int | None:
        return self._stored.state.blips

    def _last_look(self) -> datetime | None:
        if self._heartbeat is None:
            return None
        looks = self._heartbeat.looks()
        return looks.get(_NAME, self._heartbeat.at)


_SOON = timedelta(seconds=0.05)
_HEALTHY = (_NAME,)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(round(at, 3), UTC)


def _policy(care: Care, interval: timedelta) -> Policy:
    return Policy(
        care.confirmations,
        timedelta(seconds=care.confirm_after),
        care.recover_after,
        timedelta(seconds=care.remind_every),
        timedelta(seconds=care.settle_after),
        tuple(window(_written(one)) for one in care.windows),
        interval=interval,
        slow_after=None if care.slow_after is None else timedelta(seconds=care.slow_after),
        lag_after=timedelta(seconds=care.lag_after),
    )


def _written(one: Window) -> str:
    days = ",".join(_DAYS[day] for day in one.days)
    return f"{days} {one.begins[0]:02}:{one.begins[1]:02}-{one.ends[0]:02}:{one.ends[1]:02} {one.zone}"


@lru_cache(maxsize=100)
def _failure(fault: Fault) -> Failure:
    return Failure(Phase(fault.phase), Kind(fault.kind), "cause", "next step", None)


@lru_cache(maxsize=1000)
def _fingerprint(server: Server) -> Fingerprint:
    return Fingerprint(
        version=server.version,
        started=_moment(server.started),
        standby=server.standby,
        read_only=False,
        system=server.system,
        timeline=server.timeline,
        resets=tuple(_moment(one) for one in server.began),
        certificate_expires=_moment(server.expires) if server.expires else None,
    )


def _gauges(readings: Readings, server: Server) -> Gauges:
    used, age = readings.get(FILLING), readings.get(WRAPAROUND)
    return Gauges(
        slots=1000,
        slots_used=None if used is None else round(10 * used),
        xid_age=None if age is None else int(age),
        replay_delay=readings.get(LAGGING) if server.standby else None,
    )


_KNOWN = {
    AlertKind.DOWN: (DOWN, False),
    AlertKind.REMINDER: (DOWN, None),
    AlertKind.RECOVERED: (UP, False),
    AlertKind.FLAPPING: (FLAPPING, True),
    AlertKind.STABLE: (UP, False),
    AlertKind.UNWATCHED: (GONE, False),
}


def _read(alert: Alert) -> Mail:
    """Say what a reader of the alert knows."""
    word, flapping = _KNOWN.get(alert.kind, (NOTICE, None))
    if alert.kind is AlertKind.DOWN and alert.flapping:
        flapping = True  # it says both
    if alert.kind is AlertKind.REMINDER:
        flapping = alert.flapping is not None
    if alert.kind is AlertKind.REMINDER and alert.believed is Believed.FLAPPING:
        word = FLAPPING
    if alert.kind is AlertKind.RECOVERED and alert.failure:
        word = DOWN  # it says that it is down again
    incident = alert.incident
    return Mail(
        at=alert.at.timestamp(),
        kind=str(alert.kind),
        word=word,
        id=alert.id,
        flapping=flapping,
        outage=None if alert.failure is None else not alert.failure.kind.misconfigured,
        fault=alert.failure.kind.value if alert.failure else None,
        claims=tuple(_claims(alert)),
        severity_since=_seconds(incident.severity_since or incident.began)
        if incident and alert.failure and not incident.ended
        else None,
        share=alert.tally.share if alert.tally else None,
        outages=alert.tally.counts.outages if alert.tally else None,
        failed=alert.tally.counts.failed_probes if alert.tally else None,
        failed_share=alert.tally.failed_share if alert.tally else None,
        last_good=_seconds(incident.last_ok) if incident and not alert.change else None,
        incident=(incident.id, incident.began.timestamp()) if incident else None,
        unobserved=tuple((one.began.timestamp(), one.ended.timestamp()) for one in incident.unobserved)
        if incident
        else (),
        to=frozenset(alert.addressees.recipients) if alert.addressees else None,
        told=_told(alert),
    )


def _told(alert: Alert) -> Told | None:
    one = alert.condition
    if one is None or alert.kind is AlertKind.UNWATCHED:
        return None
    return Told(str(one.kind), one.threshold, one.value, one.since.timestamp(), over=one.ended is not None)


def _claims(alert: Alert) -> list[Claim]:
    claims, incident = [], alert.incident
    if alert.change:
        return [Claim(str(alert.change.kind), _seconds(alert.change.after), alert.change.before.timestamp())]
    if incident:
        claims.append(Claim(DOWN, _seconds(incident.last_ok), incident.began.timestamp()))
        if incident.ended:
            claims.append(Claim(UP, _seconds(incident.last_failed), incident.ended.timestamp()))
        claims += [Claim(str(one.kind), _seconds(one.after), one.before.timestamp()) for one in incident.changes]
    return claims


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
