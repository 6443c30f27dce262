"""What was decided is delivered: whoever refuses, and whenever a run is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from local.peers import Peer, listens
from local.processes import wait_until
from local.stack import SECRET
from local.wire import published_alert

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres

    Serve = Callable[[Callable[..., None]], Peer]


def test_a_refusing_ses_is_not_asked_for_each_target(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    documents = []
    for name in "abc":
        monitor.watch(name, secret=SECRET, recipients=[f"{name}@example.com"])
        documents.append(monitor.environment["TARGETS"])
    monitor.environment["TARGETS"] = "".join(documents)
    database.kill()
    aws.refuse_mail()
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 3}
    assert aws.calls.count("sesv2:SendEmail") == 1
    assert len(aws.published) == 3
    aws.accept_mail()
    assert monitor.tick()["alerts"] == {"sent": 3, "pending": 0}
    assert len(monitor.mails) == len(aws.published) == 3


def test_a_refused_mail_is_sent_by_the_next_tick(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    database.kill()
    aws.refuse_mail()
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 1}
    assert monitor.status()["pending"] == 1
    aws.accept_mail()
    assert monitor.tick()["alerts"] == {"sent": 1, "pending": 0}
    monitor.tick()
    assert len(monitor.mails) == 1
    assert len(aws.published) == 1
    assert "late" not in monitor.mails[0].text


def test_a_refusing_topic_does_not_repeat_the_mail(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    database.kill()
    aws.refuse("sns:Publish", "Throttled")
    monitor.tick()
    monitor.tick()
    aws.accept()
    monitor.tick()
    assert len(monitor.mails) == 1
    assert len(aws.published) == 1


def test_a_late_mail_says_how_late(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    database.kill()
    aws.refuse_mail()
    monitor.tick()
    aws.accept_mail()
    monitor.pass_time(minutes=14)
    monitor.tick()
    (mail,) = monitor.mails
    assert mail.subject.startswith("[DOWN: connection refused] demo · ")
    assert "This mail is 14 min late" in mail.text


def test_an_outage_that_nobody_heard_of_is_one_mail(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    aws.refuse_mail()
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    aws.accept_mail()
    assert monitor.tick()["alerts"] == {"sent": 2, "pending": 0}
    (mail,) = monitor.mails
    assert mail.subject.startswith("[RECOVERED after ")
    assert "connection" in mail.text
    assert [published_alert(message)["kind"] for message in aws.published] == ["down", "recovered"]


# The calls of a tick that tells: read, save, heartbeat, claim, the gaps and the incidents of the past, clear after the
# mail, clear after the topic, release.
CALLS = 9
PASTS, CLEARINGS = (4, 5), (6, 7)


@pytest.mark.parametrize(
    "refusal",
    [
        ("ProvisionedThroughputExceededException", 400, None),
        ("InternalServerError", 500, 3),
        ("ConditionalCheckFailedException", 400, 1),
    ],
    ids=["throttled from there on", "one call fails", "another run was faster"],
)
@pytest.mark.parametrize("after", range(CALLS))
def test_nothing_is_lost_when_dynamodb_refuses(
    monitor: Monitor, database: Postgres, refusal: tuple[str, int, int | None], after: int
) -> None:
    aws, (code, status, times) = monitor.aws, refusal
    monitor.tick()
    database.kill()
    aws.refuse("dynamodb:*", code, status=status, times=times, after=after)
    with suppress(ClientError):
        monitor.tick()
    assert any(call.status != 200 for call in aws.log)
    aws.accept()
    for _ in range(2):
        monitor.pass_time(minutes=1)
        assert monitor.tick()["down"] == 1
    # Only where a mail was accepted and that could not be written down may it be repeated; the past is read before.
    unwritten = after in CLEARINGS or (times is None and after in PASTS)
    assert len(monitor.mails) in ((1, 2) if unwritten else (1,))
    assert {mail.headers["X-Heartline-Incident"] for mail in monitor.mails} == {monitor.status()["incident"]}
    database.start()
    notified = len(monitor.mails)
    monitor.tick()
    assert monitor.states[notified:] == ["RECOVERED"]
    assert monitor.status()["pending"] == 0


def test_a_tick_that_tells_makes_the_calls_above(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    monitor.tick()
    database.kill()
    before = len(aws.calls)
    monitor.tick()
    assert sum(call.startswith("dynamodb:") for call in aws.calls[before:]) == CALLS


def test_a_killed_run_is_delivered_once_its_lease_is_over(monitor: Monitor, database: Postgres, serve: Serve) -> None:
    asked = Event()

    def hangs(connection: socket.socket) -> None:
        connection.recv(1)
        asked.set()
        listens(connection)

    database.kill()
    hanging = {"AWS_ENDPOINT_URL_SESV2": f"http://127.0.0.1:{serve(hangs).port}"}
    code = "from local.function import event, invoke\nimport os\ninvoke(os.environ, event('scheduled'))\n"
    run = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **monitor.environment, **hanging, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(asked.is_set, "the run to send its mail")
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait(10)
    assert monitor.tick()["alerts"] == {"sent": 0, "pending": 1}
    monitor.pass_time(minutes=1)
    assert monitor.tick()["alerts"] == {"sent": 1, "pending": 0}
    assert monitor.states == ["DOWN"]
