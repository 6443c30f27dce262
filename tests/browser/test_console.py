"""Somebody on call sees in the console that a database died, presses the buttons, and sees it come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from heartline import bootstrap
from local.function import event, invoke

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from browser.conftest import Open
    from local.aws import EmulatedAws
    from local.postgres import Postgres


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    """Let no service of another test be used."""
    bootstrap._services.cache_clear()
    yield
    bootstrap._services.cache_clear()


def press(page: Page, button: str, *, confirm: bool = True) -> str:
    """Press a button of the widget, answer the console's question, and return what it asked."""
    page.locator("#widget").get_by_role("button", name=button).click()
    question = page.locator("#confirm")
    asked = question.locator("p").inner_text()
    question.get_by_role("button", name="Confirm" if confirm else "Cancel").click()
    return asked


def answered(page: Page) -> str:
    """Wait for the popup, close it, and return what it said."""
    popup = page.locator("#popup")
    popup.locator(".hl").wait_for()
    said = popup.locator(".hl").inner_text()
    popup.get_by_role("button", name="Close").click()
    page.evaluate("document.querySelector('#popup > div').replaceChildren()")
    return said


def refresh(page: Page) -> str:
    """Let the dashboard refresh, and return its banner."""
    page.evaluate("refresh()")
    return page.locator("#widget .hl-banner").inner_text()


def test_an_outage_is_seen_acknowledged_muted_probed_and_over(
    console: Open, environment: dict[str, str], database: Postgres, aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():  # the page asks in threads of its own, while a tick runs in this one
        monkeypatch.setenv(name, value)

    def tick() -> None:
        invoke(environment, event("scheduled"))

    def status() -> dict[str, Any]:
        (entry,) = invoke(environment, {"command": "status"})["targets"]
        return dict(entry)

    tick()
    page = console(lambda sent: invoke(environment, sent))
    assert page.locator("#widget .hl-banner").inner_text().startswith("demo is up")
    database.kill()
    tick()
    assert refresh(page).startswith("1 down")
    before = status()

    asked = press(page, "Acknowledge", confirm=False)
    assert asked.startswith("Stop the reminders of this incident of demo?")
    assert status() | {"availability": None} == before | {"availability": None}, "it was cancelled"
    press(page, "Acknowledge")
    assert answered(page).startswith("demo: acknowledged")
    refresh(page)
    page.locator("#widget").get_by_text("acknowledged").wait_for()
    assert page.locator("#widget").get_by_role("button", name="Acknowledge").count() == 0

    press(page, "Mute 2 h")
    assert answered(page).startswith("demo: muted until ")
    assert status()["muted_until"] is not None
    refresh(page)
    press(page, "Unmute")
    assert answered(page).startswith("demo: no longer muted")
    assert status()["muted_until"] is None

    press(page, "Probe now")
    said = answered(page)
    assert said.startswith("demo does not let the monitor in: connection refused")
    assert "connect" in said

    page.locator("#widget").get_by_role("button", name="demo").click()
    page.get_by_role("heading", name="This incident").wait_for()
    assert status()["incident"] in page.locator("#widget").inner_text()
    page.get_by_role("button", name="All databases").click()
    database.start()
    tick()
    assert refresh(page).startswith("demo is up")
    assert len(aws.mails) == 2, "it went down, and it is over: no press sent anything"
