"""What happens together is told together, with what it has in common, and no more is claimed than is so."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from local.peers import asks, closes, error, healthy, says
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    from integration.conftest import Monitor, Serve
    from local.mailbox import Mail
    from local.peers import Behaviour
    from local.postgres import Postgres

FIVE = ("a", "b", "c", "d", "e")
HOST = "127.0.0.1"


class Switched:
    """Do one thing or another, as it is set."""

    def __init__(self, behave: Behaviour = healthy) -> None:
        self.behave = behave

    def __call__(self, connection: socket.socket) -> None:
        self.behave(connection)


def watch_each(monitor: Monitor, **targets: dict[str, Any]) -> None:
    """Let the document hold these targets, each with keys of its own."""
    documents = []
    for name, keys in targets.items():
        monitor.watch(name, **({"host": HOST, "user": ROLE} | keys))
        documents.append(monitor.environment["TARGETS"])
    monitor.environment["TARGETS"] = "".join(documents)


def names(mail: Mail) -> list[str]:
    return mail.headers["X-Heartline-Target"].split(", ")


@pytest.fixture
def dead_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as closing:
        return int(closing.getsockname()[1])


def test_five_databases_that_die_together_are_one_mail_and_their_recovery_another(
    monitor: Monitor, database: Postgres
) -> None:
    monitor.watch(*FIVE, secret=SECRET)
    monitor.tick()
    database.kill()
    assert monitor.tick()["alerts"] == {"sent": 5, "pending": 0}
    database.start()
    assert monitor.tick()["alerts"] == {"sent": 5, "pending": 0}
    down, recovered = monitor.mails
    assert down.subject.startswith("[DOWN: all 5; is the monitor cut off?] ")
    assert recovered.subject.startswith("[RECOVERED: 5 of 5] ")
    assert [mail.headers["X-Heartline-Status"] for mail in monitor.mails] == ["down", "up"]
    assert sorted(names(down)) == sorted(names(recovered)) == list(FIVE)
    incidents = [sorted(mail.headers["X-Heartline-Incident"].split(", ")) for mail in monitor.mails]
    assert incidents[0] == incidents[1]
    assert [incident.split("-")[0] for incident in incidents[0]] == list(FIVE)
    for fact in ("connect", "refused", HOST, *FIVE):
        assert fact in down.text
        assert fact in down.html
    assert "In common" not in recovered.text
    assert len(monitor.aws.published) == 10


def test_what_fails_for_different_reasons_has_only_its_host_in_common(monitor: Monitor, serve: Serve) -> None:
    full, starting = serve(says(error("53300"))), serve(says(error("57P03")))
    watch_each(monitor, a={"port": full.port}, b={"port": starting.port}, c={"port": serve(healthy).port})
    monitor.tick()
    (mail,) = monitor.mails
    assert mail.subject.startswith("[DOWN: 2 of 3")
    assert sorted(names(mail)) == ["a", "b"]
    (common,) = re.findall(r"In common: (.*?\.)\n", mail.text, re.DOTALL)
    assert HOST in common
    assert "phase" not in common
    for reason in ("53300", "57P03"):
        assert reason in mail.text


def test_an_outage_and_a_login_that_is_refused_are_told_apart_in_one_mail(monitor: Monitor, serve: Serve) -> None:
    watch_each(monitor, a={"port": serve(says(error("28P01"))).port}, b={"port": serve(closes).port})
    monitor.tick()
    (mail,) = monitor.mails
    assert mail.subject.startswith("[DOWN: 1 of 2")
    assert "1 CANNOT LOG IN" in mail.subject
    for written in (mail.text, mail.html):
        assert "CANNOT LOG IN" in written
        assert "password rejected (28P01)" in written
        assert "This is an outage" in written


def test_one_that_dies_while_another_recovers_is_in_the_same_mail_and_comes_first(
    monitor: Monitor, serve: Serve
) -> None:
    first, second = Switched(closes), Switched(healthy)
    watch_each(monitor, a={"port": serve(first).port}, b={"port": serve(second).port})
    monitor.tick()
    first.behave, second.behave = healthy, closes
    monitor.tick()
    _, mail = monitor.mails
    assert mail.subject.startswith("[DOWN: 1 of 2")
    assert "1 RECOVERED" in mail.subject
    assert names(mail) == ["b", "a"]
    assert mail.headers["X-Heartline-Status"] == "down"
    assert "In common" not in mail.text


def test_those_who_watch_other_databases_learn_nothing_of_these(monitor: Monitor, dead_port: int) -> None:
    mine, yours = ["mine@example.com"], ["yours@example.com"]
    keys = {"port": dead_port}
    watch_each(
        monitor,
        orders={**keys, "recipients": mine},
        payroll={**keys, "recipients": yours},
        stock={**keys, "recipients": mine},
    )
    monitor.tick()
    by_recipient = {mail.to[0]: mail for mail in monitor.mails}
    assert len(monitor.mails) == 2
    assert sorted(names(by_recipient["mine@example.com"])) == ["orders", "stock"]
    assert names(by_recipient["yours@example.com"]) == ["payroll"]
    assert "payroll" not in by_recipient["mine@example.com"].text
    assert "orders" not in by_recipient["yours@example.com"].text


def test_the_order_in_which_recipients_are_named_makes_no_second_mail(monitor: Monitor, dead_port: int) -> None:
    one, two = "one@example.com", "two@example.com"
    watch_each(
        monitor,
        a={"port": dead_port, "recipients": [one, two]},
        b={"port": dead_port, "recipients": [two, one]},
    )
    monitor.tick()
    assert len(monitor.mails) == 1


@pytest.mark.parametrize("number", [3, 5])
def test_a_monitor_that_may_be_cut_off_says_so_and_is_still_heard(
    monitor: Monitor, dead_port: int, number: int
) -> None:
    """All hosts are others, as all databases of a VPC are."""
    hosts = {name: {"host": f"127.0.0.{place}", "port": dead_port} for place, name in enumerate(FIVE[:number], 1)}
    watch_each(monitor, **hosts)
    monitor.tick()
    (mail,) = monitor.mails
    text = " ".join(mail.text.split())
    assert mail.subject.startswith(f"[DOWN: all {number}; is the monitor cut off?] ")
    assert "monitor itself may be cut off" in text
    for part in (f"all {number} databases", "phase connect", "security groups"):
        assert part in text
        assert part in mail.html
    assert "network 127.0.0.0/24" in text


def test_a_cut_off_monitor_is_told_to_each_group_of_recipients(monitor: Monitor, dead_port: int) -> None:
    watch_each(
        monitor, **{name: {"port": dead_port, "recipients": [f"{name}@example.com"]} for name in ("a", "b", "c")}
    )
    monitor.tick()
    assert len(monitor.mails) == 3
    assert all("may be cut off" in " ".join(mail.text.split()) for mail in monitor.mails)


def test_two_targets_are_too_few_to_say_that_the_monitor_is_cut_off(monitor: Monitor, dead_port: int) -> None:
    watch_each(monitor, a={"port": dead_port}, b={"port": dead_port})
    monitor.tick()
    assert "cut off" not in monitor.mails[0].text


def test_a_monitor_that_reaches_one_database_is_not_cut_off(monitor: Monitor, serve: Serve, dead_port: int) -> None:
    dead = {name: {"port": dead_port} for name in ("a", "b", "c")}
    watch_each(monitor, **dead, d={"port": serve(healthy).port})
    monitor.tick()
    (mail,) = monitor.mails
    assert mail.subject.startswith("[DOWN: 3 of 4")
    assert "cut off" not in mail.text


def test_a_monitor_that_gets_as_far_as_the_login_is_not_cut_off(monitor: Monitor, serve: Serve) -> None:
    port = serve(says(asks(5, bytes(4)), closes)).port
    watch_each(monitor, **{name: {"port": port} for name in ("a", "b", "c")})
    monitor.tick()
    (mail,) = monitor.mails
    assert mail.subject.startswith("[")
    assert "3 of 3" in mail.subject
    assert "cut off" not in mail.text


def test_failures_in_different_ways_are_not_one_cut(monitor: Monitor, dead_port: int) -> None:
    watch_each(
        monitor, a={"port": dead_port}, b={"port": dead_port}, c={"port": dead_port, "host": "no-such-host.invalid"}
    )
    monitor.tick()
    assert "cut off" not in monitor.mails[0].text


def test_a_mail_of_sixty_targets_is_small_enough_to_be_shown_whole(monitor: Monitor, dead_port: int) -> None:
    many = [f"database-{number:02d}" for number in range(60)]
    monitor.watch(*many, host=HOST, port=dead_port, user=ROLE)
    assert monitor.tick()["alerts"] == {"sent": 60, "pending": 0}
    (mail,) = monitor.mails
    assert mail.subject.startswith("[DOWN: all 60; is the monitor cut off?] database-00, database-01, ")
    assert len(mail.html.encode()) < 100_000
    assert len(mail.text.encode()) < 100_000
    assert len(mail.eml()) < 250_000
    listed = re.findall(r"^DOWN: (database-\d\d), ", mail.text, re.MULTILINE)
    (rest,) = re.findall(r"(\d+) more are not listed in this mail", " ".join(mail.text.split()))
    assert 'the command "status" shows all' in " ".join(mail.text.split())
    assert len(listed) + int(rest) == 60
    assert listed == [name for name in many if name in mail.text]
    assert listed == [name for name in many if name in mail.html.replace("<wbr>", "")]
    assert len(mail.headers["X-Heartline-Target"]) <= 995
    assert len(mail.headers["X-Heartline-Incident"]) <= 995
    assert len(monitor.aws.published) == 60


def test_what_becomes_due_in_different_ticks_is_told_in_different_mails(monitor: Monitor, serve: Serve) -> None:
    first, second = Switched(), Switched()
    watch_each(monitor, a={"port": serve(first).port}, b={"port": serve(second).port})
    monitor.tick()
    first.behave = closes
    monitor.tick()
    second.behave = closes
    monitor.tick()
    assert [names(mail) for mail in monitor.mails] == [["a"], ["b"]]
