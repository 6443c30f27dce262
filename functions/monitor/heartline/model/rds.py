"""What the name of an RDS host says, what RDS lists, and what it knows of one database."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

from heartline.common.frozen import frozen


class RdsKind(StrEnum):
    """What a host of RDS leads to; a cluster is its writer."""

    INSTANCE = "instance"
    CLUSTER = "cluster"
    READER = "reader"
    CUSTOM = "custom"
    SHARDS = "shards"
    PROXY = "proxy"
    PROXY_ENDPOINT = "proxy-endpoint"


@frozen
class RdsHost:
    """Name what a host of RDS leads to; `identifier` is that of the endpoint itself where it has one of its own."""

    kind: RdsKind
    identifier: str
    region: str
    partition: str = "aws"


# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
_HOST = re.compile(
    r"(?P<identifier>[a-z][a-z0-9-]{0,62})\.(?:(?P<kind>cluster-custom|cluster-ro|cluster|shardgrp|endpoint\.proxy|proxy)-)?[a-z0-9]+\."
    r"(?:(?P<region>[a-z]+(?:-[a-z]+)+-\d)\.rds|rds\.(?P<china>cn-[a-z]+-\d))\.amazonaws\.(?:com|com\.cn|eu)\.?"
)
_KINDS = {
    None: RdsKind.INSTANCE,
    "cluster": RdsKind.CLUSTER,
    "cluster-ro": RdsKind.READER,
    "cluster-custom": RdsKind.CUSTOM,
    "shardgrp": RdsKind.SHARDS,
    "proxy": RdsKind.PROXY,
    "endpoint.proxy": RdsKind.PROXY_ENDPOINT,
}
_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov", "eusc": "aws-eusc"}


def parse(host: str) -> RdsHost | None:
    """Return what a host's name says of RDS; None if it is no endpoint of an instance, a cluster or a proxy."""
    found = _HOST.fullmatch(host.lower())
    if found is None:
        return None
    region = found["region"] or found["china"]
    return RdsHost(_KINDS[found["kind"]], found["identifier"], region, partition_of(region))


def partition_of(region: str) -> str:
    """Return the partition of AWS that a region is in."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(f"{prefix}-")), "aws")


@frozen
class Found:
    """Describe an endpoint that RDS lists with the tag.

    Attributes
    ----------
    tag
        The tag's value.
    secret
        The ARN of the secret that RDS manages, if it does.
    members
        The identifiers of a cluster's instances.
    gone
        When RDS was first seen to list it no more.
    """

    kind: RdsKind
    identifier: str
    region: str
    host: str
    port: int
    tag: str = ""
    secret: str | None = None
    members: tuple[str, ...] = ()
    gone: datetime | None = None


@frozen
class RdsEvent:
    """Quote an event of RDS's."""

    at: datetime
    message: str
    categories: tuple[str, ...] = ()


@frozen
class RdsFacts:
    """Hold what RDS says of a database, as far as it answered.

    Attributes
    ----------
    status
        Its word for how the instance, cluster or proxy is.
    writer
        The instance that is a cluster's writer.
    maintenance
        What is pending.
    events
        Of the last hour, oldest first.
    refused
        The codes of what RDS did not answer.
    """

    status: str | None = None
    writer: str | None = None
    maintenance: tuple[str, ...] = ()
    events: tuple[RdsEvent, ...] = ()
    refused: tuple[str, ...] = ()
