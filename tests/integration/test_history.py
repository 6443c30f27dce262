"""What is over is kept: incidents, how much of the time was good, and when Heartline itself did not run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from heartline.storage.schema import sortable
from local.stack import SECRET

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres


@pytest.fixture
def hourly(monitor: Monitor) -> Monitor:
    """Let an hour be the time from one tick to the next: a long life is soon lived."""
    monitor.environment["SCHEDULE_MINUTES"] = "60"
    return monitor


def live(monitor: Monitor, hours: int) -> None:
    for _ in range(hours):
        monitor.pass_time(hours=1)
        monitor.tick()


def outage(monitor: Monitor, database: Postgres, hours: int) -> None:
    """Let it fail at the next tick, and answer again that many hours later."""
    database.kill()
    live(monitor, hours)
    database.start()
    live(monitor, 1)


def gap(monitor: Monitor, **span: float) -> tuple[datetime, datetime]:
    """Let no tick run for that long; give the last tick's time and the next one's."""
    last = datetime.fromisoformat(plain(monitor.items["heartbeat"]["at"]))
    monitor.pass_time(**span)
    return last, datetime.fromisoformat(monitor.tick()["tick"])


def plain(value: dict[str, Any]) -> Any:  # noqa: ANN401
    return next(iter(value.values()))


def stored_incident(began: datetime, number: int, **fields: object) -> dict[str, Any]:
    """Return a record as Heartline writes it."""
    name = f"demo-{began:%Y%m%dT%H%M%SZ}-{number}"
    incident = {"id": name, "began": began.isoformat(), "ended": (began + timedelta(hours=1)).isoformat()}
    document = {"pk": "target#demo", "sk": f"incident#{sortable(began)}#{name}", "format": 1, "incident": incident}
    return {key: TypeSerializer().serialize(value) for key, value in (document | fields).items()}


def shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def words(text: str) -> str:
    return " ".join(text.split())


# ---- Incidents


def test_an_incident_that_is_over_is_kept_with_its_bounds_for_400_days(monitor: Monitor, database: Postgres) -> None:
    monitor.tick()
    monitor.pass_time(minutes=1)
    good = monitor.tick()["tick"]
    database.kill()
    monitor.pass_time(minutes=1)
    monitor.tick()
    monitor.pass_time(minutes=1)
    failed = monitor.tick()["tick"]
    assert monitor.history == {}
    database.start()
    monitor.pass_time(minutes=1)
    monitor.tick()
    ((key, item),) = monitor.history.items()
    (incident,) = monitor.status()["incidents"]
    assert item["pk"] == {"S": "target#demo"}
    assert key == f"incident#{sortable(datetime.fromisoformat(incident['began']))}#{incident['id']}"
    ended = datetime.fromisoformat(incident["ended"])
    assert int(item["expires_at"]["N"]) == int((ended + timedelta(days=400)).timestamp())
    assert (incident["last_ok"], incident["last_failed"]) == (good, failed)
    assert (incident["kinds"], incident["notified"], incident["unobserved_seconds"]) == (
        ["refused"],
        ["down", "recovered"],
        0,
    )
    bounds = [datetime.fromisoformat(incident[name]) for name in ("last_ok", "began", "last_failed", "ended")]
    assert bounds == sorted(bounds)
    assert incident["id"] == monitor.mails[0].headers["X-Heartline-Incident"]


def test_an_incident_keeps_all_kinds_and_alerts_that_it_had(monitor: Monitor, database: Postgres) -> None:
    monitor.watch("demo", secret=SECRET, remind_every="1m")
    database.kill()
    monitor.tick()
    monitor.pass_time(minutes=1, seconds=1)
    monitor.tick()
    database.start()
    database.execute("ALTER ROLE heartline NOLOGIN")
    monitor.tick()
    database.execute("ALTER ROLE heartline LOGIN")
    monitor.tick()
    (incident,) = monitor.status()["incidents"]
    assert incident["kinds"] == ["refused", "auth"]
    assert incident["notified"] == ["down", "reminder", "recovered"]


def test_the_open_incident_stands_first_and_without_an_end(monitor: Monitor, database: Postgres) -> None:
    for _ in range(2):
        database.kill()
        monitor.tick()
        database.start()
        monitor.tick()
        monitor.pass_time(minutes=30)
    database.kill()
    monitor.tick()
    entry = monitor.status()
    assert [incident["ended"] is None for incident in entry["incidents"]] == [True, False, False]
    assert entry["incidents"][0]["id"] == entry["incident"]
    began = [incident["began"] for incident in entry["incidents"]]
    assert began == sorted(began, reverse=True)


def test_a_recovery_and_its_record_are_written_together_or_not_at_all(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    database.kill()
    monitor.tick()
    before = monitor.items["target#demo"]
    database.start()
    aws.refuse("dynamodb:TransactWriteItems", "ThrottlingException")
    monitor.tick()
    assert (monitor.items["target#demo"], monitor.history, len(monitor.mails)) == (before, {}, 1)
    aws.accept()
    monitor.tick()
    assert len(monitor.history) == 1
    assert monitor.states == ["DOWN", "RECOVERED"]


def test_the_five_latest_of_very_many_incidents_are_shown(monitor: Monitor, aws: EmulatedAws) -> None:
    monitor.tick()
    padding = "x" * 15_000  # more than the megabyte that one answer of DynamoDB holds
    began = [monitor.now - timedelta(hours=2 * place + 2) for place in range(100)]
    for place, one in enumerate(began):
        monitor.store(stored_incident(one, place, padding=padding))
    before = len(aws.calls)
    entry = monitor.status()
    assert aws.calls[before:].count("dynamodb:Query") >= 3  # the gaps, and pages of incidents
    assert [incident["began"] for incident in entry["incidents"]] == [one.isoformat() for one in began[:5]]


def test_history_beyond_one_page_counts_for_the_availability(hourly: Monitor) -> None:
    hourly.tick()
    hourly.pass_time(days=30)
    for place in range(100):
        began = hourly.now - timedelta(hours=2 * place + 2)
        hourly.store(stored_incident(began, place, padding="x" * 15_000))
    long_ago = hourly.items["heartbeat"]
    hourly.store(long_ago | {"at": {"S": hourly.now.isoformat()}})
    available = hourly.status()["availability"]
    assert available["7d"]["percent"] == pytest.approx(50, abs=0.5)
    assert available["30d"]["percent"] == pytest.approx(100 * (1 - 100 / 720), abs=0.5)


@pytest.mark.parametrize(
    "odd",
    [
        {"format": 2},
        {"incident": "long"},
        {"incident": {"id": "x", "began": "yesterday"}},
        {"incident": {"id": "x", "began": "2026-01-01T00:00:00+00:00", "mood": "fine"}},
        {"incident": None},
    ],
    ids=["newer", "text", "time", "field", "null"],
)
def test_a_record_that_this_version_cannot_read_is_left_out_and_left_alone(
    monitor: Monitor, database: Postgres, odd: dict[str, object]
) -> None:
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    item = stored_incident(monitor.now - timedelta(hours=3), 1, **odd)
    gap_item = {"pk": {"S": "heartbeat"}, "sk": {"S": f"gap#{sortable(monitor.now)}"}, "format": {"N": "2"}}
    monitor.store(item)
    monitor.store(gap_item)
    entry = monitor.status()
    assert len(entry["incidents"]) == 1
    assert entry["availability"]["24h"]["unobserved_seconds"] == 0
    monitor.tick()
    assert monitor.history[plain(item["sk"])] == item
    assert monitor.history[plain(gap_item["sk"])] == gap_item


def test_one_target_s_history_is_not_another_s(monitor: Monitor, database: Postgres) -> None:
    monitor.watch("a", "ab", secret=SECRET)
    monitor.order("mute", target="ab", **{"for": "1h"})
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    for name, notified in (("a", ["down", "recovered"]), ("ab", [])):
        (incident,) = monitor.status(name)["incidents"]
        assert (incident["id"].startswith(f"{name}-"), incident["notified"]) == (True, notified)


# ---- Availability


def test_availability_is_the_share_of_the_time_that_a_target_was_up(hourly: Monitor, database: Postgres) -> None:
    hourly.tick()
    live(hourly, 3)
    outage(hourly, database, hours=2)
    live(hourly, 2)
    available = hourly.status()["availability"]
    assert {name: one["unobserved_seconds"] for name, one in available.items()} == {"24h": 0, "7d": 0, "30d": 0}
    assert available["24h"]["percent"] == pytest.approx(100 * 6 / 8, abs=0.5)
    assert available["24h"]["observed_seconds"] == pytest.approx(8 * 3600, abs=60)
    # What was watched for eight hours has no share of a week.
    assert available["7d"]["percent"] is available["30d"]["percent"] is None


def test_each_length_of_time_counts_what_is_in_it(hourly: Monitor, database: Postgres) -> None:
    hourly.tick()
    outage(hourly, database, hours=12)
    live(hourly, 35)
    available = hourly.status()["availability"]
    assert available["24h"]["percent"] == 100
    assert available["7d"]["percent"] == pytest.approx(100 * 36 / 48, abs=0.5)
    assert available["30d"]["percent"] is None


def test_an_incident_that_reaches_into_a_length_counts_with_its_part(hourly: Monitor, database: Postgres) -> None:
    hourly.tick()
    outage(hourly, database, hours=6)
    live(hourly, 20)
    assert hourly.status()["availability"]["24h"]["percent"] == pytest.approx(100 * 20 / 24, abs=0.5)


def test_an_open_incident_counts_until_now(hourly: Monitor, database: Postgres) -> None:
    hourly.tick()
    live(hourly, 3)
    database.kill()
    live(hourly, 2)
    assert hourly.status()["availability"]["24h"]["percent"] == pytest.approx(100 * 4 / 5, abs=0.5)


def test_what_was_down_at_first_sight_was_never_up(hourly: Monitor, database: Postgres) -> None:
    database.kill()
    hourly.tick()
    live(hourly, 2)
    assert hourly.status()["availability"]["24h"]["percent"] == 0


def test_an_outage_in_maintenance_is_still_time_that_it_was_down(hourly: Monitor, database: Postgres) -> None:
    hourly.tick()
    hourly.order("mute", **{"for": "3d"})
    outage(hourly, database, hours=1)
    assert hourly.status()["availability"]["24h"]["percent"] == pytest.approx(50, abs=0.5)


# ---- Gaps


def test_missed_ticks_are_noticed_and_kept(monitor: Monitor) -> None:
    monitor.tick()
    last, now = gap(monitor, minutes=20)
    (line,) = [line for line in monitor.log if line["event"] == "ticks-missed"]
    assert line["level"] == "WARNING"
    assert line["detail"] == {"from": last.isoformat(), "to": now.isoformat()}
    ((key, item),) = monitor.history.items()
    assert (item["pk"], key) == ({"S": "heartbeat"}, f"gap#{sortable(last)}")
    assert int(item["expires_at"]["N"]) == int((now + timedelta(days=400)).timestamp())


@pytest.mark.parametrize(("minutes", "seconds", "gaps"), [("1", 85, 0), ("1", 95, 1), ("5", 440, 0), ("5", 460, 1)])
def test_a_tick_is_late_after_one_and_a_half_intervals(monitor: Monitor, minutes: str, seconds: int, gaps: int) -> None:
    monitor.environment["SCHEDULE_MINUTES"] = minutes
    monitor.tick()
    monitor.pass_time(seconds=seconds)
    monitor.tick()
    monitor.tick()
    assert len(monitor.history) == gaps


@pytest.mark.parametrize(("before", "after"), [("5", "1"), ("1", "5")])
def test_a_change_of_the_schedule_is_no_missed_tick(
    monitor: Monitor, database: Postgres, before: str, after: str
) -> None:
    monitor.environment["SCHEDULE_MINUTES"] = before
    monitor.tick()
    database.kill()
    monitor.environment["SCHEDULE_MINUTES"] = after
    monitor.pass_time(minutes=5)
    monitor.tick()
    assert "did not run" not in words(monitor.mails[-1].text)
    assert monitor.history == {}
    assert monitor.status()["availability"]["24h"]["unobserved_seconds"] == 0
    # From then on the new one counts.
    monitor.pass_time(minutes=20)
    monitor.tick()
    assert len(monitor.history) == 1


def test_the_first_tick_of_all_has_missed_none(monitor: Monitor) -> None:
    monitor.tick()
    assert monitor.history == {}


def test_a_gap_while_all_is_well_is_no_mail_and_no_time_that_counts(hourly: Monitor, database: Postgres) -> None:
    hourly.tick()
    outage(hourly, database, hours=1)
    mails = len(hourly.mails)
    gap(hourly, hours=6)
    assert len(hourly.mails) == mails
    available = hourly.status()["availability"]["24h"]
    assert available["unobserved_seconds"] == pytest.approx(6 * 3600, abs=60)
    assert available["percent"] == pytest.approx(50, abs=0.5)


def test_what_died_in_a_gap_is_told_with_honest_bounds(monitor: Monitor, database: Postgres) -> None:
    monitor.tick()
    monitor.pass_time(minutes=1)
    monitor.tick()
    database.kill()
    last, now = gap(monitor, hours=2)
    (mail,) = monitor.mails
    text = words(mail.text)
    assert f"Heartline itself did not run between {shown(last)} and {shown(now)} (2 h)" in text
    incident = monitor.status()["incidents"][0]
    first = shown(datetime.fromisoformat(incident["began"]))
    assert f"Failed between: {shown(last)}, the last good probe, and {first}" in text
    assert incident["last_ok"] == last.isoformat()
    assert datetime.fromisoformat(incident["began"]) >= now
    assert incident["unobserved_seconds"] == pytest.approx(2 * 3600, abs=60)


def test_a_gap_within_an_outage_is_told_at_its_end(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    monitor.tick()
    # On a slow machine the probe of a tick begins in another second than the tick.
    probed = datetime.fromisoformat(monitor.status()["incidents"][0]["last_failed"])
    last, now = gap(monitor, minutes=40)
    assert len(monitor.mails) == 1
    database.start()
    monitor.pass_time(minutes=1)
    monitor.tick()
    text = words(monitor.mails[-1].text)
    assert any(f"between {shown(began)} and {shown(now)} (40 min)" in text for began in (last, probed))
    assert "up to 41 min" in text
    available = monitor.status()["availability"]["24h"]
    assert available["unobserved_seconds"] == pytest.approx(40 * 60, abs=10)


def test_what_recovered_in_a_gap_is_told_with_honest_bounds(monitor: Monitor, database: Postgres) -> None:
    monitor.tick()
    database.kill()
    for _ in range(2):
        monitor.pass_time(minutes=1)
        monitor.tick()
    database.start()
    last, now = gap(monitor, hours=3)
    text = words(monitor.mails[-1].text)
    assert "it was down for up to 3 h 1 min" in text
    assert f"between {shown(last)} and {shown(now)} (3 h)" in text
    (incident,) = monitor.status()["incidents"]
    ended = shown(datetime.fromisoformat(incident["ended"]))
    assert f"Recovered between: {shown(last)}, the last failed probe, and {ended}" in text
    assert incident["last_failed"] == last.isoformat()
    assert datetime.fromisoformat(incident["ended"]) >= now
    assert incident["unobserved_seconds"] == pytest.approx(3 * 3600, abs=60)
    assert monitor.status()["availability"]["24h"]["percent"] == pytest.approx(50, abs=2)


def test_a_gap_is_no_part_of_a_later_incident(monitor: Monitor, database: Postgres) -> None:
    monitor.tick()
    gap(monitor, hours=3)
    monitor.pass_time(minutes=1)
    database.kill()
    monitor.tick()
    assert "did not run" not in monitor.mails[-1].text
    assert monitor.status()["incidents"][0]["unobserved_seconds"] == 0


def test_a_gap_that_could_not_be_written_is_noted_by_the_next_tick(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    database.kill()
    monitor.tick()
    monitor.pass_time(hours=1)
    aws.refuse("dynamodb:PutItem", "ThrottlingException")
    monitor.tick()
    aws.accept()
    assert monitor.history == {}
    assert "heartbeat-not-written" in [line["event"] for line in monitor.log]
    monitor.pass_time(minutes=1)
    monitor.tick()
    assert len(monitor.history) == 1
    entry = monitor.status()
    assert entry["availability"]["24h"]["unobserved_seconds"] == pytest.approx(61 * 60, abs=10)
    # The tick between saved what it saw.
    assert entry["incidents"][0]["unobserved_seconds"] == pytest.approx(60 * 60, abs=10)


def test_status_does_not_call_the_time_good_in_which_heartline_is_off(hourly: Monitor, database: Postgres) -> None:
    hourly.tick()
    outage(hourly, database, hours=1)
    before = hourly.stored
    hourly.pass_time(hours=10)
    entry = hourly.status()
    assert entry["availability"]["24h"]["unobserved_seconds"] == pytest.approx(10 * 3600, abs=60)
    assert entry["availability"]["24h"]["percent"] == pytest.approx(50, abs=0.5)
    hourly.pass_time(days=40)
    day = hourly.status()["availability"]["24h"]
    assert (day["percent"], day["unobserved_seconds"]) == (None, 86400)
    assert hourly.stored == before


def test_status_does_not_call_the_time_bad_in_which_heartline_is_off(hourly: Monitor, database: Postgres) -> None:
    hourly.tick()
    live(hourly, 1)
    database.kill()
    live(hourly, 2)
    hourly.pass_time(hours=10)
    available = hourly.status()["availability"]["24h"]
    assert available["unobserved_seconds"] == pytest.approx(10 * 3600, abs=60)
    assert available["percent"] == pytest.approx(100 * 2 / 3, abs=0.5)


@pytest.mark.parametrize("days", [20, 45, 70])
def test_a_very_long_outage_counts_in_full(hourly: Monitor, database: Postgres, days: int) -> None:
    database.kill()
    hourly.tick()
    hourly.pass_time(days=days)
    hourly.store(hourly.items["heartbeat"] | {"at": {"S": hourly.now.isoformat()}})  # no tick was missed
    database.start()
    hourly.tick()
    assert hourly.status()["availability"]["30d"]["percent"] == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("days", [20, 45, 70])
def test_a_very_long_gap_counts_in_full(hourly: Monitor, days: int) -> None:
    hourly.tick()
    gap(hourly, days=days)
    available = hourly.status()["availability"]["30d"]
    assert available["unobserved_seconds"] == pytest.approx(min(days, 30) * 86400, abs=60)


def test_an_incident_is_shown_for_as_long_as_it_is_kept(hourly: Monitor, database: Postgres) -> None:
    hourly.tick()
    outage(hourly, database, hours=1)
    hourly.pass_time(days=100)
    assert len(hourly.history) == 1
    assert len(hourly.status()["incidents"]) == 1


def test_a_gap_is_noticed_even_where_the_heartbeat_cannot_be_read_at_once(monitor: Monitor, aws: EmulatedAws) -> None:
    monitor.tick()
    monitor.pass_time(hours=1)
    aws.leave_unprocessed(1)
    monitor.tick()
    aws.accept()
    monitor.tick()
    assert len(monitor.history) == 1


def test_missed_ticks_are_no_rest_of_what_flaps(monitor: Monitor, database: Postgres) -> None:
    for down in (True, False) * 3:
        (database.kill if down else database.start)()
        monitor.tick()
        monitor.pass_time(minutes=1)
    assert monitor.states == ["DOWN", "RECOVERED", "DOWN", "RECOVERED", "DOWN"]
    gap(monitor, hours=1)
    assert monitor.states[5:] == ["FLAPPING"]
    for _ in range(7):
        monitor.pass_time(minutes=1)
        monitor.tick()
    assert monitor.subjects[-1].startswith("[STABLE AGAIN for ")
    assert len(monitor.mails) == 7
