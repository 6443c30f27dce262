"""What RDS knows: databases found by their tag, its events, and its words in mails; with a real PostgreSQL behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import app
from heartline.model.rds import Found, RdsKind
from heartline.storage.discoveries import Discoveries, Listed
from heartline.storage.table import Table
from local.aws import REGION
from local.function import Context, invoke
from local.peers import healthy
from local.rds import EmulatedRds, event, names_lead_here

if TYPE_CHECKING:
    from integration.conftest import Monitor, Serve
    from local.fleet import Fleet
    from local.postgres import Postgres

DISCOVER = """\
[discover]
secret = "heartline/demo"
tls = "disable"
timeout = 2
confirmations = 0
recover_after = 1
[discover.groups]
payments = ["payments@example.com"]
"""
LISTS = ("rds:DescribeDBInstances", "rds:DescribeDBClusters", "rds:DescribeDBProxies")
KNOWS = ("rds:DescribeDBInstances", "rds:DescribeEvents", "rds:DescribePendingMaintenanceActions")


@pytest.fixture
def rds(monitor: Monitor) -> Iterator[EmulatedRds]:
    """Yield an RDS whose names lead here, and let the monitor watch what carries the tag."""
    monitor.environment |= {"TARGETS": DISCOVER, "USE_RDS": "discover"}
    # The secret has a host of its own, which what is found must not need.
    with names_lead_here():
        yield EmulatedRds(monitor.aws)


def found(monitor: Monitor, database: Postgres, rds: EmulatedRds) -> None:
    """Let one instance be found, and people be notified of that."""
    rds.instance("orders", database.port)
    monitor.tick()
    minute(monitor)
    assert monitor.status("orders")["status"] == "up"


def minute(monitor: Monitor, **span: float) -> dict[str, Any]:
    monitor.pass_time(**(span or {"minutes": 1}))
    return monitor.tick()


def watched(monitor: Monitor) -> list[str]:
    return sorted(entry["name"] for entry in monitor.order("status")["targets"])


def asked(monitor: Monitor) -> list[str]:
    return [name for name in monitor.aws.calls if name.startswith("rds:")]


def faults(printed: pytest.CaptureFixture[str]) -> int:
    """Add up the faults that were counted since the last look."""
    return sum(int(number) for number in re.findall(r'"Faults":\[(\d+)', printed.readouterr().out))


# ---- Tag a database, and it is watched


def test_databases_with_the_tag_are_found_and_told_of_in_one_mail(
    monitor: Monitor, database: Postgres, rds: EmulatedRds
) -> None:
    rds.instance("orders", database.port)
    rds.instance("billing", database.port, tag=None)
    rds.instance("shop", database.port, engine="mysql")
    rds.cluster("stock", database.port, members=["stock-1"])
    assert monitor.tick()["targets"] == 0
    answer = minute(monitor)
    assert (answer["targets"], answer["up"]) == (3, 3)
    assert watched(monitor) == ["orders", "stock.reader", "stock.writer"]
    (mail,) = monitor.mails
    assert mail.subject.startswith("[NOW WATCHING: 3 of 3] ")
    assert mail.headers["X-Heartline-Status"] == "notice"
    assert all(name in mail.text for name in watched(monitor))
    minute(monitor)
    minute(monitor, minutes=6)
    assert len(monitor.mails) == 1


def test_the_tag_s_value_says_who_is_notified(monitor: Monitor, database: Postgres, rds: EmulatedRds) -> None:
    rds.instance("orders", database.port, "payments")
    rds.instance("billing", database.port, "recipients=dba@example.com")
    monitor.tick()
    minute(monitor)
    assert sorted(mail.to for mail in monitor.mails) == [("dba@example.com",), ("payments@example.com",)]


def test_a_tag_that_is_wrong_is_a_fault_and_the_database_is_watched_nevertheless(
    monitor: Monitor, database: Postgres, rds: EmulatedRds, capsys: pytest.CaptureFixture[str]
) -> None:
    rds.instance("orders", database.port, "paymets tls=verify-ca")
    monitor.tick()
    assert faults(capsys) == 1
    (wrong,) = [line for line in monitor.log if line["event"] == "tag-wrong"]
    assert "paymets" in str(wrong["detail"])
    minute(monitor)
    assert watched(monitor) == ["orders"]


def test_rds_is_asked_every_five_minutes_and_never_before_a_probe(
    monitor: Monitor, database: Postgres, rds: EmulatedRds
) -> None:
    found(monitor, database, rds)
    before = len(asked(monitor))
    for _ in range(3):
        minute(monitor)
    assert len(asked(monitor)) == before
    rds.instance("billing", database.port)
    minute(monitor)
    assert asked(monitor)[before:] == list(LISTS)
    last = len(monitor.aws.calls) - 1 - monitor.aws.calls[::-1].index("dynamodb:BatchGetItem")
    assert last < monitor.aws.calls.index("rds:DescribeDBInstances", last)


def test_where_rds_does_not_answer_what_was_known_is_watched_and_it_is_a_fault(
    monitor: Monitor, database: Postgres, rds: EmulatedRds, capsys: pytest.CaptureFixture[str]
) -> None:
    rds.proxy(monitor.aws, "front", tag=None)
    found(monitor, database, rds)
    rds.instance("billing", database.port)
    monitor.pass_time(minutes=5)
    for call in (*LISTS, "rds:ListTagsForResource"):
        capsys.readouterr()
        monitor.aws.refuse(call, "InternalFailure", status=500)
        minute(monitor)
        assert (call, faults(capsys), watched(monitor)) == (call, 1, ["orders"])
        monitor.aws.accept()
    codes = [line["error_code"] for line in monitor.log if line["event"] == "discovery-failed"]
    assert codes == ["InternalFailure"] * 4
    minute(monitor)
    minute(monitor)
    assert watched(monitor) == ["billing", "orders"]


def test_a_page_that_comes_after_another_is_read(monitor: Monitor, database: Postgres, rds: EmulatedRds) -> None:
    """moto gives a hundred at once, as RDS does."""
    for number in range(120):
        rds.instance(f"orders-{number:03}", database.port, None if number < 110 else "")
    monitor.tick()
    assert watched(monitor) == [f"orders-{number}" for number in range(110, 120)]


def test_what_the_document_lists_is_watched_as_it_says(monitor: Monitor, database: Postgres, rds: EmulatedRds) -> None:
    rds.instance("orders", database.port)
    rds.instance("billing", database.port)
    host = f"billing.aaaaaaaaaa.{REGION}.rds.amazonaws.com"
    for name, where in (("orders", database.host), ("invoices", host)):
        keys = f'name = "{name}"\nhost = "{where}"\nport = {database.port}\ntls = "disable"\nsecret = "heartline/demo"'
        monitor.environment["TARGETS"] = f"[[targets]]\n{keys}\n{monitor.environment['TARGETS']}"
    monitor.tick()
    answer = minute(monitor)
    assert (answer["targets"], answer["up"]) == (2, 2)
    assert monitor.mails == []


@pytest.mark.usefixtures("rds")
def test_a_test_reaches_those_who_will_be_notified_before_anything_is_found(monitor: Monitor) -> None:
    answer = monitor.order("test-alert")
    assert (answer["recipients"], answer["channels"]["email"]) == (["oncall@example.com"], "accepted")
    assert "known" in monitor.order("probe")


def test_ten_thousand_fit_into_the_item_of_a_region(monitor: Monitor) -> None:
    hosts = (
        (f"service-{number:05}-{number * 7919 % 9973:04}", f"c{number * 31 % 99991:05}") for number in range(10_000)
    )
    listed = Listed(
        monitor.now,
        tuple(
            Found(RdsKind.INSTANCE, name, REGION, f"{name}.{other}.{REGION}.rds.amazonaws.com", 5432, "payments")
            for name, other in hosts
        ),
    )
    discoveries = Discoveries(Table(lambda: monitor.aws.client("dynamodb"), monitor.environment["STATE_TABLE"]))
    assert discoveries.save(REGION, listed)
    assert discoveries.load() == {REGION: listed}
    assert not discoveries.save(REGION, replace(listed, at=listed.at - timedelta(seconds=1)))


@pytest.mark.parametrize("how", ["deleted", "deleting", "the instance is gone, and RDS was asked"])
def test_what_is_deleted_on_purpose_is_no_longer_watched_and_not_down(
    monitor: Monitor, database: Postgres, rds: EmulatedRds, how: str
) -> None:
    found(monitor, database, rds)
    if how == "deleting":
        rds.status("orders", "deleting")
    else:
        rds.delete("orders")
    if "asked" in how:
        minute(monitor, minutes=6)
    database.kill()
    for _ in range(7):
        minute(monitor)
    assert monitor.states == ["NOW WATCHING", "NO LONGER WATCHED"]
    assert monitor.mails[1].to == monitor.mails[0].to
    assert watched(monitor) == []


def test_what_is_down_and_not_deleted_is_down(monitor: Monitor, database: Postgres, rds: EmulatedRds) -> None:
    found(monitor, database, rds)
    database.kill()
    monitor.aws.refuse("rds:DescribeDBInstances", "Throttling")
    minute(monitor)
    assert monitor.subjects[1].startswith("[DOWN: connection refused] orders · ")
    assert "From RDS" not in monitor.mails[1].text


@pytest.mark.parametrize("value", [None, "no"])
def test_without_its_tag_a_database_is_no_longer_watched_until_it_has_it_again(
    monitor: Monitor, database: Postgres, rds: EmulatedRds, value: str | None
) -> None:
    arn = rds.instance("orders", database.port)
    monitor.tick()
    minute(monitor)
    rds.tag(arn, value)
    minute(monitor, minutes=6)
    minute(monitor)
    assert watched(monitor) == []
    rds.tag(arn, "")
    minute(monitor, minutes=6)
    minute(monitor)
    assert monitor.states == ["NOW WATCHING", "NO LONGER WATCHED", "NOW WATCHING"]


def test_an_item_that_cannot_be_read_takes_leave_of_nobody_and_is_written_anew(
    monitor: Monitor, database: Postgres, rds: EmulatedRds
) -> None:
    found(monitor, database, rds)
    item = monitor.stored["discovery", f"region#{REGION}"]
    monitor.store(item | {"found": {"S": "eJwDAAAAAAE="}})
    minute(monitor)
    minute(monitor)
    assert watched(monitor) == ["orders"]
    assert len(monitor.mails) == 1


def test_what_is_down_and_loses_its_tag_while_the_list_cannot_be_read_is_told_to_be_no_longer_watched(
    monitor: Monitor, database: Postgres, rds: EmulatedRds
) -> None:
    arn = rds.instance("orders", database.port)
    monitor.tick()
    minute(monitor)
    database.kill()
    minute(monitor)
    monitor.store(monitor.stored["discovery", f"region#{REGION}"] | {"found": {"S": "eJwDAAAAAAE="}})
    rds.tag(arn, "no")
    for _ in range(2):
        minute(monitor)
    assert monitor.states == ["NOW WATCHING", "DOWN", "NO LONGER WATCHED"]


def test_a_found_fleet_is_divided_as_any(fleet: Fleet, serve: Serve) -> None:
    monitor, peer = fleet.monitor, serve(healthy)
    keys = DISCOVER.replace('secret = "heartline/demo"', 'auth = "iam"\nuser = "heartline"')
    monitor.environment |= {"TARGETS": keys.replace('tls = "disable"', 'tls = "verify-full"'), "USE_RDS": "discover"}
    with names_lead_here():
        rds = EmulatedRds(monitor.aws)
        for number in range(8):
            rds.instance(f"orders-{number}", peer.port)
        monitor.tick()
        answer = fleet.minutes(2)
    assert (answer["targets"], answer["shards"]) == (8, 3)
    assert {one["status"] for one in monitor.order("status")["targets"]} == {"down"}  # the peer speaks no TLS
    assert len(watched(monitor)) == 8


# ---- Faster than the schedule


def test_an_event_starts_a_probe_and_the_mail_has_rds_s_words(
    monitor: Monitor, database: Postgres, rds: EmulatedRds
) -> None:
    found(monitor, database, rds)
    database.kill()
    rds.status("orders", "storage-full")
    rds.reports("orders", "Free storage for orders is low at 0%", "low storage", monitor.now - timedelta(minutes=2))
    answer = invoke(monitor.environment, event("orders"))
    assert (answer["targets"], answer["down"], answer["alerts"]["sent"]) == (1, 1, 1)
    mail = monitor.mails[1]
    assert mail.state == "DOWN"
    for words in ("the storage is full", "storage-full", "is low at 0%", "system-update"):
        assert words in " ".join(mail.text.split())
    database.start()
    minute(monitor)
    assert monitor.states[2] == "RECOVERED"
    assert monitor.status("orders")["availability"]["24h"]["unobserved_seconds"] == 0


def test_an_event_changes_nothing_of_what_other_ticks_know(
    monitor: Monitor, database: Postgres, rds: EmulatedRds, capsys: pytest.CaptureFixture[str]
) -> None:
    rds.instance("billing", database.port)
    found(monitor, database, rds)
    before = monitor.stored
    capsys.readouterr()
    for _ in range(2):
        invoke(monitor.environment, event("orders"))
    # An alarm would take either for a tick of the schedule, or for that of the whole fleet.
    assert "CloudWatchMetrics" not in capsys.readouterr().out
    changed = {key for key, item in monitor.stored.items() if before.get(key) != item}
    assert changed == {("discovery", "slot#0"), ("discovery", "slot#1")}


@pytest.mark.parametrize(("kind", "identifier"), [("Cluster", "stock"), ("Instance", "stock-1")])
def test_an_event_of_a_cluster_or_its_instance_is_about_both_endpoints(
    monitor: Monitor, database: Postgres, rds: EmulatedRds, kind: str, identifier: str
) -> None:
    rds.cluster("stock", database.port, members=["stock-1"])
    monitor.tick()
    assert invoke(monitor.environment, event(identifier, kind))["targets"] == 2


@pytest.mark.usefixtures("rds")
def test_a_target_of_the_document_is_concerned_by_its_host(monitor: Monitor, database: Postgres) -> None:
    host = f"orders.abc123.{REGION}.rds.amazonaws.com"
    monitor.watch("mine", host=host, port=database.port, secret="heartline/demo")
    monitor.environment["USE_RDS"] = "ask"
    # Until a tick of the schedule has recorded that it is watched, it is probed and not judged.
    answer = invoke(monitor.environment, event("orders"))
    assert (answer["targets"], answer["up"]) == (1, 0)
    assert [line for line in monitor.log if line["level"] == "ERROR"] == []
    monitor.tick()
    assert invoke(monitor.environment, event("orders"))["up"] == 1
    assert asked(monitor) == []


ABOUT_NOTHING: list[dict[str, Any]] = [
    {"region": "eu-west-1"},
    {"detail-type": "RDS DB Cluster Event"},
    {"detail-type": "RDS DB Snapshot Event"},
    {"detail-type": ["RDS DB Instance Event"]},
    {"detail": None},
    {"detail": {"SourceIdentifier": ["orders"]}},
    {"detail": {"SourceIdentifier": "billing"}},
]


def test_an_event_about_nothing_that_is_watched_starts_nothing(
    monitor: Monitor, database: Postgres, rds: EmulatedRds
) -> None:
    found(monitor, database, rds)
    before = len(monitor.aws.calls)
    answers = [invoke(monitor.environment, event("orders", **differing)) for differing in ABOUT_NOTHING]
    assert answers == [{"targets": 0, "tick": None}] * len(ABOUT_NOTHING)
    assert set(monitor.aws.calls[before:]) == {"dynamodb:Query"}


def test_a_storm_of_a_hundred_events_makes_six_ticks_in_a_minute(
    monitor: Monitor, database: Postgres, rds: EmulatedRds, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monitor, database, rds)
    for name, value in monitor.environment.items():
        monkeypatch.setenv(name, value)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: app.lambda_handler(event("orders"), Context(60)), range(100)))
    assert sum(answer["tick"] is not None for answer in answers) == 6
    monitor.pass_time(seconds=30)
    assert invoke(monitor.environment, event("orders"))["tick"] is None
    monitor.pass_time(seconds=31)
    assert invoke(monitor.environment, event("orders"))["tick"] is not None


# ---- Context in the mail


@pytest.mark.parametrize("call", KNOWS)
def test_a_mail_leaves_without_what_rds_does_not_say(
    monitor: Monitor, database: Postgres, rds: EmulatedRds, call: str
) -> None:
    found(monitor, database, rds)
    rds.status("orders", "storage-full")
    database.kill()
    monitor.aws.refuse(call, "AccessDenied", status=403)
    minute(monitor)
    mail = monitor.mails[1]
    assert mail.state == "DOWN"
    assert ("the storage is full" in " ".join(mail.text.split())) == (call != "rds:DescribeDBInstances")
    (line,) = [line for line in monitor.log if line["event"] == "rds-not-asked"]
    assert line["detail"] == {"late": [], "refused": ["AccessDenied"]}


def test_a_mail_leaves_while_rds_is_silent(monitor: Monitor, database: Postgres, rds: EmulatedRds) -> None:
    found(monitor, database, rds)
    database.kill()
    for call in KNOWS[1:]:
        monitor.aws.hang(call)
    minute(monitor)
    assert monitor.subjects[1].startswith("[DOWN: connection refused] orders · ")
    monitor.aws.accept()


def test_an_event_of_rds_explains_what_happened_between_two_ticks(
    monitor: Monitor, database: Postgres, rds: EmulatedRds
) -> None:
    found(monitor, database, rds)
    database.kill()
    database.start()
    rds.reports("orders", "DB instance restarted", "availability", monitor.now + timedelta(seconds=50))
    minute(monitor)
    mail = monitor.mails[1]
    assert mail.subject.startswith("[RESTARTED] orders · ")
    assert "RDS explains it: DB instance restarted" in " ".join(mail.text.split())


def test_rds_is_asked_once_for_a_mail_and_its_topic_and_after_the_alert_is_stored(
    monitor: Monitor, database: Postgres, rds: EmulatedRds
) -> None:
    found(monitor, database, rds)
    database.kill()
    monitor.aws.log.clear()
    minute(monitor)
    calls = [call.label for call in monitor.aws.log]
    assert calls.count("rds:DescribeEvents") == 1
    assert calls.index("dynamodb:UpdateItem target#orders/state") < calls.index("rds:DescribeEvents")
    monitor.aws.log.clear()
    minute(monitor)
    assert "rds:DescribeEvents" not in monitor.aws.calls


def test_nothing_of_another_account_s_database_is_said_that_only_has_the_same_name(
    monitor: Monitor, database: Postgres, rds: EmulatedRds
) -> None:
    rds.instance("orders", database.port, tag=None)
    rds.status("orders", "storage-full")
    host = f"orders.another.{REGION}.rds.amazonaws.com"
    monitor.watch("orders", host=host, port=database.port, secret="heartline/demo")
    monitor.environment["USE_RDS"] = "ask"
    database.kill()
    monitor.tick()
    (mail,) = monitor.mails
    assert "storage" not in mail.text
    assert "rds:DescribeEvents" not in monitor.aws.calls


@pytest.mark.usefixtures("rds")
def test_without_being_allowed_to_rds_is_not_asked(monitor: Monitor, database: Postgres) -> None:
    host = f"orders.another.{REGION}.rds.amazonaws.com"
    monitor.watch("orders", host=host, port=database.port, secret="heartline/demo")
    monitor.environment["USE_RDS"] = "no"
    database.kill()
    monitor.tick()
    assert len(monitor.mails) == 1
    assert asked(monitor) == []


def test_the_sample_event_is_one_that_rds_sends() -> None:
    sample = json.loads((Path(app.__file__).parents[2] / "events" / "rds.json").read_text())
    assert sample.keys() - {"resources"} == event("demo").keys()
    assert sample["detail"].keys() == event("demo")["detail"].keys()
