"""Text and HTML: the same facts, each in its own form."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.message import Report, compose
from heartline.model import AlertKind, Endpoint, Kind
from heartline.render import as_html, as_text
from heartline.text import tame
from unit.samples import NOW, alert, failure, hostile

CLUSTER = "heartline-orders-production.cluster-c7tj4exampleab.eu-west-1.rds.amazonaws.com"
VOID = {"meta", "img", "br"}
words = st.one_of(hostile.map(tame), st.text("abcdefgh -<>&\"'", max_size=120).map(tame)).filter(bool)
reports = st.builds(
    Report,
    subject=words,
    headline=words,
    sentences=st.lists(words, max_size=3).map(tuple),
    rows=st.lists(
        st.tuples(st.text("abc <b>&", min_size=1, max_size=18).map(str.strip).filter(bool), words), max_size=6
    ).map(tuple),
    status=st.sampled_from(["up", "down", "misconfigured", "test"]),
)


class Reader(HTMLParser):
    """Read a page as a browser would: which tags it has, and which text between them."""

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


@given(reports)
def test_text_and_html_carry_the_same_facts(report: Report) -> None:
    page = Reader(as_html(report))
    text, html = squeezed(as_text(report)), [squeezed(part) for part in page.text]
    for fact in (report.headline, *report.sentences, *(part for row in report.rows for part in row)):
        assert squeezed(fact) in text
        assert squeezed(fact) in html


@given(reports)
def test_nothing_in_a_report_becomes_markup(report: Report) -> None:
    page = Reader(as_html(report))
    assert page.open == []
    assert page.tags <= {"html", "head", "meta", "title", "body", "table", "tr", "td", "h1", "p"}


@given(reports)
def test_a_line_of_text_has_at_most_72_columns(report: Report) -> None:
    for line in as_text(report).splitlines():
        assert len(line) <= 72 or " " not in line.strip()


@given(reports)
def test_text_and_html_are_utf_8(report: Report) -> None:
    assert as_text(report).encode("utf-8")
    assert as_html(report).encode("utf-8")


@pytest.mark.parametrize("kind", [Kind.UNRESOLVABLE, Kind.REFUSED])
def test_a_long_host_name_can_be_copied_whole(kind: Kind) -> None:
    said = failure(kind)
    said = replace(said, cause=said.cause.replace("orders.example.com", CLUSTER))
    report = compose([alert(failure=said, endpoint=Endpoint(CLUSTER, 5432, "orders", "heartline"))], NOW)
    assert as_text(report).count(CLUSTER) == 2  # in the headline and in the row "Host"


def test_an_incident_can_be_copied_whole() -> None:
    name = "orders-production-read-replica-of-the-warehouse"
    incident = replace(alert().incident, id=f"{name}-20261123T021400Z")
    assert incident.id in as_text(compose([alert(target=name, incident=incident)], NOW))


def test_html_has_the_colour_of_its_status_and_nothing_remote() -> None:
    down, up = (as_html(compose([alert(kind)], NOW)) for kind in (AlertKind.DOWN, AlertKind.RECOVERED))
    assert "#a3211a" in down
    assert "#1b6e3c" in up
    for remote in ("http", "url(", "<script", "<img", "src="):
        assert remote not in down + up


def test_text_ends_with_a_signature_that_mail_programs_know() -> None:
    assert "\n-- \nHeartline watches PostgreSQL" in as_text(compose([alert()], NOW))
