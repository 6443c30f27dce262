"""What one mail of many reports says: its subject, what they have in common, and no more than it has room for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.i18n.language import LANGUAGES
from heartline.messages.compose import _MAX_ROWS, Message, compose
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.html import as_html
from heartline.messages.plain_text import as_text
from heartline.model.alert import Alert
from heartline.model.belief import FLAPPING_SUFFIX
from heartline.model.incident import Incident
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.observation import Failure
from local.mailbox import state
from unit.conftest import page, shown, squeezed
from unit.samples import ENDPOINT, MINUTE, NOW, SECOND, TARGET, alert, failure, flapping

DOWN, RECOVERED, FLAPPING, STABLE = AlertKind.DOWN, AlertKind.RECOVERED, AlertKind.FLAPPING, AlertKind.STABLE
REFUSED, TIMEOUT = failure(), failure(Kind.TIMEOUT, Phase.CONNECT)
AUTH, STARTING = failure(Kind.AUTH, sqlstate="28P01"), failure(Kind.STARTING)


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
    if kind not in {RECOVERED, FLAPPING, STABLE}:
        known["failure"] = failed
    if kind in {FLAPPING, STABLE}:
        known["flapping"] = replace(flapping(), id=f"{name}{FLAPPING_SUFFIX}")
    return alert(kind, **known | changes)


def composed(*alerts: Alert, context: AlertContext | None = None, late: int = 0, code: str = "en") -> Message:
    """Compose a mail of alerts, those of one target in their order."""
    by_target: dict[str, list[Alert]] = {}
    for one in alerts:
        by_target.setdefault(one.target, []).append(one)
    parts = [TargetAlerts(replace(TARGET, name=name, language=code), tuple(ones)) for name, ones in by_target.items()]
    return compose(parts, context or AlertContext(10), NOW + late * SECOND)


def facts(message: Message) -> str:
    return " ".join(message.sentences)


def test_a_mail_of_one_report_has_its_subject_and_nothing_in_common() -> None:
    message = composed(about("orders"))
    assert message.subject == message.report.subject
    assert (message.targets, message.incidents) == (("orders",), ("orders-1",))
    assert (message.sentences, message.table, message.omitted) == ((), (), 0)


@pytest.mark.parametrize(
    ("alerts", "subject", "status"),
    [
        ([about("a"), about("b")], "[DOWN: 2 of 10, refused] a, b", "down"),
        ([about("a"), about("b", failed=TIMEOUT)], "[DOWN: 2 of 10] a, b", "down"),
        ([about("a", RECOVERED), about("b"), about("c")], "[DOWN: 2 of 10; 1 RECOVERED] b, c", "down"),
        ([about("a", RECOVERED), about("b", RECOVERED)], "[RECOVERED: 2 of 10] a, b", "up"),
        ([about("a", failed=AUTH), about("b", failed=AUTH)], "[CANNOT LOG IN: 2 of 10] a, b", "misconfigured"),
        ([about("a", failed=AUTH), about("b")], "[DOWN: 1 of 10; 1 CANNOT LOG IN] b", "down"),
        ([about("a", RECOVERED), about("b", FLAPPING)], "[FLAPPING: 1 of 10; 1 RECOVERED] b", "flapping"),
        (
            [about(name, failed=one) for name, one in zip("abcdef", [REFUSED, TIMEOUT] * 3, strict=True)],
            "[DOWN: 6 of 10] a, b, c and 3 more",
            "down",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_subject_says_how_many_are_what_the_worst_first(alerts: list[Alert], subject: str, status: str) -> None:
    message = composed(*alerts)
    assert (message.subject.partition(" · ")[0], message.status) == (subject, status)


def test_a_target_that_is_up_again_by_now_is_not_in_the_subject_as_down() -> None:
    """That it flaps and that it is stable again were both late, and leave in one mail."""
    message = composed(about("a", FLAPPING), about("a", STABLE, id="00000002", at=NOW + MINUTE), late=600)
    assert message.status == "up"
    assert message.subject.startswith("[STABLE AGAIN ")


def test_more_targets_than_the_fleet_knows_are_not_more_than_all() -> None:
    assert "2 of 2" in composed(about("a"), about("b"), context=AlertContext(1)).subject


def test_a_target_with_two_threads_is_one_database() -> None:
    first, second = about("a"), about("a", incident=Incident("a-2", NOW), id="00000002")
    message = composed(first, second, about("b"))
    assert "2 of 10" in message.subject
    assert message.targets == ("a", "b")
    assert set(message.incidents) == {"a-1", "a-2", "b-1"}


def test_a_recovery_is_not_hidden_behind_what_happened_in_the_same_tick() -> None:
    """Whoever closes incidents by subject or header would wait for ever."""
    over = alert(AlertKind.RECOVERED, previous=failure())
    ends = alert(AlertKind.EXPIRING, incident=None, expires=NOW + timedelta(days=7))
    mail = compose([TargetAlerts(TARGET, (over, ends))], AlertContext(1), NOW)
    assert (mail.status, mail.subject[:10]) == ("up", "[RECOVERED")
    assert [report.label for report in mail.table] == ["RECOVERED", "EXPIRING"]


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
    said = facts(composed(about("a"), context=AlertContext(targets, tuple(failures))))
    assert ("cut off" in said) == (phase is not None)
    if phase:
        for part in (f"all {targets} databases", f"phase {phase}", "Check "):
            assert part in said


def test_a_mail_about_one_of_them_says_so_too() -> None:
    message = composed(about("a"), context=AlertContext(3, (REFUSED,) * 3))
    for written in (as_text(message), shown(as_html(message))):
        assert squeezed(facts(message)) in squeezed(written)
    assert facts(message)


def test_a_recovery_while_all_others_fail_is_not_told_as_a_monitor_that_is_cut_off() -> None:
    assert "cut off" not in facts(composed(about("a", RECOVERED), context=AlertContext(3, (REFUSED,) * 3)))


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("number", [2, _MAX_ROWS, _MAX_ROWS + 1, 500])
def test_a_mail_of_many_lists_some_reports_one_in_full_and_counts_the_rest(number: int, code: str) -> None:
    message = composed(
        *(about(f"database-{place}") for place in range(number)), context=AlertContext(number), code=code
    )
    assert len(message.targets) == number
    assert (len(message.table), message.omitted) == (min(number, _MAX_ROWS), max(0, number - _MAX_ROWS))
    for written in (as_text(message), shown(as_html(message))):
        for place in range(min(number, _MAX_ROWS)):
            assert re.search(rf"database-{place}\b", written)
        assert not re.search(rf"database-{_MAX_ROWS}\b", written)
        rest = message.language.text("sentence.rest", number=message.omitted)[-30:]
        assert (squeezed(rest) in squeezed(written)) == (message.omitted > 0)
    assert len(as_html(message).encode()) < 100_000  # Gmail cuts off what is longer


def test_a_mail_of_many_has_a_line_on_each_with_name_state_cause_and_since() -> None:
    message = composed(about("orders"), about("billing", failed=AUTH), about("stock", RECOVERED))
    rows = page(as_html(message)).findall(".//th/../../tr")
    cells = [["".join(cell.itertext()).replace("\xa0", " ") for cell in row] for row in rows]
    assert cells == [
        ["Name", "State", "Cause", "Since"],
        ["orders", "DOWN", "connection refused", "02:14 UTC"],
        ["billing", "CANNOT LOG IN", "password rejected (28P01)", "02:14 UTC"],
        ["stock", "RECOVERED", "up again after 60 s", "02:15 UTC"],
    ]


def test_a_mail_of_many_begins_with_their_table_then_what_they_share_and_then_one_in_full() -> None:
    message = composed(about("orders"), about("billing"))
    for written in (squeezed(as_text(message)), squeezed(shown(as_html(message)))):
        places = [written.rindex("billing"), written.index("Incommon:"), written.index("Whattodofirst")]
        assert places == sorted(places)
        assert written.count("Whattodofirst") == 1


def test_the_head_of_a_mail_of_many_says_how_many_why_if_they_share_it_and_since_when() -> None:
    alike = composed(about("a"), about("b"))
    assert (alike.title, alike.when) == ("2 of 10 databases", "connection refused · since 02:14 UTC")
    assert composed(about("a"), about("b", failed=TIMEOUT)).when == "since 02:14 UTC"


def test_a_mail_of_several_of_which_any_is_late_says_how_late_the_oldest_is() -> None:
    message = composed(about("a"), about("b", at=NOW - 3600 * SECOND), about("c", at=NOW - 600 * SECOND))
    assert message.report.alert.target == "a"
    assert message.sentences[0].startswith("This mail is 1 h late")


def test_the_worst_is_told_in_full_as_it_stands_now() -> None:
    alerts = [about(f"good-{place}", RECOVERED) for place in range(40)] + [about("bad")]
    assert composed(*alerts).report.alert.target == "bad"
    again = about("a", incident=Incident("a-2", NOW), id="00000002")
    assert composed(about("a", RECOVERED), again).report.label == "DOWN"


kinds = st.sampled_from([DOWN, AlertKind.REMINDER, RECOVERED, FLAPPING, STABLE])


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("phase", [Phase.RESOLVE, Phase.CONNECT, Phase.TLS], ids=str)
def test_a_monitor_that_may_be_cut_off_says_so_in_every_language(code: str, phase: Phase) -> None:
    timeout = failure(Kind.TIMEOUT, phase)
    message = composed(
        *(about(name, failed=timeout) for name in "abc"), context=AlertContext(3, (timeout,) * 3), code=code
    )
    assert message.language.text(f"sentence.checks_{phase}") in facts(message)
    assert state(message.subject) == "DOWN"


@pytest.mark.parametrize(
    ("address", "other"), [("nonsense", "10.0.1.7"), ("", "10.0.1.7"), ("10.0.1.7/24", "nonsense\n"), ("1" * 5000, "x")]
)
def test_an_address_that_is_none_costs_nobody_their_mail(address: str, other: str) -> None:
    message = composed(about("a", address=address), about("b", address=other))
    assert message.targets == ("a", "b")
    assert "network" not in facts(message)


def thread(number: int, name: str, kind: AlertKind, failed: Failure) -> Alert:
    """Return an alert of an incident or flapping period of its own."""
    incident = Incident(f"{name}-{number}", NOW - MINUTE, ended=NOW if kind is RECOVERED else None)
    known = replace(flapping(), id=f"{name}-{number}{FLAPPING_SUFFIX}")
    flaps = {"flapping": known} if kind in {FLAPPING, STABLE} else {}
    return about(name, kind, failed, id=f"{number:08d}", incident=incident, **flaps)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), kinds, st.sampled_from([REFUSED, TIMEOUT, AUTH])), min_size=1))
def test_each_thread_is_in_the_mail_and_its_subject_counts_how_each_target_stands(
    chosen: list[tuple[str, AlertKind, Failure]],
) -> None:
    alerts = [thread(number, *one) for number, one in enumerate(chosen)]
    mail = composed(*alerts)
    assert (len(mail.table) or 1) + mail.omitted == len(chosen)
    latest = {one.target: composed(one).report.label for one in alerts}
    assert set(mail.targets) == set(latest)
    assert set(mail.incidents) == {one.incident.id for one in alerts if one.incident}
    counted = Counter(latest.values())
    if len(latest) == 1:
        assert state(mail.subject) == latest[chosen[0][0]]
        return
    bracket = mail.subject[1 : mail.subject.index("]")]
    first, *others = bracket.split("; ")
    label, number = re.fullmatch(r"([A-Z ]+): (\d+) of 10(?:, .*)?", first).groups()  # type: ignore[union-attr]
    told = {label: int(number)} | {name: int(many) for many, name in (one.split(" ", 1) for one in others)}
    assert told.items() <= counted.items()
    assert others == [] or told == counted
