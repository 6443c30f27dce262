"""A courier that the table's stream starts delivers for a monitor that reaches neither SES nor SNS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from heartline.model.errors import CommandError, ConfigurationError
from local.courier import Post, granted
from local.function import invoke
from local.peers import hangs_up, listens
from local.stack import SECRET
from local.sweep import Kept
from local.wire import PUBLISH, SEND_MAIL, published_alert

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from integration.conftest import Monitor, Serve
    from local.aws import EmulatedAws
    from local.postgres import Postgres

FIVE = ("a", "b", "c", "d", "e")
BAD = "bad@example.com"
DELIVERY = {"dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", SEND_MAIL, PUBLISH}
# What Lambda calls in the role: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html#events-dynamodb-permissions
# and https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
BY_LAMBDA = {f"dynamodb:{name}" for name in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")}
BY_LAMBDA |= {"logs:CreateLogStream", "logs:PutLogEvents"}


class Way:
    """The monitor's way to SES and SNS, which leads nowhere; it counts who goes it."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self.tried = 0
        self._behave = behave

    def __call__(self, connection: socket.socket) -> None:
        self.tried += 1
        self._behave(connection)


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Way:
    return Way(getattr(request, "param", listens))


@pytest.fixture
def post(monitor: Monitor, serve: Serve, way: Way, monkeypatch: pytest.MonkeyPatch) -> Post:
    nowhere = f"http://127.0.0.1:{serve(way).port}"
    monitor.environment |= {"AWS_ENDPOINT_URL_SESV2": nowhere, "AWS_ENDPOINT_URL_SNS": nowhere}
    return Post.employ(monitor, monkeypatch.setattr)


# ---- What is told


def test_an_outage_and_its_end_are_told_by_mail_and_topic(post: Post, database: Postgres, aws: EmulatedAws) -> None:
    assert post.minute() == []
    database.kill()
    assert [post.minute(), post.minute()] == [["DOWN"], []]
    database.start()
    assert [post.minute(), post.minute()] == [["RECOVERED"], []]
    assert [published_alert(one)["kind"] for one in aws.published] == ["down", "recovered"]
    assert post.monitor.status()["pending"] == 0


@pytest.mark.parametrize("way", [listens, hangs_up], ids=["silent", "refusing"], indirect=True)
def test_the_monitor_never_tries_its_way_to_ses_and_sns(post: Post, database: Postgres, way: Way) -> None:
    database.kill()
    assert post.monitor.tick()["alerts"] == {"sent": 0, "pending": 1}
    with pytest.raises(CommandError, match="courier"):
        post.monitor.order("test-alert")
    post.monitor.order("status")
    assert way.tried == 0


def test_reminders_are_told_while_it_stays_down(post: Post, database: Postgres) -> None:
    database.kill()
    assert post.minute() == ["DOWN"]
    post.monitor.pass_time(minutes=60)
    assert [post.minute(), post.minute()] == [["STILL DOWN"], []]
    post.monitor.pass_time(minutes=120)
    assert post.minute() == ["STILL DOWN"]


def test_the_commands_in_a_mail_are_for_the_monitor(post: Post, database: Postgres) -> None:
    database.kill()
    post.minute()
    (mail,) = post.monitor.mails
    for text in (mail.text, mail.html):
        assert f"--function-name {post.name}" in text
        assert "heartline-courier" not in text


def test_a_mail_is_as_the_monitor_itself_would_have_sent_it(post: Post, database: Postgres) -> None:
    monitor = post.monitor
    monitor.environment["SCHEDULE_MINUTES"] = "5"  # which the courier is not told
    for turn in (database.kill, database.start):
        turn()
        post.minute()
    monitor.pass_time(minutes=30)
    monitor.tick()
    database.kill()
    monitor.tick()
    kept = Kept(monitor.aws, monitor.environment["STATE_TABLE"])
    post.carry()
    kept.restore()
    for name in ("COURIER", "AWS_ENDPOINT_URL_SESV2", "AWS_ENDPOINT_URL_SNS"):
        del monitor.environment[name]
    monitor.tick()
    couriers, own = monitor.mails[-2:]
    assert couriers.subject.startswith("[DOWN]")
    assert (couriers.subject, couriers.headers, couriers.to) == (own.subject, own.headers, own.to)
    assert (couriers.text, couriers.html) == (own.text, own.html)


@pytest.mark.parametrize("most", [1, 100])
def test_five_that_die_together_are_one_mail_in_however_many_batches(post: Post, database: Postgres, most: int) -> None:
    post.monitor.watch(*FIVE, secret=SECRET)
    post.minute()
    database.kill()
    assert post.minute(most) == ["DOWN"]
    database.start()
    assert post.minute(most) == ["RECOVERED"]
    down, recovered = post.monitor.mails
    assert down.subject.startswith("[DOWN] all 5 databases: connection refused")
    assert sorted(recovered.headers["X-Heartline-Target"].split(", ")) == list(FIVE)


# ---- What it may do


def test_the_monitor_and_the_courier_make_only_the_calls_that_are_theirs(
    post: Post, database: Postgres, aws: EmulatedAws
) -> None:
    post.monitor.watch(*FIVE, secret=SECRET, recipients=["one@example.com", BAD])
    aws.refuse(f"{SEND_MAIL}*{BAD}*", "MessageRejected")
    monitors, couriers = set(), set()
    for turn in (database.kill, database.start):
        turn()
        aws.log.clear()
        post.monitor.tick()
        monitors |= set(aws.calls)
        aws.log.clear()
        post.carry()
        couriers |= set(aws.calls)
    assert {name.partition(":")[0] for name in monitors} == {"dynamodb", "secretsmanager"}
    assert couriers == DELIVERY
    assert {name.replace("sesv2:", "ses:") for name in couriers} <= granted("CourierRole") - BY_LAMBDA


def test_all_that_the_courier_may_do_is_for_deliveries_and_test_alerts(
    post: Post, database: Postgres, aws: EmulatedAws
) -> None:
    database.kill()
    post.minute()
    aws.sandbox = True
    answer = post.start({"command": "test-alert"})
    assert answer["channels"] == {"email": "MessageRejected", "topic": "accepted"}
    tried = {name.replace("sesv2:", "ses:") for name in aws.calls if name.startswith(("sesv2:", "sns:"))}
    assert tried | {name for name in DELIVERY if name.startswith("dynamodb:")} == granted("CourierRole") - BY_LAMBDA


# ---- What it logs, and what it is not to be harmed by


def test_a_delivery_is_one_line_of_the_log_and_one_of_metrics(
    post: Post, database: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    database.kill()
    post.monitor.tick()
    capsys.readouterr()
    before = len(post.monitor.log)
    assert post.carry() == [{"alerts": {"sent": 1, "pending": 0}}]
    (line,) = post.monitor.log[before:]
    assert (line["event"], line["level"]) == ("delivery", "INFO")
    assert line["detail"] == {"sent": 1, "refused": 0, "pending": 0, "oldest_seconds": 0, "faults": 0}
    (measured,) = (line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in line)
    (declared,) = measured["_aws"]["CloudWatchMetrics"]
    assert [(metric["Name"], measured[metric["Name"]]) for metric in declared["Metrics"]] == [("AlertsSent", [1])]


BROKEN = {
    "STATE_TABLE": "",
    "ALERT_SENDER": "nobody",
    "ALERT_TOPIC": "topic",
    "SES_CONFIGURATION_SET": "a b",
    "TARGETS": "[[targets]]",
}
FOREIGN: list[Any] = [
    {},
    {"Keys": {"pk": {"S": "target#nobody"}, "sk": {"S": "state"}}, "NewImage": {"announced": {"S": "x"}}},
    {"Keys": {"id": {"N": "1"}}, "NewImage": {"announced": {"S": "x"}}},
    {"Keys": {"pk": {"S": "target#demo"}, "sk": {"S": "state"}}},
    {"NewImage": {"outbox": {"M": {"evil": {"M": {}}}}, "pk": {"NULL": True}}},
    {"NewImage": "none"},
    None,
]


def test_a_foreign_event_does_no_more_than_a_real_one(post: Post, database: Postgres) -> None:
    event = {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": change} for change in FOREIGN]}
    post.monitor.tick()
    before = post.monitor.stored
    assert post.start(event) == {"alerts": {"sent": 0, "pending": 0}}
    assert post.monitor.stored == before
    database.kill()
    post.monitor.tick()
    assert post.start(event) == {"alerts": {"sent": 1, "pending": 0}}
    assert post.start(event) == {"alerts": {"sent": 0, "pending": 0}}
    assert len(post.monitor.mails) == 1


def test_a_broken_configuration_is_loud_and_costs_no_alert(post: Post, database: Postgres) -> None:
    database.kill()
    post.monitor.tick()
    (fault,) = post.stream.pump(lambda event: invoke(post.courier | BROKEN, event))
    assert isinstance(fault, ConfigurationError)
    assert post.monitor.log[-1]["level"] == "ERROR"
    assert {name for name in BROKEN if name in post.monitor.log[-1]["message"]} == BROKEN.keys()
    assert post.minute() == ["DOWN"]


def test_a_courier_that_is_told_to_leave_delivery_to_a_courier_is_loud_and_does_not_call_itself(
    post: Post, database: Postgres
) -> None:
    database.kill()
    post.monitor.tick()
    ended = post.stream.pump(lambda event: invoke(post.courier | {"COURIER": "true"}, event))
    assert [type(one) for one in ended] == [ConfigurationError]


def test_states_that_cannot_be_read_are_loud_and_cost_no_alert(
    post: Post, database: Postgres, aws: EmulatedAws
) -> None:
    database.kill()
    post.monitor.tick()
    aws.refuse("dynamodb:BatchGetItem", "ProvisionedThroughputExceededException")
    (fault,) = post.carry()
    assert isinstance(fault, ClientError)
    aws.accept()
    assert post.minute() == ["DOWN"]
