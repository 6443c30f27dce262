"""Ask RDS about the databases that mails are about; no mail waits longer than two seconds for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from typing import Protocol

from heartline.aws.log import Event, Log
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind
from heartline.model.rds import RdsFacts, RdsHost, RdsKind, parse

SECONDS = 2
# Beyond so many, a mail has a line for each database, and no room for this.
_MOST = 20
_THREADS = 8
# RDS knows these by the names of what is behind them.
_UNKNOWN = frozenset({RdsKind.CUSTOM, RdsKind.SHARDS, RdsKind.PROXY_ENDPOINT})
_NOT_ASKED = frozenset({AlertKind.WATCHED, AlertKind.UNWATCHED, AlertKind.EXPIRING, AlertKind.TEST})


class Asks(Protocol):
    """Ask RDS."""

    def facts(self, host: RdsHost, address: str, now: datetime) -> RdsFacts:
        """Return what RDS says of the database at an address, as far as it answers."""
        ...


def rds_facts(rds: Asks, alerts: Iterable[Alert], now: datetime, log: Log) -> Mapping[str, RdsFacts]:
    """Return by target what RDS says of those that it has, as far as it answers in time."""
    addresses = {alert.target: alert.endpoint.host for alert in alerts if alert.kind not in _NOT_ASKED}
    hosts = {name: host for name, address in addresses.items() if (host := parse(address))}
    asked = [name for name, host in hosts.items() if host.kind not in _UNKNOWN][:_MOST]
    if not asked:
        return {}
    pool = ThreadPoolExecutor(_THREADS)
    futures = {pool.submit(rds.facts, hosts[name], addresses[name], now): name for name in asked}
    done, late = wait(futures, SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    faulty = {type(error).__name__ for one in done if (error := one.exception())}
    facts = {futures[one]: one.result() for one in done if not one.exception()}
    refused = sorted(faulty.union(*(one.refused for one in facts.values())))
    if late or refused:
        detail = {"late": [futures[one] for one in late], "refused": refused}
        log.warning(Event.RDS_NOT_ASKED, "RDS did not answer: mails leave without what it knows", detail=detail)
    return facts
