"""Answer the console: with a page, with what became of a command, or with how to set the widget up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.errors import code_of
from heartline.aws.log import Event
from heartline.commands.dispatch import observe, run_command
from heartline.commands.view import MONTH, view_fleet, with_history
from heartline.commands.widget.answers import change_page, probe_page, refused_page
from heartline.commands.widget.asked import Asked, read_asked
from heartline.commands.widget.fleet_page import fleet_page, listed
from heartline.commands.widget.html import element
from heartline.commands.widget.incident_page import incident_page
from heartline.commands.widget.style import styled
from heartline.commands.widget.viewer import Viewer, read_viewer
from heartline.common.deadline import Deadline
from heartline.model.errors import CommandError
from heartline.services import Services

# What buttons order; the other commands are for who has a terminal.
_ORDERED = ("acknowledge", "mute", "unmute", "probe")
_EVER = timedelta(days=800)

DOCUMENTATION = """\
## Heartline

Shows whether the PostgreSQL databases that Heartline monitors answer, what is wrong first, with buttons to acknowledge
an incident, to mute a database for two hours, and to probe one now.

Whoever looks needs `lambda:InvokeFunction` on this function: a page and a button alike are one call of it, by the
viewer's own permissions.

### Widget parameters
Parameter | Description
---|---
**language** | `en` or `ko`; without it, the console's language or that of most databases' readers

### Example parameters
``` yaml
language: en
```
"""


def run_widget(services: Services, event: Mapping[str, Any], endpoint: str, deadline: Deadline) -> str:
    """Return what the console shows for a call of the widget.

    Parameters
    ----------
    services
        The services.
    event
        The console's call: `describe`, or `widgetContext` with the widget's parameters or a button's.
    endpoint
        This function's ARN, for the buttons.
    deadline
        When the run must be over.
    """
    if "describe" in event:
        return DOCUMENTATION
    given = event.get("widgetContext")
    context = given if isinstance(given, Mapping) else {}
    viewer = read_viewer(context, services.settings.targets, endpoint)
    asked = read_asked(event, context)
    try:
        if asked.command:
            return _order(services, asked.command, viewer, deadline)
        return _page(services, asked, viewer)
    except (ClientError, BotoCoreError) as error:
        services.log.error(Event.STATES_NOT_READ, "states not read for the widget", error=error)
        words = viewer.text("widget.not_read", code=code_of(error))
        return styled(viewer.dark, element("div", element("b", words), class_="hl-banner hl-down", role="alert"))


def _order(services: Services, command: Mapping[str, Any], viewer: Viewer, deadline: Deadline) -> str:
    """Carry out a command that a button orders, as the same command from a terminal is."""
    if command["command"] not in _ORDERED:
        return refused_page(viewer.text("widget.no_such_button"), viewer)
    if command["command"] == "probe":
        try:
            return probe_page(*observe(services, command, deadline), viewer)
        except CommandError as error:
            return refused_page(str(error), viewer)
    answer = run_command(services, command, deadline)
    if "error" in answer:
        return refused_page(answer["error"], viewer)
    return change_page(command["command"], answer, services.clock(), viewer)


def _page(services: Services, asked: Asked, viewer: Viewer) -> str:
    if asked.target is not None:
        chosen = [target for target in services.settings.targets if target.name == asked.target]
        if chosen:
            fleet = view_fleet(services, chosen)
            (view,) = with_history(services, fleet.targets, _EVER)
            return incident_page(fleet, view, asked, viewer)
    fleet = view_fleet(services, services.settings.targets)
    shown = listed(fleet, asked)
    targets = tuple(with_history(services, shown.targets, MONTH))
    return fleet_page(fleet, replace(shown, targets=targets), asked, viewer)
