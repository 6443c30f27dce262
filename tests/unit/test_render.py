"""Text and HTML: the same facts, each in its own form."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.message import Fleet, Message, compose
from heartline.model import Alert, AlertKind, Endpoint, Kind
from heartline.render import as_html, as_text
from heartline.report import Report
from heartline.text import tame
from unit.samples import NOW, alert, failure, hostile

CLUSTER = "heartline-orders-production.cluster-c7tj4exampleab.eu-west-1.rds.amazonaws.com"
VOID = {"meta", "img", "br"}
TAGS = {"html", "head", "meta", "title", "body", "table", "tr", "td", "h1", "p", "ul", "li"}
words = st.one_of(hostile.map(tame), st.text("abcdefgh -<>&\"'", max_size=120).map(tame)).filter(bool)
labels = st.text("abc <b>&", min_size=1, max_size=18).map(str.strip).filter(bool)
reports = st.builds(
    Report,
    target=words,
    label=words,
    gist=words,
    headline=words,
    sentences=st.lists(words, max_size=2).map(tuple),
    rows=st.lists(st.tuples(labels, words), max_size=3).map(tuple),
    status=st.sampled_from(["up", "down", "misconfigured", "unstable", "test"]),
    alert=st.just(alert()),
)
messages = st.builds(
    Message,
    subject=words,
    status=st.just("down"),
    targets=st.just(()),
    incidents=st.just(()),
    sentences=st.lists(words, max_size=1).map(tuple),
    reports=st.lists(reports, min_size=1, max_size=2).map(tuple),
    more=st.lists(words, max_size=2).map(tuple),
)


class Reader(HTMLParser):
    """Read a page strictly: every tag is closed in its turn, and nothing is loaded or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in attrs)
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def squeezed(text: str) -> str:
    return "".join(text.split())


def single(one: Alert) -> Message:
    return compose([(one,)], Fleet(1), NOW)


def double(kind: AlertKind) -> Message:
    return compose([(alert(kind),), (alert(kind, target="another"),)], Fleet(2), NOW)


@given(messages)
def test_text_and_html_carry_the_same_facts(message: Message) -> None:
    page = Reader(as_html(message))
    text, html = squeezed(as_text(message)), [squeezed(part) for part in page.text]
    facts = [*message.sentences, *message.more]
    for report in message.reports:
        facts += [report.headline, *report.sentences, *(part for row in report.rows for part in row)]
    for fact in facts:
        assert squeezed(fact) in text
        assert squeezed(fact) in html


@given(messages)
def test_nothing_in_a_message_becomes_markup(message: Message) -> None:
    page = Reader(as_html(message))
    assert page.open == []
    assert page.tags <= TAGS


@given(messages)
def test_a_line_of_text_has_at_most_72_columns(message: Message) -> None:
    """What stands alone on its line may be longer; nothing that can be broken is."""
    for line in as_text(message).splitlines():
        assert len(line) <= 72 or " " not in line.strip()


@given(messages)
def test_text_and_html_are_utf_8(message: Message) -> None:
    assert as_text(message).encode("utf-8")
    assert as_html(message).encode("utf-8")


@pytest.mark.parametrize("kind", [Kind.UNRESOLVABLE, Kind.REFUSED])
def test_a_long_host_name_can_be_copied_whole(kind: Kind) -> None:
    said = failure(kind)
    said = replace(said, cause=said.cause.replace("orders.example.com", CLUSTER))
    message = single(alert(failure=said, endpoint=Endpoint(CLUSTER, 5432, "orders", "heartline")))
    assert as_text(message).count(CLUSTER) == 2  # in the headline and in the row "Host"


def test_an_incident_can_be_copied_whole() -> None:
    name = "orders-production-read-replica-of-the-warehouse"
    incident = replace(alert().incident, id=f"{name}-20261123T021400Z")
    assert incident.id in as_text(single(alert(target=name, incident=incident)))


def test_each_of_several_reports_has_its_title_in_text_and_its_heading_in_html() -> None:
    message = double(AlertKind.DOWN)
    text, html = as_text(message), as_html(message)
    assert [text.count(report.subject) for report in message.reports] == [1, 1]
    assert html.count("<h1") == 2


def test_a_single_report_repeats_no_subject() -> None:
    message = single(alert())
    assert message.subject not in as_text(message)


def test_what_reports_have_in_common_comes_before_them() -> None:
    message = double(AlertKind.DOWN)
    assert message.sentences
    for page in (squeezed(as_text(message)), squeezed("".join(Reader(as_html(message)).text))):
        assert page.index(squeezed(message.sentences[0])) < page.index(squeezed(message.reports[0].headline))


def test_the_longest_subjects_of_several_reports_have_titles_of_72_columns() -> None:
    name = "a-name-as-long-as-the-document-takes-it-to-be-which-is-64-letters"[:64]
    reports = [(alert(target=one, failure=failure(Kind.AUTH, sqlstate="28P01")),) for one in (name, name[:-1])]
    assert max(map(len, as_text(compose(reports, Fleet(2), NOW)).splitlines())) <= 72


def test_html_has_the_colour_of_its_status_and_nothing_remote() -> None:
    down, up, several = (
        as_html(one) for one in (single(alert()), single(alert(AlertKind.RECOVERED)), double(AlertKind.RECOVERED))
    )
    assert "#a3211a" in down
    assert "#1b6e3c" in up
    assert "#a3211a" not in several
    for remote in ("http", "url(", "<script", "<img", "src=", "<link", "@import"):
        assert remote not in down + up + several


def test_text_ends_with_a_signature_that_mail_programs_know() -> None:
    assert "\n-- \nHeartline watches PostgreSQL" in as_text(single(alert()))
