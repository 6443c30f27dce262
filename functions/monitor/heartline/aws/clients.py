"""Build AWS clients, each when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session

_making = Lock()


def signer(region: str | None) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """Return the client that signs IAM tokens for a region (None: the monitor's own)."""
    # Probes ask for it in threads of their own, and botocore cannot make two clients at once.
    with _making:
        return _rds(region)


@lru_cache
def _rds(region: str | None) -> Any:  # noqa: ANN401
    return _session().create_client("rds", region_name=region)


class Late:
    """Stand for a client, and build it when it is first used: each costs a cold start 20 to 40 ms of a processor."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        # A tick's threads may be the first to use it, and botocore cannot make two clients at once.
        with _making:
            self._made = self._made or self._make()
        return getattr(self._made, name)


def late(service: str, *, attempts: int, read: int) -> Any:  # noqa: ANN401
    """Return a stand-in for a client that is built when it is first used."""
    return Late(partial(client, service, attempts=attempts, read=read))


def client(service: str, *, attempts: int, read: int) -> Any:  # noqa: ANN401
    """Build a client whose every wait has a limit."""
    retries = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(connect_timeout=2, read_timeout=read, retries=retries, max_pool_connections=32)
    return _session().create_client(service, config=config)


@lru_cache
def _session() -> Session:
    # boto3 would make the same clients of it; to import boto3 as well takes a tenth of a cold start.
    return get_session()
