"""Single worlds that broke a rule once, each by name: default settings and a tick a minute where not said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from simulation import truth
from simulation.families.making import BEGINS, by_ticks, laid, repeated, server
from simulation.families.servers import after_event
from simulation.truth import Condition, Event, Flaky, OnlyGood
from simulation.world import DAY, HOUR, MINUTE, MISSED, Action, Care, Plan, Window, World

DEFAULTS = Care()
CASES: dict[str, Callable[[], World]] = {}


def case(make: Callable[[], World]) -> Callable[[], World]:
    def named() -> World:
        made = make()
        made.family, made.about = make.__name__.replace("_", " "), made.about or (make.__doc__ or "")
        return made

    CASES[make.__name__.replace("_", " ")] = named
    return make


def _plan(minutes: float = 1) -> Plan:
    return Plan(BEGINS + 20, minutes * MINUTE)


def _rhythm(up: float, down: float, days: float, fault: Condition = truth.REFUSED) -> World:
    return laid(Care(), _plan(), repeated([(up, None), (down, fault)]), days, f"up {up} s, down {down} s")


def _ticks(pattern: str, days: float = 2, care: Care = DEFAULTS, minutes: float = 1) -> World:
    plan = _plan(minutes)
    return laid(care, plan, by_ticks(pattern, plan), days, f"ticks {pattern}")


@case
def down_for_good_after_flapping_with_each_fifth_tick_missed() -> World:
    spans = [(5 * MINUTE, None), *[(2 * MINUTE, truth.REFUSED), (2 * MINUTE, None)] * 2, (8 * DAY, truth.REFUSED)]
    made = laid(Care(), _plan(), spans, 7, "")
    made.plan.odd = dict.fromkeys(range(4, 12_000, 5), MISSED)
    return made


@case
def up_three_and_a_half_seconds_of_each_five_minutes() -> World:
    return _rhythm(3.5, 296.5, 10)


@case
def up_twenty_seconds_down_ninety() -> World:
    return _rhythm(20, 90, 2)


@case
def down_five_minutes_up_one() -> World:
    return _rhythm(60, 300, 2)


@case
def ticks_that_read_dudddddd_u() -> World:
    return _ticks("DUDDDDDDU")


@case
def two_kinds_in_turn() -> World:
    return _ticks("DF")


@case
def misconfigured_and_outage_in_turn() -> World:
    return _ticks("Dm")


@case
def a_third_of_all_probes_fail() -> World:
    return laid(Care(), _plan(), [(HOUR, None), (3 * DAY, Flaky(1 / 3))], 3, "")


@case
def a_tick_in_five_minutes_and_up_and_down_in_turn() -> World:
    return _ticks("DU", 4, minutes=5)


@case
def a_settling_time_below_the_interval() -> World:
    return _ticks("DU", 2, care=Care(settle_after=30))


@case
def reminders_after_ten_minutes() -> World:
    return laid(Care(remind_every=600), _plan(), [(HOUR, None), (3 * DAY, truth.REFUSED), (HOUR, None)], 3.2, "")


def _events(word: str, every: float = 60) -> World:
    events, now, at = [Event(0, "first", (server(),))], server(), BEGINS + HOUR
    while at < BEGINS + DAY:
        now = after_event(word, now, at, len(events))
        events.append(Event(at, word, (now,)))
        at += every
    return laid(Care(), _plan(), [(2 * DAY, None)], 1.5, f"{word} each {every} s").but(events=events)


@case
def a_restart_each_minute() -> World:
    return _events("restarted")


@case
def a_crash_each_minute() -> World:
    return _events("crashed")


@case
def a_failover_each_five_minutes() -> World:
    return _events("failed-over", 300)


def _severity(*, acknowledged: bool) -> World:
    kinds = [truth.PASSWORD, truth.DATABASE, truth.PASSWORD, truth.DATABASE]
    spans = [(HOUR, None), *[(10 * MINUTE, kind) for kind in kinds], (3 * DAY, truth.REFUSED)]
    made = laid(Care(), _plan(), spans, 2, "three changes of kind, then a real outage")
    if acknowledged:
        made.actions = [Action(BEGINS + HOUR + 5 * MINUTE, "acknowledge")]
    return made


@case
def acknowledged_three_changes_of_kind_then_an_outage() -> World:
    return _severity(acknowledged=True)


@case
def three_changes_of_kind_then_an_outage() -> World:
    return _severity(acknowledged=False)


@case
def the_third_probe_of_each_tick_is_good() -> World:
    return laid(Care(), _plan(), [(HOUR, None), (7 * DAY, OnlyGood(2))], 7, "")


@case
def slow_good_probes() -> World:
    return _rhythm(3 * HOUR + 1.1, 20 * MINUTE, 4).but(slow=4.9)


@case
def an_outage_right_after_a_blip() -> World:
    spans: list[tuple[float, Condition]] = [(HOUR, None)]
    for _ in range(20):
        spans += [(60, OnlyGood(2)), (10 * MINUTE, truth.REFUSED), (2 * HOUR, None)]
    return laid(Care(), _plan(), spans, 2, "")


@case
def an_outage_soon_after_a_restart() -> World:
    events = [Event(0, "first", (server(),)), Event(BEGINS + HOUR, "restarted", (server(started=BEGINS + HOUR),))]
    spans = [(HOUR + 3 * MINUTE, None), (20 * MINUTE, truth.REFUSED), (DAY, None)]
    return laid(Care(), _plan(), spans, 1, "").but(events=events)


@case
def a_window_that_ends_in_the_hour_that_comes_twice() -> World:
    begins = datetime(2026, 10, 24, tzinfo=UTC).timestamp()
    care = Care(windows=(Window((5, 6), (1, 0), (2, 30), "Europe/Berlin"),))
    plan = Plan(begins + 20, MINUTE)
    made = laid(care, plan, [(23.5 * HOUR, None), (5 * HOUR, truth.REFUSED)], 1.5, "")
    made.begins, made.events = begins, [Event(0, "first", (server(begins),))]
    return made


def _document(*actions: Action) -> World:
    spans = [(HOUR, None), (6 * HOUR, truth.REFUSED), (DAY, None)]
    return laid(Care(), _plan(), spans, 1, "down from hour 1 to 7").but(actions=list(actions))


@case
def removed_while_down() -> World:
    return _document(Action(BEGINS + 3 * HOUR, "remove"))


@case
def removed_while_down_in_a_mute() -> World:
    return _document(Action(BEGINS + 3 * HOUR, "mute", BEGINS + 5 * HOUR), Action(BEGINS + 4 * HOUR, "remove"))


@case
def removed_while_down_in_a_mute_and_given_back_in_it() -> World:
    muted, gone = Action(BEGINS + 3 * HOUR, "mute", BEGINS + 8 * HOUR), Action(BEGINS + 4 * HOUR, "remove")
    return _document(muted, gone, Action(BEGINS + 6 * HOUR, "restore"))


@case
def removed_while_down_and_given_back() -> World:
    return _document(Action(BEGINS + 3 * HOUR, "remove"), Action(BEGINS + 5 * HOUR, "restore"))


@case
def removed_while_up_and_given_back_while_down() -> World:
    return _document(Action(BEGINS + HOUR / 2, "remove"), Action(BEGINS + 2 * HOUR, "restore"))


@case
def renamed_while_down() -> World:
    return _document(Action(BEGINS + 3 * HOUR, "rename"))


@case
def other_readers_while_down() -> World:
    return _document(Action(BEGINS + 3 * HOUR, "readers", ("dba@example.com", "lead@example.com")))


@case
def one_more_reader_while_down() -> World:
    return _document(Action(BEGINS + 3 * HOUR, "readers", ("dba@example.com", "ops@example.com")))


@case
def clocks_set_back_between_two_outages() -> World:
    """Both would begin at the same second."""
    spans = [(HOUR, None), (10 * MINUTE, truth.REFUSED), (50 * MINUTE, None), (20 * MINUTE, truth.REFUSED), (DAY, None)]
    return laid(Care(), _plan(), spans, 1, "").but(steps=[(BEGINS + 90 * MINUTE, -HOUR)])


@case
def an_outage_at_the_edge_of_a_mute() -> World:
    """It begins in the mute, and is over in the first tick after it."""
    spans = [(HOUR, None), (10 * MINUTE, truth.REFUSED), (DAY, None)]
    mute = Action(BEGINS + 50 * MINUTE, "mute", BEGINS + 70 * MINUTE + 25)
    return laid(Care(), _plan(), spans, 1, "").but(actions=[mute])


@case
def a_settling_time_of_an_hour_and_ticks_missed() -> World:
    spans = [(HOUR, None), *[(10 * MINUTE, truth.REFUSED), (10 * MINUTE, None)] * 4, (5 * DAY, truth.REFUSED)]
    made = laid(Care(settle_after=HOUR), _plan(), spans, 4, "down for good after flapping, a tick in 20 missed")
    made.plan.odd = dict.fromkeys(range(13, 8000, 20), MISSED)
    return made


@case
def two_crash_loops_four_hours_apart() -> World:
    loop = [(2 * MINUTE, truth.REFUSED), (2 * MINUTE, None)] * 4
    return laid(Care(), _plan(), [(HOUR, None), *loop, (4 * HOUR, None), *loop, (2 * DAY, None)], 2, "")


@case
def six_outages_seventy_minutes_apart() -> World:
    outage = [(2 * MINUTE, truth.REFUSED), (68 * MINUTE, None)]
    return laid(Care(), _plan(), [(HOUR, None), *outage * 6, (2 * DAY, None)], 2, "")


def _crash_loop(hours: float) -> list[tuple[float, Condition]]:
    return [(HOUR, None), *[(2 * MINUTE, truth.REFUSED), (2 * MINUTE, None)] * int(15 * hours)]


@case
def sixteen_hours_of_a_crash_loop_then_down_for_good() -> World:
    return laid(Care(), _plan(), [*_crash_loop(16), (3 * DAY, truth.REFUSED)], 3, "")


@case
def a_crash_loop_acknowledged_between_two_outages_then_down_for_good() -> World:
    made = laid(Care(), _plan(), [*_crash_loop(1 / 3), (5 * DAY, truth.REFUSED)], 5, "")
    made.actions = [Action(made.plan.begins + HOUR + 11 * MINUTE, "acknowledge")]
    return made


@case
def down_six_minutes_up_one() -> World:
    return _rhythm(60, 360, 3)


@case
def outages_that_grow() -> World:
    """Each twice as long as the one before, and a bit; one good minute between them."""
    spans = [(HOUR, None), *[part for turn in range(11) for part in ((MINUTE * 2.1**turn, truth.REFUSED), (60, None))]]
    return laid(Care(), _plan(), repeated([*spans]), 4, "")


@case
def five_hours_misconfigured_then_an_outage() -> World:
    spans = [(HOUR, None), (5 * HOUR, truth.PASSWORD), (3 * HOUR, truth.REFUSED), (DAY, None)]
    return laid(Care(), _plan(), spans, 1, "")


def _changed(word: str, at: float, spans: list[tuple[float, Condition]]) -> World:
    events = [Event(0, "first", (server(),)), Event(BEGINS + at, word, (after_event(word, server(), BEGINS + at, 1),))]
    return laid(Care(), _plan(), [*spans, (2 * DAY, None)], 2, "").but(events=events)


@case
def a_restart_soon_after_two_outages() -> World:
    outage = [(2 * MINUTE, truth.REFUSED), (4 * MINUTE, None)]
    return _changed("restarted", HOUR + 12 * MINUTE + 70, [(HOUR, None), *outage * 2])


@case
def another_server_after_five_outages_an_hour_apart() -> World:
    outage = [(2 * MINUTE, truth.REFUSED), (58 * MINUTE, None)]
    return _changed("replaced", 7 * HOUR, [(HOUR, None), *outage * 5])
