"""The oracle's own account: what each tick found, what people know, and how much they were told lately.

It is kept from the probes' results, the mails and the user's wishes alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulation.mail import DOWN, FLAPPING, GONE, NOTICE, UP, Mail
from simulation.oracle.measured import Conditions
from simulation.quiet import Quiet, of_windows
from simulation.world import DAY, HOUR, Care, World

if TYPE_CHECKING:
    from simulation.loop import Tick

GOOD, BAD, MIXED = "good", "bad", "mixed"


@dataclass(slots=True)
class Stretch:
    """Ticks one after the other, missed ones apart, that found the same: each probe good, or each bad, or some.

    `confirmed` is whether one of them had as many probes as a transition takes; `severe` is since when all failures
    are outages; `open` is since when nothing was quiet in it.
    """

    found: str
    since: float
    confirmed: bool = False
    severe: float | None = None
    open: float = 0.0
    was_quiet: bool = False
    ticks: int = 0
    probes: int = 0


@dataclass(slots=True)
class People:
    """What whoever read all mails knows.

    `since` is when they learned that something is wrong, `mails` how many they had since then.
    """

    word: str = NOTICE  # nothing yet
    flapping: bool = False
    outage: bool = True
    told_at: float = 0.0
    since: float | None = None
    mails: int = 0
    readers: frozenset[str] = frozenset()  # who knows that something is wrong

    @property
    def worried(self) -> bool:
        return self.flapping or self.word in (DOWN, FLAPPING)


@dataclass(slots=True)
class Account:
    """All that the rules are checked against; `tick` is the one that is checked."""

    world: World
    tick: Tick = field(init=False)
    care: Care = field(init=False)
    quiet: Quiet = field(init=False)
    conditions: Conditions = field(init=False)
    people: People = field(default_factory=People)
    before: People = field(default_factory=People)
    stretch: Stretch | None = None
    previous: Stretch | None = None
    interval: float = 0.0
    now: float = 0.0
    last: float | None = None  # when the last tick began that counted
    hushed: bool = False  # it may be quiet now
    hush_ended: float = 0.0
    acknowledged: bool = False
    stale: bool = False
    unheard: float | None = None  # since when people should hear of something that happened to a server
    readers: frozenset[str] = frozenset({"ops@example.com"})
    sent: deque[float] = field(default_factory=deque)  # of the last day
    vacated: float = 0.0  # when one was a day ago
    gone: list[float] = field(default_factory=list)  # when it was told to be watched no longer
    failures: deque[tuple[float, bool]] = field(default_factory=deque)  # ticks of the last day with a failed probe
    onsets: deque[float] = field(default_factory=deque)  # when in the last day failures, or outages, began
    ran: deque[tuple[float, float, int]] = field(default_factory=lambda: deque(maxlen=3000))  # first, last, how many
    good_probes: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=40))
    kinds: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    severities: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=3000))  # of confirmed ticks
    incidents: dict[str, float] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)  # incidents that were told to have ended
    ids: set[str] = field(default_factory=set)
    blips_shown: int | None = None
    rests: list[tuple[float, float]] = field(default_factory=list)  # when a good stretch ended, and its length
    failed: int = 0  # probes since the last mail; at least those that made no outage
    least_failed: int = 0
    probes: int = 0
    outages: int = 0  # confirmed, and begun since the last mail
    down: bool = False
    down_since: float = 0.0  # by the ticks that ran, the same as of `lengths`
    lengths: list[tuple[float, float]] = field(default_factory=list)  # when an outage was over, and its length
    looked: float | None = None  # when the tick before this one ended
    tick_before: float | None = None
    told_before: bool = False
    reported_blips: int = 0
    ticks_seen: int = 0

    def __post_init__(self) -> None:
        self.care, self.interval = self.world.care, self.world.plan.interval
        self.conditions = Conditions(self.world)
        self.quiet = of_windows(self.care.windows, self.world.begins, self.world.ends)

    def take(self, tick: Tick, *, stale: bool, cut: bool = False) -> None:
        """Take in a tick, and what people were told by it."""
        self.tick, self.now, self.stale = tick, tick.now, stale
        self.ticks_seen += 1
        was_hushed, self.hushed = self.hushed, self.quiet.possibly(tick.now)
        if self.hushed or (was_hushed and not self.hushed):
            self.hush_ended = tick.begins
        if self.tick_before is not None:
            self.looked = self.tick_before
            if self.told_before:
                self.failed = self.least_failed = self.outages = self.probes = 0
        self._find(tick)
        if not cut:  # it has left no trace but what it saved
            self.ran.append((tick.begins, tick.begins, 1))
        sure = not stale and bool(self.stretch) and self.stretch.found == GOOD
        self.conditions.take(tick, self.care, self.interval, sure=sure, down=self.down)
        self._age(tick.now)
        self.before = _copy(self.people)
        for mail in tick.mails:
            self.hear(mail, tick.now)
        self.last, self.tick_before, self.told_before = tick.begins, tick.now, bool(tick.mails)

    def _find(self, tick: Tick) -> None:
        failed = [probe for probe in tick.probes if probe.fault]
        found = GOOD if not failed else BAD if len(failed) == len(tick.probes) else MIXED
        stretch = self.stretch
        if stretch is None or stretch.found != found:
            self.previous = stretch
            if stretch and stretch.found == GOOD:
                self.rests.append((tick.begins, tick.begins - stretch.since))
            stretch = self.stretch = Stretch(found, tick.begins, open=tick.begins)
        stretch.ticks, stretch.probes = stretch.ticks + 1, stretch.probes + len(tick.probes)
        if self.hushed:
            stretch.open, stretch.was_quiet = tick.begins, True
        needed = self.care.recover_after if found == GOOD else self.care.confirmations + 1
        confirmed = stretch.confirmed or (not self.stale and len(tick.probes) >= needed)
        stretch.confirmed = confirmed
        enough = not self.stale and len(tick.probes) >= needed
        if found == BAD and enough and not self.down:
            self.down, self.outages, self.down_since = True, self.outages + 1, stretch.since
        elif found == GOOD and enough:
            if self.down:
                self.lengths.append((tick.begins, tick.begins - self.down_since))
            self.down = False
        self.failed, self.probes = self.failed + len(failed), self.probes + len(tick.probes)
        self.least_failed += len(failed) if found == MIXED and not self.down else 0
        if failed:
            self.failures.append((tick.begins, found == MIXED))
            began = stretch.ticks == 1 and (self.previous is None or self.previous.found == GOOD)
            self.kinds.extend(probe.fault.kind for probe in failed if probe.fault)
            kinds = {probe.fault.outage for probe in failed if probe.fault}
            as_before = bool(self.severities) and self.severities[-1][1] in kinds
            sure = as_before or len(failed) > (self.care.confirmations > 0)
            if found == BAD and len(kinds) == 1 and sure and not self.stale:
                self.severities.append((tick.begins, *kinds))
            if found == BAD and all(probe.fault and probe.fault.outage for probe in failed):
                began |= stretch.severe is None  # what was misconfigured is an outage
                stretch.severe = tick.begins if stretch.severe is None else stretch.severe
            else:
                stretch.severe = None
            self.onsets.extend([tick.begins] * began)
        self.good_probes.extend((probe.begins, probe.ends) for probe in tick.probes if not probe.fault)

    def _age(self, now: float) -> None:
        while self.sent and self.sent[0] <= now - DAY:
            self.sent.popleft()
            self.vacated = now
        while self.onsets and self.onsets[0] <= now - DAY:
            self.onsets.popleft()
        while self.failures and self.failures[0][0] <= now - 1.2 * DAY:
            self.failures.popleft()
        known = min(now, self.people.since or now) - DAY
        while self.rests and self.rests[0][0] < known:
            self.rests.pop(0)
        while self.lengths and self.lengths[0][0] < known:
            self.lengths.pop(0)

    def hear(self, mail: Mail, now: float) -> None:
        """Let people read a mail."""
        people = self.people
        self.sent.append(now)
        if mail.word == GONE:
            self.gone.append(now)
        people.told_at, people.mails = now, people.mails + 1
        readers = self.readers if mail.to is None else mail.to
        was_worried = people.worried
        self.conditions.hear(mail, now, readers, flapping=people.flapping)
        if mail.flapping is not None:
            people.flapping = mail.flapping and mail.word != GONE
        if mail.word != NOTICE:
            people.word = mail.word
        if mail.word == DOWN and mail.outage is not None:
            people.outage = mail.outage
        if people.worried and not was_worried:
            people.since, people.mails = now, 1
        if mail.word in (DOWN, FLAPPING):
            people.readers |= readers
        if mail.word in (UP, GONE):
            people.readers -= readers
            self.acknowledged = False
        if not people.worried:
            people.since = None

    def hour(self) -> int:
        """Count the mails of the last hour."""
        return sum(at > self.now - HOUR for at in self.sent)

    def asked_for(self, within: float) -> int:
        """Count the mails that an operator's hand made lately: that it is removed, and the first sight of it again."""
        return 2 * sum(at > self.now - within for at in self.gone)

    def ticks_since(self, since: float) -> int:
        """Count the ticks that ran since then."""
        return sum(
            number if first > since else round(number * (last - since) / (last - first))
            for first, last, number in self.ran
            if last > since
        )

    def spent(self) -> bool:
        """Return True if the budget may forbid one more mail."""
        recent = sum(at > self.now - HOUR - self.interval for at in self.sent)
        # What is misconfigured may become an outage (rule 6), and what flaps may stay down, too (rule 3).
        kept = 2 if self.people.flapping else int(not self.people.outage)
        return recent + kept >= 6 or len(self.sent) + kept >= 24  # DESIGN.md, rule 4

    def shifted(self, over: float = 2 * DAY) -> float:
        """Add up by how much clocks were moved lately."""
        world = self.world
        return world.stepped(self.now - over, self.now) + 2 * world.skew if world.steps or world.skew else 0.0


def _copy(people: People) -> People:
    return People(
        people.word, people.flapping, people.outage, people.told_at, people.since, people.mails, people.readers
    )
