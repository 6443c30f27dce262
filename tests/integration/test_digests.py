"""A report comes once to each reader, whatever becomes of ticks and of AWS, and nothing of it touches an alert."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

import app
from heartline import bootstrap
from local.function import Context, event, invoke
from local.peers import closes, healthy
from local.ses import bounced, delivered
from local.stack import RECIPIENT, ROLE
from local.sweep import Point, Runner, When
from local.wire import SEND_MAIL

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from integration.conftest import Monitor, Serve
    from local.fleet import Fleet
    from local.mailbox import Mail

ANN, BOB = "ann@example.com", "bob@example.com"
KEY = f"report/*#{RECIPIENT}#Mon 09:00#en#UTC"
CLAIM, DONE = f"dynamodb:PutItem {KEY}", f"dynamodb:UpdateItem {KEY}"


class Server:
    """Answer as a healthy database does while it lives, and else hang up."""

    alive = True

    def __call__(self, connection: socket.socket) -> None:
        (healthy if self.alive else closes)(connection)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def monitor(monitor: Monitor, serve: Serve, server: Server) -> Monitor:
    """Return the function on the eve of a Monday, with two databases that it has known for some days."""
    place = {"host": "127.0.0.1", "port": serve(server).port, "user": ROLE}
    monitor.watch("a", "b", **place, timeout=5, report="Mon 09:00")
    sunday = timedelta(days=(6 - monitor.now.weekday()) % 7 + 7)
    noon = (monitor.now + sunday).replace(hour=12, minute=0, second=0, microsecond=0)
    monitor.moved = noon - datetime.now(UTC) - timedelta(days=3)
    monitor.tick()
    monitor.moved += timedelta(days=3)
    monitor.tick()
    return monitor


@pytest.fixture
def due(monitor: Monitor) -> Monitor:
    """Return the function a minute after its report was due."""
    monitor.pass_time(hours=21, minutes=1)
    return monitor


def reports(monitor: Monitor) -> list[Mail]:
    return [mail for mail in monitor.mails if mail.state == "REPORT"]


def another_environment(monitor: Monitor, **span: float) -> None:
    """Run a tick, some time later, in an environment that knows nothing of the ticks before."""
    monitor.pass_time(**span)
    bootstrap._services.cache_clear()
    monitor.tick()


def logged(monitor: Monitor, name: str) -> list[object]:
    return [line.get("detail") for line in monitor.log if line["event"] == name]


def test_it_comes_once_with_the_first_tick_after_its_time(monitor: Monitor) -> None:
    monitor.pass_time(hours=20, minutes=59)
    monitor.tick()
    assert reports(monitor) == []
    monitor.pass_time(minutes=1)
    monitor.tick()
    (mail,) = reports(monitor)
    assert mail.to == (RECIPIENT,)
    assert mail.headers["X-Heartline-Target"] == "a, b"
    assert "2 of 2 are up now" in mail.text
    assert "Whether mails arrive is not known" in mail.text
    for _ in range(3):
        another_environment(monitor, hours=1)
    another_environment(monitor, days=4)
    assert len(reports(monitor)) == 1
    another_environment(monitor, days=3)
    assert len(reports(monitor)) == 2


def test_a_tick_after_it_is_a_plain_one(due: Monitor) -> None:
    due.tick()
    before = len(due.aws.log)
    due.pass_time(minutes=1)
    due.tick()
    assert due.aws.calls[before:] == ["dynamodb:BatchGetItem", "dynamodb:PutItem"]


def test_a_first_deployment_sends_none(due: Monitor) -> None:
    due.forget()
    due.tick()
    for _ in range(2):
        another_environment(due, minutes=1)
    assert due.mails == []
    another_environment(due, days=7)
    assert len(reports(due)) == 1


def test_a_database_that_is_new_is_in_the_next_one(due: Monitor) -> None:
    document = due.environment["TARGETS"]
    due.environment["TARGETS"] += document.replace('"a"', '"c"').partition('[[targets]]\nname = "b"')[0]
    due.tick()
    due.pass_time(days=7)
    due.tick()
    about = [{*mail.headers["X-Heartline-Target"].split(", ")} for mail in reports(due)]
    assert about == [{"a", "b"}, {"a", "b", "c"}]


@pytest.mark.parametrize(("hours", "number"), [(23, 1), (25, 0)])
def test_ticks_that_were_missed_hold_it_up_for_a_day(due: Monitor, hours: int, number: int) -> None:
    due.pass_time(hours=hours)
    due.tick()
    assert len(reports(due)) == number


def test_ticks_at_once_send_it_once(due: Monitor) -> None:
    together, before, number = Barrier(8), dict(os.environ), 8

    def tick(_: int) -> None:
        together.wait(10)
        app.lambda_handler(event("scheduled"), Context(60))

    os.environ.update(due.environment)
    try:
        with ThreadPoolExecutor(number) as pool:
            list(pool.map(tick, range(number)))
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert len(reports(due)) == 1


def test_a_refusal_that_passes_is_tried_again_at_the_next_tick(due: Monitor) -> None:
    due.aws.refuse_mail(times=2)
    for _ in range(4):
        assert due.tick()["up"] == 2
        due.pass_time(minutes=1)
    assert len(reports(due)) == 1
    assert logged(due, "report-refused") == [{"recipient": RECIPIENT, "scope": "LATER"}] * 2


def test_who_cannot_be_reached_holds_up_nobody_and_is_tried_again_each_hour(due: Monitor) -> None:
    due.environment["TARGETS"] = due.environment["TARGETS"].replace(
        'report = "Mon 09:00"', f'report = "Mon 09:00"\nrecipients = ["{ANN}", "{BOB}"]'
    )
    due.aws.refuse(f"{SEND_MAIL}*{ANN}*", "MessageRejected")
    due.tick()
    assert [mail.to for mail in reports(due)] == [(BOB,)]
    due.aws.accept()
    for _ in range(2):
        another_environment(due, minutes=20)
    assert len(reports(due)) == 1
    another_environment(due, minutes=21)
    assert [mail.to for mail in reports(due)] == [(BOB,), (ANN,)]


def test_a_lost_answer_can_make_it_come_twice_and_never_lost(due: Monitor) -> None:
    due.aws.lose(SEND_MAIL, times=1)
    due.tick()
    due.pass_time(minutes=1)
    due.tick()
    assert len(reports(due)) == 2


@pytest.fixture
def runner() -> Iterator[Runner]:
    with Runner() as runner:
        yield runner


@pytest.mark.parametrize(
    ("point", "comes"),
    [
        (Point(CLAIM, 1, When.AFTER), 1),
        (Point(f"{SEND_MAIL} {RECIPIENT}", 1, When.AFTER), 2),
        (Point(DONE, 1, When.AFTER), 1),
    ],
    ids=str,
)
def test_a_tick_that_is_killed_loses_none(due: Monitor, runner: Runner, point: Point, comes: int) -> None:
    runner.tick(due.aws, due.environment, due.moved, point)
    for minutes in (1, 2):
        runner.tick(due.aws, due.environment, due.moved + timedelta(minutes=minutes))
    assert len(reports(due)) == comes


def test_each_reader_has_one_in_each_language_about_what_is_theirs(due: Monitor) -> None:
    first, second = due.environment["TARGETS"].split("[[targets]]")[1:]
    due.environment["TARGETS"] = (
        f'[[targets]]{first}recipients = ["{ANN}", "{BOB}"]\n[[targets]]{second}recipients = ["{BOB}"]\n'
        f'[[targets]]{second.replace("b", "c", 1)}recipients = ["{BOB}"]\nlanguage = "ko"\n'
    )
    due.forget()
    due.tick()
    due.pass_time(days=7)
    due.tick()
    found = {(mail.to, mail.headers["X-Heartline-Target"]): mail.subject.partition("]")[0] for mail in reports(due)}
    assert found.keys() == {((ANN,), "a"), ((BOB,), "a, b"), ((BOB,), "c")}
    assert found[(BOB,), "c"].startswith("[REPORT 보고: ")
    assert len(reports(due)) == 3


@pytest.mark.parametrize("call", ["Query", "PutItem", "UpdateItem"])
def test_what_is_wrong_with_it_leaves_alerts_alone(
    due: Monitor, server: Server, call: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.alive = False
    due.aws.refuse(f"dynamodb:{call} report*", "AccessDeniedException")
    answer = due.tick()
    assert (answer["down"], answer["alerts"]) == (2, {"sent": 2, "pending": 0})
    assert due.mails[0].state == "DOWN"
    assert len(logged(due, "report-failed")) == 1
    assert '"Faults":[1.0]' in capsys.readouterr().out
    due.aws.accept()
    another_environment(due, minutes=1)
    assert len(reports(due)) == (2 if call == "UpdateItem" else 1)


def test_where_the_past_cannot_be_read_it_waits_until_it_can(monitor: Monitor) -> None:
    monitor.pass_time(hours=20, minutes=59, seconds=30)
    monitor.tick()
    monitor.aws.refuse("dynamodb:Query heartbeat", "AccessDeniedException")
    for number in (0, 1):
        monitor.pass_time(minutes=1)
        monitor.tick()
        assert len(reports(monitor)) == number
        monitor.aws.accept()


def test_a_tick_without_time_for_it_leaves_it_to_the_next(due: Monitor) -> None:
    due.tick(seconds=12)
    assert due.mails == []
    due.pass_time(minutes=1)
    due.tick()
    assert len(reports(due)) == 1


def test_of_a_divided_tick_the_whole_sends_it(fleet: Fleet) -> None:
    fleet.targets = {name: keys | {"report": "Mon 09:00"} for name, keys in fleet.targets.items()}
    fleet.divide(3)
    monitor = fleet.monitor
    monday = timedelta(days=-monitor.now.weekday() % 7 + 7)
    nine = (monitor.now + monday).replace(hour=9, minute=0, second=0, microsecond=0)
    monitor.moved += nine - monitor.now - timedelta(hours=1)
    fleet.minutes()
    monitor.moved += timedelta(hours=1)
    before = len(monitor.mails)
    monitor.tick()
    (mail,) = monitor.mails[before:]
    assert mail.headers["X-Heartline-Target"].count(",") == len(fleet.targets) - 1
    monitor.forget()
    fleet.run()
    assert len(monitor.mails) == before + 1, "a shard sends none"


def test_a_command_sends_none(due: Monitor) -> None:
    due.order("status")
    due.order("probe", target="a")
    assert due.mails == []


def test_it_says_what_was_and_what_became_of_the_alerts(monitor: Monitor, server: Server) -> None:
    name = "heartline-alerts"
    monitor.aws.client("sesv2").create_configuration_set(ConfigurationSetName=name)
    monitor.environment |= {"SES_CONFIGURATION_SET": name, "ALERT_RECIPIENTS": f"{ANN},{BOB}"}
    server.alive = False
    monitor.tick()
    fallen = monitor.mails[-1]
    server.alive = True
    for minutes in (6, 7):
        monitor.pass_time(minutes=minutes)
        monitor.tick()
    hostile = "550 <script>alert(1)</script>\r\nBcc: x@example.com \u202eno"
    said = [{"emailAddress": BOB, "diagnosticCode": hostile}]
    for mail in (fallen, monitor.mails[-1]):
        invoke(monitor.environment, delivered(mail, monitor.now, ANN))
        invoke(monitor.environment, bounced(mail, monitor.now, BOB, bouncedRecipients=said))
    monitor.pass_time(hours=21)
    monitor.tick()
    to_ann = next(mail for mail in reports(monitor) if mail.to == (ANN,))
    assert "[REPORT: 2 incidents" in to_ann.subject
    assert f"The last alert to {ANN}, accepted by SES at" in to_ann.text
    assert "was delivered at" in " ".join(to_ann.text.split())
    assert f"Alerts do not reach: {BOB}" in to_ann.text
    assert "<script" not in to_ann.html
    assert "Bcc" not in {*to_ann.headers}
    assert "\u202e" not in to_ann.text + to_ann.html
