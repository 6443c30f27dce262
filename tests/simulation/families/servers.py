"""What happens to a server that answers."""

from __future__ import annotations

from random import Random

from simulation import truth
from simulation.families.making import BEGINS, UP, family, laid, made_of, outages_of, server, settings
from simulation.truth import Event, Server
from simulation.world import DAY, HOUR, World


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
    spans = [(burst + HOUR, UP), (HOUR, truth.REFUSED), (DAY, UP)]
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
    spans = [(max(1.0, ends - BEGINS), UP), (late, truth.CERTIFICATE), (DAY, UP)]
    return made_of(chance, spans, 9, "a certificate ends", events=events)
