"""Databases in the emulated RDS: with tags, a status and events; all their names lead to this machine."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from moto import backends
from moto.core import DEFAULT_ACCOUNT_ID

from local.aws import HOST, REGION, EmulatedAws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

SUFFIX = ".rds.amazonaws.com"
# As AWS documents it: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-cloud-watch-events.html
EVENT = {
    "version": "0",
    "id": "844e2571-85d4-695f-b930-0153b71dcb42",
    "detail-type": "RDS DB Instance Event",
    "source": "aws.rds",
    "account": "123456789012",
    "time": "2026-11-23T03:11:00Z",
    "region": REGION,
}


@contextmanager
def names_lead_here() -> Iterator[None]:
    """Let each name of RDS lead to this machine."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        return real(HOST if str(host).endswith(SUFFIX) else host, *arguments, **named)

    with patch.object(socket, "getaddrinfo", getaddrinfo):
        yield


class EmulatedRds:
    """Make databases as their owners do, and let things happen to them.

    Parameters
    ----------
    aws
        The emulated AWS.
    """

    def __init__(self, aws: EmulatedAws) -> None:
        self._client = aws.client("rds")
        # moto loads all of it now, which on a busy machine may take so long that a call is repeated: this one may be.
        self._client.describe_db_instances()

    def instance(self, identifier: str, port: int, tag: str | None = "", engine: str = "postgres") -> str:
        """Create an instance, with the tag unless that is None; return its ARN."""
        asked = {"DBInstanceClass": "db.t4g.micro", "AllocatedStorage": 20, "MasterUsername": "postgres"}
        made = self._client.create_db_instance(
            DBInstanceIdentifier=identifier,
            Engine=engine,
            Port=port,
            MasterUserPassword="a password",
            Tags=_tags(tag),
            **asked,
        )
        return str(made["DBInstance"]["DBInstanceArn"])

    def cluster(self, identifier: str, port: int, tag: str | None = "", members: Sequence[str] = ()) -> str:
        """Create an Aurora cluster with instances that have no tag; return its ARN."""
        made = self._client.create_db_cluster(
            DBClusterIdentifier=identifier,
            Engine="aurora-postgresql",
            Port=port,
            MasterUsername="postgres",
            MasterUserPassword="a password",
            Tags=_tags(tag),
        )
        for member in members:
            self._client.create_db_instance(
                DBInstanceIdentifier=member,
                DBInstanceClass="db.r6g.large",
                Engine="aurora-postgresql",
                DBClusterIdentifier=identifier,
            )
        return str(made["DBCluster"]["DBClusterArn"])

    def proxy(self, aws: EmulatedAws, name: str, tag: str | None = "", family: str = "POSTGRESQL") -> None:
        """Create a proxy."""
        subnets = aws.client("ec2").describe_subnets()["Subnets"]
        self._client.create_db_proxy(
            DBProxyName=name,
            EngineFamily=family,
            Auth=[],
            RoleArn="arn:aws:iam::123456789012:role/proxy",
            VpcSubnetIds=[subnets[0]["SubnetId"]],
            Tags=_tags(tag),
        )

    def tag(self, arn: str, value: str | None) -> None:
        """Set the tag of a database, or remove it."""
        if value is None:
            self._client.remove_tags_from_resource(ResourceName=arn, TagKeys=["heartline"])
        else:
            self._client.add_tags_to_resource(ResourceName=arn, Tags=_tags(value))

    def delete(self, identifier: str) -> None:
        """Delete an instance: it is gone at once."""
        self._client.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)

    def status(self, identifier: str, status: str) -> None:
        """Let an instance have a status."""
        _held().databases[identifier].status = status

    def reports(self, identifier: str, message: str, category: str, at: datetime, kind: str = "db-instance") -> None:
        """Let DescribeEvents know of an event."""
        arn = f"arn:aws:rds:{REGION}:{DEFAULT_ACCOUNT_ID}:db:{identifier}"
        _held().events.append(
            SimpleNamespace(
                source_identifier=identifier,
                source_type=kind,
                message=message,
                event_categories=[category],
                source_arn=arn,
                date=at,
            )
        )


def event(identifier: str, kind: str = "Instance", **differing: object) -> dict[str, Any]:
    """Return an event of RDS's as EventBridge delivers it."""
    detail: Mapping[str, object] = {
        "EventCategories": ["availability"],
        "SourceType": f"DB_{kind.upper()}",
        "SourceArn": f"arn:aws:rds:{REGION}:123456789012:db:{identifier}",
        "Date": "2026-11-23T03:11:00.000Z",
        "Message": "DB instance shutdown",
        "SourceIdentifier": identifier,
        "EventID": "RDS-EVENT-0004",
    }
    return {**EVENT, "detail-type": f"RDS DB {kind} Event", "detail": detail, **differing}


def _tags(value: str | None) -> list[dict[str, str]]:
    return [] if value is None else [{"Key": "heartline", "Value": value}, {"Key": "stage", "Value": "test"}]


def _held() -> Any:  # noqa: ANN401, moto loads its backends at run time
    return backends.get_backend("rds")[DEFAULT_ACCOUNT_ID][REGION]
