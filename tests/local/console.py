"""A page of our own that does with the widget what CloudWatch's console does, and a browser to look at it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGE = Path(__file__).with_suffix(".html")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Root needs the first; the others keep it from calling home.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-proxy-server"),
)
# As the console sends it: the documentation's example, in a zone that is not UTC.
CONTEXT: Mapping[str, Any] = {
    "dashboardName": "heartline-us-east-1",
    "widgetId": "widget-16",
    "accountId": "123456789012",
    "locale": "en",
    "timezone": {"label": "Local", "offsetISO": "+09:00", "offsetInMinutes": -540},
    "period": 60,
    "isAutoPeriod": True,
    "timeRange": {"mode": "relative", "start": 1795402800000, "end": 1795406400000, "relativeStart": 3600000},
    "theme": "light",
    "linkCharts": True,
    "title": "Databases",
    "forms": {"all": {}},
    "params": {},
    "width": 1200,
    "height": 600,
}
Answer = Callable[[dict[str, Any]], object]


@dataclass
class Console:
    """Serve the page on loopback, and hand what it sends to a function.

    Attributes
    ----------
    answer
        Takes an event and returns what the function returns.
    events
        What came so far.
    """

    answer: Answer
    context: dict[str, Any] = field(default_factory=lambda: dict(CONTEXT))
    params: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def page(self) -> str:
        """Return the page with its settings."""
        settings = json.dumps({"context": self.context, "params": self.params}).replace("<", "\\u003c")
        return PAGE.read_text(encoding="utf-8").replace("__SETTINGS__", settings)


def still(*pages: str) -> str:
    """Return a document that shows pages without a console: nothing answers their buttons."""
    style = "body{margin:24px auto;max-width:1100px}body>.hl{margin-bottom:40px}cwdb-action{display:none}"
    head = f'<meta charset="utf-8"><title>Heartline in the AWS console</title><style>{style}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(pages)}</body></html>'


@contextmanager
def serving(console: Console) -> Iterator[Console]:
    """Serve until the end of the block."""
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self._send(200 if found else 404, "text/html", console.page() if found else "")

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with one_at_a_time:
                console.events.append(event)
                answer = console.answer(event)
            self._send(200, "application/json", json.dumps(answer))

        def _send(self, status: int, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        console.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield console
        finally:
            server.shutdown()
            thread.join()


def chromium() -> str | None:
    """Find the browser."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


@contextmanager
def browsing(executable: str) -> Iterator[Browser]:
    """Run a browser, headless and with a profile of its own, until the end of the block."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - half a second

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def look(browser: Browser, console: Console) -> Page:
    """Open the page and wait until the widget is shown."""
    width = int(console.context["width"]) + 60
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(console.url)
    page.wait_for_selector("#widget > .hl")
    return page
