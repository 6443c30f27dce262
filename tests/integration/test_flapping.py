"""A database that goes down and up again and again is told once, then summed up: never hidden, never untrue."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from local.peers import Peer, closes, forwards
from local.stack import SECRET

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from integration.conftest import Monitor
    from local.mailbox import Mail
    from local.postgres import Postgres

Serve = Callable[[Callable[..., None]], Peer]


class Switch:
    """Stand before a database and let it be seen, or not."""

    def __init__(self, monitor: Monitor, port: int) -> None:
        self.monitor, self.healthy, self._port = monitor, True, port

    def __call__(self, connection: socket.socket) -> None:
        (forwards(self._port) if self.healthy else closes)(connection)

    def live(self, seconds: float, every: float, healthy: Callable[[float], bool]) -> Iterator[Mail]:
        """Tick that often for that long, and give each mail as it comes while it is known what was so."""
        for place in range(round(seconds / every)):
            self.healthy = healthy(place * every)
            before = len(self.monitor.mails)
            self.monitor.tick()
            yield from self.monitor.mails[before:]
            self.monitor.pass_time(seconds=every)

    def be(self, healthy: bool, seconds: float = 60) -> list[str]:
        """Tick once and let that time pass; give the heads of the mails that came."""
        return heads(list(self.live(seconds, seconds, lambda _: healthy)))


@pytest.fixture
def switch(monitor: Monitor, database: Postgres, serve: Serve) -> Switch:
    switch = Switch(monitor, database.port)
    monitor.watch("demo", secret=SECRET, port=serve(switch).port, recover_after=1, settle_after="5m")
    assert switch.be(healthy=True) == []
    return switch


def heads(mails: list[Mail]) -> list[str]:
    return [mail.subject[1:].split("]")[0] for mail in mails]


def flaps(switch: Switch) -> None:
    """Let it flap until people know."""
    notified = [switch.be(healthy) for healthy in (False, True, False)]
    assert notified == [["DOWN"], ["RECOVERED"], ["UNSTABLE"]]


@pytest.mark.parametrize("phase", [0, 5, 11, 17])
def test_eight_short_cycles_make_four_mails_and_none_untrue(switch: Switch, phase: int) -> None:
    def notified(seconds: float, every: float, healthy: Callable[[float], bool]) -> Iterator[str]:
        for mail in switch.live(seconds, every, healthy):
            (head,) = heads([mail])
            assert (head in {"DOWN", "UNSTABLE"}) == (not switch.healthy), mail.text
            yield head

    assert list(notified(8 * 24, 10, lambda second: (second + phase) % 24 >= 12)) == ["DOWN", "RECOVERED", "UNSTABLE"]
    assert list(notified(900, 30, lambda _: True)) == ["SETTLED"]
    assert switch.monitor.status()["status"] == "up"


def test_a_real_database_that_is_killed_and_started_eight_times_makes_four_mails(
    monitor: Monitor, database: Postgres
) -> None:
    monitor.watch("demo", secret=SECRET, settle_after="5m")
    monitor.tick()
    for second in range(0, 8 * 24, 10):
        if second % 24 < 12:
            database.kill()
        else:
            database.start()
        monitor.tick()
        monitor.pass_time(seconds=10)
    database.start()
    for _ in range(15):
        monitor.tick()
        monitor.pass_time(seconds=60)
    assert heads(monitor.mails) == ["DOWN", "RECOVERED", "UNSTABLE", "SETTLED"]


def test_the_four_mails_of_a_flapping_database(switch: Switch) -> None:
    flaps(switch)
    assert [switch.be(healthy) for healthy in (True, False) * 3 + (True,)] == [[]] * 7
    (mail,) = switch.live(900, 60, lambda _: True)
    assert mail.subject.startswith("[SETTLED] demo: up for ")
    assert re.search(r"Outages: +5: 5 min in all, the longest 6\d s", mail.text)
    assert mail.subject.endswith("after 5 outages")
    assert mail.headers["X-Heartline-Status"] == "up"
    assert switch.be(healthy=True, seconds=3600) == []


def test_the_unstable_mail_says_when_it_will_speak_again_and_that_it_is_down(switch: Switch) -> None:
    flaps(switch)
    text = " ".join(switch.monitor.mails[-1].text.split())
    assert "demo is down again: outage 2 in 2 min" in text
    assert "no further mail about it until it has been up for 5 min without a break" in text
    assert switch.monitor.status()["status"] == "down"


def test_a_long_outage_is_not_hidden_by_flapping(switch: Switch) -> None:
    flaps(switch)
    switch.be(healthy=True)
    (mail,) = switch.live(420, 60, lambda _: False)
    assert mail.subject.startswith("[STILL DOWN] demo: connection closed for 5 min without a break")
    assert "unstable" in mail.text
    assert mail.headers["X-Heartline-Status"] == "down"
    assert switch.be(healthy=True) == ["RECOVERED"]


def test_a_summary_that_is_still_down_counts_the_outages_before_it(switch: Switch) -> None:
    flaps(switch)
    switch.be(healthy=True)
    (mail,) = switch.live(420, 60, lambda _: False)
    assert "Outages: 2 before this one: 2 min in all" in " ".join(mail.text.split())


def test_reminders_go_on_after_a_flapping_database_stays_down(switch: Switch) -> None:
    flaps(switch)
    notified = heads(list(switch.live(400, 50, lambda _: False)))
    assert notified == ["STILL DOWN"]
    switch.monitor.pass_time(hours=1)
    assert switch.be(healthy=False) == ["STILL DOWN"]
    assert "1 h" in switch.monitor.subjects[-1]


def test_a_relapse_after_the_settling_time_is_an_outage_of_its_own(switch: Switch) -> None:
    assert switch.be(healthy=False) == ["DOWN"]
    assert list(switch.live(60, 60, lambda _: True))
    assert heads(list(switch.live(360, 60, lambda _: True))) == []
    assert switch.be(healthy=False) == ["DOWN"]
    assert switch.be(healthy=True) == ["RECOVERED"]


def test_a_slow_rhythm_is_recognised_at_the_third_outage(switch: Switch) -> None:
    def healthy(second: float) -> bool:
        return second % 480 >= 60  # up for 7 minutes, longer than it takes to settle

    notified = heads(list(switch.live(6 * 480, 60, healthy)))
    notified += heads(list(switch.live(900, 60, lambda _: True)))
    assert notified == ["DOWN", "RECOVERED", "DOWN", "RECOVERED", "UNSTABLE", "SETTLED"]


def test_each_target_settles_in_its_own_time(switch: Switch) -> None:
    environment = switch.monitor.environment
    environment["TARGETS"] = environment["TARGETS"].replace('"5m"', '"30m"')
    assert switch.be(healthy=False) == ["DOWN"]
    assert heads(list(switch.live(600, 60, lambda _: True))) == ["RECOVERED"]
    assert switch.be(healthy=False) == ["UNSTABLE"]


def test_a_flapping_database_is_told_to_the_topic_as_to_people(switch: Switch) -> None:
    flaps(switch)
    list(switch.live(900, 60, lambda _: True))
    assert [message["Subject"] for message in switch.monitor.aws.published] == switch.monitor.subjects


def test_another_target_is_told_while_one_flaps(switch: Switch, database: Postgres) -> None:
    monitor = switch.monitor
    flapping = monitor.environment["TARGETS"]
    monitor.watch("steady", secret=SECRET)
    monitor.environment["TARGETS"] += flapping
    flaps(switch)
    switch.be(healthy=True)
    database.kill()
    before = len(monitor.mails)
    switch.be(healthy=False)
    (mail,) = monitor.mails[before:]
    assert mail.subject.startswith("[DOWN] steady: ")


def test_an_outage_that_was_never_told_makes_nothing_unstable(switch: Switch) -> None:
    switch.monitor.order("mute", **{"for": "10m"})
    assert [switch.be(healthy) for healthy in (False, True)] == [[], []]
    switch.monitor.order("unmute")
    assert switch.be(healthy=False) == ["DOWN"]


def test_the_history_has_each_outage_of_a_spell(switch: Switch) -> None:
    flaps(switch)
    list(switch.live(900, 60, lambda _: True))
    incidents = switch.monitor.status()["incidents"]
    assert [incident["notified"] for incident in incidents] == [["unstable", "settled"], ["down", "recovered"]]
