"""Text reads well in a terminal of 72 columns, and what is to be copied stays whole."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.i18n.language import LANGUAGES
from heartline.messages.compose import Message, compose
from heartline.messages.context import AlertContext, TargetAlerts, TargetHistory
from heartline.messages.plain_text import as_text, columns
from heartline.model.alert import Alert
from heartline.model.incident import Incident
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.target import Endpoint
from local.gallery import mails
from unit.conftest import squeezed
from unit.samples import HOUR, MINUTE, NOW, TARGET, alert, failure, hostile

CLUSTER = "heartline-orders-production.cluster-c7tj4exampleab.eu-west-1.rds.amazonaws.com"
CONTEXT = AlertContext(2, (), {"orders": TargetHistory()}, "heartline-prod", "eu-west-1")
GALLERY = {f"{code}-{name}": message for code in LANGUAGES for name, message in mails(code)}
ALONE = {name: message for name, message in GALLERY.items() if not message.table}


def single(one: Alert, code: str = "en") -> Message:
    return compose([TargetAlerts(replace(TARGET, name=one.target, language=code), (one,))], CONTEXT, NOW)


def double(kind: AlertKind = AlertKind.DOWN, names: tuple[str, str] = ("orders", "another")) -> Message:
    parts = [TargetAlerts(replace(TARGET, name=name), (alert(kind, target=name),)) for name in names]
    return compose(parts, CONTEXT, NOW)


def long_lines(text: str) -> list[str]:
    """List the lines that are too long although they could be broken: not a word alone, not a command to paste."""
    lines = [line.split(":  ")[-1] for line in text.splitlines() if columns(line) > 72]
    return [line for line in lines if " " in line.strip() and "--event" not in line]


@pytest.mark.parametrize("name", GALLERY)
def test_a_line_has_at_most_72_columns(name: str) -> None:
    assert long_lines(as_text(GALLERY[name])) == []


words = st.text("abcdefgh 가나다라 -<>&\"'", max_size=400)


@given(words, words, st.sampled_from(LANGUAGES))
def test_a_line_has_at_most_72_columns_whatever_the_server_says(said: str, user: str, code: str) -> None:
    endpoint = Endpoint("orders.example.com", 5432, user, user)
    failed = failure(Kind.SATURATED, said=said)
    assert long_lines(as_text(single(alert(failure=failed, endpoint=endpoint), code))) == []


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("한국어", 6), ("a 한 b", 6), ("\uff21\uff22", 4), ("é", 1), ("…", 1)]
)
def test_a_wide_character_takes_two_columns(text: str, width: int) -> None:
    assert columns(text) == width


@pytest.mark.parametrize("message", ALONE.values(), ids=ALONE.keys())
def test_the_values_of_a_report_stand_in_one_column(message: Message) -> None:
    """Also where the labels are in characters of two columns."""
    lines, starts = as_text(message).splitlines(), set()
    for label, value in message.report.rows:
        line = next(line for line in lines if line.startswith(f"{label}: "))
        lines.remove(line)  # several events have the same label
        starts.add(columns(line[: line.index(value.split()[0], len(label) + 1)]))
    assert len(starts) == 1


@pytest.mark.parametrize("kind", [Kind.UNRESOLVABLE, Kind.REFUSED])
def test_a_long_host_name_can_be_copied_whole(kind: Kind) -> None:
    said = failure(kind)
    said = replace(said, words={**said.words, "host": CLUSTER})
    message = single(alert(failure=said, endpoint=Endpoint(CLUSTER, 5432, "orders", "heartline")))
    assert as_text(message).count(CLUSTER) == 2  # in the headline and in the row "Host"


def test_an_incident_can_be_copied_whole() -> None:
    name = "orders-production-read-replica-of-the-warehouse"
    incident = Incident(f"{name}-20261123T021400Z", NOW - MINUTE, NOW - 2 * MINUTE)
    assert incident.id in as_text(single(alert(target=name, incident=incident)))


def test_a_command_can_be_pasted_as_it_stands() -> None:
    text = as_text(single(alert()))
    commands = re.findall(r"  sam remote invoke(?:.*\\\n)+.*--event.*\n", text)
    assert len(commands) == 2


def test_a_mail_begins_with_state_and_name_underlined_and_why_since_when() -> None:
    first, line, second, blank, *_ = as_text(single(alert())).splitlines()
    assert (first, second, blank) == ("DOWN: orders", "connection refused · since 02:14 UTC", "")
    assert set(line) == {"="}


def test_a_mail_of_several_has_a_line_on_each_and_then_the_title_of_the_one_in_full() -> None:
    lines = as_text(double()).splitlines()
    assert lines[0] == "DOWN: 2 of 2 databases"
    for name in ("orders", "another"):
        assert f"DOWN: {name}, connection refused, 02:14 UTC" in lines
    title = lines.index("DOWN: orders")
    assert set(lines[title + 1]) == {"="}
    assert "DOWN: another" not in lines


def test_the_longest_titles_of_several_reports_have_72_columns() -> None:
    name = "a-name-as-long-as-the-document-takes-it-to-be-which-is-64-letters"[:64]
    assert long_lines(as_text(double(names=(name, name[:-1])))) == []


def test_what_reports_have_in_common_comes_before_them() -> None:
    message = double()
    assert message.sentences
    text = squeezed(as_text(message))
    assert text.index(squeezed(message.sentences[0])) < text.index(squeezed(message.report.headline))


def test_the_phases_stand_in_one_line() -> None:
    phases = {Phase.RESOLVE: 0.01, Phase.CONNECT: 5000.0}
    text = " ".join(as_text(single(alert(phases=phases))).split())
    assert "resolve 0.0 ms > connect 5.0 s failed here > tls not reached > login not reached > query" in text


def test_the_last_hours_stand_by_the_quarters_of_the_day() -> None:
    known = alert(first_seen=NOW - 48 * HOUR)
    line = next(line for line in as_text(single(known)).splitlines() if re.search(r"[.#?]{6}", line))
    assert line == "  03 ...  06 ......  12 ......  18 ......  00 ..#"


def test_text_ends_with_a_signature_that_mail_programs_know() -> None:
    assert "\n-- \nHeartline writes only" in as_text(single(alert()))


@given(hostile)
def test_text_is_utf_8(said: str) -> None:
    assert as_text(single(alert(failure=failure(said=said)))).encode("utf-8")
