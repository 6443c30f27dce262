"""Parts that tests share: one PostgreSQL and one emulated AWS a session, as new for each test."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadFileScheduling

from local.aws import EmulatedAws
from local.postgres import Postgres
from local.stack import furnish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer


# Their tests share what takes long to make: a build, a browser.
_TOGETHER = frozenset({"runtime", "browser"})


class _ByFile(LoadFileScheduling):
    """Let one worker run all tests of a file, or of a folder where those share a costly part."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = PurePath(file).parent.name
        return folder if folder in _TOGETHER else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return _ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def _no_account() -> Iterator[None]:
    """Keep the machine's own AWS configuration and proxies out of every test."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def _server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def database(_server: Postgres) -> Iterator[Postgres]:
    """Yield a PostgreSQL that runs and may be killed, frozen or filled up."""
    _server.start()
    yield _server
    _server.start()


@pytest.fixture(scope="session")
def _cloud() -> Iterator[EmulatedAws]:
    with EmulatedAws() as cloud:
        yield cloud


@pytest.fixture
def aws(_cloud: EmulatedAws) -> EmulatedAws:
    """Return an emulated AWS in which nothing is stored, sent or refused."""
    _cloud.reset()
    return _cloud


@pytest.fixture
def environment(database: Postgres, aws: EmulatedAws) -> dict[str, str]:
    """Return the function's environment for one target, "demo", whose database is `database`."""
    return furnish(database, aws)
