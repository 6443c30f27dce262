"""One `sam build` a session, and execution environments that run a copy of what it made."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from runtime.emulator import Function, Sandbox
from runtime.toolchain import Toolchain, build, find_compiler, find_toolchain

Start = Callable[..., Function]


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    return find_toolchain()


@pytest.fixture(scope="session")
def lambda_python() -> Path:
    """Return a Python of Lambda's version."""
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("there is no Python 3.13 here")
    return compiler


@pytest.fixture(scope="session")
def built(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `sam build` made, with Lambda's Python where it is here."""
    return build(toolchain, tmp_path_factory.mktemp("sam"), find_compiler())


@pytest.fixture(scope="session")
def sandbox(toolchain: Toolchain, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Copy the build to where nothing of the repository can be reached by a relative path."""
    sandbox = Sandbox(toolchain, tmp_path_factory.mktemp("lambda"))
    shutil.copytree(built / "MonitorFunction", sandbox.task)
    shutil.copytree(built / "DependenciesLayer", sandbox.layer.parent)
    sandbox.client.mkdir()
    for part in toolchain.client:
        (sandbox.client / part.name).symlink_to(part)
    return sandbox


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Start execution environments, each with environment variables of its own, of the monitor or in a sandbox."""
    if platform.system() != "Linux":
        pytest.skip("aws-sam-cli brings AWS's runtime interface emulator for Linux only")
    sandbox, numbers = request.getfixturevalue("sandbox"), count()
    with ExitStack() as running:

        def started(environment: Mapping[str, str], where: Sandbox = sandbox) -> Function:
            log = tmp_path / f"function-{next(numbers)}.log"
            return running.enter_context(Function(where, environment, log))

        yield started


@pytest.fixture
def function(start: Start, environment: dict[str, str]) -> Function:
    """Return the function in an environment that watches `database` under the name "demo"."""
    return start(environment)
