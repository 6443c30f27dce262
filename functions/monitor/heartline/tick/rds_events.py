"""Probe at once what an event of RDS's is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heartline.aws.log import Event
from heartline.common.deadline import Deadline
from heartline.common.text import sanitize
from heartline.model.rds import RdsKind, parse
from heartline.model.target import Target
from heartline.services import EVENTS, Run, Services
from heartline.tick.run import run_tick

# https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-rds.html
_ABOUT = {
    "RDS DB Instance Event": frozenset({RdsKind.INSTANCE}),
    "RDS DB Cluster Event": frozenset({RdsKind.CLUSTER, RdsKind.READER}),
    "RDS DB Proxy Event": frozenset({RdsKind.PROXY}),
}


def run_rds_event(services: Services, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Run a tick of the targets that an event is about, if there are any and events started few ticks lately.

    Raises
    ------
    ClientError, BotoCoreError
        If the states could not be read, or whether there may be a tick.
    """
    detail = event.get("detail")
    said = {name: sanitize(str(value)) for name, value in detail.items()} if isinstance(detail, Mapping) else {}
    targets = _concerned(services, event, said.get("SourceIdentifier", ""))
    now = services.clock()
    probed = bool(targets) and services.discoveries().claim(now)
    names = [target.name for target in targets]
    shown = {"id": said.get("EventID"), "message": said.get("Message"), "targets": names, "probed": probed}
    services.log.info(Event.RDS_EVENT, "an event of RDS's", detail=shown)
    if not probed:
        return {"targets": len(targets), "tick": None}
    return run_tick(services, Run(targets, now, deadline, EVENTS)).answer()


def _concerned(services: Services, event: Mapping[str, Any], identifier: str) -> tuple[Target, ...]:
    """Return the targets whose hosts are those of an instance, a cluster or a proxy, or of an instance's cluster."""
    kinds, region = _ABOUT.get(str(event.get("detail-type")), frozenset()), event.get("region")
    whole = {(kind, identifier, region) for kind in kinds}
    if RdsKind.INSTANCE in kinds:
        listed = (one for known in services.listed.values() if known for one in known.found)
        whole |= {(one.kind, one.identifier, one.region) for one in listed if identifier in one.members}
    hosts = ((target, parse(target.host or "")) for target in services.settings.targets)
    return tuple(target for target, host in hosts if host and (host.kind, host.identifier, host.region) in whole)
