"""A tick tells what happens to a database: once, in time, and with the right facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING

import pytest

from local.peers import Peer, closes, forwards, healthy
from local.stack import RECIPIENT, ROLE, SECRET, SENDER

if TYPE_CHECKING:
    import socket

    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres

Serve = Callable[[Callable[..., None]], Peer]


def test_a_death_and_a_recovery_are_told_once_each(monitor: Monitor, database: Postgres) -> None:
    assert monitor.tick()["up"] == 1
    assert monitor.mails == []
    database.kill()
    assert monitor.tick()["down"] == 1
    monitor.tick()
    monitor.tick()
    (down,) = monitor.mails
    database.start()
    assert monitor.tick()["up"] == 1
    monitor.tick()
    _, recovered = monitor.mails
    assert down.subject.startswith("[DOWN: connection refused] demo · ")
    assert (down.sender, down.to) == (f"Heartline <{SENDER}>", (RECIPIENT,))
    for fact in (f"port {database.port}", "connect", "refused", ROLE, "outage"):
        assert fact in down.text
        assert fact in down.html
    assert recovered.subject.startswith("[RECOVERED after ")
    assert "connection refused" not in recovered.subject
    incident = down.headers["X-Heartline-Incident"]
    assert recovered.headers["X-Heartline-Incident"] == incident
    assert incident in recovered.text


def test_the_length_of_an_outage_is_from_its_first_failure_to_its_end(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    monitor.tick()
    item = monitor.items["target#demo"]
    item["state"]["M"]["outage"]["M"]["incident"]["M"]["began"]["S"] = "2026-01-01T00:00:00+00:00"
    monitor.store(item)
    database.start()
    monitor.tick()
    expected = datetime.now().astimezone() - datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    assert f"[RECOVERED after {expected.days} days" in monitor.subjects[-1]


def freeze(database: Postgres) -> None:
    database.freeze()


def change_password(database: Postgres) -> None:
    database.execute(f"ALTER ROLE {ROLE} PASSWORD 'another'")


def drop_role(database: Postgres) -> None:
    database.execute(f"DROP ROLE {ROLE}")


def fill(database: Postgres) -> None:
    database.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")


@pytest.mark.parametrize(
    ("harm", "subject", "status"),
    [
        (freeze, "[DOWN: timeout] demo · ", "down"),
        (fill, "[DOWN: too many connections] demo · ", "down"),
        (change_password, "[CANNOT LOG IN: password] demo · ", "misconfigured"),
        (drop_role, "[CANNOT LOG IN: password] demo · ", "misconfigured"),
    ],
)
def test_what_is_wrong_is_in_the_subject(
    monitor: Monitor, database: Postgres, harm: Callable[[Postgres], None], subject: str, status: str
) -> None:
    monitor.watch("demo", secret=SECRET, timeout=0.5)
    monitor.tick()
    harm(database)
    monitor.tick()
    (mail,) = monitor.mails
    assert mail.subject.startswith(subject)
    assert mail.headers["X-Heartline-Status"] == status
    assert ("no outage" in mail.text) == (status == "misconfigured")


def test_a_rotated_password_is_no_alarm(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    monitor.tick()
    change_password(database)
    aws.put_secret(SECRET, {"username": ROLE, "password": "another", "host": database.host, "port": database.port})
    assert monitor.tick()["up"] == 1
    assert monitor.mails == []
    assert "failure" not in [line["event"] for line in monitor.log]


def test_what_is_down_at_first_sight_is_told(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    monitor.tick()
    (mail,) = monitor.mails
    assert mail.state == "DOWN"
    assert "never seen" in mail.text


def test_a_blip_is_counted_and_not_told(monitor: Monitor, database: Postgres, serve: Serve) -> None:
    connections = count()

    def fails_once(connection: socket.socket) -> None:
        (closes if next(connections) == 1 else forwards(database.port))(connection)

    monitor.watch("demo", secret=SECRET, port=serve(fails_once).port)
    monitor.tick()
    answer = monitor.tick()
    assert answer["up"] == 1
    assert monitor.mails == []
    assert next(connections) == 3
    assert monitor.items["target#demo"]["state"]["M"]["blips"] == {"N": "1"}


def test_one_healthy_probe_is_no_recovery(monitor: Monitor, database: Postgres, serve: Serve) -> None:
    connections = count()

    def answers_once(connection: socket.socket) -> None:
        (forwards(database.port) if next(connections) == 2 else closes)(connection)

    monitor.watch("demo", secret=SECRET, port=serve(answers_once).port, recover_after=2)
    assert monitor.tick()["down"] == 1
    assert monitor.tick()["down"] == 1
    assert next(connections) == 4
    assert len(monitor.mails) == 1


def test_an_outage_of_what_was_misconfigured_is_told_at_once(monitor: Monitor, database: Postgres) -> None:
    change_password(database)
    monitor.tick()
    database.kill()
    monitor.tick()
    assert monitor.states == ["CANNOT LOG IN", "DOWN"]
    assert "password rejected (28P01)" in monitor.mails[1].text


def test_another_kind_of_outage_is_told_with_the_next_reminder(monitor: Monitor, database: Postgres) -> None:
    monitor.watch("demo", secret=SECRET, timeout=0.5)
    database.kill()
    monitor.tick()
    database.start()
    database.freeze()
    monitor.tick()
    assert len(monitor.mails) == 1
    monitor.pass_time(hours=1)
    monitor.tick()
    assert monitor.subjects[1].startswith("[STILL DOWN for ")
    assert "connection refused" in monitor.mails[1].text


def test_another_text_of_the_same_kind_is_not_told(monitor: Monitor, database: Postgres) -> None:
    change_password(database)
    monitor.tick()
    database.execute(f"ALTER ROLE {ROLE} NOLOGIN PASSWORD 'another'")
    monitor.tick()
    assert len(monitor.mails) == 1


def test_reminders_come_when_asked_for_and_then_twice_as_late_each_time(monitor: Monitor, database: Postgres) -> None:
    monitor.watch("demo", secret=SECRET, remind_every="1h")
    database.kill()
    monitor.tick()
    monitor.pass_time(minutes=59)
    monitor.tick()
    assert len(monitor.mails) == 1
    monitor.pass_time(minutes=2)
    monitor.tick()
    monitor.tick()
    assert len(monitor.mails) == 2
    assert monitor.subjects[1].startswith("[STILL DOWN for 1 h")
    monitor.pass_time(minutes=61)
    monitor.tick()
    assert len(monitor.mails) == 2
    monitor.pass_time(minutes=61)
    monitor.tick()
    assert len(monitor.mails) == 3


@pytest.mark.parametrize(
    ("remind_every", "hours"), [("6h", (6, 12, 24, 24, 24)), ("1h", (1, 2, 4, 8, 16, 24, 24)), ("1d", (24, 24, 24))]
)
def test_reminders_come_once_a_day_in_the_end_unless_fewer_were_asked_for(
    monitor: Monitor, database: Postgres, remind_every: str, hours: tuple[int, ...]
) -> None:
    monitor.watch("demo", secret=SECRET, remind_every=remind_every)
    database.kill()
    monitor.tick()
    mails = []
    for pause in hours:
        for span in ({"hours": pause, "minutes": -1}, {"minutes": 2}):
            monitor.pass_time(**span)
            monitor.tick()
            mails.append(len(monitor.mails))
    assert mails == [number for reminder in range(len(hours)) for number in (1 + reminder, 2 + reminder)]


def test_the_topic_gets_each_alert_as_json(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    down, recovered = (json.loads(json.loads(message["Message"])["default"]) for message in aws.published)
    assert {message["TopicArn"] for message in aws.published} == {monitor.environment["ALERT_TOPIC"]}
    assert (down["kind"], down["target"], down["failure"]["kind"]) == ("down", "demo", "refused")
    assert (recovered["kind"], recovered["incident"]["id"]) == ("recovered", down["incident"]["id"])
    assert datetime.fromisoformat(recovered["incident"]["ended"]) > datetime.fromisoformat(down["incident"]["began"])
    assert [message["Subject"].replace(" - ", " · ") for message in aws.published] == monitor.subjects


def test_a_tick_answers_as_the_contract_says(monitor: Monitor, database: Postgres) -> None:
    answer = monitor.tick()
    assert datetime.fromisoformat(answer.pop("tick")).utcoffset() is not None
    assert isinstance(answer.pop("duration_ms"), int)
    assert answer == {"targets": 1, "up": 1, "down": 0, "alerts": {"sent": 0, "pending": 0}}
    database.kill()
    answer = monitor.tick()
    assert answer.keys() == {"tick", "targets", "up", "down", "alerts", "duration_ms"}
    assert (answer["up"], answer["down"], answer["alerts"]) == (0, 1, {"sent": 1, "pending": 0})


@pytest.mark.parametrize("number", [1, 30])
def test_steady_health_costs_one_write_and_batched_reads(monitor: Monitor, serve: Serve, number: int) -> None:
    names = [f"t{place}" for place in range(number)]
    monitor.watch(*names, host="127.0.0.1", port=serve(healthy).port, user=ROLE)
    assert monitor.tick()["up"] == number
    before = len(monitor.aws.calls)
    assert monitor.tick()["up"] == number
    assert monitor.aws.calls[before:] == ["dynamodb:BatchGetItem", "dynamodb:PutItem"]
    assert {entry["last_ok"] for entry in monitor.order("status")["targets"]} != {None}


def test_a_healthy_target_was_last_good_at_the_last_tick(monitor: Monitor, database: Postgres) -> None:
    monitor.tick()
    monitor.pass_time(minutes=7)
    good = monitor.tick()["tick"]
    assert monitor.status()["last_ok"] == good
    database.kill()
    monitor.tick()
    good_to_the_second = datetime.fromisoformat(good).strftime("%Y-%m-%d %H:%M:%S")
    assert good_to_the_second in monitor.mails[0].text


def test_a_tick_without_time_leaves_things_as_they_were(monitor: Monitor, database: Postgres) -> None:
    monitor.tick()
    item = monitor.items["target#demo"]
    database.kill()
    assert monitor.tick(seconds=1.5)["up"] == 1
    assert monitor.items["target#demo"] == item
    assert "no time to probe" in str(monitor.log)
