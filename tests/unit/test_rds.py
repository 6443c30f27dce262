"""The names of RDS's hosts, and what mails say of what RDS says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.aws.log import Log
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.rds import STEPS
from heartline.messages.threads import build_report
from heartline.model.alert import Alert
from heartline.model.incident import Change
from heartline.model.kinds import AlertKind
from heartline.model.rds import RdsEvent, RdsFacts, RdsHost, RdsKind, parse
from heartline.model.target import Endpoint, Target
from heartline.notify import rds as ask
from unit.samples import CHANGES, MINUTE, NOW, SECOND, TARGET, alert, failure, hostile

HOSTS = {
    "orders.c7tj4example.eu-west-1.rds.amazonaws.com": RdsHost(RdsKind.INSTANCE, "orders", "eu-west-1"),
    "Orders.C7TJ4EXAMPLE.eu-west-1.RDS.amazonaws.com.": RdsHost(RdsKind.INSTANCE, "orders", "eu-west-1"),
    "orders.cluster-c7tj4.us-east-1.rds.amazonaws.com": RdsHost(RdsKind.CLUSTER, "orders", "us-east-1"),
    "orders.cluster-ro-c7tj4.ap-southeast-2.rds.amazonaws.com": RdsHost(RdsKind.READER, "orders", "ap-southeast-2"),
    "olap.cluster-custom-c7tj4.us-east-1.rds.amazonaws.com": RdsHost(RdsKind.CUSTOM, "olap", "us-east-1"),
    "front.proxy-c7tj4.us-east-1.rds.amazonaws.com": RdsHost(RdsKind.PROXY, "front", "us-east-1"),
    "a-1.c7tj4.us-gov-west-1.rds.amazonaws.com": RdsHost(RdsKind.INSTANCE, "a-1", "us-gov-west-1", "aws-us-gov"),
    "a.c7tj4.rds.cn-north-1.amazonaws.com.cn": RdsHost(RdsKind.INSTANCE, "a", "cn-north-1", "aws-cn"),
    "a.cluster-c7tj4.cn-north-1.rds.amazonaws.com.cn": RdsHost(RdsKind.CLUSTER, "a", "cn-north-1", "aws-cn"),
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_s_name_says_what_it_leads_to(host: str) -> None:
    assert parse(host) == HOSTS[host]


@pytest.mark.parametrize(
    "host",
    [
        *("", "127.0.0.1", "orders.example.com", "rds.amazonaws.com", "eu-west-1.rds.amazonaws.com"),
        "orders.global-c7tj4.global.rds.amazonaws.com",
        "orders.c7tj4.eu-west-1.rds.amazonaws.com.example.com",
        "x.orders.c7tj4.eu-west-1.rds.amazonaws.com",
        "orders.c7tj4.eu-west-1.redshift.amazonaws.com",
        "orders.cluster-c7tj4.eu-west-1.rds.amazonaws.com\n",
    ],
)
def test_a_host_that_is_none_of_rds_is_none(host: str) -> None:
    assert parse(host) is None


@given(hostile)
def test_no_name_breaks_the_parser(text: str) -> None:
    assert parse(text) is None


def said(one: Alert, facts: RdsFacts, target: Target = TARGET) -> tuple[str, dict[str, list[str]]]:
    """Return the sentences of a mail, and its rows by label."""
    report = build_report([one], target, AlertContext(1, rds={one.target: facts}), one.at)
    rows: dict[str, list[str]] = {}
    for label, value in report.rows:
        rows.setdefault(label, []).append(value)
    return " ".join((report.first_step, *report.sentences)), rows


@pytest.mark.parametrize("status", STEPS)
@pytest.mark.parametrize("code", ["en", "ko"])
def test_each_status_of_what_fails_has_a_next_step(status: str, code: str) -> None:
    target = replace(TARGET, language=code)
    plain = build_report([alert()], target, AlertContext(1), NOW).first_step
    with_rds = build_report([alert()], target, AlertContext(1, rds={"orders": RdsFacts(status)}), NOW).first_step
    assert with_rds.endswith(f" {plain}")
    assert len(with_rds) > len(plain) + 20


def test_a_full_storage_is_to_be_raised() -> None:
    sentences, rows = said(alert(), RdsFacts("storage-full"))
    assert "the storage is full. Raise its allocated storage" in sentences
    assert rows["Status in RDS"] == ["storage-full"]


@pytest.mark.parametrize("facts", [RdsFacts(), RdsFacts("a-status-of-tomorrow"), RdsFacts(refused=("Throttling",))])
def test_what_rds_does_not_say_makes_no_sentence(facts: RdsFacts) -> None:
    assert said(alert(), facts)[0] == said(alert(), RdsFacts())[0]
    assert "Event of RDS" not in said(alert(), facts)[1]


def test_a_recovery_has_rds_s_words_and_no_next_step() -> None:
    events = (RdsEvent(NOW - MINUTE, "DB instance restarted", ("availability",)),)
    sentences, rows = said(alert(AlertKind.RECOVERED), RdsFacts("available", "orders-2", events=events))
    assert "From RDS" not in sentences
    assert rows["Writer"] == ["orders-2"]
    assert rows["Event of RDS"] == ["DB instance restarted (2026-11-23 02:14:00 UTC)"]


def event(seconds: float, category: str) -> RdsEvent:
    return RdsEvent(NOW + seconds * SECOND, f"{category} at {seconds:g}", (category,))


@pytest.mark.parametrize(
    ("kind", "events", "explained"),
    [
        (AlertKind.FAILED_OVER, [event(-90, "availability"), event(-30, "failover")], "failover at -30"),
        (AlertKind.FAILED_OVER, [event(-30, "failover"), event(-9, "failover")], "failover at -9"),
        (AlertKind.FAILED_OVER, [event(-30, "failover"), event(-9, "availability")], "failover at -30"),
        (AlertKind.RESTARTED, [event(-30, "availability"), event(-9, "backup")], "availability at -30"),
        (AlertKind.CRASHED, [event(-30, "recovery")], "recovery at -30"),
        (AlertKind.FAILED_OVER, [event(-30, "backup")], None),
        (AlertKind.FAILED_OVER, [event(-600, "failover")], None),
        (AlertKind.FAILED_OVER, [], None),
    ],
)
def test_a_change_is_explained_by_the_event_that_fits_best(
    kind: AlertKind, events: list[RdsEvent], explained: str | None
) -> None:
    sentences, _ = said(alert(kind), RdsFacts("available", events=tuple(events)))
    assert (f"RDS explains it: {explained} " in sentences) == bool(explained)
    assert ("RDS explains" in sentences) == bool(explained)


@given(hostile, st.sampled_from([AlertKind.DOWN, AlertKind.RECOVERED, *CHANGES]))
def test_what_rds_says_harms_no_mail(text: str, kind: AlertKind) -> None:
    """An owner can choose a database's name, and it stands in RDS's events."""
    facts = RdsFacts(text, text, (text,) * 9, (RdsEvent(NOW - SECOND, text, ("failover", "availability")),) * 9)
    change = {"change": Change(kind, NOW, NOW - MINUTE)} if kind in CHANGES else {}
    report = build_report([alert(kind, **change)], TARGET, AlertContext(1, rds={"orders": facts}), NOW)
    shown = [*report.sentences, *(value for _, value in report.rows)]
    assert all(part.isprintable() and len(part) < 1000 for part in shown)


class Asked:
    """An RDS that answers for some of its databases, for others never or with nonsense."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.over = Event()

    def facts(self, host: RdsHost, address: str, now: datetime) -> RdsFacts:
        self.addresses.append(address)
        if host.identifier == "silent":
            self.over.wait(60)
        if host.identifier == "broken":
            raise KeyError("DBInstanceStatus")
        return RdsFacts(f"{host.identifier} at {now:%M:%S}", refused=("Throttling",) * (host.identifier == "busy"))


def about(name: str, kind: AlertKind = AlertKind.DOWN, host: str = "{}.c7tj4.eu-west-1.rds.amazonaws.com") -> Alert:
    return alert(kind, target=name, endpoint=Endpoint(host.format(name)))


@pytest.fixture
def logged() -> tuple[Log, list[Any]]:
    lines: list[Any] = []
    return Log(SimpleNamespace(warning=lambda _, extra, **__: lines.append(extra))), lines  # type: ignore[arg-type]


def test_no_mail_waits_for_an_rds_that_is_silent(
    monkeypatch: pytest.MonkeyPatch, logged: tuple[Log, list[Any]]
) -> None:
    assert ask.SECONDS == 2
    monkeypatch.setattr(ask, "SECONDS", 0.2)
    rds, (log, lines) = Asked(), logged
    facts = ask.rds_facts(rds, map(about, ("orders", "silent", "broken", "busy")), NOW, log)
    rds.over.set()
    assert {name: one.status for name, one in facts.items()} == {"orders": "orders at 15:00", "busy": "busy at 15:00"}
    assert [line["detail"] for line in lines] == [{"late": ["silent"], "refused": ["KeyError", "Throttling"]}]


def test_rds_is_asked_about_its_own_databases_and_what_happened_to_them(logged: tuple[Log, list[Any]]) -> None:
    rds, (log, lines) = Asked(), logged
    custom, elsewhere = "{}.cluster-custom-c7tj4.eu-west-1.rds.amazonaws.com", "{}.example.com"
    others = [about("a", host=custom), about("b", host=elsewhere), about("c", AlertKind.WATCHED)]
    assert ask.rds_facts(rds, others, NOW, log) == {}
    assert ask.rds_facts(rds, [about(f"db{number}") for number in range(30)], NOW, log).keys() == {
        f"db{number}" for number in range(20)
    }
    assert (len(rds.addresses), lines) == (20, [])


def test_facts_are_about_their_own_target_alone() -> None:
    parts = TargetAlerts(TARGET, (alert(failure=failure()),))
    report = build_report(parts.alerts, TARGET, AlertContext(2, rds={"billing": RdsFacts("stopped")}), NOW)
    assert "RDS:" not in report.sentences[0]
    assert timedelta(0) == report.alert.at - NOW
