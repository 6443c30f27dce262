"""A divided fleet grows, shrinks and stands still in part, and nothing of it is forgotten."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from heartline.tick.shards import shard_of
from local.function import invoke
from local.peers import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.aws import EmulatedAws
    from local.postgres import Postgres

    Serve = Callable[[Callable[..., None]], Peer]
from local.fleet import NAMES, REAL, SHARDS, Fleet, at_once, counted, moment

HOST = "127.0.0.1"
UNREAD = "dynamodb:BatchGetItem heartbeat/shard#00004#00001*"


# ---- Growing and shrinking


def test_however_a_fleet_is_divided_anew_nothing_is_told_twice_or_forgotten(fleet: Fleet, database: Postgres) -> None:
    fleet.divide(4)
    fleet.minutes()
    database.kill()
    fleet.minutes()
    assert fleet.notified == Counter(("DOWN", name) for name in REAL)
    for share in (3, 4, 10, 3, 5, 10, 4):
        fleet.divide(share)
        fleet.minutes()
        ages = {name: fleet.monitor.now - moment(last_ok) for name, (_, last_ok) in fleet.seen.items()}
        assert {name for name, age in ages.items() if age < timedelta(seconds=50)} == set(NAMES) - set(REAL), share
    database.start()
    fleet.minutes()
    assert fleet.notified == Counter((label, name) for name in REAL for label in ("DOWN", "RECOVERED"))
    assert fleet.gaps == []
    incidents = [one["incidents"] for one in fleet.monitor.order("status")["targets"] if one["name"] in REAL]
    assert [(len(known), known[0]["unobserved_seconds"]) for known in incidents] == [(1, 0)] * 3
    # The last failed probe was a minute before, whichever shard took it.
    (known,) = incidents[0]
    assert moment(known["ended"]) - moment(known["last_failed"]) < timedelta(seconds=90)


def test_what_goes_down_when_it_changes_shards_was_good_a_minute_before(fleet: Fleet, database: Postgres) -> None:
    fleet.divide(4)
    answer = fleet.minutes(3)
    database.kill()
    fleet.divide(3)
    fleet.minutes()
    text = next(mail.text for mail in fleet.monitor.mails if "mail" in mail.headers["X-Heartline-Target"])
    assert f"{moment(answer['tick']):%Y-%m-%d %H:%M}" in text
    assert "did not run" not in " ".join(text.split())


@pytest.mark.parametrize("share", [10, 3])
def test_a_tick_that_finds_no_verdict_forgets_nothing(fleet: Fleet, database: Postgres, share: int) -> None:
    """One without time to probe: what the tick before it saw is still the last that was seen."""
    fleet.divide(share)
    fleet.minutes(5)
    good = moment(fleet.seen["mail"][1])
    fleet.monitor.pass_time(minutes=1)
    fleet.monitor.tick(seconds=1.5)
    fleet.queue.deliver(lambda event: invoke(fleet.monitor.environment, event, seconds=1.5))
    assert moment(fleet.seen["mail"][1]) == good
    database.kill()
    fleet.minutes()
    text = next(mail.text for mail in fleet.monitor.mails if "mail" in mail.headers["X-Heartline-Target"])
    assert f"{good:%Y-%m-%d %H:%M:%S} UTC, the last good probe" in text


def test_a_target_without_verdict_keeps_its_last_look_and_the_others_get_a_new_one(fleet: Fleet) -> None:
    fleet.targets["crm"] = fleet.targets["crm"] | {"timeout": 20}
    fleet.divide(10)
    fleet.minutes(3)
    good = fleet.seen["crm"][1]
    for _ in range(2):
        fleet.monitor.pass_time(minutes=1)
        fresh = fleet.monitor.tick(seconds=10)["tick"]
        assert {last_ok: name for name, (_, last_ok) in fleet.seen.items() if last_ok != fresh} == {good: "crm"}
        assert list(fleet.seen.values()).count(("up", fresh)) == 9


def test_a_target_that_is_taken_away_is_counted_no_more(fleet: Fleet) -> None:
    fleet.minutes()
    del fleet.targets["crm"]
    fleet.divide(3)
    answers = [fleet.minutes() for _ in range(2)]
    assert [(one["targets"], one["up"], one["shards"]) for one in answers] == [(9, 9, 3)] * 2
    assert (fleet.gaps, fleet.monitor.mails) == ([], [])


def test_a_target_that_is_renamed_is_another_one(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.minutes()
    fleet.targets["customers"] = fleet.targets.pop("crm")
    fleet.divide(3)
    capsys.readouterr()
    answers = [fleet.minutes() for _ in range(2)]
    assert [one["up"] for one in answers] == [9, 10]
    assert counted(capsys)["Overruns"] == 0
    assert fleet.seen["customers"][0] == "up"
    assert (fleet.gaps, fleet.monitor.mails) == ([], [])


def test_a_shard_that_comes_again_with_new_targets_only_makes_no_gap(fleet: Fleet) -> None:
    """Its heartbeat is from when there were as many shards last; the others have run meanwhile."""
    fleet.minutes()
    fleet.divide(4)
    fleet.minutes(5)
    for name in SHARDS[3]:
        keys = fleet.targets.pop(name)
        fleet.targets[next(new for place in range(99) if shard_of(new := f"{name}-{place}", 4) == 3)] = keys
    fleet.divide(3)
    fleet.minutes()
    assert fleet.gaps == []


# ---- Shards that stop


def test_a_shard_that_stops_is_counted_as_an_overrun_and_is_no_gap(
    fleet: Fleet, aws: EmulatedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.minutes()
    aws.refuse(UNREAD, "ProvisionedThroughputExceededException")
    late = []
    for _ in range(4):
        capsys.readouterr()
        fleet.monitor.pass_time(minutes=1)
        fleet.monitor.tick()
        counts = counted(capsys)
        late.append((counts["TargetsUp"], counts["TargetsUnprobed"], counts["Overruns"]))
        fleet.run()
    # It ran last three intervals before the third of these.
    assert late == [(10, 0, 0), (10, 0, 0), (8, 2, 1), (8, 2, 1)]
    aws.accept()
    fleet.minutes(2)
    assert fleet.gaps == []
    assert fleet.minutes()["up"] == 10


def test_a_schedule_that_was_off_is_no_shards_fault(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    """The alarm for silence has told of it; that for overruns would send its reader to the wrong place."""
    fleet.minutes()
    fleet.monitor.pass_time(hours=1)
    capsys.readouterr()
    fleet.minutes()
    assert counted(capsys)["Overruns"] == 0


def test_what_happened_while_its_shard_stood_still_is_told_with_that(
    fleet: Fleet, aws: EmulatedAws, database: Postgres
) -> None:
    fleet.minutes()
    aws.refuse(UNREAD, "ProvisionedThroughputExceededException")
    fleet.minutes(3)
    database.kill()
    aws.accept()
    fleet.minutes()
    texts = {mail.headers["X-Heartline-Target"]: " ".join(mail.text.split()) for mail in fleet.monitor.mails}
    assert [name for name, text in texts.items() if "did not run" in text] == ["users"]


@pytest.mark.parametrize("together", [False, True])
def test_when_all_shards_stop_there_is_one_gap(fleet: Fleet, together: bool) -> None:
    fleet.minutes()
    last = max(moment(last_ok) for _, last_ok in fleet.seen.values())
    # The schedule runs, and nobody takes its messages in time.
    for _ in range(2):
        fleet.monitor.pass_time(minutes=29)
        fleet.monitor.tick()
    fleet.monitor.pass_time(minutes=1)
    fleet.run()
    fleet.monitor.pass_time(minutes=1)
    fleet.monitor.tick()
    if together:
        at_once(fleet, [fleet.queue.take() for _ in SHARDS])
    fleet.run()
    fleet.minutes()
    (gap,) = [item["gap"]["M"] for sk, item in fleet.monitor.history.items() if sk.startswith("gap#")]
    assert abs(moment(gap["began"]["S"]) - last) < timedelta(seconds=10)
    assert timedelta(minutes=59) < moment(gap["ended"]["S"]) - moment(gap["began"]["S"]) < timedelta(minutes=61)
    unobserved = [one["availability"]["24h"]["unobserved_seconds"] for one in fleet.monitor.order("status")["targets"]]
    assert all(3540 < seconds < 3660 for seconds in unobserved)
    assert fleet.monitor.mails == []


# ---- Orders


def test_status_tells_when_each_shard_found_its_targets_good(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    database.kill()
    fleet.minutes(2)
    for name, (status, last_ok) in fleet.seen.items():
        age = fleet.monitor.now - moment(last_ok)
        assert (status, age < timedelta(seconds=50)) == (("down", False) if name in REAL else ("up", True))
        assert age < timedelta(minutes=3)


def test_orders_reach_a_target_in_whichever_shard(fleet: Fleet, database: Postgres) -> None:
    fleet.minutes()
    monitor = fleet.monitor
    assert monitor.order("probe", target="mail")["healthy"]
    assert [one["name"] for one in monitor.order("status", target="mail")["targets"]] == ["mail"]
    muted = monitor.order("mute", target="mail", **{"for": "1d"})
    assert monitor.now - moment(muted["last_ok"]) < timedelta(seconds=50)
    database.kill()
    fleet.minutes(2)
    assert fleet.notified == Counter(("DOWN", name) for name in REAL if name != "mail")
    assert monitor.order("probe", target="mail")["failure"]["kind"] == "refused"
    assert monitor.order("acknowledge", target="orders")["status"] == "down"
    for _ in range(3):
        monitor.pass_time(hours=1)
        fleet.minutes()
    assert {name for label, name in fleet.notified if label == "STILL DOWN"} == {"users"}
    monitor.order("unmute", target="mail")
    fleet.minutes()
    assert fleet.notified["DOWN", "mail"] == 1
    assert "known are orders" in monitor.order("probe", target="nobody")["error"]


def test_availability_is_that_of_the_time_that_a_shard_watched(fleet: Fleet, database: Postgres) -> None:
    monitor = fleet.monitor
    monitor.environment["SCHEDULE_MINUTES"] = "60"

    def hours(number: int) -> None:
        for _ in range(number):
            monitor.pass_time(minutes=59)
            fleet.minutes()

    hours(3)
    database.kill()
    hours(1)
    database.start()
    hours(1)
    # Watched for four hours, of which one was lost.
    shown = {one["name"]: one["availability"]["24h"] for one in monitor.order("status")["targets"]}
    assert {name: round(one["percent"]) for name, one in shown.items()} == {n: 75 if n in REAL else 100 for n in NAMES}
    assert {one["unobserved_seconds"] for one in shown.values()} == {0}
