"""Ask RDS which databases there are, and what it knows of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from heartline.aws.errors import code_of
from heartline.common.deadline import Deadline
from heartline.model.rds import Found, RdsEvent, RdsFacts, RdsHost, RdsKind
from heartline.model.target import DEFAULT_PORT

_T = TypeVar("_T")
_Described = Mapping[str, Any]


class _Call(NamedTuple):
    """How to ask for one instance, cluster or proxy, and where the answer is."""

    name: str
    key: str
    listed: str
    arn: str
    status: str
    source: str


_CLUSTER = _Call("describe_db_clusters", "DBClusterIdentifier", "DBClusters", "DBClusterArn", "Status", "db-cluster")
_PROXY = _Call("describe_db_proxies", "DBProxyName", "DBProxies", "DBProxyArn", "Status", "db-proxy")
_INSTANCE = _Call(
    "describe_db_instances", "DBInstanceIdentifier", "DBInstances", "DBInstanceArn", "DBInstanceStatus", "db-instance"
)
_CALLS = {
    RdsKind.INSTANCE: _INSTANCE,
    RdsKind.CLUSTER: _CLUSTER,
    RdsKind.READER: _CLUSTER,
    RdsKind.PROXY: _PROXY,
}
_ENGINES = frozenset({"postgres", "aurora-postgresql"})
_DELETING = "deleting"
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html#API_DescribeDBInstances_Errors
_NOT_FOUND = frozenset({"DBInstanceNotFound", "DBClusterNotFoundFault", "DBProxyNotFoundFault"})
# One call takes at most this long (see aws/clients): less is no time to begin one.
CALL_SECONDS = 14
_HOUR = timedelta(hours=1)
_MOST_EVENTS = 100


class Rds:
    """Ask RDS, with calls that change nothing and cost nothing.

    Parameters
    ----------
    client
        Returns the RDS client for a region.
    """

    # The client's calls are chosen by their names: its static type is of no use.
    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    def find(self, region: str, tag: str, begin_by: Deadline) -> list[Found]:
        """Return the endpoints of all PostgreSQL instances, clusters and proxies of a region that carry a tag.

        Raises
        ------
        ClientError, BotoCoreError, TimeoutError
            If RDS refuses a call or does not answer, or one would begin too late: then nothing is known.
        """
        client = self._client(region)
        found: list[Found] = []
        for kind, one, host in _endpoints(client, begin_by):
            tags = one.get("TagList", ())
            if kind is RdsKind.PROXY:
                tags = client.list_tags_for_resource(ResourceName=one["DBProxyArn"])["TagList"]
            value = next((known.get("Value", "") for known in tags if known["Key"] == tag), None)
            if host and value is not None:
                secret = one.get("MasterUserSecret", {}).get("SecretArn")
                members = tuple(member["DBInstanceIdentifier"] for member in one.get("DBClusterMembers", ()))
                identifier = one[_CALLS[kind].key]
                found.append(Found(kind, identifier, region, host, _port(one), value, secret, members))
        return found

    def deleted(self, host: RdsHost) -> bool:
        """Return True if RDS says that it is being deleted or does not exist; False also where RDS says nothing."""
        try:
            return self._describe(host).get(_CALLS[host.kind].status) == _DELETING
        except ClientError as error:
            return code_of(error) in _NOT_FOUND
        except BotoCoreError:
            return False

    def facts(self, host: RdsHost, address: str, now: datetime) -> RdsFacts:
        """Return what RDS says of the database at an address, as far as it answers.

        Nothing of one that only has the same name: the address may be another account's.
        """
        refused: list[str] = []

        def ask(call: Callable[[], _T], otherwise: _T) -> _T:
            try:
                return call()
            except (ClientError, BotoCoreError) as error:
                refused.append(code_of(error))
                return otherwise

        described: _Described = ask(lambda: self._describe(host), {})
        if address.lower() not in _addresses(described):
            return RdsFacts(refused=tuple(refused))
        events: tuple[RdsEvent, ...] = ask(lambda: self._events(host, now), ())
        maintenance: tuple[str, ...] = ask(lambda: self._maintenance(host, described), ())
        members = described.get("DBClusterMembers", ())
        writer = next((one["DBInstanceIdentifier"] for one in members if one["IsClusterWriter"]), None)
        return RdsFacts(described[_CALLS[host.kind].status], writer, maintenance, events, tuple(refused))

    def _describe(self, host: RdsHost) -> _Described:
        call = _CALLS[host.kind]
        listed = getattr(self._client(host.region), call.name)(**{call.key: host.identifier})[call.listed]
        return listed[0] if listed else {}

    def _events(self, host: RdsHost, now: datetime) -> tuple[RdsEvent, ...]:
        answer = self._client(host.region).describe_events(
            SourceType=_CALLS[host.kind].source,
            SourceIdentifier=host.identifier,
            StartTime=now - _HOUR,
            EndTime=now,
            MaxRecords=_MOST_EVENTS,
        )
        events = (RdsEvent(one["Date"], one["Message"], tuple(one["EventCategories"])) for one in answer["Events"])
        return tuple(sorted(events, key=lambda event: event.at))

    def _maintenance(self, host: RdsHost, described: _Described) -> tuple[str, ...]:
        if host.kind is RdsKind.PROXY:
            return ()
        arn = described[_CALLS[host.kind].arn]
        answer = self._client(host.region).describe_pending_maintenance_actions(ResourceIdentifier=arn)
        actions = (
            one for listed in answer["PendingMaintenanceActions"] for one in listed["PendingMaintenanceActionDetails"]
        )
        return tuple(" ".join(filter(None, (one.get("Action"), one.get("Description")))) for one in actions)


def _endpoints(client: Any, begin_by: Deadline) -> Iterator[tuple[RdsKind, _Described, str]]:  # noqa: ANN401 - see Rds
    """Yield kind, description and address of all endpoints of PostgreSQL; the address is empty while there is none."""
    for one in _pages(client, _INSTANCE, begin_by):
        if one["Engine"] in _ENGINES:
            yield RdsKind.INSTANCE, one, one.get("Endpoint", {}).get("Address", "")
    for one in _pages(client, _CLUSTER, begin_by):
        if one["Engine"] in _ENGINES:
            yield RdsKind.CLUSTER, one, one.get("Endpoint", "")
            yield RdsKind.READER, one, one.get("ReaderEndpoint", "")
    for one in _pages(client, _PROXY, begin_by):
        if one["EngineFamily"] == "POSTGRESQL":
            yield RdsKind.PROXY, one, one.get("Endpoint", "")


def _pages(client: Any, call: _Call, begin_by: Deadline) -> Iterator[_Described]:  # noqa: ANN401 - see Rds
    begin_by.remaining()
    for page in client.get_paginator(call.name).paginate():
        for one in page[call.listed]:
            begin_by.remaining()
            if one.get(call.status) != _DELETING:
                yield one


def _port(one: _Described) -> int:
    endpoint = one.get("Endpoint")
    port = endpoint.get("Port") if isinstance(endpoint, Mapping) else one.get("Port")
    return int(port or DEFAULT_PORT)


def _addresses(described: _Described) -> set[str]:
    """Return the host names of an instance, a cluster or a proxy."""
    endpoint = described.get("Endpoint", "")
    address = endpoint.get("Address", "") if isinstance(endpoint, Mapping) else endpoint
    return {address.lower(), described.get("ReaderEndpoint", "").lower()} - {""}
