"""A monitor that is honest and simple, for lives without haste; and lies, each of which one check must find.

It shows that the oracle can fail. It looks at no budget and knows no flapping, so it suits worlds of rare outages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from simulation.gauges import FILLING, Readings
from simulation.mail import DOWN, GONE, NOTICE, UP, Claim, Mail, Told
from simulation.subject import Outcome

if TYPE_CHECKING:
    from simulation.truth import Fault, Server
    from simulation.world import Care


@dataclass(frozen=True, slots=True)
class Seen:
    begins: float
    ends: float
    fault: Fault | None
    server: Server
    readings: Readings


@dataclass(frozen=True, slots=True)
class Known:
    """What the toy keeps: how it is, since when, and what it has said."""

    up: bool | None = None
    told: str = NOTICE
    kind: str = ""
    outage: bool = True
    told_at: float = 0.0
    reminders: int = 0
    last_good: float | None = None
    last_bad: float | None = None
    went_down: Claim | None = None
    incident: tuple[str, float] | None = None
    acknowledged: bool = False
    blips: int = 0
    mails: int = 0
    muted_until: float = 0.0
    started: float | None = None
    full: bool = False
    full_told: bool = False
    full_since: float = 0.0


Lie = Callable[[list[Mail], "Toy", "Moment"], list[Mail]]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a lie is told: the tick's probes, and what was known before and after."""

    seen: Sequence[Seen]
    before: Known
    after: Known
    now: float


@dataclass(slots=True)
class Toy:
    care: Care
    interval: float
    lie: Lie = lambda mails, _toy, _moment: mails
    known: Known = field(default_factory=Known)
    memory: dict[str, Any] = field(default_factory=dict)  # of lies
    show_blips: bool = True
    says_gone: bool = True

    def adopt(self, care: Care) -> None:
        self.care = care

    def observe(self, begins: float, ends: float, fault: Fault | None, server: Server, readings: Readings) -> Seen:
        return Seen(begins, ends, fault, server, readings)

    def load(self) -> Known:
        return self.known

    def wants_another(self, before: Known, seen: Sequence[Seen]) -> bool:
        if before.up is False:
            good = all(not one.fault for one in seen)
            changed = seen[0].fault and seen[0].fault.kind != before.kind
            return (good and len(seen) < self.care.recover_after) or (bool(changed) and len(seen) < 2)
        return all(one.fault for one in seen) and len(seen) <= self.care.confirmations

    def decide(self, before: Known, seen: Sequence[Seen], began: float, now: float) -> Outcome:  # noqa: ARG002
        after = _followed(before, seen, self.care)
        mails: list[Mail] = []
        quiet = now < before.muted_until
        if not quiet:
            after, mails = self._told(after, seen, now, before.last_good)
        mails = self.lie(mails, self, Moment(seen, before, after, now))
        return Outcome(after, tuple(mails), after.up, True)

    def _told(
        self, known: Known, seen: Sequence[Seen], now: float, last_good: float | None
    ) -> tuple[Known, list[Mail]]:
        mails, fault = list[Mail](), seen[-1].fault
        if known.up is False and fault and all(one.fault for one in seen):
            due = now - known.told_at >= min(self.care.remind_every * 2**known.reminders, 86400)
            if known.told != DOWN or (known.kind, known.outage) != (fault.kind, fault.outage):
                mails.append(self._mail(known, "down", DOWN, now, fault))
                known = replace(known, told=DOWN, kind=fault.kind, outage=fault.outage, told_at=now, reminders=0)
            elif due and not known.acknowledged:
                mails.append(self._mail(known, "reminder", DOWN, now, fault))
                known = replace(known, told_at=now, reminders=known.reminders + 1)
        elif known.up and known.told == DOWN and not fault:
            mails.append(self._mail(known, "recovered", UP, now, None))
            known = replace(known, told=UP, told_at=now, acknowledged=False)
        started = seen[-1].server.started if not fault else None
        if started and known.started and started > known.started:
            claim = Claim("restarted", last_good, seen[-1].ends)
            mails.append(Mail(now, "restarted", NOTICE, f"n{now}", claims=(claim,)))
        if known.up and not fault and known.full != known.full_told:
            told = Told(FILLING, 85, seen[-1].readings[FILLING], known.full_since, over=not known.full)
            mails.append(Mail(now, FILLING, NOTICE, f"f{now}", told=told))
            known = replace(known, full_told=known.full)
        return replace(known, mails=known.mails + len(mails), started=started or known.started), mails

    def _mail(self, known: Known, kind: str, word: str, now: float, fault: Fault | None) -> Mail:
        claims = [known.went_down] if known.went_down else []
        if word == UP and known.last_bad and known.last_good:
            claims.append(Claim(UP, known.last_bad, known.last_good))
        return Mail(
            now,
            kind,
            word,
            f"{kind}{now}",
            flapping=False,
            outage=fault.outage if fault else None,
            fault=fault.kind if fault else None,
            claims=tuple(claims),
            last_good=known.went_down.after if known.went_down else None,
            incident=known.incident,
        )

    def save(self, outcome: Outcome) -> None:
        self.known = outcome.decision

    def beat(self, began: float, outcome: Outcome | None) -> None: ...

    def glide(self, times: Sequence[float], server: Server, readings: Readings) -> int:  # noqa: ARG002
        return 0

    def reload(self) -> None: ...

    def mute(self, until: float) -> None:
        self.known = replace(self.known, muted_until=until)

    def acknowledge(self) -> None:
        self.known = replace(self.known, acknowledged=self.known.up is False)

    def address(self, readers: Sequence[str]) -> None:
        """Everybody reads all of it."""

    def remove(self, now: float) -> tuple[Mail, ...]:
        return (
            (Mail(now, "unwatched", GONE, "gone"),)
            if self.says_gone and (self.known.told == DOWN or self.known.full_told)
            else ()
        )

    def blips(self) -> int | None:
        return self.known.blips if self.show_blips else 0


def _followed(before: Known, seen: Sequence[Seen], care: Care) -> Known:
    """Take in what a tick saw: bounds are from the begin of the probe before to the end of the probe after."""
    known = before
    bad = [one for one in seen if one.fault]
    if not bad and (known.up is not False or len(seen) >= care.recover_after):
        first = seen[0] if known.up is False else seen[-1]
        known = replace(known, up=True, last_good=first.ends if known.up is False else first.begins)
    elif len(bad) == len(seen) and known.up is not False and len(seen) > care.confirmations:
        claim = Claim(DOWN, known.last_good, seen[0].ends)
        known = replace(known, up=False, went_down=claim, incident=(f"i{seen[0].ends}", seen[0].ends))
    elif known.up and not seen[-1].fault:
        known = replace(known, blips=known.blips + 1, last_good=seen[-1].begins)
    used = None if seen[-1].fault else seen[-1].readings.get(FILLING)
    if known.up and used is not None and (used >= 85 or used < 75) and known.full != (used >= 85):
        known = replace(known, full=not known.full, full_since=seen[-1].ends if used >= 85 else known.full_since)
    if known.up is False and bad:
        known = replace(known, last_bad=bad[-1].begins)
    return known
