"""While a target is muted or maintained nobody is told; at the end people learn what is still wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from local.stack import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.conftest import Monitor
    from local.postgres import Postgres

ZONES = ["UTC", "Asia/Kathmandu", "Pacific/Marquesas", "Pacific/Kiritimati"]  # without summer time


@pytest.fixture(autouse=True)
def _half_past_the_minute(monitor: Monitor) -> None:
    """Let no minute begin while a test names the minutes of its windows."""
    monitor.pass_time(seconds=(90 - monitor.now.second) % 60)


def window(monitor: Monitor, zone: str = "UTC", begins: int = -30, ends: int = 30) -> str:
    """Write a window that opens and closes so many minutes from now, on the day on which it opens there."""
    opens, closes = ((monitor.now + timedelta(minutes=shift)).astimezone(ZoneInfo(zone)) for shift in (begins, ends))
    return f"{opens:%a %H:%M}-{closes:%H:%M} {zone}"


def maintain(monitor: Monitor) -> None:
    """Quiet by a window that has just opened and lasts for half an hour."""
    monitor.watch("demo", secret=SECRET, maintenance=[window(monitor, begins=-1, ends=30)])


def mute(monitor: Monitor) -> None:
    """Quiet by order."""
    monitor.order("mute", **{"for": "30m"})


Quiet = pytest.mark.parametrize("quiet", [maintain, mute])


def heads(monitor: Monitor) -> list[str]:
    return monitor.states


def come_to_the_end(monitor: Monitor) -> None:
    monitor.pass_time(minutes=32)
    monitor.tick()


@Quiet
def test_what_is_still_wrong_at_the_end_is_told_then(
    monitor: Monitor, database: Postgres, quiet: Callable[[Monitor], None]
) -> None:
    monitor.tick()
    quiet(monitor)
    database.kill()
    began = monitor.now
    assert monitor.tick()["down"] == 1
    assert monitor.mails == []
    monitor.pass_time(minutes=20)
    monitor.tick()
    assert monitor.mails == []
    assert monitor.status()["muted_until"] is not None
    come_to_the_end(monitor)
    (mail,) = monitor.mails
    assert mail.subject == f"[DOWN: connection refused] demo · {began:%H:%M} UTC, {began:%Y-%m-%d}"
    assert monitor.status()["muted_until"] is None


@Quiet
def test_what_healed_within_is_never_told_but_is_in_the_history(
    monitor: Monitor, database: Postgres, quiet: Callable[[Monitor], None]
) -> None:
    monitor.tick()
    quiet(monitor)
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    come_to_the_end(monitor)
    monitor.tick()
    assert monitor.mails == []
    assert [(one["notified"], one["kinds"]) for one in monitor.status()["incidents"]] == [([], ["refused"])]


@Quiet
def test_what_was_told_before_and_healed_within_is_told_at_the_end(
    monitor: Monitor, database: Postgres, quiet: Callable[[Monitor], None]
) -> None:
    database.kill()
    monitor.tick()
    quiet(monitor)
    database.start()
    monitor.tick()
    healed = monitor.status()["since"]
    assert heads(monitor) == ["DOWN"]
    come_to_the_end(monitor)
    assert heads(monitor) == ["DOWN", "RECOVERED"]
    down, recovered = monitor.mails
    assert down.headers["X-Heartline-Incident"] == recovered.headers["X-Heartline-Incident"]
    assert f"{datetime.fromisoformat(healed):%Y-%m-%d %H:%M:%S} UTC" in recovered.text


@Quiet
def test_an_outage_of_what_was_told_as_misconfigured_is_told_at_the_end(
    monitor: Monitor, database: Postgres, quiet: Callable[[Monitor], None]
) -> None:
    database.execute("ALTER ROLE heartline NOLOGIN")
    monitor.tick()
    quiet(monitor)
    database.kill()
    monitor.tick()
    assert heads(monitor) == ["CANNOT LOG IN"]
    come_to_the_end(monitor)
    assert heads(monitor) == ["CANNOT LOG IN", "DOWN"]
    assert "login rejected" in monitor.mails[-1].text


@Quiet
def test_what_was_told_healed_and_relapsed_within_is_told_as_down_and_never_as_up(
    monitor: Monitor, database: Postgres, quiet: Callable[[Monitor], None]
) -> None:
    database.kill()
    monitor.tick()
    quiet(monitor)
    database.start()
    monitor.tick()
    database.kill()
    monitor.pass_time(minutes=10)
    monitor.tick()
    assert heads(monitor) == ["DOWN"]
    come_to_the_end(monitor)
    assert len(monitor.mails) == 2
    assert monitor.mails[-1].headers["X-Heartline-Status"] == "down"
    assert "answers again" not in monitor.mails[-1].text


def test_a_database_that_is_down_is_not_also_counted_as_recovered(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    monitor.tick()
    mute(monitor)
    database.start()
    monitor.tick()
    database.kill()
    monitor.tick()
    come_to_the_end(monitor)
    assert "RECOVERED" not in monitor.states[-1]


@Quiet
def test_reminders_wait_for_the_end(monitor: Monitor, database: Postgres, quiet: Callable[[Monitor], None]) -> None:
    monitor.watch("demo", secret=SECRET, remind_every="10m")
    database.kill()
    monitor.tick()
    quiet(monitor)
    monitor.environment["TARGETS"] += 'remind_every = "10m"\n' if quiet is maintain else ""
    monitor.pass_time(minutes=20)
    monitor.tick()
    assert heads(monitor) == ["DOWN"]
    come_to_the_end(monitor)
    assert heads(monitor) == ["DOWN", "STILL DOWN"]


@Quiet
def test_a_mail_that_waited_before_still_leaves(
    monitor: Monitor, database: Postgres, quiet: Callable[[Monitor], None]
) -> None:
    monitor.aws.refuse_mail()
    database.kill()
    monitor.tick()
    quiet(monitor)
    monitor.aws.accept_mail()
    monitor.pass_time(minutes=1)
    monitor.tick()
    assert heads(monitor) == ["DOWN"]


@Quiet
def test_quiet_for_one_target_is_none_for_another(
    monitor: Monitor, database: Postgres, quiet: Callable[[Monitor], None]
) -> None:
    monitor.tick()
    quiet(monitor)
    loud = '[[targets]]\nname = "loud"\nsecret = "heartline/demo"\ntls = "disable"\nconfirmations = 0\ntimeout = 1\n'
    monitor.environment["TARGETS"] += loud
    database.kill()
    assert monitor.tick()["down"] == 2
    (mail,) = monitor.mails
    assert mail.headers["X-Heartline-Target"] == "loud"


@pytest.mark.parametrize("zone", ZONES)
def test_a_window_is_read_by_the_clock_of_its_place(monitor: Monitor, database: Postgres, zone: str) -> None:
    monitor.watch("demo", secret=SECRET, maintenance=[window(monitor, zone)])
    ends = (monitor.now + timedelta(minutes=30)).replace(second=0, microsecond=0)
    assert datetime.fromisoformat(monitor.status()["muted_until"]) == ends
    database.kill()
    monitor.tick()
    assert monitor.mails == []
    monitor.moved += ends - monitor.now
    monitor.tick()
    assert heads(monitor) == ["DOWN"]


@pytest.mark.parametrize("zone", ZONES)
def test_a_window_over_midnight_holds_on_both_of_its_days(monitor: Monitor, zone: str) -> None:
    midnight = (monitor.now.astimezone(ZoneInfo(zone)) + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    monitor.watch("demo", secret=SECRET, maintenance=[f"{midnight - timedelta(days=1):%a} 22:30-01:30 {zone}"])
    open_at = {}
    for minutes in (-100, -80, -10, 10, 80, 100):
        monitor.moved += midnight + timedelta(minutes=minutes) - monitor.now
        open_at[minutes] = monitor.status()["muted_until"] is not None
    assert [minutes for minutes, is_open in open_at.items() if is_open] == [-80, -10, 10, 80]


def test_a_window_comes_again_a_week_later_and_not_the_day_after(monitor: Monitor) -> None:
    monitor.watch("demo", secret=SECRET, maintenance=[window(monitor)])
    quiet = []
    for _ in range(15):
        quiet.append(monitor.status()["muted_until"] is not None)
        monitor.pass_time(days=1)
    assert [day for day, is_quiet in enumerate(quiet) if is_quiet] == [0, 7, 14]


@pytest.mark.parametrize("days", ["{today}", "daily"])
def test_a_whole_day_is_a_window(monitor: Monitor, days: str) -> None:
    written = days.format(today=f"{monitor.now:%a}")
    monitor.watch("demo", secret=SECRET, maintenance=[f"{written} 00:00-24:00"])
    assert monitor.status()["muted_until"] is not None


def test_windows_that_touch_are_one(monitor: Monitor) -> None:
    windows = [window(monitor, begins=-30, ends=30), window(monitor, begins=30, ends=90)]
    monitor.watch("demo", secret=SECRET, maintenance=windows)
    ends = (monitor.now + timedelta(minutes=90)).replace(second=0, microsecond=0)
    assert datetime.fromisoformat(monitor.status()["muted_until"]) == ends


def test_a_mute_within_a_window_holds_on_after_it(monitor: Monitor, database: Postgres) -> None:
    maintain(monitor)
    monitor.order("mute", **{"for": "2h"})
    assert datetime.fromisoformat(monitor.status()["muted_until"]) > monitor.now + timedelta(minutes=110)
    database.kill()
    monitor.tick()
    monitor.pass_time(minutes=40)
    monitor.tick()
    assert monitor.mails == []
    monitor.pass_time(minutes=90)
    monitor.tick()
    assert heads(monitor) == ["DOWN"]


def test_unmute_does_not_end_a_window(monitor: Monitor, database: Postgres) -> None:
    maintain(monitor)
    monitor.order("mute", **{"for": "2h"})
    answer = monitor.order("unmute")
    assert datetime.fromisoformat(answer["muted_until"]) < monitor.now + timedelta(minutes=31)
    database.kill()
    monitor.tick()
    assert monitor.mails == []


def test_a_later_mute_takes_the_place_of_an_earlier_one(monitor: Monitor) -> None:
    monitor.order("mute", **{"for": "2h"})
    until = datetime.fromisoformat(monitor.order("mute", reason="shorter", **{"for": "10m"})["muted_until"])
    assert until < monitor.now + timedelta(minutes=11)
    assert monitor.items["target#demo"]["state"]["M"]["mute_reason"] == {"S": "shorter"}


def test_an_acknowledgement_does_not_silence_an_outage_or_the_recovery(monitor: Monitor, database: Postgres) -> None:
    database.execute("ALTER ROLE heartline NOLOGIN")
    monitor.tick()
    monitor.order("acknowledge")
    database.kill()
    monitor.tick()
    database.start()
    database.execute("ALTER ROLE heartline LOGIN")
    monitor.tick()
    assert heads(monitor) == ["CANNOT LOG IN", "DOWN", "RECOVERED"]


def test_an_acknowledgement_outlives_quiet_and_ends_with_its_incident(monitor: Monitor, database: Postgres) -> None:
    monitor.watch("demo", secret=SECRET, remind_every="10m")
    database.kill()
    monitor.tick()
    monitor.order("acknowledge")
    mute(monitor)
    come_to_the_end(monitor)
    monitor.pass_time(hours=5)
    monitor.tick()
    assert heads(monitor) == ["DOWN"]
    database.start()
    monitor.tick()
    assert "belief" not in monitor.items["target#demo"]["state"]["M"]
