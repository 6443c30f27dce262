"""The colours in which the parts of a mail are seen, by day and by night."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from unit.conftest import declared, page

# https://www.w3.org/TR/WCAG22/#contrast-minimum
LEAST = 4.5


@dataclass(frozen=True)
class Look:
    """Hold the colours in which an element is seen, inherited ones too."""

    front: str
    back: str


def night(html: str) -> dict[str, dict[str, str]]:
    """Read the rules of the dark style, by class."""
    style = html[html.index("<style>") : html.index("</style>")]
    block = style[style.index("@media (prefers-color-scheme:dark){") :].split("{", 1)[1]
    rules = re.findall(r"\.([a-z-]+)\{([^{}]*)\}", block)
    assert all("!important" in part for _, body in rules for part in body.split(";"))
    return {name: declared(body.replace("!important", "")) for name, body in rules}


def looks(html: str, *, dark: bool) -> Iterator[tuple[Element, Look]]:
    """Return each element of the body with its colours."""
    rules = night(html) if dark else {}

    def walk(element: Element, above: Look) -> Iterator[tuple[Element, Look]]:
        own = declared(element.get("style", ""))
        for name in element.get("class", "").split():
            own |= rules.get(name, {})
        look = Look(own.get("color", above.front), own.get("background", above.back))
        yield element, look
        for child in element:
            yield from walk(child, look)

    body = page(html).find("body")
    assert body is not None
    yield from walk(body, Look("", ""))


def contrast(look: Look) -> float:
    """Compare two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""

    def luminance(colour: str) -> float:
        assert re.fullmatch(r"#[0-9a-f]{6}", colour), colour
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dim = sorted((luminance(look.front), luminance(look.back)), reverse=True)
    return (light + 0.05) / (dim + 0.05)


def faint(html: str, *, dark: bool) -> dict[tuple[Look, str | None], float]:
    """Return what is written and cannot be read on what is behind it."""
    return {
        (look, element.get("class")): contrast(look)
        for element, look in looks(html, dark=dark)
        if any((text or "").strip() for text in (element.text, *(child.tail for child in element)))
        if declared(element.get("style", "")).get("display") != "none" and contrast(look) < LEAST
    }
