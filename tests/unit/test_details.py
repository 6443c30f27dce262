"""The rows, steps, drawings and commands of a mail are right."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

from heartline.i18n.language import language
from heartline.messages.context import AlertContext, TargetHistory
from heartline.messages.details import (
    change_row,
    change_rows,
    command_rows,
    endpoint_rows,
    failed_rows,
    failure_rows,
    recovered_rows,
    timeline_and_count,
)
from heartline.messages.phase_bars import phase_bars
from heartline.messages.wording import Wording
from heartline.model.alert import Alert
from heartline.model.incident import Change, Evidence, Incident
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.target import Endpoint
from unit.samples import HOUR, MINUTE, NOW, alert, failure

WORDING = Wording(language("en"))
DAY = 24 * HOUR
CONTEXT = AlertContext(1, (), {"orders": TargetHistory()}, "heartline-prod", "eu-west-1")
BEGAN, GOOD = "2026-11-23 02:14:00 UTC", "2026-11-23 02:13:00 UTC"
ALL = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.LOGIN, Phase.QUERY)


def test_a_database_is_named_by_all_that_leads_to_it() -> None:
    assert endpoint_rows(alert(), WORDING) == (
        ("Host", "orders.example.com"),
        ("Database", "orders on port 5432, as heartline"),
    )


def test_what_only_the_secret_knows_is_said_to_be_there() -> None:
    rows = dict(endpoint_rows(alert(endpoint=Endpoint()), WORDING))
    assert (rows["Host"], rows["Database"]) == ("(in the secret)", "postgres on port 5432, as (in the secret)")


def test_a_failure_is_bounded_by_the_last_good_probe_and_the_first_failed_one() -> None:
    incident = Incident("orders-1", NOW - MINUTE, NOW - 2 * MINUTE)
    assert failed_rows(incident, WORDING) == (("Failed between", f"{GOOD}, the last good probe, and {BEGAN}"),)
    assert failed_rows(replace(incident, last_ok=None), WORDING) == (
        ("Failed at first sight", f"{BEGAN}; it was never seen up"),
    )


def test_a_recovery_is_bounded_by_the_last_failed_probe_and_the_first_good_one() -> None:
    incident = Incident("orders-1", NOW - HOUR, last_failed=NOW - 2 * MINUTE, ended=NOW - MINUTE)
    assert recovered_rows(incident, WORDING) == (("Recovered between", f"{GOOD}, the last failed probe, and {BEGAN}"),)
    assert recovered_rows(replace(incident, last_failed=None), WORDING) == (("Recovered at", BEGAN),)
    assert recovered_rows(replace(incident, ended=None), WORDING) == ()


def test_a_failure_is_told_by_phase_kind_and_sqlstate_and_the_server_is_quoted() -> None:
    failed = failure(Kind.SATURATED, sqlstate="53300", said="sorry, too many clients already")
    assert failure_rows(failed, WORDING) == (
        ("Failure", "in phase login: saturated, SQLSTATE 53300"),
        ("The server said", '"sorry, too many clients already"'),
    )
    assert failure_rows(failure(), WORDING) == (("Failure", "in phase connect: refused"),)


def test_the_evidence_of_a_change_says_what_was_and_what_is_now() -> None:
    evidence = (
        Evidence("role", "primary", "standby"),
        Evidence("timeline", "3", "4"),
        Evidence("started", (NOW - HOUR).isoformat(), (NOW - MINUTE).isoformat()),
    )
    change = Change(AlertKind.FAILED_OVER, NOW, NOW - 2 * MINUTE, NOW - MINUTE, evidence)
    assert change_rows(change, WORDING) == (
        ("Happened between", f"{GOOD}, the last good probe before it, and 2026-11-23 02:15:00 UTC"),
        ("Server started", f"{BEGAN}, by its own clock"),
        ("Role", "primary before, standby now"),
        ("Timeline", "3 before, 4 now"),
        ("Started", f"2026-11-23 01:15:00 UTC before, {BEGAN} now"),
    )


def test_a_change_without_a_probe_before_it_has_no_lower_bound() -> None:
    change = Change(AlertKind.RESTARTED, NOW)
    assert change_rows(change, WORDING) == (("Found at", "2026-11-23 02:15:00 UTC"),)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change(AlertKind.CRASHED, NOW), "the server crashed and recovered"),
        (Change(AlertKind.RESTARTED, NOW, started=NOW), "(2026-11-23 02:15:00 UTC, by its own clock)"),
        (Change(AlertKind.FAILED_OVER, NOW, several=True), "the name leads to several servers in turn"),
    ],
)
def test_a_change_within_an_outage_is_one_row(change: Change, said: str) -> None:
    label, value = change_row(change, WORDING)
    assert label == "Meanwhile"
    assert said in value


def drawn(**changes: object) -> list[tuple[str, str, str, bool]]:
    return [(step.name, step.time, step.note, step.failed) for step in phase_bars(alert(**changes), WORDING)]


def test_the_phases_show_how_long_each_took_where_it_failed_and_what_was_not_reached() -> None:
    phases = {Phase.RESOLVE: 0.4, Phase.CONNECT: 1.5}
    assert drawn(phases=phases) == [
        ("resolve", "0.4 ms", "", False),
        ("connect", "1.5 ms", "failed here", True),
        ("tls", "", "not reached", False),
        ("login", "", "not reached", False),
        ("query", "", "not reached", False),
    ]


def test_a_phase_that_was_passed_without_being_used_is_not_called_unreached() -> None:
    phases = {Phase.RESOLVE: 0.4, Phase.CONNECT: 1.5, Phase.LOGIN: 3.0}
    assert drawn(phases=phases, failure=failure(Kind.SATURATED))[2:] == [
        ("tls", "", "not used", False),
        ("login", "3.0 ms", "failed here", True),
        ("query", "", "not reached", False),
    ]


def test_a_phase_that_failed_before_its_time_was_taken_is_still_the_one_that_failed() -> None:
    assert drawn(phases={Phase.RESOLVE: 0.4})[1] == ("connect", "", "failed here", True)


def test_a_healthy_probe_failed_nowhere() -> None:
    healthy = drawn(kind=AlertKind.RECOVERED, phases=dict.fromkeys(ALL, 1.0))
    assert [(note, failed) for _, _, note, failed in healthy] == [("", False)] * 5


@pytest.mark.parametrize(
    ("spent", "time"), [(0.04, "0.0 ms"), (999.9, "999.9 ms"), (1000.0, "1.0 s"), (5004.2, "5.0 s"), (61_000, "61.0 s")]
)
def test_a_time_above_a_second_is_told_in_seconds(spent: float, time: str) -> None:
    assert drawn(phases={Phase.RESOLVE: spent})[0][1] == time


def test_where_nothing_was_probed_no_phases_are_drawn() -> None:
    assert phase_bars(alert(failure=failure(Kind.CREDENTIALS), phases={}), WORDING) == ()


def month(one: Alert, *past: Incident) -> str:
    return dict(timeline_and_count(one, replace(CONTEXT, histories={"orders": TargetHistory(past)}), WORDING)[1])[
        "Last 30 days"
    ]


def test_the_incidents_of_a_month_are_counted_with_the_present_one() -> None:
    ended = Incident("orders-0", NOW - 9 * DAY, ended=NOW - 8 * DAY)
    assert month(alert()) == "this is the only incident"
    assert month(alert(), ended) == "2 incidents"


def test_what_is_not_known_of_the_past_is_not_drawn() -> None:
    assert timeline_and_count(alert(), replace(CONTEXT, histories={}), WORDING) == (None, ())


def test_the_past_is_told_as_of_the_alert_however_late_the_mail() -> None:
    later = Incident("orders-2", NOW + HOUR, ended=NOW + 2 * HOUR)
    assert month(alert(), later) == "this is the only incident"


@pytest.mark.parametrize("name", ["heartline", "a name with spaces'; rm -rf /"])
def test_the_commands_to_paste_call_the_function_for_this_target(name: str) -> None:
    rows = command_rows(alert(), replace(CONTEXT, stack=name), WORDING)
    assert [label for label, _ in rows] == [WORDING.text("row.acknowledge"), WORDING.text("row.mute")]
    payloads = []
    for _, command in rows:
        words = shlex.split(command.replace("\\\n", ""))
        assert words[:4] == ["sam", "remote", "invoke", "MonitorFunction"]
        options = dict(zip(words[4::2], words[5::2], strict=True))
        assert (options["--region"], options["--stack-name"]) == ("eu-west-1", name)
        payloads.append(json.loads(options["--event"]))
    assert payloads == [
        {"command": "acknowledge", "target": "orders"},
        {"command": "mute", "target": "orders", "for": "2h"},
    ]


def test_a_region_that_is_not_known_is_left_to_the_reader_s_own() -> None:
    assert all("--region" not in command for _, command in command_rows(alert(), replace(CONTEXT, region=""), WORDING))


def test_without_the_function_s_name_there_is_no_command_to_paste() -> None:
    assert command_rows(alert(), replace(CONTEXT, stack=""), WORDING) == ()
