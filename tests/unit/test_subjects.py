"""A subject says state and name where a phone shows them, and the rest holds an incident's mails in one thread."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from heartline.common.text import columns
from heartline.i18n.language import LANGUAGES, language
from heartline.messages.compose import compose
from heartline.messages.context import AlertContext, TargetAlerts
from heartline.messages.subjects import subject, topic
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Incident
from heartline.model.kinds import AlertKind, Kind
from heartline.model.observation import Failure
from local.gallery import BEGAN, FAILED, MINUTE, Story
from local.mailbox import state
from unit.samples import CASES, HOUR, NOW, SECOND, TARGET, alert, failure, tally

WORDING = Wording(language("en"))
SQLSTATES = {Kind.AUTH: "28P01", Kind.SATURATED: "53300", Kind.DENIED: "42501", Kind.SERVER_ERROR: "XX000"}
LENGTHS = [40 * SECOND, 59 * MINUTE, 23 * HOUR + 59 * MINUTE]


def of(*alerts: Alert, name: str = "orders", code: str = "en", zone: str | None = None) -> str:
    """Return the subject of a mail of one target's alerts."""
    target = replace(TARGET, name=name, language=code, time_zone=ZoneInfo(zone) if zone else None)
    alerts = tuple(replace(one, target=name) for one in alerts)
    return compose([TargetAlerts(target, alerts)], AlertContext(9), alerts[-1].at).subject


def constant(subject: str) -> str:
    """Return what a mail program compares: the subject without what stands in its bracket."""
    assert re.fullmatch(r"\[[^][]+\] [^][]+", subject)
    return subject.partition("] ")[2]


def alike(kind: AlertKind, failed: Failure, lasted: timedelta) -> Alert:
    """Return an alert of this kind after that time."""
    incident = Incident("orders-1", NOW - lasted, ended=NOW if kind is AlertKind.RECOVERED else None)
    one = replace(alert(kind, previous=failed), incident=incident)
    if one.failure:
        one = replace(one, failure=failed)
    return replace(one, total=tally(NOW - lasted, outages=12)) if one.flapping else one


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", AlertKind, ids=str)
def test_the_first_35_columns_say_state_and_name(code: str, kind: AlertKind) -> None:
    """Of names of up to 13 letters: the longest state, STILL CANNOT LOG IN, takes the others."""
    for (phase, what), lasted, name in product(CASES, LENGTHS, ["db", "orders", "orders-eu-one"]):
        if kind is AlertKind.TEST:
            continue
        subject = of(alike(kind, failure(what, phase, SQLSTATES.get(what)), lasted), name=name, code=code)
        head = subject[: subject.index(f"] {name} · ") + len(f"] {name}")]
        assert state(subject)
        assert columns(head) <= 35, subject


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_subject_about_a_name_of_20_letters_has_at_most_78_columns(code: str) -> None:
    """RFC 5322, 2.1.1."""
    for (phase, what), lasted, kind in product(CASES, LENGTHS, AlertKind):
        subject = of(alike(kind, failure(what, phase), lasted), name="o" * 20, code=code)
        assert columns(subject) <= 78, subject


@pytest.mark.parametrize(
    ("name", "bracket"),
    [
        ("orders", "DOWN: server error (XX000)"),
        ("orders-eu", "DOWN: server error"),
        ("orders-production-eu", "DOWN: error"),
        ("orders-production-eu-west", "DOWN"),
        ("a-name-that-alone-takes-more-than-35-columns", "DOWN"),
    ],
)
def test_the_cause_gives_way_to_the_name(name: str, bracket: str) -> None:
    failed = failure(Kind.SERVER_ERROR, sqlstate="XX000")
    assert of(alert(failure=failed), name=name) == f"[{bracket}] {name} · 02:14 UTC, 2026-11-23"


def test_what_has_no_shorter_form_is_taken_as_it_is() -> None:
    assert subject(["a" * 40], "orders", "orders · x") == f"[{'a' * 40}] orders · x"


def test_all_mails_of_an_incident_have_the_same_subject_but_for_the_bracket() -> None:
    story = Story("en").down(FAILED, Kind.AUTH).down(FAILED + 5 * MINUTE, Kind.TIMEOUT)
    story.down(FAILED + 26 * HOUR, Kind.TIMEOUT).up(FAILED + 27 * HOUR)
    subjects = [of(one) for one in story.alerts]
    assert [state(one) for one in subjects] == ["CANNOT LOG IN", "DOWN", "STILL DOWN", "RECOVERED"]
    assert {constant(one) for one in subjects} == {"orders · 03:11 UTC, 2026-11-23"}


def test_all_mails_of_what_flaps_have_the_subject_of_the_outage_that_it_began_with() -> None:
    story = Story("en")
    for minute in (1, 3, 5):
        story.down(BEGAN + minute * MINUTE).up(BEGAN + (minute + 1) * MINUTE)
    story.up(BEGAN + 65 * MINUTE).up(BEGAN + 67 * MINUTE)
    first, *_, last = [of(one) for one in story.alerts]
    assert (state(first), state(last)) == ("DOWN", "STABLE AGAIN")
    assert constant(first) == constant(last)


def test_the_end_of_what_several_had_together_has_the_subject_of_its_beginning() -> None:
    stories = [Story("en", name) for name in ("orders", "billing", "stock", "users", "search")]
    subjects = []
    for turn, at in ((Story.down, FAILED), (Story.up, FAILED + 14 * MINUTE)):
        parts = [turn(story, at).part() for story in stories]
        subjects.append(compose(parts, AlertContext(40), at).subject)
    assert [state(one) for one in subjects] == ["DOWN", "RECOVERED"]
    assert {constant(one) for one in subjects} == {"orders, billing, stock and 2 more · 03:11 UTC, 2026-11-23"}


@pytest.mark.parametrize("apart", [MINUTE, 24 * HOUR, 7 * 24 * HOUR, 365 * 24 * HOUR], ids=str)
def test_no_other_incident_of_a_target_has_the_same_subject(apart: timedelta) -> None:
    """What a nightly job breaks goes down at the same minute every night."""
    first, second = (of(alert(at=at)) for at in (NOW, NOW + apart))
    assert first.partition("]")[0] == second.partition("]")[0]
    assert constant(first) != constant(second)


def test_the_same_moment_elsewhere_has_another_subject() -> None:
    assert constant(of(alert())) != constant(of(alert(), name="billing"))


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        (None, "02:14 UTC, 2026-11-23"),
        ("Asia/Seoul", "11:14 KST, 2026-11-23"),
        ("America/New_York", "21:14 EST, 2026-11-22"),
        ("America/Sao_Paulo", "23:14 UTC-03, 2026-11-22"),
        ("Asia/Kathmandu", "07:59 UTC+0545, 2026-11-23"),
    ],
)
def test_the_time_is_that_of_the_reader_s_clock(zone: str | None, said: str) -> None:
    assert constant(of(alert(), zone=zone)) == f"orders · {said}"


@pytest.mark.parametrize(
    ("names", "listed"),
    [
        (["a"], "a"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d"], "a, b, c and 1 more"),
        (["orders-production", "billing-production", "stock"], "orders-production, billing-production and 1 more"),
        (["n" * 64, "b"], f"{'n' * 64} and 1 more"),
    ],
)
def test_up_to_three_are_named_and_the_others_counted(names: list[str], listed: str) -> None:
    assert topic(names, NOW, WORDING) == f"{listed} · 02:15 UTC, 2026-11-23"
