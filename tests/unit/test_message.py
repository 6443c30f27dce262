"""What one mail of many reports says: its subject, what they have in common, and no more than it has room for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pg8000.exceptions import DatabaseError

from heartline.message import Fleet, Message, compose
from heartline.model import Alert, AlertKind, Credential, Endpoint, Failure, Incident, Kind, Phase, Spell
from heartline.probe.diagnosis import diagnose
from heartline.render import as_html, as_text
from heartline.report import bundles
from unit.samples import ENDPOINT, MINUTE, NOW, SECOND, TARGET, alert, failure, hostile

DOWN, RECOVERED, UNSTABLE, SETTLED = AlertKind.DOWN, AlertKind.RECOVERED, AlertKind.UNSTABLE, AlertKind.SETTLED
REFUSED, TIMEOUT = failure(), failure(Kind.TIMEOUT, Phase.CONNECT)
AUTH, STARTING = failure(Kind.AUTH, sqlstate="28P01"), failure(Kind.STARTING)
SPELL = Spell("orders-unstable", NOW - 10 * MINUTE, NOW - MINUTE, 3, 60, 40, told=True)


def about(
    name: str,
    kind: AlertKind = DOWN,
    failed: Failure | None = REFUSED,
    host: str | None = None,
    **changes: object,
) -> Alert:
    incident = Incident(f"{name}-1", NOW - MINUTE, ended=NOW if kind is RECOVERED else None)
    place = replace(ENDPOINT, host=f"{name}.example.com" if host is None else host)
    known: dict[str, object] = {"target": name, "incident": incident, "endpoint": place}
    if kind is not RECOVERED:
        known["failure"] = failed
    if kind in {UNSTABLE, SETTLED}:
        known |= {"spell": replace(SPELL, id=f"{name}-unstable"), "calm": 300}
    return alert(kind, **known | changes)


def composed(*alerts: Alert, fleet: Fleet | None = None, late: int = 0) -> Message:
    """Compose a mail of alerts, each a report of its own."""
    return compose([[one] for one in alerts], fleet or Fleet(10), NOW + late * SECOND)


def facts(message: Message) -> str:
    return " ".join(message.sentences)


def test_a_mail_of_one_report_has_its_subject_and_nothing_in_common() -> None:
    message = composed(about("orders"))
    assert message.subject == message.reports[0].subject
    assert (message.targets, message.incidents) == (("orders",), ("orders-1",))
    assert (message.sentences, message.more) == ((), ())


@pytest.mark.parametrize(
    ("alerts", "subject", "status"),
    [
        ([about("a"), about("b")], "[DOWN] 2 of 10 databases: connection refused", "down"),
        ([about("a"), about("b", failed=TIMEOUT)], "[DOWN] 2 of 10 databases: a, b", "down"),
        (
            [about("a", RECOVERED), about("b"), about("c")],
            "[DOWN] 2 of 10 databases: connection refused; 1 RECOVERED",
            "down",
        ),
        ([about("a", RECOVERED), about("b", RECOVERED)], "[RECOVERED] 2 of 10 databases: a, b", "up"),
        (
            [about("a", failed=AUTH), about("b", failed=AUTH)],
            "[CANNOT LOG IN] 2 of 10 databases: password rejected (28P01)",
            "misconfigured",
        ),
        (
            [about("a", failed=AUTH), about("b")],
            "[DOWN] 1 of 10 databases: connection refused; 1 CANNOT LOG IN",
            "down",
        ),
        (
            [about("a", RECOVERED), about("b", UNSTABLE)],
            "[UNSTABLE] 1 of 10 databases: connection refused; 1 RECOVERED",
            "unstable",
        ),
        (
            [about(name, failed=one) for name, one in zip("abcdef", [REFUSED, TIMEOUT] * 3, strict=True)],
            "[DOWN] 6 of 10 databases: a, b, c, d and 2 more",
            "down",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_subject_says_how_many_are_what_the_worst_first(alerts: list[Alert], subject: str, status: str) -> None:
    message = composed(*alerts)
    assert (message.subject, message.status) == (subject, status)
    assert message.reports[0].status == status


def test_a_target_that_is_up_again_by_now_is_not_in_the_subject_as_down() -> None:
    """Its settling as down and its recovery were both late, and leave in one mail."""
    spell = replace(SPELL, steady=NOW - 6 * MINUTE)
    settled, recovered = about("a", SETTLED, spell=spell), about("a", RECOVERED, id="00000002", at=NOW + MINUTE)
    message = compose(bundles([settled, recovered]), Fleet(10), NOW + 10 * MINUTE)
    assert message.status == "up"
    assert message.subject.startswith("[RECOVERED]")


def test_more_targets_than_the_fleet_knows_are_not_more_than_all() -> None:
    assert "2 of 2 databases" in composed(about("a"), about("b"), fleet=Fleet(1)).subject


def test_a_target_with_two_stories_is_one_database() -> None:
    first, second = about("a"), about("a", incident=Incident("a-2", NOW), id="00000002")
    message = composed(first, second, about("b"))
    assert "2 of 10 databases" in message.subject
    assert message.targets == ("a", "b")
    assert set(message.incidents) == {"a-1", "a-2", "b-1"}


def test_what_failures_have_in_common_is_said() -> None:
    same = facts(composed(about("a", host="one.example.com"), about("b", host="one.example.com")))
    assert "connection refused" in same
    assert "phase connect" in same
    assert "host one.example.com" in same


def test_what_failures_do_not_share_is_not_said() -> None:
    assert composed(about("a"), about("b", failed=STARTING)).sentences == ()
    assert "phase" not in facts(composed(about("a", host="x"), about("b", failed=TIMEOUT, host="x")))
    assert "host" not in facts(composed(about("a"), about("b")))


def test_secrets_that_cannot_be_read_share_no_host() -> None:
    missing = failure(Kind.CREDENTIALS)
    assert "host" not in facts(composed(*(about(name, failed=missing, host="") for name in "abc")))


def test_what_has_recovered_is_not_among_what_fails_alike() -> None:
    assert composed(about("a"), about("b", RECOVERED)).sentences == ()
    assert composed(about("a", RECOVERED), about("b", RECOVERED)).sentences == ()


@pytest.mark.parametrize(
    ("addresses", "network"),
    [
        (["10.1.2.3", "10.1.2.99"], "10.1.2.0/24"),
        (["10.1.2.3", "10.1.9.99"], "10.1.0.0/16"),
        (["10.1.2.3", "10.2.2.3"], None),
        (["203.0.113.5", "203.0.113.9"], "203.0.113.0/24"),
        (["8.8.1.1", "8.8.2.2"], None),
        (["fd00:1:2:3::1", "fd00:1:2:3::2"], "fd00:1:2:3::/64"),
        (["fd00:1:2:3::1", "fd00:1:2:4::2"], "fd00:1:2::/56"),
        (["fe80::1%eth0", "fe80::2%eth0"], "fe80::/64"),
        (["10.1.2.3", "fd00::1"], None),
        (["10.1.2.3", None], None),
        ([None, None], None),
    ],
    ids=str,
)
def test_a_network_that_all_are_in_is_named(addresses: Sequence[str | None], network: str | None) -> None:
    said = facts(composed(*(about(name, address=one) for name, one in zip("ab", addresses, strict=True))))
    assert ("network" in said) == (network is not None)
    assert f"network {network}" in said or network is None


@pytest.mark.parametrize(
    ("targets", "failures", "phase"),
    [
        (3, [REFUSED] * 3, "connect"),
        (5, [TIMEOUT] * 5, "connect"),
        (3, [failure(Kind.UNRESOLVABLE)] * 3, "resolve"),
        (3, [failure(Kind.CERTIFICATE)] * 3, "tls"),
        (2, [REFUSED] * 2, None),
        (4, [REFUSED] * 3, None),
        (3, [REFUSED, REFUSED, TIMEOUT], None),
        (3, [TIMEOUT, TIMEOUT, failure(Kind.TIMEOUT, Phase.TLS)], None),
        (3, [STARTING] * 3, None),
        (3, [failure(Kind.CREDENTIALS)] * 3, None),
        (3, [], None),
    ],
)
def test_a_monitor_that_may_be_cut_off_says_so_and_what_to_check(
    targets: int, failures: list[Failure], phase: str | None
) -> None:
    said = facts(composed(about("a"), fleet=Fleet(targets, tuple(failures))))
    assert ("cut off" in said) == (phase is not None)
    if phase:
        for part in (f"all {targets} databases", f"phase {phase}", "Check "):
            assert part in said


def test_a_recovery_while_all_others_fail_is_not_told_as_a_monitor_that_is_cut_off() -> None:
    assert "cut off" not in facts(composed(about("a", RECOVERED), fleet=Fleet(3, (REFUSED,) * 3)))


@pytest.mark.parametrize("number", [25, 26, 60, 500])
def test_a_mail_of_many_tells_some_whole_counts_the_rest_and_is_not_cut_off(number: int) -> None:
    said = "x" * 300
    alerts = [
        about(f"database-{place}", failed=failure(Kind.AUTH, sqlstate="28P01", said=said)) for place in range(number)
    ]
    message = composed(*alerts, fleet=Fleet(number))
    assert len(message.targets) == number
    text, html = as_text(message), as_html(message)
    if message.more:
        assert f"{number - len(message.reports)} more" in text
        assert f"{number - len(message.reports)} more" in html
    for place in range(min(number, 60)):
        assert re.search(rf"database-{place}\b", text)
        assert re.search(rf"database-{place}\b", html)
    assert len(html.encode()) < 102_000  # Gmail cuts off what is longer
    assert len(text.encode()) < 102_000


def test_the_worst_are_among_those_that_are_told_whole() -> None:
    alerts = [about(f"good-{place}", RECOVERED) for place in range(40)] + [about("bad")]
    assert composed(*alerts).reports[0].target == "bad"


kinds = st.sampled_from([DOWN, AlertKind.CHANGED, AlertKind.REMINDER, RECOVERED, UNSTABLE, SETTLED])


@given(hostile, hostile, st.sampled_from([Phase.LOGIN, Phase.QUERY]), kinds, st.integers(1, 2), hostile)
def test_what_a_hostile_server_says_harms_no_mail(  # noqa: PLR0917
    message: str, code: str, phase: Phase, kind: AlertKind, number: int, name: str
) -> None:
    said = diagnose(DatabaseError({"M": message, "C": code}), phase, TARGET, Credential(ENDPOINT))
    place = Endpoint("orders.example.com", 5432, name, name)
    mail = composed(*(about(one, kind, said, endpoint=place, previous=said) for one in "ab"[:number]))
    text, html = as_text(mail), as_html(mail)
    assert mail.subject.isprintable()
    assert len(mail.subject) <= 200
    assert all(line.isprintable() for line in text.split("\n"))
    for tag in ("<script", "<img", "\u202e", "\u2066"):
        assert tag not in html
    assert not re.search(r"&(?!(?:amp|lt|gt|quot|#x27);)", html)
    assert all(line.isprintable() for line in html.split("\n"))
    assert len(text.encode("utf-8")) + len(html.encode("utf-8")) < 20_000 * number


@given(st.lists(st.tuples(st.sampled_from("abcdef"), kinds, st.sampled_from([REFUSED, TIMEOUT, AUTH])), min_size=1))
def test_each_alert_is_in_the_mail_and_the_numbers_in_its_subject_add_up(
    told: list[tuple[str, AlertKind, Failure]],
) -> None:
    mail = composed(*(about(name, kind, failed) for name, kind, failed in told))
    assert len(mail.reports) + len(mail.more) == len(told)
    assert set(mail.targets) == {name for name, _, _ in told}
    if len(told) > 1:
        first, *others = mail.subject.split("; ")
        label = first[1 : first.index("]")]
        reports = [*(one.label for one in mail.reports), *(one[1 : one.index("]")] for one in mail.more)]
        counted = {name: int(number) for number, name in (one.split(" ", 1) for one in others)}
        assert counted == {name: reports.count(name) for name in set(reports) - {label}}
        same = {one.target for one in mail.reports if one.label == label}
        assert mail.more or f"] {len(same)} of 10 databases: " in first
