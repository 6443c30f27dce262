"""A browser, and pages that do with the widget what CloudWatch's console does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from local.console import Answer, Console, browsing, chromium, look, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield a browser; where this machine has none, the test is skipped."""
    pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    executable = chromium()
    if executable is None:
        pytest.skip("there is no Chromium on the PATH (Debian and Ubuntu: apt install chromium)")
    with browsing(executable) as running:
        yield running


@pytest.fixture
def console(browser: Browser) -> Iterator[Open]:
    """Open a dashboard whose widget a function answers, with what differs of its context."""
    with ExitStack() as opened:

        def open_(answer: Answer, **context: object) -> Page:
            params = context.pop("params", {})
            served = opened.enter_context(serving(Console(answer, params=params)))  # type: ignore[arg-type]
            served.context |= context
            page = look(browser, served)
            opened.callback(page.close)
            return page

        yield open_
