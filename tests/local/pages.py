"""Read the widget's pages, press their buttons, and make pages of fleets that are made up."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from heartline.commands.view import Fleet
from heartline.commands.widget.asked import read_asked
from heartline.commands.widget.fleet_page import fleet_page, listed
from heartline.commands.widget.incident_page import incident_page
from heartline.commands.widget.viewer import read_viewer

if TYPE_CHECKING:
    from local.console import Answer

ARN = "arn:aws:lambda:us-east-1:123456789012:function:heartline"


def answering(fleet: Fleet) -> Answer:
    """Return a function that answers with the pages of a fleet."""
    targets = [view.target for view in fleet.targets]

    def answer(event: dict[str, Any]) -> str:
        asked = read_asked(event, event["widgetContext"])
        viewer = read_viewer(event["widgetContext"], targets, ARN)
        if asked.target:
            view = next(view for view in fleet.targets if view.name == asked.target)
            return incident_page(fleet, view, asked, viewer)
        return fleet_page(fleet, listed(fleet, asked), asked, viewer)

    return answer


def fragment(page: str) -> ET.Element:
    """Read a page more strictly than any browser: as XML, once what HTML leaves open is closed."""
    return ET.fromstring(re.sub(r"(<input [^<>]*)>", r"\1/>", page))  # noqa: S314 - it is our own


def text(element: ET.Element | None) -> str:
    assert element is not None
    return " ".join(" ".join(element.itertext()).split())


def said(page: str) -> str:
    """Return what a page shows."""
    whole = fragment(page)
    for parent in list(whole.iter()):
        for child in list(parent):
            if child.tag in {"style", "cwdb-action", "svg"}:
                parent.remove(child)
    return text(whole)


def banner(page: str) -> ET.Element:
    return next(one for one in fragment(page).iter("div") if "hl-banner" in one.get("class", ""))


def names(page: str) -> list[str]:
    return [text(one) for one in fragment(page).iter("button") if "hl-name" in one.get("class", "")]


def actions(page: str) -> list[tuple[ET.Element, ET.Element]]:
    """Yield each button with its action, which must come right after it."""
    paired = []
    for parent in fragment(page).iter():
        children = list(parent)
        for place, child in enumerate(children):
            if child.tag == "cwdb-action":
                assert place, "an action without an element before it"
                paired.append((children[place - 1], child))
    return paired


def press(page: str, command: str, target: str) -> dict[str, Any]:
    """Return what the button of a page sends."""
    sent = [json.loads(text(action)) for _, action in actions(page)]
    (found,) = [one for one in sent if (one.get("command"), one.get("target")) == (command, target)]
    return dict(found)
