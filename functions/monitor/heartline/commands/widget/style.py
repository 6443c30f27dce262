"""Put a page under its style, for the console's light or dark theme."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from heartline.commands.widget.html import Html, element


def styled(dark: bool, *content: str) -> Html:  # noqa: FBT001 - the one choice there is
    """Return a page: its style and its content; the console's own style is off."""
    theme = "hl-dark" if dark else "hl-light"
    return element("div", element("style", _sheet()), *content, class_=f"hl {theme} cwdb-no-default-styles")


@cache
def _sheet() -> Html:
    """Return the sheet without comments and white space that means nothing."""
    sheet = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    short = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    return Html(re.sub(r"\s*([{};,])\s*|(:)\s+", r"\1\2", short).strip())
