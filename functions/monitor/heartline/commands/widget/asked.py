"""Read what was asked for, by a look at the widget or by a press of a button."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heartline.commands.widget.viewer import parameters
from heartline.common.frozen import frozen
from heartline.common.text import sanitize

# Longer than any name and any incident's id.
_MOST_TEXT = 128


@frozen
class Asked:
    """What was asked for.

    Attributes
    ----------
    command
        The command that a button orders, with its fields; None for a page.
    target, incident
        Whose page.
    page
        Of the list of targets, from 1.
    find
        What the names of the targets in the list contain.
    """

    command: Mapping[str, Any] | None = None
    target: str | None = None
    incident: str | None = None
    page: int = 1
    find: str = ""


# What a button orders, and nothing else that came along.
_FIELDS = ("command", "target", "for")


def read_asked(event: Mapping[str, Any], context: Mapping[str, Any]) -> Asked:
    """Return what was asked for.

    What is one of the widget's own parameters is no press of a button: else a dashboard could mute by being looked at.
    """
    own = parameters(context)
    asked = {name: value for name, value in event.items() if name not in own}
    page = asked.get("page")
    return Asked(
        command={name: asked[name] for name in _FIELDS if name in asked} if "command" in asked else None,
        target=_text(asked.get("target")),
        incident=_text(asked.get("incident")),
        page=page if isinstance(page, int) and page > 0 else 1,
        find=_find(asked, context),
    )


def _find(asked: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """Return what a list is narrowed to: as it was typed, or as a button keeps it."""
    forms = context.get("forms")
    typed = forms.get("all") if isinstance(forms, Mapping) else None
    if asked.get("typed") is True and isinstance(typed, Mapping):
        return _text(typed.get("find")) or ""
    return _text(asked.get("find")) or ""


def _text(value: object) -> str | None:
    return sanitize(value, _MOST_TEXT) if isinstance(value, str) else None
