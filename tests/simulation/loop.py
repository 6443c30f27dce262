"""Run the monitor's ticks over a world, and show each to the oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulation.dice import Dice
from simulation.gauges import SLOW, Readings, measured
from simulation.subject import Heartline, Outcome, Subject
from simulation.world import CUT, KILLED, LATE_TWIN, MISSED, TWIN, Action, Care, World

if TYPE_CHECKING:
    from simulation.mail import Mail
    from simulation.oracle import Oracle
    from simulation.truth import Fault

_CHUNK = 512  # ticks that glide at once
_RELOAD_EVERY = 97  # ticks between two trips through the form that is stored
_OVERHEAD = 0.05  # seconds before the first probe, and after the last


@dataclass(slots=True)
class Probe:
    """One probe, in real time: it saw what was so at an instant between its begin and its end."""

    begins: float
    ends: float
    fault: Fault | None
    readings: Readings = field(default_factory=dict)


@dataclass(slots=True)
class Tick:
    """One tick that was carried out, in real time; `counts` is False where another one's decision was taken."""

    begins: float
    now: float
    probes: list[Probe]
    mails: tuple[Mail, ...]
    counts: bool = True


@dataclass(slots=True)
class _Look:
    """A tick of which nothing is saved yet."""

    before: Any
    ahead: float
    tick: Tick
    outcome: Outcome


Making = Callable[[Care, float], Subject]


@dataclass(slots=True)
class Run:
    """One life of a target under a subject."""

    world: World
    oracle: Oracle
    making: Making = Heartline
    ticks: int = 0
    subject: Subject = field(init=False)

    def __post_init__(self) -> None:
        self.care = self.world.care
        self.subject = self.making(self.care, self.world.plan.interval)
        self.chance = Dice(self.world.seed)
        self.present = True
        self.actions = sorted(self.world.actions, key=lambda action: action.at)

    care: Care = field(init=False)
    chance: Dice = field(init=False)
    present: bool = field(init=False)
    actions: list[Action] = field(init=False)

    def go(self) -> None:
        world, plan, number = self.world, self.world.plan, 0
        ends = world.ends
        while (at := plan.at(number)) < ends:
            while self.actions and self.actions[0].at <= at:
                self.act(self.actions.pop(0))
            gone = self.glide(number, ends)
            if gone:
                number += gone
                continue
            self.chance.seek(number)
            self.step(at, plan.odd.get(number))
            number += 1
            if number % _RELOAD_EVERY == 0:
                self.subject.reload()
        self.oracle.end(ends)

    def glide(self, number: int, ends: float) -> int:
        """Let ticks go by that find it good, while nothing happens and nobody waits for a mail; return how many."""
        world, plan, oracle = self.world, self.world.plan, self.oracle
        if not (self.present and oracle.calm):
            return 0
        at = plan.at(number)
        until = min(world.truth.healthy_until(at), ends, self.actions[0].at if self.actions else ends)
        until = min(until, world.events_after(at), world.same_until(at))
        if world.steps or world.skew or world.slow or len(world.servers(at)) > 1:
            return 0
        most = min(_CHUNK, plan.next_odd(number) - number, int((until - at) / plan.interval) - 1)
        if most < 2:
            return 0
        times = [plan.at(number + one) for one in range(most)]
        server = world.servers(at)[0]
        readings = measured(world.gauges, at, at + self.takes(at), server, self.chance)
        gone = self.subject.glide(times, server, readings)
        if gone:
            oracle.glided(times[0], times[gone - 1], gone)
            self.ticks += gone
        return gone

    def step(self, at: float, odd: str | None) -> None:
        """Carry out one tick, as odd as it is."""
        if odd == MISSED:
            return
        self.ticks += 1
        if not self.present:
            self.oracle.absent(at)
            if self.oracle.worries:  # a mute held it back
                self.oracle.removed(at, self.subject.remove(at + self.world.ahead(at)))
            self.subject.beat(at + self.world.ahead(at), None)
            return
        looks = [self.look(at, self.subject.load())]
        if odd == KILLED:
            return
        if odd == TWIN:
            looks.append(self.look(at + self.chance.uniform(0, 2), looks[0].before))
            looks.sort(key=lambda look: look.tick.now)
        saved = False
        for look in looks:
            stale = saved
            if saved and look.outcome.changed:
                look.tick.mails, look.tick.counts = (), False
            else:
                saved = saved or look.outcome.changed
                self.keep(look, cut=odd == CUT)
            if look.tick.counts:
                self.oracle.see(look.tick, stale=stale, cut=odd == CUT, blips=self.subject.blips())
        if odd == LATE_TWIN:
            self.step(looks[-1].tick.now + self.chance.uniform(0.5, 20), None)

    def keep(self, look: _Look, *, cut: bool) -> None:
        if look.outcome.changed:
            self.subject.save(look.outcome)
        if not cut:
            self.subject.beat(look.tick.begins + look.ahead, look.outcome)

    def look(self, at: float, before: Any) -> _Look:  # noqa: ANN401
        """Probe until it is clear or there is no time left, and decide."""
        world, subject, care = self.world, self.subject, self.care
        ahead = world.ahead(at) + (self.chance.uniform(-world.skew, world.skew) if world.skew else 0.0)
        now, probes, seen = at + _OVERHEAD, list[Probe](), list[Any]()
        while True:
            probe = self.probe(now, len(probes))
            probes.append(probe)
            servers = world.servers(probe.begins)
            server = servers[0] if len(servers) == 1 else self.chance.choice(servers)
            if probe.fault is None:
                probe.readings = measured(world.gauges, probe.begins, probe.ends, server, self.chance)
            seen.append(subject.observe(probe.begins + ahead, probe.ends + ahead, probe.fault, server, probe.readings))
            now = probe.ends
            more = subject.wants_another(before, seen)
            if not more or now - at + care.confirm_after + care.timeout > _DEADLINE:
                break
            now += care.confirm_after
        now += _OVERHEAD
        outcome = subject.decide(before, seen, at + ahead, now + ahead)
        return _Look(before, ahead, Tick(at, now, probes, outcome.mails), outcome)

    def probe(self, begins: float, number: int) -> Probe:
        """See the state at an instant within the probe; a slow one ends later than that."""
        chance, truth, slow = self.chance, self.world.truth, self.world.slow
        longest = slow or 0.08
        sampled = begins + chance.uniform(0, longest)
        fault = truth.fault(sampled, number, chance)
        if fault is None and SLOW in self.world.gauges:
            return Probe(begins, max(sampled, begins + self.takes(begins)), None)
        if fault is None:
            return Probe(begins, sampled + chance.uniform(0, begins + longest - sampled), None)
        least, most = fault.seconds
        return Probe(begins, max(sampled, begins + min(chance.uniform(least, most), self.care.timeout)), fault)

    def takes(self, instant: float) -> float:
        """Return for how many seconds a good probe goes on that begins then."""
        curve = self.world.gauges.get(SLOW)
        return min((curve.at(instant, self.chance) or 0.0) / 1000 if curve else 0.05, self.care.timeout)

    def act(self, action: Action) -> None:
        """Do what the operator does."""
        subject, oracle, ahead = self.subject, self.oracle, self.world.ahead(action.at)
        oracle.act(action)
        match action.name:
            case "mute":
                subject.mute(action.argument + ahead)
            case "unmute":
                subject.mute(0)
            case "acknowledge":
                subject.acknowledge()
            case "care":
                self.care = action.argument
                subject.adopt(action.argument)
            case "remove" if self.present:
                oracle.removed(action.at, subject.remove(action.at + ahead))
                self.present = False
            case "restore":
                self.present = True
            case "rename" if self.present:
                oracle.removed(action.at, subject.remove(action.at + ahead))
                oracle.anew()
                self.subject = self.making(self.care, self.world.plan.interval)
                self.subject.address(sorted(oracle.account.readers))
            case "readers":
                subject.address(action.argument)


_DEADLINE = 55.0
