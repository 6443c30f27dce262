"""Watch what RDS lists with the tag: know what it listed last, and ask it anew now and then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from heartline.aws.log import Event
from heartline.aws.rds import CALL_SECONDS
from heartline.common.deadline import Deadline
from heartline.common.parallel import at_once
from heartline.config.discover import Discover
from heartline.model.rds import Found
from heartline.services import Services
from heartline.storage.discoveries import Listed

# Five minutes, and a little less: a tick is not later than the one that found it due.
_AGE = timedelta(minutes=4, seconds=50)
# A target that is listed no more has surely left by then.
_GONE = timedelta(days=1)
_MOST_LOGGED = 20


def with_found(services: Services) -> Services:
    """Return the services with the targets that RDS listed last, if it is to be asked.

    Raises
    ------
    ClientError, BotoCoreError
        If what was found could not be read: without it, all of them would seem to be gone.
    """
    discover = services.settings.discover
    if discover is None:
        return services
    stored = services.discoveries().load()
    return _merged(services, discover, tuple((name, stored[name]) for name in discover.regions if name in stored))


@lru_cache(maxsize=1)
def _merged(services: Services, discover: Discover, stored: tuple[tuple[str, Listed | None], ...]) -> Services:
    """Return the services with the targets that are listed: of a large fleet, made once until RDS is asked again."""
    settings, listed = services.settings, dict(stored)
    found = [one for region in listed.values() if region for one in region.found]
    targets, _ = discover.targets(settings.targets, (one for one in found if not one.gone))
    gone, _ = discover.targets((*settings.targets, *targets), (one for one in found if one.gone))
    settings = replace(settings, targets=(*settings.targets, *targets))
    return replace(services, settings=settings, listed=listed, gone={target.name: target for target in gone})


def refresh(services: Services, deadline: Deadline) -> None:
    """Ask RDS what it lists where that was not asked for five minutes; where it fails, what was known stays so.

    It comes after a tick: nobody waits for RDS.
    """
    discover, listed, now = services.settings.discover, services.listed, services.clock()
    if discover is None:
        return
    due = [region for region in discover.regions if not (last := listed.get(region)) or now - last.at >= _AGE]
    begin_by = Deadline(deadline.at - CALL_SECONDS)
    failed = at_once(lambda region: _refresh(services, region, begin_by), due)
    if faults := sum(failed):
        services.metrics.count({"Faults": faults})


def _refresh(services: Services, region: str, begin_by: Deadline) -> int:
    """Ask RDS what a region lists and keep it; return the number of faults."""
    discover, lists, now = services.settings.discover, services.rds_lists, services.clock()
    if discover is None or lists is None:
        return 0
    try:
        found = discover.wanted(lists.find(region, discover.tag, begin_by))
        before = services.listed.get(region)
        gone = _gone(before.found if before else (), found, services)
        services.discoveries().save(region, Listed(now, (*found, *gone)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the tick is over and was good
        services.log.error(
            Event.DISCOVERY_FAILED, "RDS or the table did not answer: what was found before is watched", error=error
        )
        return 1
    _, wrong = discover.targets([one for one in services.settings.targets if not one.discovered], found)
    if wrong:
        services.log.error(Event.TAG_WRONG, "databases are not watched as their tags say", detail=wrong[:_MOST_LOGGED])
    services.log.info(Event.DISCOVERED, "listed by RDS", detail={"region": region, "found": len(found)})
    return bool(wrong)


def _gone(before: tuple[Found, ...], found: list[Found], services: Services) -> list[Found]:
    """Return what was listed before and is no more."""
    now, names = services.clock(), {(one.kind, one.identifier) for one in found}
    missing = (replace(one, gone=one.gone or now) for one in before if (one.kind, one.identifier) not in names)
    return [one for one in missing if one.gone and now - one.gone < _GONE]
