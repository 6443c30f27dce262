"""What is told of one target: its subject, its sentences and its rows are right, and true of what was seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heartline.decide import decide
from heartline.model import Alert, AlertKind, Failure, Incident, Kind, Phase, Policy, Span, State
from heartline.report import Report, bundles, report
from heartline.text import length, moment
from unit.samples import CASES, HOUR, MINUTE, MISCONFIGURED, NOW, SECOND, alert, failure, seen

DOWN, CHANGED, REMINDER, RECOVERED = AlertKind.DOWN, AlertKind.CHANGED, AlertKind.REMINDER, AlertKind.RECOVERED
UNSTABLE, SETTLED, TEST = AlertKind.UNSTABLE, AlertKind.SETTLED, AlertKind.TEST
SQLSTATES = {Kind.AUTH: "28P01", Kind.NO_DATABASE: "3D000", Kind.SATURATED: "53300"}
REFUSED, FULL = failure(), failure(Kind.SATURATED, sqlstate="53300")
POLICY = Policy(confirmations=0, recover_after=1)


def told(*alerts: Alert, late: int = 0) -> Report:
    return report(alerts, alerts[-1].at + late * SECOND)


def said(one: Report) -> str:
    return " ".join((one.headline, *one.sentences))


def tell(seconds: Sequence[tuple[int, Failure | None]], gaps: Sequence[int] = ()) -> list[Alert]:
    """Give the alerts of a target that was seen so, that many seconds after the time before; gaps by their place."""
    state, now, alerts = State("orders"), NOW, list[Alert]()
    for place, (passed, failed) in enumerate(seconds):
        before, now = now, now + timedelta(seconds=passed)
        gap = Span(before, now) if place in gaps else None
        decision = decide(state, [seen(now, failed)], POLICY, now, gap)
        state, alerts = decision.state, alerts + list(decision.alerts)
    return alerts


def minutes(word: str) -> list[tuple[int, Failure | None]]:
    """Read one probe a minute: "." is healthy, "x" is refused, "f" is full."""
    return [(60, {".": None, "x": REFUSED, "f": FULL}[letter]) for letter in word]


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
        (tell(minutes(".x.x"))[-1:], "[UNSTABLE] orders: connection refused again, outage 2 in 2 min"),
        (tell(minutes(".x.x......"))[-1:], "[SETTLED] orders: up for 5 min, after 2 outages"),
        (tell(minutes(".x.xxxxxx"))[-1:], "[STILL DOWN] orders: connection refused for 5 min without a break"),
        ([alert(TEST)], "[TEST] Heartline's alerts reach you"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_subject_says_all_that_a_lock_screen_has_room_for(alerts: Sequence[Alert], subject: str) -> None:
    assert told(*alerts).subject == subject


@pytest.mark.parametrize(("phase", "kind"), CASES, ids=lambda value: str(value.value))
def test_each_failure_is_told_as_an_outage_or_as_a_monitor_that_is_not_let_in(phase: Phase, kind: Kind) -> None:
    one = told(alert(failure=failure(kind, phase, SQLSTATES.get(kind))))
    if kind in MISCONFIGURED:
        assert one.subject.startswith("[CANNOT LOG IN] orders: ")
        assert ("This is no outage" in said(one), one.status) == (True, "misconfigured")
    else:
        assert one.subject.startswith("[DOWN] orders: ")
        assert ("This is an outage" in said(one), one.status) == (True, "down")
    assert (SQLSTATES.get(kind) or "") in one.subject
    assert {("Failed in phase", phase), ("Kind", kind)} <= set(one.rows)
    assert "What to look at first: " in said(one)


def test_what_was_never_good_says_so() -> None:
    incident = Incident("orders-1", NOW - MINUTE)
    assert ("Last good probe", "never seen") in told(alert(incident=incident)).rows


def test_the_next_reminder_is_said_or_that_there_is_none() -> None:
    assert dict(told(alert()).rows)["Next reminder"] == moment(NOW + HOUR)
    assert "acknowledged" in dict(told(alert(remind_at=None)).rows)["Next reminder"]


@pytest.mark.parametrize(("late", "words"), [(0, None), (89, None), (90, "90 s late"), (3600, "1 h late")])
@pytest.mark.parametrize("kind", [DOWN, CHANGED, REMINDER, RECOVERED, UNSTABLE, SETTLED])
def test_a_mail_that_leaves_late_says_how_late(kind: AlertKind, late: int, words: str | None) -> None:
    one = next((one for one in tell(minutes(".x.x......")) if one.kind is kind), alert(kind, previous=failure()))
    sentences = " ".join(told(one, late=late).sentences)
    assert (words is not None) == ("late" in sentences)
    assert (words or "") in sentences
    assert (f"due at {moment(one.at)}" in sentences) == (words is not None)


def test_what_a_late_mail_says_is_about_the_moment_of_the_alert() -> None:
    for one in (alert(REMINDER), *tell(minutes(".x.xf.....")), *tell(minutes(".x.xxxxxx"))):
        prompt, late = told(one), told(one, late=7200)
        assert (late.subject, late.headline, late.rows) == (prompt.subject, prompt.headline, prompt.rows)


def test_a_down_that_never_left_and_its_end_are_one_report_that_tells_both() -> None:
    begun, ended = tell([(60, None), (60, REFUSED), (540, REFUSED), (60, None)])
    assert bundles([begun, ended]) == [(begun, ended)]
    one = told(begun, ended)
    facts = {("First failed probe", "2026-11-23 02:17:00 UTC"), ("Up since", "2026-11-23 02:27:00 UTC")}
    assert facts | {("It was", failure().cause)} <= set(one.rows)
    for part in ("10 min late", "tells both"):
        assert part in said(one)


def test_a_recovery_whose_down_was_told_does_not_claim_otherwise() -> None:
    for before in ((), (alert(CHANGED, previous=failure()),), (alert(REMINDER, previous=failure()),)):
        assert "tells both" not in said(told(*before, alert(RECOVERED, 2)))


def test_an_unstable_that_never_left_and_its_end_are_one_report_that_tells_both() -> None:
    *_, unstable, settled = tell(minutes(".x.x......"))
    assert bundles([unstable, settled]) == [(unstable, settled)]
    one = told(unstable, settled)
    assert (one.label, one.status) == ("SETTLED", "up")
    assert "tells both" in said(one)
    assert "tells both" not in said(told(settled))


def test_two_incidents_are_two_reports_in_their_order() -> None:
    first = [alert(DOWN, 1), alert(RECOVERED, 2)]
    another = Incident("orders-2", NOW)
    second = [alert(DOWN, 3, incident=another), alert(REMINDER, 4, incident=another)]
    assert bundles([*first, *second]) == [tuple(first), tuple(second)]
    assert bundles([]) == []


def test_two_changes_in_one_report_are_told_from_what_was_known_to_what_is() -> None:
    refused, starting, full = failure(), failure(Kind.STARTING), failure(Kind.SATURATED)
    first = alert(CHANGED, 2, failure=starting, previous=refused)
    second = alert(CHANGED, 3, failure=full, previous=starting)
    assert told(first, second).subject == "[DOWN] orders: now too many connections, before connection refused"


def test_a_change_and_a_reminder_in_one_report_tell_the_change() -> None:
    refused, starting = failure(), failure(Kind.STARTING)
    change = alert(CHANGED, 2, failure=starting, previous=refused)
    reminder = alert(REMINDER, 3, failure=starting, previous=starting)
    assert told(change, reminder).subject == "[DOWN] orders: now starting up, before connection refused"


@given(st.lists(st.sampled_from([DOWN, CHANGED, REMINDER, RECOVERED]), min_size=1, max_size=8), st.data())
def test_bundles_keep_every_alert_in_its_order(kinds: list[AlertKind], data: st.DataObject) -> None:
    incidents = sorted(data.draw(st.integers(1, 3)) for _ in kinds)
    alerts = [alert(kind, n, incident=Incident(f"i{incidents[n]}", NOW)) for n, kind in enumerate(kinds)]
    grouped = bundles(alerts)
    assert [one for group in grouped for one in group] == alerts
    assert len(grouped) == len(set(incidents))


def gap_in(one: Report) -> bool:
    return "did not run" in said(one)


def test_a_gap_before_an_outage_is_told_with_its_bounds_and_the_length_stays_what_was_seen() -> None:
    down, recovered = tell([(60, None), (600, REFUSED), (60, None)], gaps=[1])
    for one in (told(down), told(recovered)):
        assert gap_in(one)
        assert f"{moment(NOW + MINUTE)} and {moment(NOW + 11 * MINUTE)} (10 min)" in said(one)
    assert dict(told(down).rows)["Last good probe"] == moment(NOW + MINUTE)
    assert "up to" not in told(recovered).subject


def test_a_gap_in_which_an_outage_ended_makes_its_length_an_upper_bound() -> None:
    *_, recovered = tell([(60, None), (60, REFUSED), (60, REFUSED), (1200, None)], gaps=[3])
    one = told(recovered)
    assert gap_in(one)
    assert one.subject == "[RECOVERED] orders: down up to 21 min"
    assert "up to 21 min" in one.headline


def test_a_gap_while_it_flaps_is_told_by_whichever_mail_comes_next() -> None:
    *_, unstable = tell([(60, None), (60, REFUSED), (60, None), (240, REFUSED)], gaps=[3])
    assert unstable.kind is UNSTABLE
    assert gap_in(told(unstable))


def test_a_gap_while_something_unstable_was_down_is_told_when_it_is_still_down() -> None:
    *_, settled = tell([*minutes(".x.x"), (1200, REFUSED), *minutes("xxxxx")], gaps=[4])
    assert settled.kind is SETTLED
    assert gap_in(told(settled))


def test_without_a_gap_none_is_told() -> None:
    for one in (*tell(minutes(".xx.x......")), *tell(minutes(".xx.xxxxxxx."))):
        assert not gap_in(told(one))
        assert "up to" not in told(one).subject


def test_what_is_still_down_after_it_was_unstable_counts_its_outages_right() -> None:
    """One of a minute, and the one that lasts."""
    *_, settled = tell(minutes(".x.xxxxxx"))
    outages = dict(told(settled).rows)["Outages"]
    assert "60 s in all" in outages
    assert not ("2 outages" in outages and "before this one" in outages)


def test_an_unstable_mail_says_how_long_the_silence_lasts() -> None:
    *_, unstable = tell(minutes(".x.x"))
    assert unstable.calm
    assert f"up for {length(timedelta(seconds=unstable.calm))} without a break" in said(told(unstable))


@pytest.mark.parametrize(("outages", "nth"), [(2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st")])
def test_a_number_has_its_ending(outages: int, nth: str) -> None:
    *_, unstable = tell(minutes(".x.x"))
    assert unstable.spell
    assert f"the {nth} time" in told(replace(unstable, spell=replace(unstable.spell, outages=outages))).headline


def outages_in(word: str, since: datetime, until: datetime) -> list[tuple[datetime, timedelta]]:
    """Count the outages of such minutes once more: when each began, and how long it was until what is known."""
    found, at = [], NOW
    for broken, run in groupby(word, lambda letter: letter != "."):
        began, at = at + MINUTE, at + len(list(run)) * MINUTE
        if broken and since <= began <= until:
            found.append((began, min(at + MINUTE, until) - began))
    return found


@example(".x.x......x.x.xx......")
@example("x.x.xxxxxxff.......")
@given(st.text("..xxf", min_size=2, max_size=60))
def test_every_number_in_a_report_is_true_of_what_was_seen(word: str) -> None:
    for one in tell(minutes("." + word)):
        words, rows = told(one), dict(told(one).rows)
        incident = one.incident
        assert incident
        if one.kind is RECOVERED and incident.ended:
            ((_, lasted),) = outages_in("." + word, incident.began, incident.ended - SECOND)
            assert incident.ended - incident.began == lasted + SECOND
            assert words.gist == f"down {length(incident.ended - incident.began)}"
        if one.kind in {UNSTABLE, SETTLED}:
            assert one.spell
            counted = outages_in("." + word, one.spell.began, one.at)
            assert one.spell.outages == len(counted)
            over = [lasted for began, lasted in counted if began + lasted < one.at or not one.failure]
            figures = re.findall(r"\d+ (?:min|s|h)(?: \d+ min)?", rows["Outages"])
            expected = [sum(over, timedelta()), max(over)] if one.kind is SETTLED else [one.at - one.spell.began]
            assert figures == [length(span) for span in expected]
        if one.kind is SETTLED and not one.failure:
            assert rows["Outages"].startswith(f"{one.spell.outages if one.spell else 0} outages")
            began, lasted = outages_in("." + word, NOW, one.at)[-1]
            assert rows["Up since"] == moment(began + lasted)
