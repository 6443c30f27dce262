"""Notify of the end of targets that the document does not name any more, and lose no alert of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.log import Event
from heartline.model.alert import Alert
from heartline.model.belief import Addressees
from heartline.model.state import Stored, Unreadable
from heartline.model.target import Target
from heartline.rules.decide import Decision
from heartline.rules.watching import unwatch
from heartline.services import Run, Services
from heartline.storage.states import Loaded
from heartline.tick.saving import save_decision
from heartline.tick.shards import shard_of


def take_leave(
    services: Services, run: Run, loaded: Loaded, deleted: Mapping[str, Target]
) -> dict[str, tuple[Alert, ...] | None]:
    """Unwatch the targets that the last ticks knew and neither the document nor RDS does; return what waits of each.

    That is None of one whose item could not be read or written: the next tick tries again, as with one that is muted.

    Parameters
    ----------
    services, run
        The services, and what this tick is about: of a divided fleet, each target belongs to one shard.
    loaded
        What was stored, and which targets the last ticks knew.
    deleted
        The targets that this tick found to be deleted in RDS.
    """
    watched = {target.name for target in services.settings.targets} - deleted.keys()
    gone = [name for name in sorted(loaded.watched - watched) if _mine(run, name)]
    if None in services.listed.values():
        # What seems to be gone may only not be known.
        return dict.fromkeys(gone, ())
    return dict(_left(services, run, gone, {**services.gone, **deleted})) if gone else {}


def _mine(run: Run, name: str) -> bool:
    if run.shard is None:
        return True
    shards, _, number = run.shard.partition("#")
    return shard_of(name, int(shards)) == int(number)


def _left(
    services: Services, run: Run, gone: list[str], discovered: Mapping[str, Target]
) -> Iterator[tuple[str, tuple[Alert, ...] | None]]:
    try:
        targets = services.store.load(gone, run.shard).targets
    except (ClientError, BotoCoreError) as error:
        services.log.error(Event.STATES_NOT_READ, "targets that left not read: tried again", error=error)
        yield from dict.fromkeys(gone).items()
        return
    for name, stored in targets.items():
        if isinstance(stored, Unreadable):
            services.log.error(
                Event.STATE_UNREADABLE,
                "a target that left cannot be read: tried again",
                target=name,
                detail=stored.reason,
            )
            yield name, None
        elif stored.version:
            known = discovered.get(name)
            decision = unwatch(stored.state, services.clock(), Addressees.of(known) if known else None)
            if decision.state != stored.state:
                yield name, _saved(services, stored, decision)
            elif stored.outbox or stored.state.first_seen:
                # A mute may hold back what there is to tell.
                yield name, stored.outbox


def _saved(services: Services, stored: Stored, decision: Decision) -> tuple[Alert, ...] | None:
    """Save that a target left; return what waits of it as far as it is known, None if it could not be saved."""
    try:
        saved, alerts = save_decision(services, stored, decision)
    except (ClientError, BotoCoreError) as error:
        name = stored.state.target
        services.log.error(Event.TARGET_FAULT, "a target that left is not saved: tried again", target=name, error=error)
        return None
    return (*stored.outbox, *alerts) if saved else ()
