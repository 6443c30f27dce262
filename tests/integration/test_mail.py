"""A mail speaks its readers' language, stands in its incident's thread, tells the past, and what to paste works."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.stack import SECRET
from local.wire import SEND_MAIL

if TYPE_CHECKING:
    from pathlib import Path

    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.mailbox import Mail
    from local.postgres import Postgres

QUERY = "dynamodb:Query*"
Trouble = Callable[["EmulatedAws"], None]
STRIP = re.compile(r"^ ((?: {1,2}\d\d [.#?]+)+)$", re.MULTILINE)
STACK, REGION = "shop", "eu-west-3"
# What `sam` would send as the event: the value of that option, whole.
FAKE_SAM = """\
#!/bin/sh
printf '%s\\n' "$@" > "$SAID"
while [ $# -gt 0 ]; do
  if [ "$1" = --event ]; then printf '%s' "$2" > "$EVENT"; fi
  shift
done
"""


def watch_each(monitor: Monitor, **targets: dict[str, Any]) -> None:
    """Let the document hold these targets, each with keys of its own."""
    documents = []
    for name, keys in targets.items():
        monitor.watch(name, secret=SECRET, **keys)
        documents.append(monitor.environment["TARGETS"])
    monitor.environment["TARGETS"] = "".join(documents)


def korean(text: str) -> bool:
    return any("가" <= char <= "힣" for char in text)


def of_target(monitor: Monitor, name: str) -> list[Mail]:
    return [mail for mail in monitor.mails if mail.headers["X-Heartline-Target"] == name]


def test_targets_in_two_languages_are_two_mails_to_the_same_recipients(monitor: Monitor, database: Postgres) -> None:
    watch_each(monitor, orders={}, shop={"language": "ko"}, stock={"language": "en"})
    database.kill()
    assert monitor.tick()["alerts"] == {"sent": 3, "pending": 0}
    english, foreign = sorted(monitor.mails, key=lambda mail: korean(mail.text))
    assert len(monitor.mails) == 2
    assert english.to == foreign.to
    assert english.headers["X-Heartline-Target"] == "orders, stock"
    assert foreign.headers["X-Heartline-Target"] == "shop"
    assert not korean(english.subject + english.text + english.html)
    assert foreign.subject.startswith("[DOWN 장애: 연결 거부] shop · ")
    assert ('<html lang="en"' in english.html, '<html lang="ko"' in foreign.html) == (True, True)
    assert "What to do first" not in foreign.text
    assert "장애입니다" in foreign.text
    assert "장애입니다" in foreign.html


def test_a_recovery_is_told_in_the_language_of_its_target(monitor: Monitor, database: Postgres) -> None:
    watch_each(monitor, shop={"language": "ko"})
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    down, recovered = monitor.mails
    assert recovered.state == "RECOVERED"
    assert korean(recovered.subject)
    assert "다시 응답합니다" in recovered.text
    assert down.headers["References"] == recovered.headers["References"]


def test_times_are_in_utc_and_by_the_clock_of_the_targets_place(monitor: Monitor, database: Postgres) -> None:
    watch_each(monitor, orders={"time_zone": "Asia/Kathmandu"})
    monitor.tick()
    database.kill()
    monitor.tick()
    (mail,) = monitor.mails
    times = re.findall(r":(\d\d):(\d\d)\s+UTC\+0545\s+\((?:\S+\s+)?\d\d:(\d\d):(\d\d)\s+UTC\)", mail.text)
    assert len(times) >= 3  # the last good probe, the first failed one, the next reminder
    assert len(re.findall("UTC", mail.html)) >= 3
    # Nepal's clock is 5:45 h before UTC.
    assert all(((int(utc) + 45) % 60, seconds) == (int(local), same) for local, same, utc, seconds in times)
    assert "UTC+0545" in mail.html


def test_the_past_is_drawn_from_the_history(monitor: Monitor, database: Postgres) -> None:
    monitor.tick()
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    monitor.pass_time(hours=3)
    monitor.tick()
    database.kill()
    monitor.tick()
    mail = monitor.mails[-1]
    assert mail.state == "DOWN"
    (drawn,) = STRIP.findall(mail.text)
    marks = re.sub(r"[\d ]", "", drawn)
    # What was before the first sight is left out; the ticks may fall into two hours.
    assert re.fullmatch(r"#[#.]?\?\?[.]?#", marks)
    assert "2 incidents" in mail.text
    assert "2 incidents" in mail.html


def refuse_queries(aws: EmulatedAws) -> None:
    aws.refuse(QUERY, "ProvisionedThroughputExceededException")


def fail_queries(aws: EmulatedAws) -> None:
    aws.refuse(QUERY, "InternalServerError", status=500)


def lose_queries(aws: EmulatedAws) -> None:
    aws.lose(QUERY)


def forbid_queries(aws: EmulatedAws) -> None:
    """As an older role does, which the new version's code meets before its policy is in force."""
    aws.refuse(QUERY, "AccessDeniedException")


@pytest.mark.parametrize("trouble", [refuse_queries, fail_queries, lose_queries, forbid_queries])
def test_a_history_that_cannot_be_read_keeps_no_mail_back(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, trouble: Trouble
) -> None:
    monitor.tick()
    database.kill()
    trouble(aws)
    assert monitor.tick()["alerts"] == {"sent": 1, "pending": 0}
    (mail,) = monitor.mails
    assert mail.subject.startswith("[DOWN: connection refused] demo · ")
    assert STRIP.findall(mail.text) == []
    assert "incidents" not in mail.text
    assert [line["detail"]["Faults"] for line in monitor.log if line["event"] == "tick"][-1] == 1
    assert [line["level"] for line in monitor.log if line["event"] == "history-not-read"] == ["ERROR"]


@pytest.mark.parametrize("first", [0, 1], ids=["from the first read", "after the gaps are read"])
@pytest.mark.parametrize("targets", [1, 15])  # as many as the server has connections for
def test_a_history_that_hangs_keeps_no_mail_back(
    monitor: Monitor, database: Postgres, aws: EmulatedAws, targets: int, first: int
) -> None:
    monitor.watch(*(f"db-{number:02d}" for number in range(targets)), secret=SECRET)
    monitor.tick()
    database.kill()
    aws.hang(QUERY, after=first)
    try:
        answer = monitor.tick()
    finally:
        aws.accept()
    assert answer["alerts"] == {"sent": targets, "pending": 0}
    assert len(monitor.mails) == 1
    assert STRIP.findall(monitor.mails[0].text) == []
    assert [line["detail"]["Faults"] for line in monitor.log if line["event"] == "tick"][-1] == 1
    asked = min(call.at for call in aws.log if call.name == "dynamodb:Query")
    (sent,) = [call.at for call in aws.log if call.name == SEND_MAIL]
    assert sent - asked < timedelta(seconds=10), "each of its reads would take a minute"


def test_a_history_that_hangs_leaves_time_for_the_mail(monitor: Monitor, database: Postgres, aws: EmulatedAws) -> None:
    """A minute without the 45 s that the probes of a tick may take."""
    monitor.tick()
    database.kill()
    aws.hang(QUERY)
    try:
        assert monitor.tick(seconds=15)["alerts"] == {"sent": 1, "pending": 0}
    finally:
        aws.accept()


def test_a_damaged_record_of_the_past_keeps_no_mail_back(monitor: Monitor, database: Postgres) -> None:
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    (name, record), *_ = ((sk, item) for sk, item in monitor.history.items() if sk.startswith("incident#"))
    for part in ("incident", "expires_at"):
        monitor.store({**{key: value for key, value in record.items() if key != part}, "sk": {"S": f"{name}-{part}"}})
    monitor.store({**record, "sk": {"S": f"{name}-odd"}, "incident": {"M": {"id": {"N": "7"}}}})
    database.kill()
    monitor.tick()
    assert monitor.states == ["DOWN", "RECOVERED", "DOWN"]


def thread(mail: Mail) -> list[str]:
    return mail.headers["References"].split()


def test_the_mails_of_one_outage_are_one_thread_and_those_of_the_next_another(
    monitor: Monitor, database: Postgres
) -> None:
    for _ in range(2):
        database.kill()
        monitor.tick()
        monitor.pass_time(hours=2)
        monitor.tick()
        database.start()
        monitor.tick()
        monitor.pass_time(hours=2)
        monitor.tick()
    assert monitor.states == ["DOWN", "STILL DOWN", "RECOVERED"] * 2
    roots = [thread(mail)[0] for mail in monitor.mails]
    assert roots == [roots[0]] * 3 + [roots[3]] * 3
    assert roots[0] != roots[3]
    for mail in monitor.mails:
        assert re.fullmatch(r"<[^<>@\s]+@example\.com>", thread(mail)[0])
        assert mail.headers["In-Reply-To"] == thread(mail)[0]
        assert mail.headers["Auto-Submitted"] == "auto-generated"
        assert mail.headers["List-Id"].endswith("<heartline.example.com>")


def test_what_flaps_stands_in_the_thread_of_the_outage_it_began_with(monitor: Monitor, database: Postgres) -> None:
    for _ in range(3):
        database.kill()
        monitor.tick()
        database.start()
        monitor.tick()
    for _ in range(70):
        monitor.pass_time(minutes=1)
        monitor.tick()
    assert monitor.states[:5] == ["DOWN", "RECOVERED"] * 2 + ["DOWN"]
    assert monitor.states[-1] == "STABLE AGAIN"
    first = thread(monitor.mails[0])[0]
    assert all(first in thread(mail) for mail in (*monitor.mails[:2], *monitor.mails[4:]))


def commands(text: str) -> dict[str, str]:
    """Read the commands of a mail's text as a person copies them: the paragraph below its label."""
    found = re.findall(r"^([^\n]+):\n\n((?:  .+\n?)+)", text, re.MULTILINE)
    return {label: command for label, command in found if command.lstrip().startswith("sam ")}


def pasted(folder: Path, command: str) -> tuple[list[str], dict[str, Any]]:
    """Paste a command into a shell; give what `sam` was given, and the event that it would send."""
    (folder / "sam").write_text(FAKE_SAM)
    (folder / "sam").chmod(0o755)
    environment = {"PATH": f"{folder}:{os.defpath}", "SAID": str(folder / "said"), "EVENT": str(folder / "event")}
    done = subprocess.run(
        ["sh", "-c", command], env=environment, cwd=folder, capture_output=True, text=True, timeout=10, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return (folder / "said").read_text().splitlines(), json.loads((folder / "event").read_text())


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_commands_in_a_mail_can_be_pasted_and_do_what_they_say(
    monitor: Monitor, database: Postgres, tmp_path: Path, language: str
) -> None:
    watch_each(monitor, **{"orders.eu-1": {"language": language}, "other": {"recipients": ["other@example.com"]}})
    monitor.environment |= {"POWERTOOLS_SERVICE_NAME": STACK, "AWS_REGION": REGION}
    database.kill()
    monitor.tick()
    (mail,) = of_target(monitor, "orders.eu-1")
    payloads = {}
    for command in commands(mail.text).values():
        said, payload = pasted(tmp_path, command)
        payloads[payload["command"]] = payload
        assert said[:3] == ["remote", "invoke", "MonitorFunction"]
        given = dict(zip(said[3::2], said[4::2], strict=True))
        assert (given["--region"], given["--stack-name"]) == (REGION, STACK)
    assert payloads == {
        "acknowledge": {"command": "acknowledge", "target": "orders.eu-1"},
        "mute": {"command": "mute", "target": "orders.eu-1", "for": "2h"},
    }
    for payload in payloads.values():
        monitor.order(**payload)
    assert monitor.status("orders.eu-1")["muted_until"] is not None
    assert monitor.status("other")["muted_until"] is None
    monitor.order("unmute", target="orders.eu-1")
    notified = len(of_target(monitor, "orders.eu-1"))
    monitor.pass_time(hours=5)
    monitor.tick()
    assert len(of_target(monitor, "orders.eu-1")) == notified


def test_the_html_leads_to_the_page_with_buttons_in_place_of_the_commands(monitor: Monitor, database: Postgres) -> None:
    monitor.environment |= {"POWERTOOLS_SERVICE_NAME": "shop", "AWS_REGION": REGION}
    database.kill()
    monitor.tick()
    (mail,) = monitor.mails
    url = f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}#dashboards/dashboard/shop-{REGION}"
    assert f'<a href="{url}"' in mail.html
    assert url in mail.text
    assert "sam remote" not in mail.html


def test_a_monitor_that_does_not_know_its_stack_gives_no_command(monitor: Monitor, database: Postgres) -> None:
    monitor.environment |= {"POWERTOOLS_SERVICE_NAME": "", "AWS_LAMBDA_FUNCTION_NAME": "monitor"}
    database.kill()
    monitor.tick()
    assert "sam remote" not in monitor.mails[0].text
    assert "sam remote" not in monitor.mails[0].html


def test_what_is_over_needs_no_command(monitor: Monitor, database: Postgres) -> None:
    monitor.environment["POWERTOOLS_SERVICE_NAME"] = STACK
    database.kill()
    monitor.tick()
    database.start()
    monitor.tick()
    assert ["sam remote" in mail.text for mail in monitor.mails] == [True, False]


def test_the_topic_gets_the_text_in_the_language_of_its_target_and_a_subject_in_ascii(
    monitor: Monitor, database: Postgres
) -> None:
    watch_each(monitor, shop={"language": "ko"})
    database.kill()
    monitor.tick()
    (request,) = monitor.aws.published
    by_protocol = json.loads(request["Message"])
    assert request["Subject"] == "[DOWN] shop"
    assert korean(by_protocol["email"])
    assert by_protocol["sms"].startswith("[DOWN 장애: 연결 거부] shop · ")
    document = json.loads(by_protocol["default"])
    assert (document["kind"], document["target"], document["failure"]["kind"]) == ("down", "shop", "refused")
