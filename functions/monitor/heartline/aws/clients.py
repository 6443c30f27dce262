"""Build AWS clients, each when it is first used: each costs a cold start 20 to 40 ms of a processor."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from botocore.client import BaseClient
from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session, get_session

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_rds import RDSClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

_ClientT = TypeVar("_ClientT")
# A tick's threads may be the first to use a client, and botocore cannot build two at once.
_building = RLock()


class Lazy(Generic[_ClientT]):
    """Build a client at the first call, and return the same one at each.

    Parameters
    ----------
    build
        Builds it; called once.
    """

    def __init__(self, build: Callable[[], _ClientT]) -> None:
        self._build = build
        self._client: _ClientT | None = None

    def __call__(self) -> _ClientT:
        """Return the client."""
        with _building:
            if self._client is None:
                self._client = self._build()
            return self._client


def dynamodb() -> DynamoDBClient:
    """Return a client for states and alerts: what a tick cannot do without is tried three times."""
    return cast("DynamoDBClient", _client("dynamodb", attempts=3, read=3))


def dynamodb_for_history() -> DynamoDBClient:
    """Return a client for what mails add from the past: it must not hold them up."""
    return cast("DynamoDBClient", _client("dynamodb", attempts=2, read=1))


def secrets_manager() -> SecretsManagerClient:
    """Return a client for the secrets."""
    return cast("SecretsManagerClient", _client("secretsmanager", attempts=2, read=3))


def lambda_() -> LambdaClient:
    """Return a client for the probe function, which answers within a tick."""
    return cast("LambdaClient", _client("lambda", attempts=2, read=58))


def sqs() -> SQSClient:
    """Return a client for the queue of shards."""
    return cast("SQSClient", _client("sqs", attempts=3, read=3))


def ses() -> SESV2Client:
    """Return a client for mails; it tries once, since SES would take a repeated call for a second mail."""
    return cast("SESV2Client", _client("sesv2", attempts=1, read=5))


def sns() -> SNSClient:
    """Return a client for the topic; it tries once, as that for mails does."""
    return cast("SNSClient", _client("sns", attempts=1, read=5))


def rds(region: str | None) -> RDSClient:
    """Return a client that signs IAM tokens for a region (None: the function's own); it makes no call."""
    with _building:
        return _rds(region)


@lru_cache
def _rds(region: str | None) -> RDSClient:
    return cast("RDSClient", _session().create_client("rds", region_name=region))


def rds_lists(region: str) -> RDSClient:
    """Return a client that lists a region's databases, which is tried again: there is time."""
    with _building:
        return cast("RDSClient", _client("rds", attempts=2, read=4, region=region))


def rds_facts(region: str) -> RDSClient:
    """Return a client for what mails add of RDS: it must not hold them up."""
    with _building:
        return cast("RDSClient", _client("rds", attempts=1, read=1, connect=1, region=region))


def _client(service: str, *, attempts: int, read: float, connect: float = 2, region: str | None = None) -> BaseClient:
    """Build a client whose every wait has a limit."""
    config = Config(
        connect_timeout=connect,
        read_timeout=read,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=32,
    )
    return _session().create_client(service, region_name=region, config=config)


@lru_cache
def _session() -> Session:
    # boto3 would build the same clients from it; to import boto3 as well takes a tenth of a cold start.
    session = get_session()
    session.register_component("data_loader", _Models())
    return session


class _Models(Loader):
    """Load models by name: botocore would first look through the folders of all 400 services, at each cold start."""

    def list_available_services(self, *_: str) -> list[str]:
        """Return the services that have a client here."""
        return ["dynamodb", "lambda", "rds", "secretsmanager", "sesv2", "sns", "sqs"]
