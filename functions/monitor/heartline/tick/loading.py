"""Read what is stored of a run's targets, and let the heartbeat name the new ones before anything is stored of them."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.log import Event
from heartline.rules.gaps import MISSED
from heartline.services import EVENTS, Run, Services
from heartline.storage.states import Loaded

# Another run may have written the heartbeat meanwhile, and that again.
_ATTEMPTS = 3


def load_states(services: Services, run: Run) -> Loaded:
    """Return what is stored; `watched` has all targets but new ones that could not be named.

    A target that left the document is known from the heartbeat alone. What was told of one that no heartbeat ever
    named would have no end, if the document ceased to name it.

    Raises
    ------
    ClientError, BotoCoreError
        If it could not be read.
    """
    names, since = [target.name for target in run.targets], run.at - MISSED * services.settings.interval
    for _ in range(_ATTEMPTS):
        loaded = services.store.load(names, run.shard, since)
        new = [name for name in names if name not in loaded.watched]
        # A tick out of turn writes no heartbeat: what is new waits for the schedule's.
        if loaded.unsure or not new or run.shard == EVENTS:
            break
        try:
            named = services.store.announce(new, loaded, run.at, run.shard)
        except (ClientError, BotoCoreError) as error:
            message = "new targets not named in the heartbeat: tried again"
            services.log.error(Event.HEARTBEAT_NOT_WRITTEN, message, error=error, detail=new)
            break
        if named:
            return named
    return loaded
