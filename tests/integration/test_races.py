"""Ticks that run at once over the same targets decide once, and tell each thing once."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier, Lock
from time import sleep
from typing import TYPE_CHECKING, Any

import pytest

import app
from heartline.storage.states import Store
from local.function import Context, event
from local.peers import closes, healthy
from local.stack import ROLE
from local.wire import SEND_MAIL, published_alert

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from integration.conftest import Monitor, Serve
    from local.aws import EmulatedAws
    from local.mailbox import Mail
    from local.postgres import Postgres

NAMES = ("a", "b", "c")
ONE, TWO, BAD = "one@example.com", "two@example.com", "bad@example.com"


class Server:
    """Answer as a healthy database does while it lives, and else hang up."""

    alive = True

    def __call__(self, connection: socket.socket) -> None:
        (healthy if self.alive else closes)(connection)


def at_once(monitor: Monitor, number: int) -> list[dict[str, Any]]:
    """Run ticks that begin together, in one environment."""
    together = Barrier(number)

    def tick(_: int) -> dict[str, Any]:
        together.wait(10)
        return app.lambda_handler(event("scheduled"), Context(60))

    before = dict(os.environ)
    os.environ.update(monitor.environment)
    try:
        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(tick, range(number)))
    finally:
        os.environ.clear()
        os.environ.update(before)


def kinds(mail: Mail) -> tuple[str, list[str]]:
    """Return the one label and the targets of a mail."""
    return mail.state, mail.headers["X-Heartline-Target"].split(", ")


def told_by_mail(mails: list[Mail]) -> Counter[tuple[str, str, str]]:
    """Count who was told what of which target."""
    return Counter(
        (who, label, name) for mail in mails for label, names in [kinds(mail)] for name in names for who in mail.to
    )


class Decisions:
    """Count the alerts of the decisions that were kept, while each run takes another time before it saves."""

    def __init__(self, save: Callable[..., bool]) -> None:
        self.kept: Counter[tuple[str, str]] = Counter()
        self._save, self._paces, self._counting = save, Random(7), Lock()  # noqa: S311 - a pace is no secret

    def __call__(self, *arguments: Any) -> bool:  # noqa: ANN401
        sleep(self._paces.uniform(0, 0.1))
        saved = self._save(*arguments)
        with self._counting:
            self.kept.update((alert.target, alert.kind.value) for alert in (arguments[3] if saved else ()))
        return saved


# 2 + 3 + 5 + 8 ticks at once, five rounds of a transition each way.
@pytest.mark.parametrize("number", [2, 8])
def test_many_ticks_at_once_over_three_targets_tell_each_transition_once(
    monitor: Monitor, serve: Serve, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    server, aws, decisions = Server(), monitor.aws, Decisions(Store.save)
    # Not the object itself: a function becomes a method of the store.
    monkeypatch.setattr(Store, "save", lambda *arguments: decisions(*arguments))  # noqa: PLW0108
    monitor.watch(*NAMES, host="127.0.0.1", port=serve(server).port, user=ROLE, recipients=[ONE, TWO])
    monitor.tick()
    for _ in range(5):
        for label, kind in (("DOWN", "down"), ("RECOVERED", "recovered")):
            server.alive = label == "RECOVERED"
            mails, topic = len(monitor.mails), len(aws.published)
            decisions.kept.clear()
            answers = at_once(monitor, number)
            assert told_by_mail(monitor.mails[mails:]) == Counter(
                (who, label, name) for who in (ONE, TWO) for name in NAMES
            )
            notified = Counter(
                (alert["target"], alert["kind"]) for alert in map(published_alert, aws.published[topic:])
            )
            assert notified == decisions.kept == Counter((name, kind) for name in NAMES)
            assert sum(answer["alerts"]["sent"] for answer in answers) == len(NAMES)
        assert {entry["pending"] for entry in monitor.order("status")["targets"]} == {0}
        monitor.pass_time(hours=5)  # else there is no room in a day for all of them
        monitor.tick()


@pytest.mark.parametrize("number", [2, 8])
def test_ticks_at_once_tell_a_transition_of_a_real_database_once(
    monitor: Monitor, database: Postgres, number: int
) -> None:
    monitor.tick()
    for rounds in (1, 2):
        database.kill()
        downs = at_once(monitor, number)
        database.start()
        ups = at_once(monitor, number)
        assert monitor.states == ["DOWN", "RECOVERED"] * rounds
        assert len(monitor.aws.published) == 2 * rounds
        for answers in (downs, ups):
            assert sum(answer["alerts"]["sent"] for answer in answers) == 1
        assert monitor.status()["pending"] == 0
        monitor.pass_time(minutes=30)
        monitor.tick()
    incidents = [mail.headers["X-Heartline-Incident"] for mail in monitor.mails]
    assert incidents[::2] == incidents[1::2]
    assert len(set(incidents)) == 2


@pytest.mark.parametrize("number", [2, 8])
def test_ticks_at_once_tell_a_flapping_target_no_more_than_one_tick_would(
    monitor: Monitor, serve: Serve, number: int
) -> None:
    server = Server()
    monitor.watch("a", host="127.0.0.1", port=serve(server).port, user=ROLE)
    monitor.tick()
    for _ in range(3):
        for server.alive in (False, True):
            monitor.pass_time(seconds=20)
            at_once(monitor, number)
    monitor.pass_time(hours=2)
    at_once(monitor, number)
    for _ in range(7):
        monitor.pass_time(minutes=1)
        at_once(monitor, number)
    assert monitor.states == ["DOWN", "RECOVERED", "DOWN", "RECOVERED", "DOWN", "FLAPPING", "STABLE AGAIN"]
    assert "new: 3 outages" in " ".join(monitor.mails[-1].text.split())


@pytest.mark.parametrize("number", [2, 8])
def test_ticks_at_once_send_what_waited_once(monitor: Monitor, serve: Serve, aws: EmulatedAws, number: int) -> None:
    server = Server()
    monitor.watch(*NAMES, host="127.0.0.1", port=serve(server).port, user=ROLE, recipients=[ONE, TWO])
    server.alive = False
    for _ in range(4):
        notified, published = len(monitor.mails), len(aws.published)
        aws.refuse(SEND_MAIL, "TooManyRequestsException", status=429)
        aws.refuse("sns:Publish", "Throttled")
        monitor.tick()
        assert (len(monitor.mails), len(aws.published)) == (notified, published)
        aws.accept()
        at_once(monitor, number)
        assert set(told_by_mail(monitor.mails[notified:]).values()) == {1}
        assert len(told_by_mail(monitor.mails[notified:])) == 2 * len(NAMES)
        assert len(aws.published) == published + len(NAMES)
        server.alive = not server.alive
        monitor.pass_time(minutes=30)


@pytest.mark.parametrize("number", [2, 5])
def test_ticks_at_once_give_each_recipient_one_mail_though_one_is_refused(
    monitor: Monitor, serve: Serve, aws: EmulatedAws, number: int
) -> None:
    server = Server()
    monitor.watch(*NAMES, host="127.0.0.1", port=serve(server).port, user=ROLE, recipients=[ONE, BAD, TWO])
    monitor.tick()
    aws.refuse(f"{SEND_MAIL}*{BAD}*", "MessageRejected")
    server.alive = False
    at_once(monitor, number)
    at_once(monitor, number)
    assert told_by_mail(monitor.mails) == Counter((who, "DOWN", name) for who in (ONE, TWO) for name in NAMES)
    assert {entry["pending"] for entry in monitor.order("status")["targets"]} == {0}


@pytest.mark.parametrize("number", [2, 8])
def test_ticks_at_once_see_a_new_target_once(monitor: Monitor, database: Postgres, number: int) -> None:
    database.kill()
    monitor.order("status")  # make the parts: botocore's session is not for threads
    at_once(monitor, number)
    assert len(monitor.mails) == len(monitor.aws.published) == 1


@pytest.mark.parametrize("seen_before", [True, False])
def test_a_slow_tick_drops_what_a_faster_one_has_told(
    monitor: Monitor, database: Postgres, monkeypatch: pytest.MonkeyPatch, seen_before: bool
) -> None:
    if seen_before:
        monitor.tick()
    database.kill()
    save, slow = Store.save, iter([True])

    written: list[Any] = []

    def save_late(*arguments: Any) -> bool:  # noqa: ANN401
        if next(slow, False):
            assert monitor.tick()["alerts"] == {"sent": 1, "pending": 0}
            written.append(monitor.stored)
        return save(*arguments)

    monkeypatch.setattr(Store, "save", save_late)
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 0}
    assert len(monitor.mails) == len(monitor.aws.published) == 1
    assert [monitor.stored] == written  # the slow one changed nothing, its heartbeat included
    monitor.pass_time(minutes=1)
    database.start()
    monitor.tick()
    assert "did not run" not in monitor.mails[-1].text
    assert [line for line in monitor.log if line["event"] == "ticks-missed"] == []


def test_a_command_in_between_costs_no_tick_its_decision(
    monitor: Monitor, database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor.tick()
    database.kill()
    save, commands = Store.save, iter([True])

    def save_late(*arguments: Any) -> bool:  # noqa: ANN401
        if next(commands, False):
            monitor.order("mute", **{"for": "1h"})
        return save(*arguments)

    monkeypatch.setattr(Store, "save", save_late)
    answer = monitor.tick()
    assert (answer["down"], answer["alerts"]) == (1, {"sent": 0, "pending": 0})
    seen = monitor.status()
    assert seen["status"] == "down"
    assert seen["muted_until"] is not None
    monitor.pass_time(minutes=1)
    monitor.tick()
    assert [line for line in monitor.log if line["event"] in {"ticks-missed", "decision-dropped"}] == []
