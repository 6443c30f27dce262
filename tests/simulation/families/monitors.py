"""What happens to the monitor, and what it is asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from simulation.families.databases import (
    crash_loops,
    forever_after_flapping,
    health,
    kinds_in_turn,
    outages,
    partial_failures,
    rhythms,
    severity,
    tick_patterns,
)
from simulation.families.making import BEGINS, family, laid, length, outages_of, server, settings
from simulation.families.servers import server_events
from simulation.truth import Event
from simulation.world import CUT, DAY, HOUR, KILLED, LATE_TWIN, MINUTE, MISSED, TWIN, Action, Care, Window, World


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
    open_at = []
    for _ in range(chance.randint(1, 2)):
        first, last = chance.sample(times, 2)
        open_at.append(Window(tuple(sorted(chance.sample(range(7), chance.choice([2, 5, 7])))), first, last, zone))
    care, plan = settings(chance)
    care = Care(
        care.confirmations,
        care.confirm_after,
        care.recover_after,
        care.remind_every,
        care.settle_after,
        5,
        tuple(open_at),
    )
    plan.begins += begins - BEGINS
    made = laid(care, plan, outages_of(chance, (MINUTE, 3 * HOUR), (MINUTE, 6 * HOUR)), 2.5, f"windows {open_at}")
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
