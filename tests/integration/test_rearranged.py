"""Whatever an operator changes while alerts wait, each is told once, to whom it concerns, and truly."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from local.stack import SECRET
from local.wire import SEND_MAIL, published_alert

if TYPE_CHECKING:
    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.postgres import Postgres

X, Y, Z = "x@example.com", "y@example.com", "z@example.com"


def heads(monitor: Monitor, who: str | None = None) -> list[str]:
    """Return the labels of all mails, or of one reader's."""
    return [mail.state for mail in monitor.mails if who is None or who in mail.to]


def ticks(monitor: Monitor, number: int = 1, **span: float) -> None:
    for _ in range(number):
        monitor.pass_time(**(span or {"minutes": 1}))
        monitor.tick()


@pytest.fixture
def waits(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> Monitor:
    """Return a monitor whose DOWN waits for both its channels."""
    monitor.watch("demo", secret=SECRET, recipients=[X, Y])
    monitor.tick()
    aws.refuse(SEND_MAIL, "SendingPausedException")
    aws.refuse("sns:Publish", "Throttled")
    database.kill()
    ticks(monitor)
    assert monitor.status()["pending"] == 1
    return monitor


def test_what_waits_goes_to_the_recipients_that_it_was_made_for(
    waits: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    waits.watch("demo", secret=SECRET, recipients=[Y, Z])
    aws.accept()
    ticks(waits, 2)
    assert [mail.to for mail in waits.mails] == [(X, Y)]
    database.start()
    ticks(waits)
    assert [(mail.to, label) for mail, label in zip(waits.mails, heads(waits), strict=True)][1:] == [
        ((X, Y), "RECOVERED")
    ]
    assert waits.status()["pending"] == 0


def test_who_joins_in_an_outage_is_told_with_the_next_reminder_and_hears_its_end(
    monitor: Monitor, database: Postgres
) -> None:
    monitor.watch("demo", secret=SECRET, recipients=[X])
    database.kill()
    ticks(monitor)
    monitor.watch("demo", secret=SECRET, recipients=[Z])
    ticks(monitor, 2, hours=1)
    database.start()
    ticks(monitor)
    assert (heads(monitor, X), heads(monitor, Z)) == (["DOWN", "RECOVERED"], ["STILL DOWN", "RECOVERED"])


def test_who_leaves_while_a_mail_to_them_waits_has_it_and_hears_the_end(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    monitor.watch("demo", secret=SECRET, recipients=[X, Y])
    aws.refuse(f"{SEND_MAIL} {X} {Y}", "MessageRejected")
    aws.refuse(f"{SEND_MAIL} {Y}", "TooManyRequestsException", status=429)
    database.kill()
    monitor.tick()
    assert heads(monitor, X) == ["DOWN"]
    monitor.watch("demo", secret=SECRET, recipients=[X, Z])
    aws.accept()
    database.start()
    ticks(monitor, 2)
    assert heads(monitor, X) == ["DOWN", "RECOVERED"]
    assert heads(monitor, Y)[-1] == "RECOVERED"
    assert heads(monitor, Z) == []
    assert monitor.status()["pending"] == 0


def test_what_waits_is_told_in_the_language_that_it_was_made_for(waits: Monitor, aws: EmulatedAws) -> None:
    waits.watch("demo", secret=SECRET, recipients=[X, Y], language="ko")
    ticks(waits, 3)
    aws.accept()
    ticks(waits, 2)
    (mail,) = waits.mails
    assert mail.subject.startswith("[DOWN: connection refused] demo · ")


def test_a_topic_that_is_taken_away_and_given_back_costs_no_mail(waits: Monitor, aws: EmulatedAws) -> None:
    topic = waits.environment["ALERT_TOPIC"]
    waits.environment["ALERT_TOPIC"] = ""
    aws.accept()
    ticks(waits, 2)
    waits.environment["ALERT_TOPIC"] = topic
    ticks(waits, 2)
    assert heads(waits) == ["DOWN"]
    assert waits.aws.published == []
    assert waits.status()["pending"] == 0


def test_a_topic_that_is_added_while_an_alert_waits_hears_what_comes(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    topic = monitor.environment.pop("ALERT_TOPIC")
    aws.refuse(SEND_MAIL, "SendingPausedException")
    database.kill()
    monitor.tick()
    monitor.environment["ALERT_TOPIC"] = topic
    ticks(monitor)
    aws.accept()
    database.start()
    ticks(monitor, 2)
    assert heads(monitor) == ["RECOVERED"]
    assert [published_alert(one)["kind"] for one in aws.published][-1] == "recovered"
    assert monitor.status()["pending"] == 0


def test_a_target_that_is_taken_away_while_its_alert_waits_loses_none(
    waits: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    database.start()
    waits.watch("other", secret=SECRET, recipients=[Z])
    ticks(waits, 3)
    assert waits.mails == []
    aws.accept()
    ticks(waits, 3)
    (mail,) = waits.mails
    assert (mail.to, mail.headers["X-Heartline-Target"]) == ((X, Y), "demo")
    assert heads(waits) == ["NO LONGER WATCHED"]
    assert waits.items["target#demo"]["outbox"]["M"] == {}


def test_a_target_that_is_taken_away_while_down_is_told_so_and_begins_anew_when_it_is_given_back(
    monitor: Monitor, database: Postgres
) -> None:
    database.kill()
    ticks(monitor)
    document = monitor.environment["TARGETS"]
    database.start()
    monitor.watch("other", secret=SECRET)
    ticks(monitor, 60)
    assert heads(monitor) == ["DOWN", "NO LONGER WATCHED"]
    monitor.environment["TARGETS"] = document
    ticks(monitor, 3)
    assert heads(monitor) == ["DOWN", "NO LONGER WATCHED"]
    database.kill()
    ticks(monitor)
    assert heads(monitor)[2:] == ["DOWN"]
    assert "did not run" not in monitor.mails[-1].text


def test_a_target_that_is_taken_away_in_a_mute_is_told_so_when_the_mute_ends(
    monitor: Monitor, database: Postgres
) -> None:
    database.kill()
    ticks(monitor)
    monitor.order("mute", **{"for": "1h"})
    database.start()
    monitor.watch("other", secret=SECRET)
    ticks(monitor, 5, minutes=11)
    assert heads(monitor) == ["DOWN"]
    ticks(monitor, 3, minutes=11)
    assert heads(monitor) == ["DOWN", "NO LONGER WATCHED"]


def test_a_renamed_target_that_is_down_is_told_under_its_new_name_once(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    ticks(monitor)
    monitor.watch("renamed", secret=SECRET)
    ticks(monitor, 3)
    database.start()
    ticks(monitor, 2)
    notified = [
        (label, mail.headers["X-Heartline-Target"]) for label, mail in zip(heads(monitor), monitor.mails, strict=True)
    ]
    assert notified == [("DOWN", "demo"), ("DOWN", "renamed, demo"), ("RECOVERED", "renamed")]
    assert "NO LONGER WATCHED" in monitor.mails[1].text


def test_a_mute_does_not_hold_what_was_told_before_it_began(waits: Monitor, aws: EmulatedAws) -> None:
    """It was decided before the silence, and leaves late: what nobody knows of is not forgotten."""
    waits.order("mute", **{"for": "1h"})
    aws.accept()
    ticks(waits, 2)
    assert heads(waits) == ["DOWN"]
    ticks(waits, 3, hours=1)
    assert heads(waits)[0] == "DOWN"
    assert set(heads(waits)[1:]) <= {"STILL DOWN"}


def test_what_heals_in_a_mute_after_a_mail_that_waited_is_told_when_it_ends(
    waits: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    waits.order("mute", **{"for": "10m"})
    database.start()
    ticks(waits, 3)
    aws.accept()
    ticks(waits, 12)
    # One mail that says both, or the late DOWN and then RECOVERED; never DOWN alone.
    assert heads(waits)[-1] == "RECOVERED"
    assert len(heads(waits)) <= 2
    assert [published_alert(one)["kind"] for one in aws.published] == ["down", "recovered"]


def test_a_late_down_of_what_is_up_by_now_does_not_say_that_it_is_down(
    waits: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    """Healed within a mute: the mail leaves while it is up, and the recovery may be told only later."""
    waits.order("mute", **{"for": "2h"})
    database.start()
    ticks(waits, 3)
    aws.accept()
    ticks(waits, 1)
    assert waits.status()["status"] == "up"
    for mail in waits.mails:
        assert "late" in mail.text
    assert heads(waits) in ([], ["RECOVERED"], ["DOWN"])


def test_an_acknowledgement_is_of_one_incident(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    ticks(monitor)
    monitor.order("acknowledge")
    ticks(monitor, 1, hours=3)
    database.start()
    ticks(monitor, 1)
    ticks(monitor, 1, hours=1)
    database.kill()
    ticks(monitor, 1)
    ticks(monitor, 1, hours=2)
    assert heads(monitor) == ["DOWN", "RECOVERED", "DOWN", "STILL DOWN"]


def test_an_acknowledged_outage_that_changes_and_is_muted_stays_acknowledged(
    monitor: Monitor, database: Postgres
) -> None:
    database.kill()
    ticks(monitor)
    monitor.order("acknowledge")
    monitor.order("mute", **{"for": "30m"})
    ticks(monitor, 2, minutes=20)
    monitor.order("unmute")
    ticks(monitor, 3, hours=5)
    assert heads(monitor) == ["DOWN"]
    database.start()
    ticks(monitor)
    assert heads(monitor) == ["DOWN", "RECOVERED"]


def test_acknowledged_while_its_down_waits_the_mail_still_comes_and_says_none_follows(
    waits: Monitor, aws: EmulatedAws
) -> None:
    waits.order("acknowledge")
    aws.accept()
    ticks(waits, 2)
    ticks(waits, 3, hours=4)
    assert heads(waits) == ["DOWN"]


def test_a_window_that_is_added_while_it_is_down_silences_and_tells_what_is_left(
    monitor: Monitor, database: Postgres
) -> None:
    ticks(monitor)
    database.kill()
    ticks(monitor)
    begins, ends = monitor.now - timedelta(minutes=1), monitor.now + timedelta(minutes=30)
    window = f"daily {begins:%H:%M}-{ends:%H:%M}"
    monitor.watch("demo", secret=SECRET, maintenance=[window])
    database.start()
    ticks(monitor, 3)
    assert heads(monitor) == ["DOWN"]
    database.kill()
    ticks(monitor, 2)
    database.start()
    ticks(monitor, 40)
    assert heads(monitor) == ["DOWN", "RECOVERED"]


def test_a_gap_an_outage_of_ses_and_a_flap_in_it_end_in_one_true_story(
    waits: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    database.start()
    ticks(waits)
    ticks(waits, 1, hours=2)
    database.kill()
    ticks(waits)
    aws.accept()
    ticks(waits)
    (mail,) = waits.mails
    assert mail.state == "DOWN"
    assert mail.headers["X-Heartline-Status"] == "down"
    # A second or so more on a busy machine.
    assert re.search(r"up again after 6\d s", " ".join(mail.text.split()))
    assert waits.status()["pending"] == 0
    kinds = Counter(published_alert(one)["id"] for one in aws.published)
    assert set(kinds.values()) == {1}


def test_the_host_of_a_target_that_is_down_is_mended_in_the_document(monitor: Monitor, database: Postgres) -> None:
    monitor.watch("demo", host="127.0.0.1", port=1, user="heartline", secret=SECRET)
    ticks(monitor)
    monitor.watch("demo", secret=SECRET)
    ticks(monitor, 2)
    assert heads(monitor) == ["DOWN", "RECOVERED"]
    assert f"port {database.port}" in monitor.mails[-1].text


def test_a_test_alert_to_more_people_than_one_mail_may_have_reaches_all(monitor: Monitor) -> None:
    """SES takes 50 recipients a mail: the emulated one does not count them."""
    documents = []
    for team in "abc":
        monitor.watch(team, secret=SECRET, recipients=[f"{team}{number}@example.com" for number in range(20)])
        documents.append(monitor.environment["TARGETS"])
    monitor.environment["TARGETS"] = "".join(documents)
    monitor.order("test-alert")
    notified = Counter(who for mail in monitor.mails for who in mail.to)
    assert (len(notified), set(notified.values())) == (60, {1})


def test_a_database_that_flaps_in_a_mute_is_told_as_it_stands_at_its_end(monitor: Monitor, database: Postgres) -> None:
    ticks(monitor)
    monitor.order("mute", **{"for": "20m"})
    for _ in range(3):
        database.kill()
        ticks(monitor)
        database.start()
        ticks(monitor)
    ticks(monitor, 20)
    assert heads(monitor) == []
    database.kill()
    ticks(monitor)
    assert heads(monitor) == ["DOWN"]
    database.start()
    ticks(monitor, 10)
    assert heads(monitor)[1:] == ["RECOVERED"]


def test_a_mute_while_it_flaps_ends_in_one_summary(monitor: Monitor, database: Postgres) -> None:
    for _ in range(3):
        database.kill()
        ticks(monitor)
        database.start()
        ticks(monitor)
    told = ["DOWN", "RECOVERED", "DOWN", "RECOVERED", "DOWN"]
    assert heads(monitor) == told
    monitor.order("mute", **{"for": "2h"})
    ticks(monitor, 90)
    assert heads(monitor) == told
    monitor.order("unmute")
    ticks(monitor, 3)
    assert heads(monitor)[5:] == ["STABLE AGAIN"]


def test_a_target_that_names_another_language_in_an_outage_keeps_its_thread(
    monitor: Monitor, database: Postgres
) -> None:
    database.kill()
    ticks(monitor)
    monitor.watch("demo", secret=SECRET, language="ko")
    database.start()
    ticks(monitor)
    down, recovered = monitor.mails
    assert down.headers["References"] == recovered.headers["References"]
    assert recovered.state == "RECOVERED"


def test_an_unmute_in_a_window_does_not_end_the_window(monitor: Monitor, database: Postgres) -> None:
    begins, ends = monitor.now - timedelta(minutes=2), monitor.now + timedelta(minutes=20)
    monitor.watch("demo", secret=SECRET, maintenance=[f"daily {begins:%H:%M}-{ends:%H:%M}"])
    monitor.order("mute", **{"for": "2h"})
    database.kill()
    ticks(monitor)
    monitor.order("unmute")
    ticks(monitor, 3)
    assert heads(monitor) == []
    ticks(monitor, 20)
    assert heads(monitor) == ["DOWN"]


def test_a_schedule_that_is_made_slower_is_no_gap(monitor: Monitor, database: Postgres) -> None:
    ticks(monitor)
    monitor.environment["SCHEDULE_MINUTES"] = "10"
    ticks(monitor, 3, minutes=10)
    database.kill()
    ticks(monitor, 1, minutes=10)
    assert "did not run" not in " ".join(monitor.mails[0].text.split())


def test_a_clock_that_is_set_back_tells_nothing_twice(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    ticks(monitor)
    monitor.pass_time(hours=-1)
    monitor.tick()
    ticks(monitor, 3)
    database.start()
    ticks(monitor, 2)
    assert heads(monitor) == ["DOWN", "RECOVERED"]
    assert " -" not in monitor.subjects[-1]
