"""What mails look like in a browser: as high as a glance, no wider than the screen, readable by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from heartline.i18n.language import LANGUAGES
from unit.golden import KEPT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="the package axe-playwright-python is missing"
).Axe
PHONE, DESK = 360, 600
NAMES = sorted(str(file.relative_to(KEPT)) for file in KEPT.rglob("*.html"))
# A mail program puts landmarks around a mail.
OPTIONS = {"rules": {rule: {"enabled": False} for rule in ("landmark-one-main", "region")}}
OVERFLOWING = """() => [...document.querySelectorAll("body, body *")]
    .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
    .map((one) => `${one.tagName} ${one.innerText.slice(0, 40)} ${one.scrollWidth} > ${one.clientWidth}`)"""
HEIGHT = "document.body.getBoundingClientRect().height"


@pytest.fixture(scope="module")
def sheets(browser: Browser) -> Iterator[dict[str, Page]]:
    """Yield a page by day and one by night, into which mails are put one after the other."""
    pages = {theme: browser.new_page(color_scheme=theme) for theme in ("light", "dark")}  # type: ignore[arg-type]
    yield pages
    for page in pages.values():
        page.close()


def show(page: Page, name: str, width: int) -> Page:
    page.set_viewport_size({"width": width, "height": 500})
    page.set_content((KEPT / name).read_text(encoding="utf-8"))
    return page


@pytest.mark.parametrize("kind", ["down", "down-timeout", "recovered"])
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_mail_about_one_database_is_at_most_800_pixels_high_on_a_phone(
    sheets: dict[str, Page], code: str, kind: str
) -> None:
    assert show(sheets["light"], f"{code}/{kind}.html", PHONE).evaluate(HEIGHT) <= 800


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_mail_about_five_databases_is_at_most_1600_pixels_high(sheets: dict[str, Page], code: str) -> None:
    assert show(sheets["light"], f"{code}/group-down.html", DESK).evaluate(HEIGHT) <= 1600


@pytest.mark.parametrize("width", [320, DESK])
def test_nothing_is_wider_than_the_screen(sheets: dict[str, Page], width: int) -> None:
    wide = {name: found for name in NAMES if (found := show(sheets["light"], name, width).evaluate(OVERFLOWING))}
    assert wide == {}


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("en/") or "/group-" in name])
def test_axe_finds_nothing_to_object_to(sheets: dict[str, Page], name: str) -> None:
    """Each by day or by night; the unit tests hold the contrast of each in both."""
    theme = "dark" if NAMES.index(name) % 2 else "light"
    found = Axe().run(show(sheets[theme], name, PHONE), options=OPTIONS)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("kind", ["down", "group-mixed", "expiring"])
def test_a_mail_is_the_same_where_its_style_sheet_is_dropped(sheets: dict[str, Page], kind: str) -> None:
    page = show(sheets["light"], f"en/{kind}.html", PHONE)
    before = page.screenshot(full_page=True)
    page.evaluate("document.querySelector('style').remove()")
    assert page.screenshot(full_page=True) == before
