"""What the widget looks like in a browser: nothing overflows, everything can be read, nothing runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from heartline.i18n.language import LANGUAGES
from local.fleets import NOW, fleet
from local.gallery import MINUTE
from local.pages import answering

if TYPE_CHECKING:
    from browser.conftest import Open

Axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="the package axe-playwright-python is missing"
).Axe
THEMES = ("light", "dark")
WIDTHS = (300, 588, 640, 1079, 1080, 1600)
# Rules for whole documents; the console is around the widget.
_WHOLE = ("landmark-one-main", "page-has-heading-one", "region", "document-title", "html-has-lang", "heading-order")
OPTIONS = {"rules": {rule: {"enabled": False} for rule in _WHOLE}}
OVERFLOWING = """() => [...document.querySelectorAll("#widget, #widget *")]
    .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
    .filter((one) => getComputedStyle(one).display !== "inline")
    .map((one) => `${one.tagName} ${one.className} ${one.scrollWidth} > ${one.clientWidth}`)"""


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("asked", [{}, {"target": "checkout"}], ids=["fleet", "incident"])
def test_nothing_is_wider_than_the_widget(console: Open, width: int, code: str, asked: dict[str, str]) -> None:
    answer = answering(fleet(60, code))
    page = console(lambda event: answer({**asked, **event}), width=width, params={"language": code})
    assert page.evaluate(OVERFLOWING) == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("asked", [{}, {"target": "checkout"}, {"page": 2}], ids=["fleet", "incident", "well"])
def test_axe_finds_nothing_to_object_to(console: Open, theme: str, asked: dict[str, object]) -> None:
    answer = answering(fleet(400))
    page = console(lambda event: answer({**asked, **event}), theme=theme, width=1200)
    found = Axe().run(page, context="#widget", options=OPTIONS)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    "known",
    [fleet(1), replace(fleet(2), last_tick=None), replace(fleet(2), last_tick=NOW - 9 * MINUTE)],
    ids=["up", "never ran", "silent"],
)
def test_axe_finds_nothing_to_object_to_in_a_banner(console: Open, theme: str, known: object) -> None:
    page = console(answering(known), theme=theme, width=400)  # type: ignore[arg-type]
    found = Axe().run(page, context="#widget", options=OPTIONS)
    assert found.violations_count == 0, found.generate_report()


def test_what_a_server_said_runs_nothing_where_nothing_is_cleaned_out(console: Open) -> None:
    answer = answering(fleet(40))
    page = console(lambda event: answer({"target": "checkout", **event}))
    assert "<script>alert('x')</script>" in page.inner_text("#widget")
    assert page.query_selector("#widget script, #widget img, #widget a, #widget iframe") is None


def test_the_pages_of_a_large_fleet_can_be_turned_and_searched(console: Open) -> None:
    page = console(answering(fleet(400)))
    page.get_by_role("button", name="Next").click()
    page.get_by_text("51-100 of 400").wait_for()
    page.get_by_label("Part of a name").fill("tenant-31")
    page.get_by_role("button", name="Find").click()
    page.get_by_text("1-10 of 10").wait_for()
    page.get_by_role("button", name="tenant-313").click()
    page.get_by_role("heading", name="tenant-313").wait_for()
    page.get_by_role("button", name="All databases").click()
    page.get_by_text("1-50 of 400").wait_for()


def test_enter_in_the_field_leaves_nobody_outside_the_console(console: Open) -> None:
    page = console(answering(fleet(400)))
    before = page.url
    page.get_by_label("Part of a name").fill("orders")
    page.get_by_label("Part of a name").press("Enter")
    page.get_by_role("button", name="Find").click()
    page.get_by_text("1-1 of 1").wait_for()
    assert page.url == before
