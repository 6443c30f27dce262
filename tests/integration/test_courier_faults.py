"""Whatever fails between a monitor and its courier, whoever is killed, and whoever else delivers: all is told."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

import app
from local.courier import Post
from local.function import Context, event
from local.peers import closes, healthy
from local.stack import ROLE
from local.sweep import Kept, Point, Run, Runner, When, move_clocks
from local.wire import PUBLISH, SEND_MAIL, published_alert

if TYPE_CHECKING:
    import socket

    from integration.conftest import Monitor, Serve
    from local.aws import EmulatedAws
    from local.postgres import Postgres

NAMES = ("a", "b", "c")
ONE, TWO = "one@example.com", "two@example.com"
SENDINGS = {"email": SEND_MAIL, "topic": PUBLISH}
ANNOUNCED = "dynamodb:UpdateItem target#demo/state"


@pytest.fixture
def post(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> Post:
    return Post.employ(monitor, monkeypatch.setattr)


def notified(aws: EmulatedAws) -> Counter[tuple[str, str, str]]:
    """Count who was told what of which target."""
    mails = ((mail.subject[1:].split("]")[0], mail.headers["X-Heartline-Target"], mail.to) for mail in aws.mails)
    return Counter((who, label, name) for label, names, to in mails for name in names.split(", ") for who in to)


# ---- Whoever is killed


@pytest.fixture(scope="module")
def monitors() -> Iterator[Runner]:
    with Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def couriers() -> Iterator[Runner]:
    with Runner("stream") as runner:
        yield runner


@pytest.fixture
def stopped(post: Post, database: Postgres, monkeypatch: pytest.MonkeyPatch) -> Post:
    """Give a post whose database has been up, and is dead now."""
    move_clocks(monkeypatch.setattr, lambda: post.monitor.moved)
    post.monitor.tick()
    database.kill()
    post.monitor.pass_time(minutes=1)
    return post


def unwritten(run: Run) -> set[str]:
    """Name the channels whose last acceptance a killed run did not come to write down."""
    names = [call.name for call in run.calls]
    return {channel for channel, name in SENDINGS.items() if names[-1:] == [name]}


def waiting(post: Post) -> bool:
    """Tell whether an alert is left in the outbox."""
    return bool(post.monitor.items["target#demo"]["outbox"]["M"])


def afterwards(post: Post) -> Counter[str]:
    """Let up to three more minutes pass, and count what has been told by each channel."""
    aws = post.monitor.aws
    for _ in range(3):
        post.minute()
        if aws.mails and not waiting(post):
            break
    assert {mail.subject.split()[0] for mail in aws.mails} == {"[DOWN]"}
    assert {published_alert(one)["kind"] for one in aws.published} == {"down"}
    assert not waiting(post)
    return Counter(email=len(aws.mails), topic=len(aws.published))


def sweep(post: Post, play: Callable[[Point | None], Run]) -> None:
    """Kill a run after each of its calls, from the same state each time; see that no alert is lost or told too often.

    With one target its calls come one after another: after one is before the next.
    """
    aws, moved = post.monitor.aws, post.monitor.moved
    kept = Kept(aws, post.monitor.environment["STATE_TABLE"])
    points = [point for point in play(None).points() if point.stage is When.AFTER]
    wrong = []
    for point in points:
        kept.restore()
        aws.log.clear()
        post.stream.read()
        post.monitor.moved = moved
        may_repeat = unwritten(play(point))
        counts = afterwards(post)
        wrong += [
            f"killed {point}: {channel} {counts[channel]} times"
            for channel in SENDINGS
            if not 1 <= counts[channel] <= 1 + (channel in may_repeat)
        ]
    print(f"swept {len(points)} kill points")
    assert not wrong, "\n".join(wrong)


def test_a_monitor_killed_anywhere_loses_nothing(stopped: Post, monitors: Runner) -> None:
    monitor = stopped.monitor
    sweep(stopped, lambda point: monitors.tick(monitor.aws, monitor.environment, monitor.moved, point))


def test_a_courier_killed_anywhere_loses_nothing(stopped: Post, couriers: Runner) -> None:
    monitor = stopped.monitor
    monitor.tick()
    sweep(stopped, lambda point: couriers.tick(monitor.aws, stopped.courier, monitor.moved, point))


def test_a_monitor_killed_between_save_and_announcement_announces_with_its_next_tick(
    stopped: Post, monitors: Runner
) -> None:
    monitor = stopped.monitor
    monitors.tick(monitor.aws, monitor.environment, monitor.moved, Point(ANNOUNCED, 2, When.BEFORE))
    assert stopped.carry() == []
    assert stopped.minute() == ["DOWN"]


# ---- Whoever else delivers


class Server:
    """Answer as a healthy database does while it lives, and else hang up."""

    alive = True

    def __call__(self, connection: socket.socket) -> None:
        (healthy if self.alive else closes)(connection)


def at_once(environment: dict[str, str], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run the function for events that come together, in one environment."""
    together = Barrier(len(events))

    def run(document: dict[str, Any]) -> dict[str, Any]:
        together.wait(10)
        return app.lambda_handler(document, Context(60))

    before = dict(os.environ)
    os.environ.update(environment)
    try:
        with ThreadPoolExecutor(len(events)) as pool:
            return list(pool.map(run, events))
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.parametrize(("ticks", "deliveries"), [(2, 2), (0, 3)])
def test_ticks_that_deliver_themselves_and_couriers_at_once_send_what_waits_once(
    post: Post, serve: Serve, aws: EmulatedAws, ticks: int, deliveries: int
) -> None:
    server, monitor = Server(), post.monitor
    monitor.watch(*NAMES, host="127.0.0.1", port=serve(server).port, user=ROLE, recipients=[ONE, TWO])
    monitor.tick()
    post.start({"command": "status"})  # make the parts: boto3's default session is not for threads
    events = [*[event("scheduled")] * ticks, *[event("stream")] * deliveries]
    for label in ("DOWN", "RECOVERED") * 2:
        server.alive = label == "RECOVERED"
        aws.log.clear()
        monitor.pass_time(minutes=30)
        monitor.tick()
        assert notified(aws) == Counter()
        answers = at_once(post.courier, events)
        assert notified(aws) == Counter((who, label, name) for who in (ONE, TWO) for name in NAMES)
        assert Counter(published_alert(one)["target"] for one in aws.published) == Counter(NAMES)
        assert sum(answer["alerts"]["sent"] for answer in answers) == len(NAMES)


def test_a_courier_beside_a_tick_that_decides_and_delivers_tells_once(
    post: Post, database: Postgres, aws: EmulatedAws
) -> None:
    post.monitor.tick()
    post.start({"command": "status"})  # make the parts
    for turn, label in ((database.kill, "DOWN"), (database.start, "RECOVERED")):
        turn()
        aws.log.clear()
        at_once(post.courier, [event("scheduled"), *[event("stream")] * 3])
        assert [mail.subject.split()[0] for mail in aws.mails] == [f"[{label}]"]
        assert len(aws.published) == 1


@pytest.mark.parametrize("courier_ran", [False, True], ids=["announced", "refused"])
def test_without_the_courier_from_now_on_the_monitor_delivers_what_waits(
    post: Post, database: Postgres, aws: EmulatedAws, courier_ran: bool
) -> None:
    aws.refuse("sesv2:*", "ServiceUnavailable", status=503)
    aws.refuse("sns:*", "Throttled")
    database.kill()
    post.monitor.tick()
    if courier_ran:
        post.carry()
    aws.accept()
    post.monitor.pass_time(minutes=1)
    del post.monitor.environment["COURIER"]
    assert post.monitor.tick()["alerts"] == {"sent": 1, "pending": 0}
    post.carry()
    assert (len(post.monitor.mails), len(aws.published)) == (1, 1)


def test_with_a_courier_from_now_on_it_delivers_what_the_monitor_could_not(
    post: Post, database: Postgres, aws: EmulatedAws
) -> None:
    del post.monitor.environment["COURIER"]
    aws.refuse_mail()
    database.kill()
    assert post.monitor.tick()["alerts"] == {"sent": 0, "pending": 1}
    aws.accept_mail()
    post.monitor.environment["COURIER"] = "true"
    assert [post.minute(), post.minute()] == [["DOWN"], []]
    assert len(aws.published) == 1
