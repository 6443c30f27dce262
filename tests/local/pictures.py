"""Take the pictures that docs/ shows, of the widget and of a mail: `python -m local.pictures`, with a Chromium."""

from __future__ import annotations

from pathlib import Path

from local.console import Console, browsing, chromium, look, serving
from local.fleets import fleet
from local.pages import answering

DOCS = Path(__file__).parents[2] / "docs"
MAIL = Path(__file__).parents[1] / "unit" / "golden" / "en" / "down.html"
# Name, theme, width, how much of its height is shown, and what is asked for.
PICTURES = (
    ("fleet-light", "light", 1160, 660, {}),
    ("fleet-dark", "dark", 1160, 660, {}),
    ("incident-dark", "dark", 760, 760, {"target": "orders"}),
)


def main() -> None:
    """Take each picture."""
    executable = chromium()
    if executable is None:
        raise SystemExit("there is no Chromium on the PATH (Debian and Ubuntu: apt install chromium)")
    answer = answering(fleet(40))
    (DOCS / "widget").mkdir(exist_ok=True)
    with browsing(executable) as browser:
        for name, theme, width, height, asked in PICTURES:
            console = Console(lambda event, asked=asked: answer({**asked, **event}))
            console.context |= {"theme": theme, "width": width}
            with serving(console):
                page = look(browser, console)
                box = page.locator("#widget").bounding_box()
                assert box
                clip = {**box, "height": min(box["height"], height)}
                page.screenshot(path=DOCS / "widget" / f"{name}.png", clip=clip, full_page=True)
                page.close()
        page = browser.new_page(viewport={"width": 600, "height": 100}, device_scale_factor=1.5)
        page.goto(MAIL.as_uri())
        page.screenshot(path=DOCS / "mail.png", full_page=True)


if __name__ == "__main__":
    main()
