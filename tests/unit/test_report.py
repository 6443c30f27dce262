"""The report on one target: its subject, sentences and rows are right, and true of what was observed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heartline.i18n.language import LANGUAGES, language
from heartline.messages.context import AlertContext
from heartline.messages.report import Report
from heartline.messages.threads import build_report, split_threads
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Incident, Span
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.observation import Failure
from heartline.model.state import State
from heartline.model.target import Policy
from heartline.rules.decide import decide
from unit.samples import CASES, HOUR, MINUTE, NOW, SECOND, TARGET, alert, failure, seen, tally

DOWN, REMINDER, RECOVERED = AlertKind.DOWN, AlertKind.REMINDER, AlertKind.RECOVERED
FLAPPING, STABLE, UNWATCHED, TEST = AlertKind.FLAPPING, AlertKind.STABLE, AlertKind.UNWATCHED, AlertKind.TEST
SQLSTATES = {
    Kind.AUTH: "28P01",
    Kind.NO_DATABASE: "3D000",
    Kind.SATURATED: "53300",
    Kind.STARTING: "57P03",
    Kind.STOPPING: "57P01",
    Kind.DENIED: "42501",
    Kind.BAD_QUERY: "42P01",
    Kind.SERVER_ERROR: "XX000",
}
REFUSED, FULL = failure(), failure(Kind.SATURATED, sqlstate="53300")
POLICY = Policy(confirmations=0, recover_after=1)
# Four outages, and then an hour of rest.
RESTLESS = ".x.x.x.x" + "." * 57


WORDING = Wording(language("en"))
moment, length = WORDING.when, WORDING.length


def reported(*alerts: Alert, late: int = 0, code: str = "en") -> Report:
    return build_report(alerts, replace(TARGET, language=code), AlertContext(1), alerts[-1].at + late * SECOND)


def said(one: Report) -> str:
    return " ".join((one.late, one.headline, *one.sentences))


def alerts_of(seconds: Sequence[tuple[int, Failure | None]], gaps: Sequence[int] = ()) -> list[Alert]:
    """Return the alerts of observations, each some seconds after the one before; gaps by their place."""
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
    ("alerts", "bracket"),
    [
        ([alert(DOWN)], "DOWN: connection refused"),
        ([alert(DOWN, failure=failure(Kind.AUTH, sqlstate="28P01"))], "CANNOT LOG IN: password"),
        ([alert(DOWN, failure=failure(Kind.TIMEOUT, Phase.TLS))], "DOWN: timeout"),
        (
            [alert(failure=failure(Kind.STARTING, sqlstate="57P03"), previous=failure(Kind.AUTH))],
            "DOWN: not ready yet",
        ),
        ([alert(REMINDER, previous=failure())], "STILL DOWN for 60 s"),
        ([alert(RECOVERED)], "RECOVERED after 60 s"),
        ([alert(DOWN), alert(RECOVERED, 2)], "RECOVERED after 60 s"),
        (alerts_of(minutes(".x.x.x"))[-1:], "DOWN: outage 3 in 4 min"),
        (alerts_of(minutes(RESTLESS))[-1:], "STABLE AGAIN for 55 min"),
        ([alert(FLAPPING)], "FLAPPING: 2 outages"),
        ([alert(UNWATCHED)], "NO LONGER WATCHED"),
        ([alert(AlertKind.UPGRADED)], "UPGRADED to 16.6"),
        ([alert(AlertKind.FAILED_OVER)], "FAILED OVER"),
        ([alert(AlertKind.EXPIRING)], "EXPIRING in 6 days"),
        ([alert(TEST)], "TEST"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_subject_begins_with_what_varies_in_its_bracket(alerts: Sequence[Alert], bracket: str) -> None:
    assert reported(*alerts).subject.startswith(f"[{bracket}] ")


@pytest.mark.parametrize(("phase", "kind"), CASES, ids=lambda value: str(value.value))
def test_each_failure_is_reported_with_its_phase_kind_sqlstate_and_next_step(phase: Phase, kind: Kind) -> None:
    one = reported(alert(failure=failure(kind, phase, SQLSTATES.get(kind))))
    assert (SQLSTATES.get(kind) or "") in one.gist + dict(one.rows)["Failure"]
    assert f"in phase {phase}: {kind}" in dict(one.rows)["Failure"]
    assert one.first_step


def test_what_was_never_good_says_so() -> None:
    incident = Incident("orders-1", NOW - MINUTE)
    assert dict(reported(alert(incident=incident)).rows)["Failed at first sight"].endswith("; it was never seen up")


def test_the_next_reminder_is_said_or_that_there_is_none() -> None:
    assert dict(reported(alert()).rows)["Next reminder"] == moment(NOW + HOUR)
    assert "acknowledged" in dict(reported(alert(remind_at=None)).rows)["Next reminder"]


@pytest.mark.parametrize(("late", "words"), [(0, None), (89, None), (90, "90 s late"), (3600, "1 h late")])
@pytest.mark.parametrize("kind", [DOWN, REMINDER, RECOVERED, FLAPPING, STABLE, UNWATCHED])
def test_a_mail_that_leaves_late_says_how_late(kind: AlertKind, late: int, words: str | None) -> None:
    one = next((one for one in alerts_of(minutes(RESTLESS)) if one.kind is kind), alert(kind, previous=failure()))
    sentences = reported(one, late=late).late
    assert (words is not None) == ("late" in sentences)
    assert (words or "") in sentences
    assert (f"due at {moment(one.at)}" in sentences) == (words is not None)


def test_a_mail_that_was_refused_until_now_says_by_what() -> None:
    sentences = reported(alert(refused="TooManyRequestsException"), late=3600).late
    assert "1 h late" in sentences
    assert "refused until now (TooManyRequestsException)" in sentences


def test_a_recovery_of_which_nothing_else_is_known_is_reported_all_the_same() -> None:
    one = reported(alert(RECOVERED, previous=None))
    assert one.subject.startswith("[RECOVERED after 60 s] orders")
    assert "Before" not in dict(one.rows)


def test_what_a_late_mail_says_is_about_the_moment_of_the_alert() -> None:
    for one in (alert(REMINDER), alert(FLAPPING), *alerts_of(minutes(RESTLESS)), *alerts_of(minutes(".x.xxxxxx"))):
        prompt, late = reported(one), reported(one, late=7200)
        assert (late.subject, late.headline, late.rows) == (prompt.subject, prompt.headline, prompt.rows)


def test_a_down_that_never_left_and_its_end_are_one_report_that_tells_both() -> None:
    begun, ended = alerts_of([(60, None), (60, REFUSED), (540, REFUSED), (60, None)])
    assert split_threads([begun, ended]) == [(begun, ended)]
    one = reported(begun, ended)
    rows = dict(one.rows)
    assert rows["Failed between"].endswith(" and 2026-11-23 02:17:00 UTC")
    assert rows["Recovered between"].endswith(" and 2026-11-23 02:27:00 UTC")
    assert rows["Before"] == failure().cause
    for part in ("10 min late", "reports both"):
        assert part in said(one)


def test_a_recovery_whose_down_was_told_does_not_claim_otherwise() -> None:
    for before in ((), (alert(REMINDER, previous=failure()),)):
        assert "reports both" not in said(reported(*before, alert(RECOVERED, 2)))


def test_a_flapping_that_never_left_and_its_end_are_one_report_that_tells_both() -> None:
    flaps, stable = alert(FLAPPING), alert(STABLE, 2, flapping=alert(FLAPPING).flapping)
    assert split_threads([flaps, stable]) == [(flaps, stable)]
    one = reported(flaps, stable)
    assert (one.label, one.status) == ("STABLE AGAIN", "up")
    assert "reports both" in said(one)
    assert "reports both" not in said(reported(stable))


def test_two_incidents_are_two_reports_in_their_order() -> None:
    first = [alert(DOWN, 1), alert(RECOVERED, 2)]
    another = Incident("orders-2", NOW)
    second = [alert(DOWN, 3, incident=another), alert(REMINDER, 4, incident=another)]
    assert split_threads([*first, *second]) == [tuple(first), tuple(second)]
    assert split_threads([]) == []


def test_an_outage_after_all_and_a_reminder_in_one_report_tell_what_it_was_before() -> None:
    locked, starting = failure(Kind.AUTH), failure(Kind.STARTING)
    raised = alert(DOWN, 2, failure=starting, previous=locked)
    reminder = alert(REMINDER, 3, failure=starting, previous=starting)
    assert reported(raised, reminder).gist == "now not ready yet, before login rejected"


@given(st.lists(st.sampled_from([DOWN, REMINDER, RECOVERED]), min_size=1, max_size=8), st.data())
def test_bundles_keep_every_alert_in_its_order(kinds: list[AlertKind], data: st.DataObject) -> None:
    incidents = sorted(data.draw(st.integers(1, 3)) for _ in kinds)
    alerts = [alert(kind, n, incident=Incident(f"i{incidents[n]}", NOW)) for n, kind in enumerate(kinds)]
    grouped = split_threads(alerts)
    assert [one for group in grouped for one in group] == alerts
    assert len(grouped) == len(set(incidents))


def gap_in(one: Report) -> bool:
    return "did not run" in said(one)


def test_a_gap_before_an_outage_is_told_with_its_bounds_and_the_length_stays_what_was_seen() -> None:
    down, recovered = alerts_of([(60, None), (600, REFUSED), (60, None)], gaps=[1])
    for one in (reported(down), reported(recovered)):
        assert gap_in(one)
        assert f"{moment(NOW + MINUTE)} and {moment(NOW + 11 * MINUTE)} (10 min)" in said(one)
    assert dict(reported(down).rows)["Failed between"].startswith(f"{moment(NOW + MINUTE)}, the last good probe")
    assert "up to" not in reported(recovered).gist


def test_a_gap_in_which_an_outage_ended_makes_its_length_an_upper_bound() -> None:
    *_, recovered = alerts_of([(60, None), (60, REFUSED), (60, REFUSED), (1200, None)], gaps=[3])
    one = reported(recovered)
    assert gap_in(one)
    assert one.gist == "up again after up to 21 min"
    assert "up to 21 min" in one.headline


def test_a_gap_while_it_flaps_is_told_by_whichever_mail_comes_next() -> None:
    *_, flaps = alerts_of([*minutes(".x.x."), (240, REFUSED)], gaps=[5])
    assert flaps.flapping
    assert gap_in(reported(flaps))


def test_a_gap_before_a_restart_is_told_with_it() -> None:
    gap = Span(NOW - HOUR, NOW - MINUTE)
    incident = replace(alert(AlertKind.RESTARTED).incident, unobserved=(gap,))
    assert gap_in(reported(alert(AlertKind.RESTARTED, incident=incident)))


def test_without_a_gap_none_is_told() -> None:
    for one in (*alerts_of(minutes(RESTLESS)), *alerts_of(minutes(".xx.xxxxxxx."))):
        assert not gap_in(reported(one))
        assert "up to" not in reported(one).gist


def test_a_reminder_says_for_what_share_of_the_time_it_was_down_and_how_often() -> None:
    counts = {"outages": 7, "down": 1800.0, "failed_probes": 5}
    one = reported(alert(REMINDER, tally=tally(NOW - HOUR, **counts)))
    for part in ("50 %", "new: 7 outages", "5 failed probes", moment(NOW - HOUR)):
        assert part in said(one)


def test_a_reminder_of_what_is_down_again_does_not_say_still() -> None:
    again = Incident("orders-2", NOW - MINUTE)
    flaps = alert(DOWN, tally=tally(NOW - HOUR), total=tally(NOW - HOUR, outages=3), flapping=alert(FLAPPING).flapping)
    assert reported(replace(flaps, kind=REMINDER, incident=again)).label == "DOWN"
    before = Incident("orders-2", NOW - 2 * HOUR)
    assert reported(alert(REMINDER, incident=before, tally=tally(NOW - HOUR))).label == "STILL DOWN"


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"outages": 3, "failed_probes": 9}, "3 outages"),
        ({"failed_probes": 9, "changes": 2}, "9 failed probes"),
        ({"changes": 4}, "4 changes of the server"),
        ({"outages": 1}, "1 outage in"),
        ({"failed_probes": 1}, "1 failed probe in"),
    ],
)
def test_what_flaps_says_of_what_there_was_most_harm(counts: dict[str, int], words: str) -> None:
    assert words in reported(alert(FLAPPING, total=tally(NOW - HOUR, **counts))).gist


def test_what_lets_the_monitor_in_now_and_then_is_not_called_down() -> None:
    """The database answered all the time."""
    known, counts = alert(FLAPPING).flapping, {"outages": 3, "down": 1800.0}
    for kind in (FLAPPING, AlertKind.STABLE):
        one = reported(alert(kind, previous=failure(Kind.AUTH), flapping=known, total=tally(NOW - HOUR, **counts)))
        words = f"{one.gist} {one.sentences[0]}"
        assert "3 times without access" in words
        assert not any(word in words for word in ("outage", "down"))


@pytest.mark.parametrize("kind", [FLAPPING, UNWATCHED])
def test_what_never_failed_has_no_failure_in_its_mail(kind: AlertKind) -> None:
    """As a server that does nothing but restart."""
    failed, never = (reported(alert(kind, previous=previous, incident=None)) for previous in (failure(), None))
    assert set(failed.rows) - set(never.rows) == {(WORDING.text("row.before"), WORDING.cause(failure()))}
    assert (never.headline, never.sentences) == (failed.headline, failed.sentences)


def test_what_flaps_says_how_long_it_must_rest() -> None:
    *_, flaps = alerts_of(minutes(".x.x.x"))
    assert f"up for {length(timedelta(seconds=flaps.settle_seconds))} without a break" in said(reported(flaps))


def test_an_outage_after_all_says_what_it_was_before_in_the_mail_itself() -> None:
    """A subject may be cut by whoever shows it."""
    one = reported(alert(failure=FULL, previous=failure(Kind.AUTH)))
    assert "login rejected" in " ".join((said(one), *(value for _, value in one.rows)))


@pytest.mark.parametrize("kind", [REMINDER, RECOVERED])
def test_what_is_no_outage_is_not_said_to_be_or_to_have_been_down(kind: AlertKind) -> None:
    """The database answered all the time; it is the monitor that was not let in."""
    refused = failure(Kind.AUTH, sqlstate="28P01")
    incident = replace(alert(kind).incident or Incident("", NOW), kinds=(Kind.AUTH,))
    failed = {"failure": refused} if kind is REMINDER else {}
    one = reported(alert(kind, previous=refused, incident=incident, **failed))
    assert not re.search(r"\b(down|outage)\b", one.headline.replace("no outage", ""))


@pytest.mark.parametrize("kind", [DOWN, REMINDER])
def test_what_has_reminders_has_a_command_that_stops_them(kind: AlertKind) -> None:
    one = build_report([alert(kind, failure=REFUSED, remind_at=NOW + HOUR)], TARGET, AlertContext(1, stack="f"), NOW)
    assert [label for label, _ in one.commands] == [WORDING.text("row.acknowledge"), WORDING.text("row.mute")]


def test_what_has_no_reminders_offers_no_command_that_stops_them() -> None:
    acknowledged = alert(REMINDER, previous=FULL, remind_at=None)
    offered = build_report([acknowledged], TARGET, AlertContext(1, stack="f"), NOW).commands
    assert [label for label, _ in offered] == [WORDING.text("row.mute")]


@pytest.mark.parametrize("kind", [RECOVERED, TEST])
def test_a_mail_after_which_there_is_nothing_to_do_has_no_commands(kind: AlertKind) -> None:
    assert build_report([alert(kind)], TARGET, AlertContext(1, stack="f"), NOW).commands == ()


LENGTHS = [40 * SECOND, 59 * MINUTE, 23 * HOUR + 59 * MINUTE]


def alike(kind: AlertKind, failed: Failure, lasted: timedelta) -> list[Alert]:
    """Return the alerts of one mail of this kind, about a target with a name of 20 characters."""
    incident = Incident("orders-1", NOW - lasted, NOW - lasted - MINUTE, ended=NOW if kind is RECOVERED else None)
    one = replace(alert(kind, previous=failed), target="o" * 20, incident=incident if kind is not TEST else None)
    if kind not in {RECOVERED, FLAPPING, STABLE, UNWATCHED, TEST}:
        one = replace(one, failure=failed)
    if one.flapping:
        one = replace(one, total=tally(NOW - lasted, outages=12))
    return [one]


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", AlertKind, ids=str)
@pytest.mark.parametrize(("phase", "what"), CASES, ids=str)
def test_every_kind_of_mail_can_be_told_of_every_failure_in_every_language(
    code: str, kind: AlertKind, phase: Phase, what: Kind
) -> None:
    one = reported(*alike(kind, failure(what, phase, "XX000"), HOUR), code=code)
    everything = " ".join((one.subject, said(one), *(part for row in one.rows for part in row)))
    assert not set("{}") & set(everything.replace('{"username", "password", "host", "port", "dbname"}', ""))
    assert all((one.gist or kind is TEST, one.headline, *(part for row in one.rows for part in row)))


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
    for one in alerts_of(minutes("." + word)):
        words, rows = reported(one), dict(reported(one).rows)
        incident = one.incident
        assert incident
        if one.kind is RECOVERED and incident.ended:
            ((_, lasted),) = outages_in("." + word, incident.began, incident.ended - SECOND)
            assert incident.ended - incident.began == lasted + SECOND
            assert words.gist == f"up again after {length(incident.ended - incident.began)}"
        said_of = [found for found in (one.tally, one.total) if found]
        assert not said_of or any(f"{round(100 * found.share)} %" in said(words) for found in said_of)
        for found in said_of:
            if found:
                counted = [(began, lasted) for began, lasted in outages_in("." + word, NOW, one.at)]
                new = [began for began, _ in counted if began > found.since or found is one.total]
                down = sum(
                    (
                        max(timedelta(), min(began + lasted, one.at) - max(began, found.since))
                        for began, lasted in counted
                    ),
                    timedelta(),
                )
                assert found.counts.outages == len([began for began in new if began >= found.since])
                assert found.counts.down == pytest.approx(down.total_seconds(), abs=60)
        if one.kind is STABLE:
            began, lasted = outages_in("." + word, NOW, one.at)[-1]
            assert rows["Up since"] == moment(began + lasted)
