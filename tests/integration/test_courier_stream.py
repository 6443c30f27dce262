"""The table's stream starts the courier for news and for nothing else, and again where it did not come to deliver."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from heartline.notify.email import EmailChannel
from local.courier import Post
from local.function import event
from local.stack import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres

NAMES = ("a", "b", "c")
TARGET = {"pk": {"S": "target#demo"}, "sk": {"S": "state"}}


@pytest.fixture
def post(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> Post:
    return Post.employ(monitor, monkeypatch.setattr)


def started(post: Post) -> set[bool]:
    """Tell of each write since the last look whether it started the courier; empty where there was none."""
    return set(map(post.stream.passes, post.stream.read()))


# ---- What starts the courier


def healthy_tick(monitor: Monitor, _: Postgres) -> None:
    monitor.tick()


def healthy_tick_after_a_gap(monitor: Monitor, _: Postgres) -> None:
    monitor.tick()
    monitor.pass_time(minutes=30)
    monitor.tick()


def mute(monitor: Monitor, _: Postgres) -> None:
    monitor.order("mute", target="demo", **{"for": "1h"})
    monitor.order("unmute", target="demo")


def muted_outage(monitor: Monitor, database: Postgres) -> None:
    mute(monitor, database)
    monitor.order("mute", target="demo", **{"for": "1h"})
    database.kill()
    monitor.tick()


@pytest.mark.parametrize("act", [healthy_tick, healthy_tick_after_a_gap, mute, muted_outage])
def test_without_news_nothing_starts_the_courier(
    post: Post, database: Postgres, act: Callable[[Monitor, Postgres], None]
) -> None:
    post.monitor.tick()
    post.stream.read()
    act(post.monitor, database)
    assert started(post) == {False}


@pytest.mark.parametrize("command", [None, "acknowledge", "mute"])
def test_what_is_told_already_starts_no_courier(post: Post, database: Postgres, command: str | None) -> None:
    database.kill()
    assert post.minute() == ["DOWN"]
    if command:
        post.monitor.order(command, target="demo", **({"for": "1h"} if command == "mute" else {}))
    post.monitor.tick()
    assert started(post) == {False}


def test_each_alert_starts_the_courier_once(post: Post, database: Postgres, aws: EmulatedAws) -> None:
    starts = []
    post.monitor.tick()
    for turn in (database.kill, database.start):
        turn()
        for _ in range(2):
            post.monitor.tick()
            starts.append(len(post.carry(most=1)))
    assert starts == [1, 0, 1, 0]
    assert (len(post.monitor.mails), len(aws.published)) == (2, 2)


def test_an_alert_that_waits_starts_the_courier_once_a_tick(post: Post, database: Postgres, aws: EmulatedAws) -> None:
    aws.refuse_mail()
    database.kill()
    starts = []
    for _ in range(3):
        post.monitor.pass_time(minutes=1)
        post.monitor.tick()
        starts.append(len(post.carry(most=1)))
    assert starts == [1, 1, 1]


def test_an_announcement_during_a_delivery_leaves_nothing_that_starts_the_courier_later(
    post: Post, database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery is slow, and the next tick announces again."""
    send, monitor = EmailChannel.send, post.monitor

    def slow(*arguments: Any) -> Any:  # noqa: ANN401
        monitor.tick()
        return send(*arguments)

    database.kill()
    monitor.tick()
    with monkeypatch.context() as slowed:
        slowed.setattr(EmailChannel, "send", slow)
        post.carry()
    assert len(monitor.mails) == 1
    mute(monitor, database)
    assert started(post) == {False}


def test_the_event_to_try_by_hand_is_such_as_the_stream_has(post: Post, database: Postgres) -> None:
    database.kill()
    post.monitor.tick()
    (record,) = filter(post.stream.passes, json.loads(json.dumps(post.stream.read())))
    (example,) = event("stream")["Records"]
    assert post.stream.passes(example)
    assert example.keys() == record.keys()
    assert example["dynamodb"].keys() == record["dynamodb"].keys()
    assert example["dynamodb"]["Keys"] == record["dynamodb"]["Keys"] == TARGET


# ---- What is refused or lost is announced again


def test_what_ses_refuses_waits_and_is_announced_until_it_is_taken(
    post: Post, database: Postgres, aws: EmulatedAws
) -> None:
    aws.refuse_mail()
    database.kill()
    assert [post.minute(), post.minute()] == [[], []]
    assert post.monitor.status()["pending"] == 1
    assert len(aws.published) == 1
    aws.accept_mail()
    post.monitor.pass_time(minutes=12)
    assert [post.minute(), post.minute()] == [["DOWN"], []]
    assert "14 min late" in post.monitor.mails[0].text
    assert len(aws.published) == 1


def test_a_record_that_the_courier_never_gets_is_made_up_for_by_the_next_tick(post: Post, database: Postgres) -> None:
    database.kill()
    post.monitor.tick()
    assert any(map(post.stream.passes, post.stream.read()))
    assert [post.minute(), post.minute()] == [["DOWN"], []]


def test_a_courier_that_is_throttled_is_called_by_the_next_tick(post: Post, database: Postgres) -> None:
    def throttled(_: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("TooManyRequestsException")

    database.kill()
    post.monitor.tick()
    assert len(post.stream.pump(throttled)) == 1
    assert [post.minute(), post.minute()] == [["DOWN"], []]


def test_an_announcement_that_dynamodb_refuses_is_loud_and_is_made_by_the_next_tick(
    post: Post, database: Postgres, aws: EmulatedAws
) -> None:
    post.monitor.tick()
    database.kill()
    aws.refuse("dynamodb:UpdateItem target#demo/state", "ProvisionedThroughputExceededException", after=1)
    assert post.minute() == []
    (line,) = (line for line in post.monitor.log if line["event"] == "courier-not-called")
    assert (line["level"], line["target"]) == ("ERROR", "demo")
    assert next(line["detail"]["Faults"] for line in reversed(post.monitor.log) if line["event"] == "tick") == 1
    aws.accept()
    assert [post.minute(), post.minute()] == [["DOWN"], []]


def test_one_announcement_that_fails_costs_no_other_target_its_mail(
    post: Post, database: Postgres, aws: EmulatedAws
) -> None:
    post.monitor.watch(*NAMES, secret=SECRET)
    post.monitor.tick()
    database.kill()
    aws.refuse("dynamodb:UpdateItem target#a/state", "InternalServerError", status=500, times=3, after=1)
    post.monitor.tick()
    assert len(list(filter(post.stream.passes, post.stream.read()))) == 2
    post.start(event("stream"))
    (mail,) = aws.mails
    assert sorted(mail.headers["X-Heartline-Target"].split(", ")) == list(NAMES)
