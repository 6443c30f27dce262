"""Answer the console from fleets that are made up, as the function does from what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
