"""Families of worlds: each makes one of its kind from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import TypeAlias

from simulation import truth
from simulation.truth import Condition, Event, Fault, Flaky, OnlyGood, Server, Timeline
from simulation.world import CUT, DAY, HOUR, KILLED, LATE_TWIN, MINUTE, MISSED, TWIN, Action, Care, Plan, Window, World

BEGINS = datetime(2026, 5, 4, tzinfo=UTC).timestamp()
Spans: TypeAlias = Iterator[tuple[float, Condition]]
Maker: TypeAlias = Callable[[Random], World]
FAMILIES: dict[str, Maker] = {}
_UP: Condition = None


def family(make: Maker) -> Maker:
    FAMILIES[make.__name__.replace("_", " ")] = make
    return make


def world(name: str, seed: int) -> World:
    """Return the world of that family and seed."""
    made = FAMILIES[name](Random(f"{name} {seed}"))  # noqa: S311 - a simulation
    made.seed, made.family = seed, name
    made.about = _described(made)
    return made


def _described(made: World) -> str:
    care = made.care
    return (
        f"{made.about}; a tick each {made.plan.interval / 60:g} min; confirmations {care.confirmations}, recover_after "
        f"{care.recover_after}, settle_after {care.settle_after:g} s, remind_every {care.remind_every:g} s, "
        f"{made.days:g} days"
    )


def settings(chance: Random, *, usual: float = 0.5) -> tuple[Care, Plan]:
    """Draw what the user asked for, often the defaults."""
    if chance.random() < usual:
        return Care(), _plan(chance, 60)
    care = Care(
        confirmations=chance.choice([0, 1, 2, 2, 3]),
        confirm_after=chance.choice([0.0, 1.0, 3.0]),
        recover_after=chance.choice([1, 2, 2, 3]),
        remind_every=chance.choice([10 * MINUTE, HOUR, HOUR, 6 * HOUR]),
        settle_after=chance.choice([60.0, 300.0, 300.0, 900.0, HOUR, 6 * HOUR]),
    )
    return care, _plan(chance, chance.choice([60, 60, 120, 300, 900]))


def _plan(chance: Random, interval: float) -> Plan:
    jitter = tuple(round(chance.uniform(0, 0.8), 3) for _ in range(101))
    return Plan(BEGINS + round(chance.uniform(0, 60), 3), interval, jitter=jitter)


def server(begins: float = BEGINS, **given: object) -> Server:
    started = begins - 40 * DAY
    kept = {"started": started, "began": (started + 1,) * 4}
    return Server(**kept | given)  # type: ignore[arg-type]


def _make(
    chance: Random, spans: Spans | list[tuple[float, Condition]], days: float, about: str, **given: object
) -> World:
    care, plan = settings(chance)
    days *= min(5.0, plan.interval / 60)
    return laid(care, plan, spans, days, about, **given)


def laid(
    care: Care, plan: Plan, spans: Spans | list[tuple[float, Condition]], days: float, about: str, **given: object
) -> World:
    """Return a world in which those spans follow each other from the first tick on."""
    ends = plan.begins + days * DAY
    timeline, at = Timeline(), plan.begins
    for seconds, condition in spans:
        if at > ends:
            break
        timeline.then(at, condition)
        at += seconds
    if not timeline.starts or at < ends:
        timeline.then(at, None)
    events = [Event(0, "first", (server(),))]
    return World("", 0, BEGINS, days, care, plan, timeline, events, about=about).but(**given)


def length(chance: Random, least: float, most: float) -> float:
    """Draw a length of time, each order of magnitude as likely as another."""
    return float(round(least * (most / least) ** chance.random(), 3))


def some_fault(chance: Random) -> Fault:
    return chance.choice(truth.OUTAGES + truth.MISCONFIGURED[:1])


def outages_of(chance: Random, up: tuple[float, float], down: tuple[float, float]) -> Spans:
    yield length(chance, *up), _UP
    while True:
        yield length(chance, *down), some_fault(chance)
        yield length(chance, *up), _UP


@family
def health(chance: Random) -> World:
    return _make(chance, outages_of(chance, (6 * HOUR, 9 * DAY), (0.5, 2 * HOUR)), 20, "rare outages")


@family
def outages(chance: Random) -> World:
    return _make(chance, outages_of(chance, (1, 12 * HOUR), (0.5, DAY)), 3, "outages from 0.5 s to a day")


@family
def rhythms(chance: Random) -> World:
    up, down, fault = length(chance, 5, 2 * HOUR), length(chance, 5, 2 * HOUR), some_fault(chance)
    return _make(chance, repeated([(up, _UP), (down, fault)]), 2, f"up {up} s, down {down} s ({fault.kind})")


def repeated(spans: list[tuple[float, Condition]]) -> Spans:
    while True:
        yield from spans


@family
def crash_loops(chance: Random) -> World:
    up, down = chance.choice(
        [(20.0, 90.0), (60.0, 300.0), (10.0, 30.0), (length(chance, 1, 120), length(chance, 30, 900))]
    )
    ends = chance.choice([0.3, 2]) * DAY
    spans = [(up, _UP), (down, truth.REFUSED)] * int(ends / (up + down))
    spans += chance.choice([[(9 * DAY, _UP)], [(9 * DAY, truth.REFUSED)], []])
    return _make(
        chance, spans, 2.5, f"a crash loop: up {up} s, down {down} s, for {ends / DAY} days, then {spans[-1][1]}"
    )


@family
def mostly_down(chance: Random) -> World:
    period, up = chance.choice([300.0, 600.0, 180.0, 60.0, 3600.0]), chance.choice([3.0, 10.0, 30.0, 58.0])
    shift = chance.uniform(0, period)
    spans = repeated([(up, _UP), (period + chance.choice([0, 0, 0.7]), truth.SILENT)])
    return _make(chance, _after(shift, spans), 3, f"up {up} s of each {period} s")


def _after(seconds: float, spans: Spans) -> Spans:
    yield seconds, _UP
    yield from spans


TICKS = {"U": _UP, "D": truth.REFUSED, "F": truth.FULL, "m": truth.PASSWORD, "n": truth.DATABASE, "p": Flaky(0.4)}


def by_ticks(pattern: str, plan: Plan) -> Spans:
    """Lay a pattern out so that each of its letters is so at one tick, with all of its probes."""
    yield plan.interval / 2 + plan.begins - BEGINS, TICKS[pattern[-1]]
    while True:
        for letter in pattern:
            yield plan.interval, TICKS[letter]


@family
def tick_patterns(chance: Random) -> World:
    care, plan = settings(chance)
    pattern = chance.choice(["DUDDDDDDU", "DU", "DDUU", "DDDDU", "DUUUU", "DDDDDDUU", ""])
    pattern = pattern or "".join(chance.choice("UUDDDDFm") for _ in range(chance.randint(2, 14)))
    days = 2 * min(5, plan.interval / 60)
    return laid(care, plan, by_ticks(pattern, plan), days, f"ticks {pattern}")


@family
def partial_failures(chance: Random) -> World:
    share = chance.choice([0.02, 0.1, 1 / 3, 0.5, 0.8, 0.97])
    spans = [(length(chance, 60, 6 * HOUR), _UP), (DAY, Flaky(share)), (6 * HOUR, _UP), (DAY, Flaky(share)), (DAY, _UP)]
    return _make(chance, spans, 3.5, f"each probe fails with probability {share:.2f} for days")


@family
def one_good_probe(chance: Random) -> World:
    number = chance.choice([1, 2, 2])
    spans = [(length(chance, 60, HOUR), _UP), (2 * DAY, OnlyGood(number)), (DAY, _UP)]
    return _make(chance, spans, 3, f"of each tick only probe {number + 1} is good")


@family
def kinds_in_turn(chance: Random) -> World:
    kinds = [chance.choice(truth.OUTAGES + truth.MISCONFIGURED) for _ in range(chance.randint(2, 4))]
    each = chance.choice([60.0, 120.0, 75.0, 600.0, length(chance, 20, HOUR)])
    ends = chance.choice([HOUR, DAY, 2 * DAY])
    rounds = [(each, kind) for kind in kinds] * int(ends / each / len(kinds) + 1)
    spans = [(HOUR, _UP), *rounds, (HOUR, _UP), (2 * HOUR, kinds[-1]), (DAY, _UP)]
    return _make(chance, spans, 2.5, f"{', '.join(kind.kind for kind in kinds)} in turn, {each} s each, for {ends} s")


@family
def severity(chance: Random) -> World:
    turns, at = chance.randint(1, 6), BEGINS + HOUR
    spans: list[tuple[float, Condition]] = [(HOUR, _UP)]
    actions = []
    for turn in range(turns):
        for kind in (chance.choice(truth.MISCONFIGURED), chance.choice(truth.OUTAGES)):
            seconds = length(chance, 5 * MINUTE, 3 * HOUR)
            spans.append((seconds, kind))
            if chance.random() < (0.7 if turn == 0 else 0.2):
                actions.append(Action(at + seconds * chance.uniform(0.3, 0.9), "acknowledge"))
            at += seconds
    spans += [(length(chance, MINUTE, DAY), truth.REFUSED), (DAY, _UP)]
    return _make(chance, spans, 2, f"misconfigured and outage {turns} times in turn, acknowledged", actions=actions)


@family
def server_events(chance: Random) -> World:
    care, plan = settings(chance)
    every = chance.choice([60.0, 60.0, 300.0, 1800.0, 6 * HOUR, DAY])
    words = chance.choice(
        [["restarted"], ["crashed"], ["failed-over"], ["restarted", "upgraded", "replaced", "crashed"]]
    )
    events, at, now = [Event(0, "first", (server(),))], plan.begins + HOUR / 2, server()
    burst = chance.choice([2 * HOUR, DAY])
    while at < BEGINS + burst:
        word = chance.choice(words)
        now = after_event(word, now, at, len(events))
        events.append(Event(at, word, (now,)))
        at += every * chance.choice([1, 1, chance.uniform(0.5, 1.5)])
    spans = [(burst + HOUR, _UP), (HOUR, truth.REFUSED), (DAY, _UP)]
    return laid(care, plan, spans, 1.5, f"{'/'.join(words)} each {every} s for {burst} s", events=events)


def after_event(word: str, now: Server, at: float, number: int) -> Server:
    parts = {
        name: getattr(now, name) for name in ("started", "began", "system", "timeline", "version", "standby", "address")
    }
    began = (at + 0.5,) * 4  # PostgreSQL dates all statistics alike when it discards them after a crash
    match word:
        case "restarted":
            parts |= {"started": at}
        case "crashed":
            parts |= {"began": began}
        case "failed-over":
            parts |= {"address": f"10.0.1.{number}", "timeline": now.timeline + 1, "started": at - DAY - number * 77}
        case "replaced":
            parts |= {"system": f"8{number}", "started": at - 60, "began": began, "address": f"10.0.2.{number}"}
        case "upgraded":
            parts |= {"version": f"16.{number + 5}", "started": at}
    return Server(**parts)


@family
def several_servers(chance: Random) -> World:
    care, plan = settings(chance)
    both = tuple(server(address=f"10.0.0.{one}", started=BEGINS - one * DAY) for one in range(1, chance.choice([3, 4])))
    events = [Event(0, "first", both[:1]), Event(BEGINS + 3 * HOUR, "several", both)]
    return laid(
        care, plan, outages_of(chance, (HOUR, DAY), (30, HOUR)), 2, f"{len(both)} servers in turn", events=events
    )


@family
def certificates(chance: Random) -> World:
    ends = BEGINS + chance.uniform(-1, 40) * DAY
    old, new = server(expires=ends), server(expires=ends + 90 * DAY)
    renewed = ends + chance.uniform(-3, 2) * DAY
    events = [Event(0, "first", (old,)), Event(renewed, "renewed", (new,))]
    late = max(0.0, renewed - ends)
    spans = [(max(1.0, ends - BEGINS), _UP), (late, truth.CERTIFICATE), (DAY, _UP)]
    return _make(chance, spans, 9, "a certificate ends", events=events)


@family
def missed_ticks(chance: Random) -> World:
    """Down for good after flapping, and ticks are missed all the while."""
    made = chance.choice([crash_loops, outages, rhythms, tick_patterns, forever_after_flapping])(chance)
    plan, number = made.plan, int(made.days * DAY / made.plan.interval)
    how = chance.choice(["each fifth", "each third", "5 %", "30 %", "long gaps"])
    if how in ("each fifth", "each third"):
        every = 5 if how == "each fifth" else 3
        plan.odd = dict.fromkeys(range(1, number, every), MISSED)
    elif how == "long gaps":
        for _ in range(8):
            first = chance.randrange(1, number)
            plan.odd |= dict.fromkeys(range(first, first + int(length(chance, 2, number / 10 + 3))), MISSED)
    else:
        plan.odd = {one: MISSED for one in range(1, number) if chance.random() < (0.05 if how == "5 %" else 0.3)}
    made.about += f", {how} of ticks missed"
    return made


def forever_after_flapping(chance: Random) -> World:
    up, down = length(chance, 70, 200), length(chance, 70, 200)
    spans = [(HOUR, _UP), *[(down, truth.REFUSED), (up, _UP)] * chance.randint(2, 6), (9 * DAY, truth.REFUSED)]
    return _make(chance, spans, 2, f"some outages of {down} s, {up} s apart, then down for good")


@family
def doubled_ticks(chance: Random) -> World:
    made = chance.choice([crash_loops, outages, rhythms, partial_failures, kinds_in_turn])(chance)
    number = int(made.days * DAY / made.plan.interval)
    share = chance.choice([0.05, 0.3, 1])
    odd = [TWIN, TWIN, LATE_TWIN, KILLED, CUT, MISSED]
    made.plan.odd = {one: chance.choice(odd) for one in range(number) if chance.random() < share}
    made.about += f", {share:.0%} of ticks doubled, killed or missed"
    return made


@family
def clocks(chance: Random) -> World:
    made = chance.choice([crash_loops, outages, forever_after_flapping, kinds_in_turn])(chance)
    if chance.random() < 0.5:
        made.skew = chance.choice([0.2, 1.0])
        made.about += f", each tick's clock off by up to {made.skew} s"
    else:
        ahead = [chance.choice([-1, 1]) * length(chance, 1, HOUR) for _ in range(4)]
        at = sorted(chance.uniform(0.1, 0.9) * made.days * DAY + BEGINS for _ in ahead)
        made.steps = list(zip(at, ahead, strict=True))
        made.about += f", clocks are set to {ahead}"
    return made


@family
def quiet_times(chance: Random) -> World:
    made = chance.choice([crash_loops, outages, rhythms, forever_after_flapping, kinds_in_turn])(chance)
    for _ in range(chance.randint(1, 10)):
        at = BEGINS + chance.uniform(0, made.days) * DAY
        made.actions.append(Action(at, "mute", at + length(chance, MINUTE, 12 * HOUR)))
        if chance.random() < 0.3:
            made.actions.append(Action(at + length(chance, MINUTE, 6 * HOUR), "unmute"))
        if chance.random() < 0.3:
            made.actions.append(Action(BEGINS + chance.uniform(0, made.days) * DAY, "acknowledge"))
    made.about += ", mutes and acknowledgements"
    return made


SHIFTS = {"Europe/Berlin": ((2026, 3, 28), (2026, 10, 24)), "America/New_York": ((2026, 3, 7), (2026, 10, 31))}


@family
def windows(chance: Random) -> World:
    """Maintenance about the hours that come twice or never."""
    zone = chance.choice([*SHIFTS, "Asia/Seoul"])
    begins = datetime(*chance.choice(SHIFTS.get(zone, SHIFTS["Europe/Berlin"])), tzinfo=UTC).timestamp()
    times = [(0, 30), (1, 0), (1, 30), (2, 0), (2, 15), (2, 45), (3, 0), (3, 30), (4, 0), (12, 0), (22, 0)]
    made_of = []
    for _ in range(chance.randint(1, 2)):
        first, last = chance.sample(times, 2)
        made_of.append(Window(tuple(sorted(chance.sample(range(7), chance.choice([2, 5, 7])))), first, last, zone))
    care, plan = settings(chance)
    care = Care(
        care.confirmations,
        care.confirm_after,
        care.recover_after,
        care.remind_every,
        care.settle_after,
        5,
        tuple(made_of),
    )
    plan.begins += begins - BEGINS
    made = laid(care, plan, outages_of(chance, (MINUTE, 3 * HOUR), (MINUTE, 6 * HOUR)), 2.5, f"windows {made_of}")
    made.begins = begins
    made.events = [Event(0, "first", (server(begins),))]
    return made


@family
def changes_of_policy(chance: Random) -> World:
    made = chance.choice([crash_loops, outages, rhythms, forever_after_flapping])(chance)
    for _ in range(chance.randint(1, 4)):
        made.actions.append(Action(BEGINS + chance.uniform(0, made.days) * DAY, "care", settings(chance, usual=0.2)[0]))
    made.about += ", other settings now and then"
    return made


@family
def documents(chance: Random) -> World:
    """The target is removed, given back, renamed, or others are to be told."""
    made = chance.choice([crash_loops, outages, rhythms, forever_after_flapping])(chance)
    for _ in range(chance.randint(1, 5)):
        at = BEGINS + chance.uniform(0, made.days) * DAY
        match chance.choice(["remove", "rename", "readers", "readers"]):
            case "remove":
                made.actions += [Action(at, "remove"), Action(at + length(chance, MINUTE, 6 * HOUR), "restore")]
            case "rename":
                made.actions.append(Action(at, "rename"))
            case _:
                team = tuple(f"{one}@example.com" for one in chance.sample(["ops", "dba", "lead"], 2))
                made.actions.append(Action(at, "readers", team))
    made.about += ", the document changes"
    return made


@family
def slow_probes(chance: Random) -> World:
    made = chance.choice([outages, rhythms, health])(chance)
    made.slow, made.days = chance.choice([1.0, 4.9]), min(made.days, 3)
    made.about += f", good probes take up to {made.slow} s"
    return made


@family
def everything(chance: Random) -> World:
    made = chance.choice([quiet_times, documents, changes_of_policy, severity])(chance)
    other = chance.choice([doubled_ticks, missed_ticks, slow_probes, server_events, partial_failures])(chance)
    made.slow, made.plan.odd = other.slow, other.plan.odd
    made.events = other.events
    if chance.random() < 0.3:
        made.truth = other.truth
    made.about += f"; and {other.about}"
    return made
