"""Answer the console: with a page, with what became of a command, or with how to set the widget up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.errors import code_of
from heartline.aws.log import Event
from heartline.commands.dispatch import observe, run_command
from heartline.commands.select import select, select_one
from heartline.commands.view import (
    FEW_INCIDENTS,
    LOOKED_BACK,
    MONTH,
    MOST_INCIDENTS,
    last_mails,
    view_fleet,
    with_mails,
    with_newest,
    with_trends,
)
from heartline.commands.widget.answers import change_page, probe_page, refused_page
from heartline.commands.widget.asked import Asked, read_asked
from heartline.commands.widget.fleet_page import fleet_page, listed
from heartline.commands.widget.html import element
from heartline.commands.widget.incident_page import incident_page
from heartline.commands.widget.style import styled
from heartline.commands.widget.viewer import Viewer, parameters, read_viewer
from heartline.common.deadline import Deadline
from heartline.model.errors import CommandError
from heartline.model.target import Target
from heartline.services import Services

# What buttons order; the other commands are for who has a terminal.
_ORDERED = ("acknowledge", "mute", "unmute", "probe")

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
**targets** | The databases to show: a name, a pattern, or a list of these; without it, all
**tags** | The tags that a database must have to be shown

### Example parameters
``` yaml
language: en
targets: orders-*
tags:
  team: payments
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
        return _page(services, asked, _watched(services, context), viewer)
    except CommandError as error:
        services.log.info(Event.COMMAND_REFUSED, str(error))
        return refused_page(str(error), viewer)
    except (ClientError, BotoCoreError) as error:
        services.log.error(Event.STATES_NOT_READ, "a page of the widget lacks its states", error=error)
        words = viewer.text("widget.not_read", code=code_of(error))
        return styled(viewer.dark, element("div", element("b", words), class_="hl-banner hl-down", role="alert"))


def _order(services: Services, command: Mapping[str, Any], viewer: Viewer, deadline: Deadline) -> str:
    """Carry out a command that a button orders, for the one target that it names, as one from a terminal."""
    if command["command"] not in _ORDERED:
        return refused_page(viewer.text("widget.no_such_button"), viewer)
    select_one(command, services.settings.targets)
    if command["command"] == "probe":
        return probe_page(*observe(services, command, deadline), viewer)
    answer = run_command(services, command, deadline)
    if "error" in answer:
        return refused_page(answer["error"], viewer)
    return change_page(command["command"], answer, services.clock(), viewer)


def _watched(services: Services, context: Mapping[str, Any]) -> tuple[Target, ...]:
    """Return the targets that the widget's parameters narrow it to.

    Raises
    ------
    CommandError
        If these mean none.
    """
    given = parameters(context)
    narrowed = {field: given[name] for name, field in (("targets", "target"), ("tags", "tags")) if name in given}
    targets = services.settings.targets
    return select({"command": "widget"} | narrowed, targets).targets if narrowed else targets


def _page(services: Services, asked: Asked, watched: Sequence[Target], viewer: Viewer) -> str:
    if asked.target is not None:
        chosen = [target for target in watched if target.name == asked.target]
        if chosen:
            fleet = view_fleet(services, chosen)
            views = with_mails(with_trends(services, fleet.targets), last_mails(services))
            (view,) = with_newest(services, views, LOOKED_BACK, MOST_INCIDENTS)
            return incident_page(fleet, view, asked, viewer)
    fleet = view_fleet(services, watched)
    shown = listed(fleet, asked)
    targets = tuple(with_newest(services, with_trends(services, shown.targets), MONTH, FEW_INCIDENTS))
    return fleet_page(fleet, replace(shown, targets=targets), asked, viewer)
