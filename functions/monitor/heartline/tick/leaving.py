"""Notify of the end of targets that the document does not name any more, and lose no alert of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.log import Event
from heartline.model.alert import EMAIL, TOPIC, Alert
from heartline.model.state import Stored
from heartline.rules.watching import unwatch
from heartline.services import Run, Services
from heartline.storage.states import Loaded
from heartline.tick.shards import shard_of


def take_leave(services: Services, run: Run, loaded: Loaded) -> dict[str, tuple[Alert, ...]]:
    """Unwatch the targets that the last ticks knew and the document does not; return what waits of each.

    One whose item could not be read or written is returned without alerts: the next tick tries again.

    Parameters
    ----------
    services, run
        The services, and what this tick is about: of a divided fleet, each target belongs to one shard.
    loaded
        What was stored, and which targets the last ticks knew.
    """
    document = {target.name for target in services.settings.targets}
    gone = [name for name in sorted(loaded.watched - document) if _mine(run, name)]
    return dict(_left(services, run, gone)) if gone else {}


def _mine(run: Run, name: str) -> bool:
    if run.shard is None:
        return True
    shards, _, number = run.shard.partition("#")
    return shard_of(name, int(shards)) == int(number)


def _left(services: Services, run: Run, gone: list[str]) -> Iterator[tuple[str, tuple[Alert, ...]]]:
    try:
        targets = services.store.load(gone, run.shard).targets
    except (ClientError, BotoCoreError) as error:
        services.log.error(Event.STATES_NOT_READ, "targets that left not read: tried again", error=error)
        yield from dict.fromkeys(gone, ()).items()
        return
    for name, stored in targets.items():
        if isinstance(stored, Stored) and stored.version:
            alerts = _unwatched(services, stored)
            if alerts is None or alerts:
                yield name, alerts or ()


def _unwatched(services: Services, stored: Stored) -> tuple[Alert, ...] | None:
    """Unwatch one target; return what waits of it, None if that could not be saved."""
    decision = unwatch(stored.state, services.clock())
    if decision.state == stored.state:
        return stored.outbox
    channels = (EMAIL, TOPIC) if services.settings.topic else (EMAIL,)
    alerts = tuple(replace(alert, waiting=channels) for alert in decision.alerts)
    try:
        saved = services.store.save(stored, decision.state, alerts, decision.ended)
    except (ClientError, BotoCoreError) as error:
        name = stored.state.target
        services.log.error(Event.TARGET_FAULT, "a target that left is not saved: tried again", target=name, error=error)
        return None
    return (*stored.outbox, *alerts) if saved else None
