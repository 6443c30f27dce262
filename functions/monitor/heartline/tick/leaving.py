"""Notify of the end of targets that the document does not name any more, and lose no alert of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.log import Event
from heartline.model.alert import EMAIL, TOPIC, Alert
from heartline.model.belief import Addressees
from heartline.model.state import Stored
from heartline.model.target import Target
from heartline.rules.watching import unwatch
from heartline.services import Run, Services
from heartline.storage.states import Loaded
from heartline.tick.shards import shard_of


def take_leave(
    services: Services, run: Run, loaded: Loaded, deleted: Mapping[str, Target]
) -> dict[str, tuple[Alert, ...]]:
    """Unwatch the targets that the last ticks knew and neither the document nor RDS does; return what waits of each.

    One whose item could not be read or written, or that is muted, is returned too: the next tick tries again.

    Parameters
    ----------
    services, run
        The services, and what this tick is about: of a divided fleet, each target belongs to one shard.
    loaded
        What was stored, and which targets the last ticks knew.
    deleted
        The targets that this tick found to be deleted in RDS.
    """
    if None in services.listed.values():
        # What seems to be gone may only not be known.
        return {}
    watched = {target.name for target in services.settings.targets} - deleted.keys()
    gone = [name for name in sorted(loaded.watched - watched) if _mine(run, name)]
    return dict(_left(services, run, gone, {**services.gone, **deleted})) if gone else {}


def _mine(run: Run, name: str) -> bool:
    if run.shard is None:
        return True
    shards, _, number = run.shard.partition("#")
    return shard_of(name, int(shards)) == int(number)


def _left(
    services: Services, run: Run, gone: list[str], discovered: Mapping[str, Target]
) -> Iterator[tuple[str, tuple[Alert, ...]]]:
    try:
        targets = services.store.load(gone, run.shard).targets
    except (ClientError, BotoCoreError) as error:
        services.log.error(Event.STATES_NOT_READ, "targets that left not read: tried again", error=error)
        yield from dict.fromkeys(gone, ()).items()
        return
    for name, stored in targets.items():
        if isinstance(stored, Stored) and stored.version:
            alerts = _unwatched(services, stored, discovered.get(name))
            if alerts is None or alerts:
                yield name, alerts or ()


def _unwatched(services: Services, stored: Stored, discovered: Target | None) -> tuple[Alert, ...] | None:
    """Unwatch one target; return what waits of it, None if a mute holds it back or it could not be saved."""
    decision = unwatch(stored.state, services.clock(), Addressees.of(discovered) if discovered else None)
    if decision.state == stored.state:
        return stored.outbox or (None if stored.state.first_seen else ())
    channels = (EMAIL, TOPIC) if services.settings.topic else (EMAIL,)
    alerts = tuple(replace(alert, waiting=channels) for alert in decision.alerts)
    try:
        saved = services.store.save(stored, decision.state, alerts, decision.ended)
    except (ClientError, BotoCoreError) as error:
        name = stored.state.target
        services.log.error(Event.TARGET_FAULT, "a target that left is not saved: tried again", target=name, error=error)
        return None
    return (*stored.outbox, *alerts) if saved else None
