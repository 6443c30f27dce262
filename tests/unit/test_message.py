"""What a mail says: its subject, its sentences, its facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pg8000.exceptions import DatabaseError

from heartline.message import Report, bundles, compose
from heartline.model import Alert, AlertKind, Credential, Incident, Kind, Phase
from heartline.probe.diagnosis import diagnose
from heartline.render import as_html, as_text
from unit.samples import CASES, ENDPOINT, MINUTE, MISCONFIGURED, NOW, SECOND, TARGET, alert, failure, hostile

DOWN, CHANGED, REMINDER, RECOVERED, TEST = (
    *(AlertKind.DOWN, AlertKind.CHANGED, AlertKind.REMINDER),
    *(AlertKind.RECOVERED, AlertKind.TEST),
)
SQLSTATES = {Kind.AUTH: "28P01", Kind.NO_DATABASE: "3D000", Kind.SATURATED: "53300"}


def composed(*alerts: Alert, late: int = 0) -> Report:
    return compose(alerts, alerts[-1].at + late * SECOND)


@pytest.mark.parametrize(
    ("alerts", "subject"),
    [
        ([alert(DOWN)], "[DOWN] orders: connection refused since 02:14 UTC"),
        (
            [alert(DOWN, failure=failure(Kind.AUTH, sqlstate="28P01"))],
            "[CANNOT LOG IN] orders: password rejected (28P01) since 02:14 UTC",
        ),
        (
            [alert(DOWN, failure=failure(Kind.TIMEOUT, Phase.TLS))],
            "[DOWN] orders: timeout in the TLS handshake since 02:14 UTC",
        ),
        (
            [alert(CHANGED, failure=failure(Kind.STARTING, sqlstate="57P03"), previous=failure())],
            "[DOWN] orders: now starting up (57P03), before connection refused",
        ),
        (
            [alert(CHANGED, failure=failure(Kind.NO_DATABASE, sqlstate="3D000"), previous=failure())],
            "[CANNOT LOG IN] orders: now no such database (3D000), before connection refused",
        ),
        ([alert(REMINDER, previous=failure())], "[STILL DOWN] orders: connection refused for 60 s"),
        ([alert(RECOVERED)], "[RECOVERED] orders: down 60 s"),
        ([alert(DOWN), alert(RECOVERED, 2)], "[RECOVERED] orders: was down 60 s, over before this mail could leave"),
        ([alert(TEST)], "[TEST] Heartline's alerts reach you"),
    ],
    ids=str,
)
def test_a_subject_says_all_that_a_lock_screen_has_room_for(alerts: Sequence[Alert], subject: str) -> None:
    assert composed(*alerts).subject == subject


@pytest.mark.parametrize(("phase", "kind"), CASES, ids=lambda value: str(value.value))
def test_each_failure_is_told_as_an_outage_or_as_a_monitor_that_is_not_let_in(phase: Phase, kind: Kind) -> None:
    report = composed(alert(failure=failure(kind, phase, SQLSTATES.get(kind))))
    text = as_text(report)
    if kind in MISCONFIGURED:
        assert report.subject.startswith("[CANNOT LOG IN] orders: ")
        assert ("This is no outage" in text, report.status) == (True, "misconfigured")
    else:
        assert report.subject.startswith("[DOWN] orders: ")
        assert ("This is an outage" in text, report.status) == (True, "down")
    assert (SQLSTATES.get(kind) or "") in report.subject
    assert {("Failed in phase", phase), ("Kind", kind)} <= set(report.rows)
    assert "What to look at first: " in text


def test_a_mail_of_a_target_that_was_never_good_says_so() -> None:
    incident = Incident("orders-1", NOW - MINUTE)
    assert ("Last good probe", "never seen") in composed(alert(incident=incident)).rows


@pytest.mark.parametrize(("late", "said"), [(0, None), (89, None), (90, "90 s late"), (3600, "1 h late")])
@pytest.mark.parametrize("kind", [DOWN, CHANGED, REMINDER, RECOVERED])
def test_a_mail_that_leaves_late_says_how_late(kind: AlertKind, late: int, said: str | None) -> None:
    sentences = " ".join(composed(alert(kind, previous=failure()), late=late).sentences)
    assert (said is not None) == ("late" in sentences)
    assert (said or "") in sentences
    assert ("due at 2026-11-23 02:15:00 UTC" in sentences) == (said is not None)


def test_what_a_late_mail_says_is_about_the_moment_of_the_alert() -> None:
    prompt, late = composed(alert(REMINDER)), composed(alert(REMINDER), late=7200)
    assert (late.subject, late.rows) == (prompt.subject, prompt.rows)


def test_a_down_that_never_left_and_its_end_are_one_mail_that_tells_both() -> None:
    begun, ended = alert(DOWN), alert(RECOVERED, 2, at=NOW + 10 * MINUTE)
    ended = replace(ended, incident=replace(begun.incident, ended=NOW + 9 * MINUTE))
    assert bundles([begun, ended]) == [(begun, ended)]
    report = composed(begun, ended)
    said = {("First failed probe", "2026-11-23 02:14:00 UTC"), ("Up since", "2026-11-23 02:24:00 UTC")}
    assert said <= set(report.rows)
    assert ("It was", failure().cause) in report.rows
    for part in ("This mail is 10 min late", "this one tells both"):
        assert part in " ".join(report.sentences)


def test_a_recovery_whose_down_was_told_does_not_claim_otherwise() -> None:
    for before in ((), (alert(CHANGED, previous=failure()),), (alert(REMINDER, previous=failure()),)):
        assert "tells both" not in as_text(composed(*before, alert(RECOVERED, 2)))


def test_two_incidents_are_two_mails_in_their_order() -> None:
    first = [alert(DOWN, 1), alert(RECOVERED, 2)]
    second = [
        alert(DOWN, 3, incident=Incident("orders-2", NOW)),
        alert(REMINDER, 4, incident=Incident("orders-2", NOW)),
    ]
    assert bundles([*first, *second]) == [tuple(first), tuple(second)]
    assert bundles([]) == []


def test_two_changes_in_one_mail_are_told_from_what_was_known_to_what_is() -> None:
    refused, starting, full = failure(), failure(Kind.STARTING), failure(Kind.SATURATED)
    first = alert(CHANGED, 2, failure=starting, previous=refused)
    second = alert(CHANGED, 3, failure=full, previous=starting)
    assert composed(first, second).subject == "[DOWN] orders: now too many connections, before connection refused"


def test_a_change_and_a_reminder_in_one_mail_tell_the_change() -> None:
    refused, starting = failure(), failure(Kind.STARTING)
    change = alert(CHANGED, 2, failure=starting, previous=refused)
    reminder = alert(REMINDER, 3, failure=starting, previous=starting)
    assert composed(change, reminder).subject == "[DOWN] orders: now starting up, before connection refused"


@given(st.lists(st.sampled_from([DOWN, CHANGED, REMINDER, RECOVERED]), min_size=1, max_size=8), st.data())
def test_bundles_keep_every_alert_in_its_order(kinds: list[AlertKind], data: st.DataObject) -> None:
    incidents = sorted(data.draw(st.integers(1, 3)) for _ in kinds)
    alerts = [alert(kind, n, incident=Incident(f"i{incidents[n]}", NOW)) for n, kind in enumerate(kinds)]
    grouped = bundles(alerts)
    assert [one for group in grouped for one in group] == alerts
    assert len(grouped) == len(set(incidents))


@given(
    hostile, hostile, st.sampled_from([Phase.LOGIN, Phase.QUERY]), st.sampled_from([DOWN, CHANGED, REMINDER, RECOVERED])
)
def test_what_a_hostile_server_says_harms_no_mail(message: str, code: str, phase: Phase, kind: AlertKind) -> None:
    said = diagnose(DatabaseError({"M": message, "C": code}), phase, TARGET, Credential(ENDPOINT))
    current = None if kind is RECOVERED else said
    report = composed(alert(kind, failure=current, previous=said))
    text, html = as_text(report), as_html(report)
    assert report.subject.isprintable()
    assert len(report.subject) < 200
    assert all(line.isprintable() for line in text.split("\n"))
    for tag in ("<script", "<img", "\u202e", "\u2066"):
        assert tag not in html
    assert not re.search(r"&(?!(?:amp|lt|gt|quot|#x27);)", html)
    assert all(line.isprintable() for line in html.split("\n"))
    assert len(text.encode("utf-8")) + len(html.encode("utf-8")) < 20_000
