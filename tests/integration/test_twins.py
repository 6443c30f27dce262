"""Twins, a run whose answers are lost, and hosts whose clocks differ: one decides, and no time counts as missed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any

import pytest

from heartline.storage.states import Store
from integration.test_races import Server, at_once
from local.hearing import TOPIC, heard
from local.processes import wait_until
from local.stack import ROLE
from local.sweep import Point, Runner, When
from local.wire import SEND_MAIL, published_alert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from integration.conftest import Monitor, Serve

WHO = "one@example.com"
NAMES = ("a", "b")


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as runner:
        yield runner


@pytest.fixture
def server(monitor: Monitor, serve: Serve) -> Server:
    """Return the server of the two targets."""
    server = Server()
    monitor.watch(*NAMES, host="127.0.0.1", port=serve(server).port, user=ROLE, recipients=[WHO])
    return server


def words(monitor: Monitor, who: str = WHO) -> dict[str, list[str]]:
    """Return what somebody heard of each target."""
    told = [one for one in heard(monitor.aws.log) if one.who == who]
    return {name: [one.word for one in told if one.name == name] for name in NAMES}


def missed(monitor: Monitor) -> list[tuple[datetime, datetime]]:
    """Return in which times Heartline is said not to have run, by the history and by the topic."""
    spans = [item["gap"]["M"] for sk, item in monitor.history.items() if sk.startswith("gap#")]
    written = [(span["began"]["S"], span["ended"]["S"]) for span in spans]
    alerts = map(published_alert, monitor.aws.published)
    written += [(gap["began"], gap["ended"]) for alert in alerts for gap in alert["incident"]["unobserved"]]
    return sorted({(datetime.fromisoformat(began), datetime.fromisoformat(ended)) for began, ended in written})


def both(*expected: str) -> dict[str, list[str]]:
    return {name: list(expected) for name in NAMES}


# ---- Answers that are lost


@pytest.mark.parametrize("seen", [False, True], ids=["first sight", "watched"])
def test_a_tick_whose_saves_are_answered_in_vain_knows_its_own_decision_and_has_run(
    monitor: Monitor, server: Server, seen: bool
) -> None:
    if seen:
        monitor.tick()
        monitor.pass_time(minutes=1)
    server.alive = False
    for name in NAMES:
        monitor.aws.lose(f"dynamodb:{'UpdateItem' if seen else 'PutItem'} target#{name}/state", times=1)
    assert monitor.tick()["alerts"] == {"sent": 2, "pending": 0}
    monitor.pass_time(minutes=1)
    server.alive = True
    for name in NAMES:
        monitor.aws.lose(f"dynamodb:TransactWriteItems target#{name}/state*", times=1)
    monitor.tick()
    monitor.pass_time(minutes=1)
    monitor.tick()
    assert words(monitor) == words(monitor, TOPIC) == both("DOWN", "RECOVERED")
    assert missed(monitor) == []
    assert [line for line in monitor.log if line["event"] in {"decision-dropped", "ticks-missed"}] == []


# ---- Two at once


def test_twins_that_each_win_a_target_miss_no_more_time_than_was_missed(monitor: Monitor, server: Server) -> None:
    """Each writes what was not observed of one of two targets that are down; the later heartbeat is of both."""
    server.alive = False
    monitor.tick()
    monitor.pass_time(minutes=10)
    save, together, saved = Store.save, {name: Barrier(2) for name in NAMES}, {name: Event() for name in NAMES}
    began: set[datetime] = set()

    def in_turn(*arguments: Any) -> bool:  # noqa: ANN401
        state = arguments[2]
        began.add(state.gap.ended)
        together[state.target].wait(10)
        if (state.gap.ended == min(began)) == (state.target == "a"):
            won = save(*arguments)
            saved[state.target].set()
            return won
        assert saved[state.target].wait(10)
        return save(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Store, "save", in_turn)
        at_once(monitor, 2)
    server.alive = True
    for _ in range(2):
        monitor.pass_time(minutes=1)
        monitor.tick()
    assert words(monitor) == both("DOWN", "RECOVERED")
    spans = missed(monitor)
    assert spans
    assert {ended for _, ended in spans} <= began
    assert len([line for line in monitor.log if line["event"] == "decision-dropped"]) == 2


# ---- Leases


def test_a_run_that_hangs_until_its_lease_is_over_sends_nothing_more(monitor: Monitor, server: Server) -> None:
    """SES takes the mail of neither target; meanwhile the next tick sends both, and the topic is told by it alone."""
    monitor.tick()
    server.alive = False
    monitor.aws.hang(SEND_MAIL, times=1)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(monitor.tick)
        wait_until(lambda: SEND_MAIL in monitor.aws.calls, "the first run to send")
        monitor.pass_time(minutes=1)
        assert monitor.tick()["alerts"] == {"sent": 2, "pending": 0}
        monitor.aws.accept()
        slow.result(30)
    assert words(monitor) == words(monitor, TOPIC) == both("DOWN")
    assert [line["event"] for line in monitor.log].count("lease-lost") == 2
    monitor.pass_time(minutes=1)
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 0}
    assert words(monitor) == both("DOWN")


@pytest.mark.parametrize("stage", When)
def test_a_twin_that_is_killed_as_it_sends_is_taken_over_once_its_lease_is_over(
    monitor: Monitor, server: Server, runner: Runner, stage: When
) -> None:
    monitor.tick()
    server.alive = False
    runner.tick(monitor.aws, monitor.environment, monitor.moved, Point(f"{SEND_MAIL} {WHO}", 1, stage))
    accepted = both(*["DOWN"] * (stage is When.AFTER))
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 2}
    assert words(monitor) == accepted
    monitor.pass_time(minutes=1)
    assert monitor.tick()["alerts"] == {"sent": 2, "pending": 0}
    assert words(monitor) == {name: [*accepted[name], "DOWN"] for name in NAMES}
    assert words(monitor, TOPIC) == both("DOWN")


# ---- Clocks that differ


def live(monitor: Monitor, server: Server, ahead: Sequence[float], runner: Runner | None) -> None:
    """Let each tick of twelve run on the next host, or on it and the one after it at once; four find nobody there."""
    for minute in range(12):
        server.alive = not 4 <= minute < 8
        skew, other = (timedelta(seconds=ahead[(minute + place) % len(ahead)]) for place in (0, 1))
        with ThreadPoolExecutor(1) as pool:
            if runner:
                pool.submit(runner.run, monitor.aws, monitor.environment, monitor.moved + other)
            monitor.moved += skew
            monitor.tick()
        monitor.moved += timedelta(minutes=1) - skew


@pytest.mark.parametrize("twins", [False, True], ids=["in turn", "at once"])
def test_hosts_whose_clocks_differ_by_less_than_half_an_interval_are_as_one(
    monitor: Monitor, server: Server, runner: Runner, twins: bool
) -> None:
    live(monitor, server, (12, -12, 0), runner if twins else None)
    assert words(monitor) == words(monitor, TOPIC) == both("DOWN", "RECOVERED")
    assert missed(monitor) == []


@pytest.mark.parametrize("ahead", [(0, 180), (0, -180), (180, -180, 0)], ids=["fast", "slow", "none agree"])
@pytest.mark.parametrize("twins", [False, True], ids=["in turn", "at once"])
def test_hosts_whose_clocks_differ_by_minutes_decide_each_thing_once(
    monitor: Monitor, server: Server, runner: Runner, ahead: tuple[int, ...], twins: bool
) -> None:
    """Which of them is right, or whether time was missed, no clock tells; nor which lease is over, so two may send."""
    live(monitor, server, ahead, runner if twins else None)
    alerts = {(one["target"], one["kind"], one["id"]) for one in map(published_alert, monitor.aws.published)}
    assert sorted((name, kind) for name, kind, _ in alerts) == sorted(
        (name, kind) for name in NAMES for kind in ("down", "recovered")
    )
    for who in (WHO, TOPIC):
        assert {name: list(dict.fromkeys(heard)) for name, heard in words(monitor, who).items()} == both(
            "DOWN", "RECOVERED"
        )
