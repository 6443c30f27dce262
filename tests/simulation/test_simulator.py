"""The oracle finds nothing in an honest monitor, and each of its checks can fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest

from simulation import truth
from simulation.families import world
from simulation.families.making import BEGINS, laid, server
from simulation.families.servers import after_event
from simulation.gauges import FILLING, Curve
from simulation.loop import Run
from simulation.mail import DOWN, FLAPPING, NOTICE, UP, Mail, Told
from simulation.oracle import ALL, Oracle
from simulation.subject import Heartline
from simulation.toy import Lie, Moment, Toy
from simulation.truth import Condition, Event, Flaky, OnlyGood
from simulation.world import DAY, HOUR, MINUTE, Action, Care, Plan, World

SPANS = [
    (HOUR, None),
    (3 * HOUR, truth.REFUSED),
    (6 * HOUR, None),
    (HOUR, truth.PASSWORD),
    (9 * HOUR, truth.FULL),
    (DAY, None),
]


def life(spans: Sequence[tuple[float, Condition]] = tuple(SPANS), days: float = 1.2, **given: object) -> World:
    return laid(Care(), Plan(BEGINS + 20, MINUTE), [*spans], days, "", **given)


def broken(one: World, lie: Lie | None = None, **given: bool) -> set[str]:
    """Return the titles of the checks that the lie breaks."""

    def making(care: Care, interval: float) -> Toy:
        return Toy(care, interval, **({"lie": lie} if lie else {}), **given)  # type: ignore[arg-type]

    oracle = Oracle(one)
    Run(one, oracle, making).go()
    return set(oracle.broken)


def but(change: Callable[[Mail], Mail | None], kind: str | None = None) -> Lie:
    """Change each mail of a kind, or keep it back."""

    def lie(mails: list[Mail], _toy: Toy, _moment: Moment) -> list[Mail]:
        changed = [change(mail) if kind in (None, mail.kind) else mail for mail in mails]
        return [mail for mail in changed if mail]

    return lie


def no(kind: str) -> Lie:
    return but(lambda _: None, kind)


def saying(kind: str, word: str, when: Callable[[Toy, Moment], bool], **given: object) -> Lie:
    """Say one thing more whenever that is so."""

    def lie(mails: list[Mail], toy: Toy, moment: Moment) -> list[Mail]:
        said = Mail(moment.now, kind, word, f"lie{moment.now}", **given)  # type: ignore[arg-type]
        return [*mails, said] if when(toy, moment) else mails

    return lie


def nth(number: int) -> Callable[[Toy, Moment], bool]:
    """Be so in the tick of that number alone."""

    def when(toy: Toy, _moment: Moment) -> bool:
        toy.memory["n"] = toy.memory.get("n", 0) + 1
        return bool(toy.memory["n"] == number)

    return when


def each(number: int, most: int = 10**9) -> Callable[[Toy, Moment], bool]:
    """Be so in each so-manieth tick, so many times at most."""

    def when(toy: Toy, _moment: Moment) -> bool:
        toy.memory["n"] = toy.memory.get("n", 0) + 1
        return bool(toy.memory["n"] % number == 0 and toy.memory["n"] // number <= most)

    return when


def shifted(mail: Mail, by: float) -> Mail:
    claims = tuple(replace(one, after=(one.after or 0) + by, before=one.before + by) for one in mail.claims)
    return replace(mail, claims=claims)


def restarts() -> World:
    now = server()
    later = after_event("restarted", now, BEGINS + 9 * HOUR, 1)
    return life().but(events=[Event(0, "first", (now,)), Event(BEGINS + 9 * HOUR, "restarted", (later,))])


def readers() -> World:
    return life(actions=[Action(BEGINS + 2 * HOUR, "readers", ("dba@example.com",))])


def full() -> World:
    """Full for two hours, twice; then down, and up again."""
    made = life([(12 * HOUR, None), (HOUR, truth.REFUSED), (DAY, None)], 0.6)
    pieces = [(2 * HOUR, 90.0, 90.0), (2 * HOUR, 50.0, 50.0), (HOUR, 80.0, 80.0)]
    made.gauges = {FILLING: Curve.of([(HOUR, 50.0, 50.0), *pieces * 2], BEGINS, made.ends)}
    return made


def filling(mail: Mail, **given: object) -> Mail:
    return replace(mail, told=replace(mail.told, **given)) if mail.told else mail  # type: ignore[arg-type]


def filled(value: float, *, over: bool = False, since: float = 0) -> Told:
    return Told(FILLING, 85, value, since, over=over)


def told(over: bool) -> Callable[[Mail], bool]:
    return lambda mail: mail.told is not None and mail.told.over is over


def without(which: Callable[[Mail], bool]) -> Lie:
    return but(lambda mail: None if which(mail) else mail)


MUTED = life(actions=[Action(BEGINS + HOUR / 2, "mute", BEGINS + 2 * HOUR)])
LATE = life([(5 * HOUR, truth.REFUSED), (2 * DAY, None)], 3)
UP_SAID = saying("up", UP, nth(90), flapping=False)

LIES: dict[str, tuple[Callable[[], World] | World, Lie, dict[str, bool]]] = {
    "truth: what is said last is what the last probe saw": (life(), saying("down", DOWN, nth(30)), {}),
    "truth: what came up answered as often as asked for": (life(), UP_SAID, {}),
    "truth: bounds contain the instant": (life(), but(lambda mail: shifted(mail, -61)), {}),
    "truth: the last good probe was one": (
        life(),
        but(lambda mail: replace(mail, last_good=(mail.last_good or 0) - 30), "down"),
        {},
    ),
    "truth: it was no less and no more than an outage for as long as is said": (
        life(),
        but(lambda mail: replace(mail, severity_since=mail.incident[1]) if mail.incident else mail),
        {},
    ),
    "truth: the failure named was seen lately": (life(), but(lambda mail: replace(mail, fault="closed"), "down"), {}),
    "truth: heartline ran when it says that it did not": (
        life(),
        but(lambda mail: replace(mail, unobserved=((mail.at - 300, mail.at - 10),))),
        {},
    ),
    "truth: an incident has an id of its own": (
        life(),
        but(lambda mail: replace(mail, incident=("one", mail.incident[1])) if mail.incident else mail),
        {},
    ),
    "truth: an alert has an id and a time of its own": (life(), but(lambda mail: replace(mail, id="one")), {}),
    # An hour and a quarter after the start: in the one outage, 15 minutes long by then.
    "truth: flapping is said only of what flaps": (life(), saying("flapping", FLAPPING, nth(75), flapping=True), {}),
    "truth: only what was told as wrong is told as over": (life(), saying("up", UP, nth(20), flapping=False), {}),
    "truth: shares and counts are those of the probes": (
        life(),
        but(lambda mail: replace(mail, share=0.2), "reminder"),
        {},
    ),
    "truth: failed probes since the last mail are counted": (
        life(),
        but(lambda mail: replace(mail, failed=999), "reminder"),
        {},
    ),
    "truth: the share of failed probes is theirs": (
        life([(HOUR, None), (DAY, OnlyGood(2))], 0.3),
        saying("flapping", FLAPPING, each(40), flapping=True, failed_share=0.01),
        {},
    ),
    "truth: outages since the last mail are counted": (
        life(),
        but(lambda mail: replace(mail, outages=3), "reminder"),
        {},
    ),
    "prompt: what happened to a server between good probes is told": (restarts, no("restarted"), {}),
    "prompt: what happened to a server is told within a day": (lambda: restarts().but(days=2.5), no("restarted"), {}),
    "prompt: a confirmed down is told in its tick": (life(), no("down"), {}),
    "prompt: a confirmed recovery is told in its tick": (life(), no("recovered"), {}),
    "silence: what stays down is known to be down": (life(), no("down"), {}),
    "silence: what lasts unlike those before is told": (life(), no("down"), {}),
    "silence: while something is wrong reminders come": (life(), no("reminder"), {}),
    "silence: no day is silent in which each hour saw failures": (
        life([(HOUR, None), (5 * DAY, Flaky(0.5))], 1.4),
        lambda _mails, _toy, _moment: [],
        {},
    ),
    "noise: six alerts in an hour are the most": (life(), saying("news", NOTICE, each(9, 30)), {}),
    "noise: twenty four alerts in a day are the most": (life(), saying("news", NOTICE, each(30)), {}),
    "noise: flapping is said once": (life(), saying("flapping", FLAPPING, each(40), flapping=True), {}),
    "blips: status counts blips": (life([(HOUR, None), (DAY, Flaky(0.1))], 0.3), no("-"), {"show_blips": False}),
    "blips: frequent failures are told": (life([(HOUR, None), (DAY, OnlyGood(2))], 0.4), no("-"), {}),
    "severity: an outage after a misconfiguration is told at once": (
        life(),
        but(lambda mail: None if mail.fault == "saturated" else mail),
        {},
    ),
    "severity: what stays an outage is known as one": (
        life(),
        but(lambda mail: None if mail.fault == "saturated" else mail),
        {},
    ),
    "the end: what stays up is known to be up": (LATE, no("recovered"), {}),
    "the end: what rests for long is not said to flap": (
        life(),
        saying("flapping", FLAPPING, nth(250), flapping=True),
        {},
    ),
    "the end: who heard the beginning hears the end": (
        life(),
        but(lambda mail: replace(mail, to=frozenset({"dba@example.com"})), "recovered"),
        {},
    ),
    "conditions: a level is told once an episode": (
        full,
        saying(FILLING, NOTICE, nth(100), told=filled(90, since=BEGINS + HOUR)),
        {},
    ),
    "conditions: what begins is beyond its threshold": (full, saying(FILLING, NOTICE, nth(30), told=filled(50)), {}),
    "conditions: what ends is below its threshold": (
        full,
        saying(FILLING, NOTICE, nth(100), told=filled(84, over=True)),
        {},
    ),
    "conditions: what was measured is what is said": (full, but(lambda mail: filling(mail, value=86.0)), {}),
    "conditions: they are told of what is up": (full, saying(FILLING, NOTICE, nth(740), told=filled(90)), {}),
    "conditions: one that begins is told where there is room": (full, without(told(over=False)), {}),
    "conditions: one that ends is told where there is room": (full, without(told(over=True)), {}),
    "conditions: who was told of one hears its end and nobody else": (
        full,
        but(lambda mail: replace(mail, to=frozenset({"dba@example.com"})) if told(over=True)(mail) else mail),
        {},
    ),
    "conditions: two in an hour are the most": (
        full,
        saying(FILLING, NOTICE, each(9, 30), told=filled(90, since=BEGINS + DAY)),
        {},
    ),
    "conditions: an outage after conditions alone is told as ever": (full, no("recovered"), {}),
    "the end: who hears the end heard the beginning": (readers, no("reminder"), {}),
    "the end: what is removed is told to be no longer watched": (
        life(actions=[Action(BEGINS + 2 * HOUR, "remove")]),
        no("-"),
        {"says_gone": False},
    ),
    "first sight and quiet: first sight of health is silent": (life(), saying("up", UP, nth(1)), {}),
    "first sight and quiet: quiet times hold back": (MUTED, saying("news", NOTICE, nth(45)), {}),
    "first sight and quiet: what is wrong at the end of quiet is told then": (MUTED, no("down"), {}),
}
RESTART_MOVED = but(lambda mail: shifted(mail, -MINUTE) if mail.kind == "restarted" else mail)
ALL_TITLES = {title for _, title, _ in ALL} | {"the end: what is removed is told to be no longer watched"}


@pytest.mark.parametrize(
    "one",
    [life(), restarts(), MUTED, LATE, life(actions=[Action(BEGINS + 2 * HOUR, "acknowledge")]), full()],
    ids=["outages", "restart", "mute", "down first", "acknowledged", "conditions"],
)
def test_an_honest_monitor_breaks_no_rule(one: World) -> None:
    assert broken(one) == set()


def test_every_check_has_a_lie_that_it_finds() -> None:
    assert set(LIES) == ALL_TITLES


@pytest.mark.parametrize("title", LIES)
def test_a_lie_is_found(title: str) -> None:
    made, lie, given = LIES[title]
    assert title in broken(made() if callable(made) else made, lie, **given)


def test_a_claim_about_a_server_that_misses_the_event_is_found() -> None:
    assert broken(restarts(), RESTART_MOVED) == {"truth: bounds contain the instant"}


@pytest.mark.parametrize("since", [BEGINS + 5 * HOUR, BEGINS + HOUR / 2])
def test_a_beginning_at_which_nothing_was_beyond_its_threshold_is_found(since: float) -> None:
    lie = but(lambda mail: filling(mail, since=since), FILLING)
    assert broken(full(), lie) == {"conditions: what was measured is what is said"}


def test_an_outage_that_is_told_as_flapping_after_conditions_alone_is_found() -> None:
    lie = but(lambda mail: replace(mail, flapping=True), "down")
    assert "conditions: an outage after conditions alone is told as ever" in broken(full(), lie)


@pytest.mark.parametrize("given", [{"says_gone": False}, {}], ids=["silent", "to others"])
def test_who_knows_of_a_condition_alone_hears_that_nobody_watches_it(given: dict[str, bool]) -> None:
    """One who is not told is found, as is a mail to others."""
    one = full().but(actions=[Action(BEGINS + 2 * HOUR, "remove")])
    assert broken(one) == set()
    lie = but(lambda mail: replace(mail, to=frozenset({"dba@example.com"})), FILLING) if not given else None
    assert any(title.startswith("the end: ") for title in broken(one, lie, **given))


def test_stable_after_one_good_probe_is_found() -> None:
    """It flaps, and is said to be up in the tick after a failed probe."""
    flaps = saying("flapping", FLAPPING, lambda _, moment: moment.after.blips == 3 and bool(moment.seen[0].fault))
    stable = saying(
        "stable", UP, lambda _, moment: moment.after.blips == 3 and not moment.seen[0].fault, flapping=False
    )
    one = life([(HOUR, None), *[(MINUTE, OnlyGood(1)), (MINUTE, None)] * 3, (DAY, None)], 0.1)

    def lie(mails: list[Mail], toy: Toy, moment: Moment) -> list[Mail]:
        return stable(flaps(mails, toy, moment), toy, moment)

    assert "truth: what came up answered as often as asked for" in broken(one, lie)


def test_a_violation_is_told_with_what_led_to_it() -> None:
    oracle = Oracle(life())
    Run(oracle.world, oracle, partial(Toy, lie=no("down"))).go()
    (first, *_) = oracle.violations
    assert "seed 0, 2026-05-04 01:00:" in str(first)
    assert "good U" in str(first)
    assert "bad DDD" in str(first)


class Stepwise(Heartline):
    """Heartline's rules, each tick carried out in full."""

    def glide(self, *_: object) -> int:
        return 0


@pytest.mark.parametrize("name", ["health", "outages", "certificates", "quiet times", "changes of policy", "severity"])
@pytest.mark.parametrize("seed", [1])
def test_ticks_that_glide_by_change_no_mail(name: str, seed: int) -> None:
    lives = []
    for making in (Heartline, Stepwise):
        one = world(name, seed)
        one.days = min(one.days, 3)
        oracle = Oracle(one)
        run = Run(one, oracle, making)
        run.go()
        lives.append((run.ticks, oracle.heard))
    assert lives[0] == lives[1]
