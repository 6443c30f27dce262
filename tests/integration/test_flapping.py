"""A database that goes down and up again and again is told once, then summed up: never hidden, never untrue."""

from __future__ import annotations

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
    return [mail.state for mail in mails]


TOLD = ["DOWN", "RECOVERED", "DOWN", "RECOVERED", "DOWN"]


def flaps(switch: Switch) -> None:
    """Let it flap until people know."""
    notified = [head for healthy in (False, True, False, True, False) for head in switch.be(healthy)]
    assert notified == TOLD
    assert "counts as flapping" in " ".join(switch.monitor.mails[-1].text.split())


@pytest.mark.parametrize("phase", [0, 5, 11, 17])
def test_eight_short_cycles_make_five_mails_and_a_summary_and_none_untrue(switch: Switch, phase: int) -> None:
    def notified(seconds: float, every: float, healthy: Callable[[float], bool]) -> Iterator[str]:
        for mail in switch.live(seconds, every, healthy):
            (head,) = heads([mail])
            assert (head == "DOWN") == (not switch.healthy), mail.text
            yield head

    assert list(notified(8 * 24, 10, lambda second: (second + phase) % 24 >= 12)) == TOLD
    assert [head for head in notified(7200, 60, lambda _: True) if head != "FLAPPING"] == ["STABLE AGAIN"]
    assert switch.monitor.status()["status"] == "up"


def test_a_real_database_that_is_killed_and_started_eight_times_makes_six_mails(
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
    for _ in range(75):
        monitor.tick()
        monitor.pass_time(seconds=60)
    assert [head for head in heads(monitor.mails) if head != "FLAPPING"] == [*TOLD, "STABLE AGAIN"]


def test_the_summary_counts_all_outages_of_a_flapping_database(switch: Switch) -> None:
    flaps(switch)
    assert [switch.be(healthy) for healthy in (True, False) * 3 + (True,)] == [[]] * 7
    *_, mail = switch.live(7200, 60, lambda _: True)
    assert mail.subject.startswith("[STABLE AGAIN for ")
    assert "new: 6 outages" in " ".join(mail.text.split())
    assert mail.headers["X-Heartline-Status"] == "up"
    assert switch.be(healthy=True, seconds=3600) == []


def test_the_status_says_that_it_flaps_and_for_how_long_it_must_rest(switch: Switch) -> None:
    flaps(switch)
    entry = switch.monitor.status()
    assert (entry["status"], entry["flapping"]["settle_seconds"]) == ("down", 300)
    assert entry["remind_at"]
    assert not entry["acknowledged"]


def test_an_outage_that_lasts_while_it_flaps_is_known_and_people_are_reminded_of_it(switch: Switch) -> None:
    flaps(switch)
    assert switch.be(healthy=True) == []
    assert heads(list(switch.live(420, 60, lambda _: False))) == ["DOWN"]
    assert switch.monitor.status()["status"] == "down"
    assert heads(list(switch.live(3600, 60, lambda _: False))) == ["STILL DOWN"]
    assert heads(list(switch.live(7500, 60, lambda _: False))) == ["STILL DOWN"]
    assert switch.be(healthy=True) == ["RECOVERED"]


def test_what_flapped_and_stays_down_after_a_mail_that_it_is_up_is_told_within_the_settling_time(
    switch: Switch,
) -> None:
    flaps(switch)
    healthy = heads(list(switch.live(3660, 60, lambda second: second % 600 >= 60)))
    assert healthy == ["FLAPPING"]
    assert heads(list(switch.live(420, 60, lambda _: False))) == ["DOWN"]


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
    notified += [head for head in heads(list(switch.live(7200, 60, lambda _: True))) if head != "FLAPPING"]
    assert notified == [*TOLD, "STABLE AGAIN"]


def test_each_target_settles_in_its_own_time(switch: Switch) -> None:
    environment = switch.monitor.environment
    environment["TARGETS"] = environment["TARGETS"].replace('"5m"', '"4h"')
    flaps(switch)
    assert switch.monitor.status()["flapping"]["settle_seconds"] == 4 * 3600


def test_a_flapping_database_is_told_to_the_topic_as_to_people(switch: Switch) -> None:
    flaps(switch)
    list(switch.live(900, 60, lambda _: True))
    assert [
        message["Subject"].replace(" - ", " · ") for message in switch.monitor.aws.published
    ] == switch.monitor.subjects


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
    assert mail.subject.startswith("[DOWN: ")


def test_an_outage_that_was_never_told_makes_nothing_unstable(switch: Switch) -> None:
    switch.monitor.order("mute", **{"for": "10m"})
    assert [switch.be(healthy) for healthy in (False, True)] == [[], []]
    switch.monitor.order("unmute")
    assert switch.be(healthy=False) == ["DOWN"]


def test_the_history_has_each_outage_of_a_spell(switch: Switch) -> None:
    flaps(switch)
    list(switch.live(3540, 60, lambda _: True))
    incidents = switch.monitor.status()["incidents"]
    told = [["down", "stable"], ["down", "recovered"], ["down", "recovered"]]
    assert [incident["notified"] for incident in incidents] == told
