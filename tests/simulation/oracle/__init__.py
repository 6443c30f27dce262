"""Hold the mails of a simulated life to the eight rules of DESIGN.md, "Rules of alerting"."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulation.mail import DOWN, GONE, Mail
from simulation.oracle import bounded, conditions, lasting, truthful  # noqa: F401 - they add their checks
from simulation.oracle.account import GOOD, Account, People
from simulation.oracle.checks import CHECKS, OF_MAILS, Breach
from simulation.quiet import DOUBT
from simulation.world import Action, World

if TYPE_CHECKING:
    from simulation.loop import Tick

ALL = OF_MAILS + CHECKS
RULES = tuple(dict.fromkeys(name for name, _, _ in ALL))
_SHOWN = 14  # entries of the timeline before a violation
_MOST = 40  # violations of one life that are kept


@dataclass(frozen=True, slots=True)
class Violation:
    """A sentence of a rule that did not hold, where, and what led to it."""

    rule: str
    check: str
    family: str
    seed: int
    at: float
    text: str
    lately: tuple[str, ...]
    about: str = ""

    def __str__(self) -> str:
        head = f"{self.check}\n  {self.family}, seed {self.seed}, {_written(self.at)}: {self.text}"
        return "\n".join([head, f"  world: {self.about}", *(f"    {line}" for line in self.lately)])


@dataclass(slots=True)
class Oracle:
    """Check each tick of one life."""

    world: World
    checking: bool = True
    violations: list[Violation] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    mails: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    hour: int = 0
    day: int = 0
    unknown: float = 0.0  # the longest time down in a row, in ticks that ran, without that people knew it
    unmentioned: float = 0.0  # the most time down since the last mail, without that people know it is down
    account: Account = field(init=False)
    _log: deque[list[object]] = field(default_factory=lambda: deque(maxlen=60))
    _known: set[object] = field(default_factory=set)
    _mentioned: float = 0.0
    heard: list[Mail] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.account = Account(self.world)

    @property
    def calm(self) -> bool:
        """Return True if it is known to be up, so that further good ticks can break no rule."""
        account = self.account
        stretch = account.stretch
        return (
            stretch is not None
            and stretch.found == GOOD
            and stretch.ticks > 2
            and not account.people.worried
            and account.conditions.settled
            and account.unheard is None
            and not account.quiet.possibly(account.now)
            and not account.hushed
        )

    @property
    def worries(self) -> bool:
        """Return True if people know of something that is wrong."""
        return self.account.people.worried or self.account.conditions.worries

    def see(self, tick: Tick, *, stale: bool, cut: bool, blips: int | None) -> None:
        """Check what one tick made people know."""
        account = self.account
        account.blips_shown = blips
        account.take(tick, stale=stale, cut=cut)
        self._note(tick)
        self._measure(tick)
        if self.checking:
            self._check(account)

    def _check(self, account: Account) -> None:
        for name, title, check in ALL if account.tick.mails else CHECKS:
            answer = check(account)
            if answer is None:
                continue
            self.checks[title] += 1
            if isinstance(answer, Breach):
                self._report(name, title, answer)

    def _report(self, name: str, title: str, breach: Breach) -> None:
        key = (title, breach.key)
        if key in self._known:
            return
        self._known.add(key)
        self.broken[title] += 1
        if self.broken[title] > 3 or len(self.violations) >= _MOST:
            return
        world, lately = self.world, tuple(_line(entry) for entry in list(self._log)[-_SHOWN:])
        self.violations.append(
            Violation(name, title, world.family, world.seed, self.account.now, breach.text, lately, world.about)
        )

    def _measure(self, tick: Tick) -> None:
        account = self.account
        if tick.mails:
            self.heard += tick.mails
            self.mails.update(mail.kind for mail in tick.mails)
            self.hour, self.day = max(self.hour, account.hour()), max(self.day, len(account.sent))
            self._mentioned = 0.0
        stretch = account.stretch
        if stretch is None or stretch.found == GOOD or account.hushed or account.people.word == DOWN:
            return
        if stretch.found == "bad":
            self.unknown = max(self.unknown, account.now - max(stretch.since, stretch.open))
        self._mentioned += account.interval
        self.unmentioned = max(self.unmentioned, self._mentioned)

    def glided(self, first: float, last: float, number: int) -> None:
        """Take in ticks that found it good and said nothing."""
        account = self.account
        account.ran.append((first, last, number))
        account.good_probes.append((last, last + 0.1))
        account.last, account.now, account.ticks_seen = last, last, account.ticks_seen + number
        account.tick_before = last + 0.2
        account.probes = number + (0 if account.told_before else account.probes)
        if account.told_before:
            account.failed = account.least_failed = account.outages = 0
        account.told_before = False
        if account.stretch:
            account.stretch.ticks += number
            account.stretch.probes += number
        self._note_found("good", first, last, number)

    def absent(self, at: float) -> None:
        """Take in a tick that was about others."""
        self.account.ran.append((at, at, 0))

    def act(self, action: Action) -> None:
        """Take in what an operator did."""
        account = self.account
        self._log.append(["act", action.at, f"{action.name} {_shown(action.argument)}"])
        match action.name:
            case "mute":
                account.quiet.muted = (action.at, action.argument)
            case "unmute":
                account.quiet.muted = (account.quiet.muted[0], min(account.quiet.muted[1], action.at))
                account.hush_ended = action.at
            case "acknowledge":
                wrong = account.stretch is not None and account.stretch.found != GOOD
                account.acknowledged |= wrong or account.people.worried
            case "care":
                account.care = action.argument
            case "readers":
                account.readers = frozenset(action.argument)

    def removed(self, at: float, mails: tuple[Mail, ...]) -> None:
        """Check that who knows that something is wrong hears that nobody watches it any more, and not in a mute."""
        account = self.account
        account.now = max(account.now, at)
        title = "the end: what is removed is told to be no longer watched"
        self.checks[title] += 1
        if self.worries and not account.quiet.possibly(at) and not any(mail.word == GONE for mail in mails):
            self._report("the end", title, Breach(at, f"removed; people know: {account.people.word}"))
        if mails and account.quiet.muted[0] + DOUBT <= at < account.quiet.muted[1] - DOUBT:
            title = "first sight and quiet: quiet times hold back"
            self._report("first sight and quiet", title, Breach(at, f"{mails[0].kind} in a mute"))
        for mail in mails:
            account.hear(mail, at)
        left = {reader for one in account.conditions.known.values() for reader in one.readers}
        account.conditions.known.clear()
        if mails and left:
            title = "the end: who heard the beginning hears the end"
            self._report("the end", title, Breach(at, f"it is no longer watched, and {', '.join(left)} do not hear it"))
        account.stretch = account.unheard = None
        account.failures.clear()
        account.failed = account.outages = account.reported_blips = 0

    def anew(self) -> None:
        """Begin with a target that was never seen."""
        account = self.account
        account.people = People()
        account.conditions.known.clear()
        account.conditions.mails.clear()
        account.ticks_seen, account.reported_blips, account.tick_before, account.down = 0, 0, None, False
        account.ids.clear()
        account.incidents.clear()
        account.sent.clear()
        account.gone.clear()

    def end(self, at: float) -> None:
        self.account.now = at

    def _note(self, tick: Tick) -> None:
        found = self.account.stretch.found if self.account.stretch else "?"
        kinds = "".join("U" if not probe.fault else "m" if not probe.fault.outage else "D" for probe in tick.probes)
        self._note_found(f"{found} {kinds}", tick.begins, tick.begins, 1)
        for mail in tick.mails:
            self._log.append(["mail", tick.now, f"{_written_mail(mail)} (people know: {self.account.people.word})"])

    def _note_found(self, found: str, first: float, last: float, number: int) -> None:
        if self._log and self._log[-1][0] == "found" and self._log[-1][3] == found:
            self._log[-1][2] = last
            self._log[-1][4] = int(str(self._log[-1][4])) + number
        else:
            self._log.append(["found", first, last, found, number])


def _line(entry: list[object]) -> str:
    at = _written(float(str(entry[1])))
    if entry[0] == "found":
        many = f" until {_written(float(str(entry[2])))[11:]}, {entry[4]} ticks" if entry[4] != 1 else ""
        return f"{at} {entry[3]}{many}"
    return f"{at} {'->' if entry[0] == 'mail' else '**'} {entry[2]}"


def _written_mail(mail: Mail) -> str:
    told = f" {'ENDED ' * mail.told.over}at {mail.told.value:g}, {mail.told.threshold:g}" if mail.told else ""
    return f"{mail.kind.upper()}{told}"


def _written(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _shown(argument: object) -> str:
    return _written(argument) if isinstance(argument, float) else "" if argument is None else str(argument)
