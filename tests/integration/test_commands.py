"""What an operator orders is done, shown, and never more than that."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from heartline.commands import dispatch
from local.stack import RECIPIENT, SECRET, SENDER

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres


UNWATCHED = {
    "percent": None,
    "observed_seconds": 0,
    "unobserved_seconds": 0,
    "blips": 0,
    "failed_probes": 0,
    "failed_probes_percent": None,
}


def test_status_of_a_target_never_seen(monitor: Monitor) -> None:
    assert monitor.order("status") == {
        "targets": [
            {
                "name": "demo",
                "status": "unknown",
                "since": None,
                "last_ok": None,
                "incident": None,
                "failure": None,
                "pending": 0,
                "muted_until": None,
                "mute_reason": None,
                "acknowledged": False,
                "remind_at": None,
                "flapping": None,
                "conditions": [],
                "blips": 0,
                "watched_since": None,
                "latency_ms": None,
                "tags": {},
                "incidents": [],
                "availability": dict.fromkeys(("24h", "7d", "30d"), UNWATCHED),
            }
        ]
    }


def test_status_of_a_target_that_is_down(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    monitor.tick()
    database.kill()
    aws.refuse_mail()
    monitor.tick()
    entry = monitor.status()
    assert (entry["status"], entry["pending"], entry["muted_until"]) == ("down", 1, None)
    assert datetime.fromisoformat(entry["last_ok"]) <= datetime.fromisoformat(entry["since"])
    assert entry["incident"].startswith("demo-")
    assert entry["failure"].keys() == {"phase", "kind", "sqlstate", "cause", "next_step"}
    assert (entry["failure"]["phase"], entry["failure"]["kind"]) == ("connect", "refused")
    assert entry["failure"]["cause"].startswith("outage")


def test_status_tells_a_misconfiguration_from_an_outage(monitor: Monitor, database: Postgres) -> None:
    database.execute("ALTER ROLE heartline NOLOGIN")
    monitor.tick()
    failure = monitor.status()["failure"]
    assert (failure["kind"], failure["sqlstate"]) == ("auth", "28000")
    assert failure["cause"].startswith("misconfigured")


def test_a_muted_target_is_silent_and_then_told(monitor: Monitor, database: Postgres) -> None:
    monitor.tick()
    answer = monitor.order("mute", target="demo", reason="moving", **{"for": "2h"})
    assert answer["muted_until"] == monitor.status()["muted_until"] is not None
    assert answer["mute_reason"] == monitor.status()["mute_reason"] == "moving"
    database.kill()
    assert monitor.tick()["down"] == 1
    assert monitor.mails == []
    assert monitor.status()["status"] == "down"
    monitor.pass_time(hours=3)
    monitor.tick()
    assert monitor.states == ["DOWN"]
    assert (monitor.status()["muted_until"], monitor.status()["mute_reason"]) == (None, None)


def test_what_began_and_ended_while_muted_is_never_told(monitor: Monitor, database: Postgres) -> None:
    monitor.order("mute", **{"for": "2h"})
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    monitor.pass_time(hours=3)
    monitor.tick()
    assert monitor.mails == []


def test_what_was_told_before_the_mute_is_told_as_over_after_it(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    monitor.tick()
    monitor.order("mute", **{"for": "2h"})
    database.start()
    monitor.tick()
    assert len(monitor.mails) == 1
    monitor.order("unmute")
    monitor.tick()
    assert monitor.states == ["DOWN", "RECOVERED"]


def test_an_unmuted_target_that_is_down_is_told(monitor: Monitor, database: Postgres) -> None:
    monitor.order("mute", **{"for": "2h"})
    database.kill()
    monitor.tick()
    assert monitor.order("unmute")["muted_until"] is None
    monitor.tick()
    assert monitor.states == ["DOWN"]


def test_an_acknowledged_outage_is_not_brought_to_mind_again(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    monitor.tick()
    assert monitor.order("acknowledge")["status"] == "down"
    monitor.pass_time(hours=5)
    monitor.tick()
    assert len(monitor.mails) == 1
    database.start()
    monitor.tick()
    monitor.pass_time(hours=5)
    database.kill()
    monitor.tick()
    monitor.pass_time(hours=5)
    monitor.tick()
    assert monitor.states == ["DOWN", "RECOVERED", "DOWN", "STILL DOWN"]


def test_probe_shows_the_phases_and_changes_nothing(monitor: Monitor, database: Postgres) -> None:
    healthy = monitor.order("probe", target="demo")
    assert healthy["failure"] is None
    assert list(healthy["phases"]) == ["resolve", "connect", "login", "query"]
    database.kill()
    failure = monitor.order("probe", target="demo")["failure"]
    assert failure.keys() == {"phase", "kind", "sqlstate", "cause", "next_step"}
    assert failure["kind"] == "refused"
    assert monitor.stored == {}
    assert monitor.mails == []


def test_a_test_alert_goes_the_way_of_an_alert(monitor: Monitor, aws: EmulatedAws) -> None:
    answer = monitor.order("test-alert")
    assert answer == {"recipients": [RECIPIENT], "channels": {"email": "accepted", "topic": "accepted"}}
    (mail,) = monitor.mails
    assert (mail.sender, mail.to) == (f"Heartline <{SENDER}>", (RECIPIENT,))
    assert mail.subject.startswith("[TEST]")
    assert len(aws.published) == 1
    assert monitor.stored == {}


def test_a_test_alert_reaches_everybody_or_one_targets_people(monitor: Monitor) -> None:
    monitor.watch("a", secret=SECRET, recipients=["a@example.com"])
    first = monitor.environment["TARGETS"]
    monitor.watch("b", secret=SECRET, recipients=["b@example.com"])
    monitor.environment["TARGETS"] += first
    monitor.order("test-alert")
    monitor.order("test-alert", target="a")
    assert [set(mail.to) for mail in monitor.mails] == [{"a@example.com", "b@example.com"}, {"a@example.com"}]


def test_a_refused_test_alert_says_by_whom_and_why(monitor: Monitor, aws: EmulatedAws) -> None:
    aws.refuse_mail("MailFromDomainNotVerifiedException", status=400)
    channels = monitor.order("test-alert")["channels"]
    assert channels == {"email": "MailFromDomainNotVerifiedException", "topic": "accepted"}


DURATION = 'mute: field "for": give seconds, or text like "90s", "5m", "2h", from 1m to 30d'
UNKNOWN = 'field "target": no such target: known are demo'


@pytest.fixture(params=["up", "down"])
def watched(monitor: Monitor, database: Postgres, request: pytest.FixtureRequest) -> Monitor:
    """Watch a database that is as the parameter says."""
    if request.param == "down":
        database.kill()
    monitor.tick()
    return monitor


@pytest.mark.parametrize(
    ("command", "fields", "fix"),
    [
        ("status", {"to": "me"}, 'status: unknown field "to": it takes tags, target'),
        ("probe", {"target": "orders"}, f"probe: {UNKNOWN}"),
        ("probe", {"target": None}, f"probe: {UNKNOWN}"),
        ("probe", {"target": ["demo"]}, f"probe: {UNKNOWN}"),
        ("test-alert", {"target": "orders"}, f"test-alert: {UNKNOWN}"),
        ("test-alert", {"to": "me@example.com"}, 'test-alert: unknown field "to": it takes target'),
        ("mute", {}, DURATION),
        ("mute", {"reason": "moving"}, DURATION),
        ("mute", {"for": "soon"}, DURATION),
        ("mute", {"for": -5}, DURATION),
        ("mute", {"for": "30s"}, DURATION),
        ("mute", {"for": "400d"}, DURATION),
        ("mute", {"for": True}, DURATION),
        ("mute", {"for": {"h": 2}}, DURATION),
        ("mute", {"for": "1h", "reason": 5}, 'mute: field "reason": give a text, or leave it out'),
        ("mute", {"for": "1h", "until": "noon"}, 'mute: unknown field "until": it takes for, reason, tags, target'),
        ("mute", {"for": "1h", "target": "orders"}, f"mute: {UNKNOWN}"),
        ("unmute", {"for": "1h"}, 'unmute: unknown field "for": it takes tags, target'),
        ("unmute", {"target": "orders"}, f"unmute: {UNKNOWN}"),
        ("acknowledge", {"target": "orders"}, f"acknowledge: {UNKNOWN}"),
        ("acknowledge", {"for": "1h"}, 'acknowledge: unknown field "for": it takes tags, target'),
    ],
)
def test_a_wrong_order_says_what_is_right_and_changes_nothing(
    watched: Monitor, command: str, fields: dict[str, Any], fix: str
) -> None:
    before, mails = watched.stored, len(watched.mails)
    answer = watched.order(command, **fields)
    assert answer.keys() == {"error", "known"}
    assert answer["error"] == fix
    assert watched.stored == before
    assert len(watched.mails) == mails


def test_more_targets_than_an_answer_can_hold_are_asked_for_by_name(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda would fail the function, and an alarm would ring."""
    monkeypatch.setattr(dispatch, "_MOST_SHOWN", 1)
    monitor.watch("one", "two", secret=SECRET)
    assert "name target or tags" in monitor.order("status")["error"]
    assert [entry["name"] for entry in monitor.order("status", target="two")["targets"]] == ["two"]


@pytest.mark.parametrize("ticks", [0, 1])
def test_what_is_not_down_cannot_be_acknowledged(monitor: Monitor, ticks: int) -> None:
    for _ in range(ticks):
        monitor.tick()
    before = monitor.stored
    status = monitor.status()["status"]
    answer = monitor.order("acknowledge")
    fault = f"acknowledge: demo is {status}: only what an alert was sent of has reminders to stop"
    assert answer == {"error": fault, "known": []}
    assert monitor.stored == before


def test_an_order_that_many_runs_overtake_is_given_up_and_says_so(monitor: Monitor, aws: EmulatedAws) -> None:
    monitor.tick()
    before = monitor.stored
    aws.refuse("dynamodb:UpdateItem", "ConditionalCheckFailedException")
    answer = monitor.order("mute", **{"for": "1h"})
    assert answer == {"error": "demo: other runs kept changing it: try again", "known": []}
    assert monitor.stored == before


def test_status_says_whether_anybody_hears_of_heartline_s_own_faults(monitor: Monitor, aws: EmulatedAws) -> None:
    assert "health" not in monitor.order("status")
    topic = aws.create_topic("heartline-health")
    monitor.environment["HEALTH_TOPIC"] = topic
    assert monitor.order("status")["health"] == {"confirmed": 0, "pending": 0}
    aws.refuse("sns:GetTopicAttributes", "AuthorizationError", status=403)
    answer = monitor.order("status")
    assert answer["health"] == {"error": "AuthorizationError"}
    assert [entry["name"] for entry in answer["targets"]] == ["demo"]
