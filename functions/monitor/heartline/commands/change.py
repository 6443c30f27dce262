"""Change the state of targets between two ticks, as an operator asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from heartline.commands.select import Selection
from heartline.commands.status import entry
from heartline.commands.view import view_target
from heartline.common.parallel import at_once
from heartline.model.errors import CommandError
from heartline.model.state import State, Stored, Unreadable
from heartline.model.target import Target
from heartline.services import Services

_SAVE_ATTEMPTS = 5


def change(services: Services, chosen: Selection, changed: Callable[[State], State]) -> dict[str, Any]:
    """Change the state of each target, and return what became of each.

    Parameters
    ----------
    services
        The services.
    chosen
        The targets.
    changed
        Returns the state as it is to be; raises CommandError where that cannot be.

    Returns
    -------
    dict
        The entry of a target that was meant by its name. Else `targets`, with the entry of each, or its name and the
        error that left it unchanged.

    Raises
    ------
    CommandError
        If the one target that was meant by its name cannot be changed.
    """
    stored = services.store.load(target.name for target in chosen.targets).targets

    def one(target: Target) -> dict[str, Any]:
        return _change(services, target, stored[target.name], changed)

    def one_of_several(target: Target) -> dict[str, Any]:
        try:
            return one(target)
        except CommandError as error:
            return {"name": target.name, "error": str(error)}

    if chosen.several:
        return {"targets": at_once(one_of_several, chosen.targets)}
    return one(chosen.targets[0])


def _change(
    services: Services, target: Target, stored: Stored | Unreadable, changed: Callable[[State], State]
) -> dict[str, Any]:
    """Change a target's state, again where a tick was faster, and return its entry."""
    for _ in range(_SAVE_ATTEMPTS):
        if isinstance(stored, Unreadable):
            raise CommandError(f"{target.name}: its stored item cannot be read: {stored.reason}")
        state = changed(stored.state)
        if services.store.save(stored, state):
            return entry(view_target(target, replace(stored, state=state), services.clock()))
        stored = services.store.load([target.name]).targets[target.name]
    raise CommandError(f"{target.name}: other runs kept changing it: try again")
