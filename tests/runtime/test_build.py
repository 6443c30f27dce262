"""What `sam build` made is all that Lambda needs, and nothing else."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from runtime.emulator import Sandbox
from runtime.toolchain import ROOT

NATIVE = {".so", ".pyd", ".dylib", ".a"}

# A healthy tick; then every loaded module that has a file, without the standard library's, and the clients made. Then
# another tick, and the clients that it made.
TICK = """
import json, sys, sysconfig
import botocore.session
create, clients = botocore.session.Session.create_client, []
botocore.session.Session.create_client = lambda self, *given, **named: clients.append(given[0]) or create(
    self, *given, **named
)
import app
answer = app.lambda_handler({"source": "aws.scheduler"}, None)
library = sysconfig.get_path("stdlib")
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if name != "__main__"}
loaded = {name: file for name, file in files.items() if file and not file.startswith(library)}
first = list(clients)
app.lambda_handler({"source": "aws.scheduler"}, None)
print(json.dumps({"up": answer["up"], "clients": first, "again": clients[len(first):], "loaded": loaded}))
"""


def files(folder: Path) -> set[str]:
    """List what is there beside compiled bytecode."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in found if "__pycache__" not in path.parts}


def test_the_function_is_its_source_and_nothing_else(built: Path) -> None:
    function, source = built / "MonitorFunction", ROOT / "functions" / "monitor"
    assert {path.name for path in function.iterdir()} - {"__pycache__"} == {
        "app.py",
        "prober.py",
        "targets.toml",
        "heartline",
    }
    assert files(function) == files(source)
    assert all((function / path).read_bytes() == (source / path).read_bytes() for path in files(function))


def test_the_prober_is_the_same_build(built: Path) -> None:
    monitor, prober = built / "MonitorFunction", built / "ProbeFunction"
    every = {path.relative_to(monitor) for path in monitor.rglob("*") if path.is_file()}
    assert every == {path.relative_to(prober) for path in prober.rglob("*") if path.is_file()}
    assert [path for path in every if (monitor / path).read_bytes() != (prober / path).read_bytes()] == []


def test_the_texts_of_every_language_are_in_the_build(built: Path) -> None:
    texts = built / "MonitorFunction" / "heartline" / "i18n" / "texts"
    assert {file.name for file in texts.iterdir()} == {"en.toml", "ko.toml"}
    assert all(tomllib.loads(file.read_text(encoding="utf-8"))["subject"]["down"] for file in texts.iterdir())


def test_the_layer_runs_on_every_processor(built: Path) -> None:
    layer = built / "DependenciesLayer"
    assert [path.name for path in layer.iterdir()] == ["python"]
    assert {path for path in files(layer) if Path(path).suffix in NATIVE} == set()


def test_the_layer_is_the_pinned_packages_and_nothing_else(built: Path) -> None:
    requirements = (ROOT / "layers/dependencies/requirements.txt").read_text().splitlines()
    pins = {line.replace("==", "-") for line in requirements if "==" in line}
    names = [path.name for path in (built / "DependenciesLayer" / "python").iterdir()]
    installed = {name.removesuffix(".dist-info") for name in names if name.endswith(".dist-info")}
    assert {name.replace("_", "-") for name in installed} == pins
    assert {"awslambdaric", "bin", "tests"}.isdisjoint(names)


@pytest.fixture
def tick(sandbox: Sandbox, environment: dict[str, str]) -> dict[str, Any]:
    """Run a healthy tick where it will run, in a Python that nothing else was done in."""
    command, variables = [*sandbox.python, "-c", TICK], sandbox.environment | environment
    done = subprocess.run(
        command, cwd=sandbox.task, env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert seen["up"] == 1
    return seen


def test_each_module_comes_from_the_function_or_the_layer(tick: dict[str, Any], sandbox: Sandbox) -> None:
    origins = {name: Path(file) for name, file in tick["loaded"].items()}
    ours = [sandbox.task, sandbox.layer]
    assert {name: file for name, file in origins.items() if not any(map(file.is_relative_to, ours))} == {}
    assert origins["heartline.tick.run"].is_relative_to(sandbox.task)
    for package in ("botocore", "pg8000", "scramp", "aws_lambda_powertools", "urllib3"):
        assert origins[package].is_relative_to(sandbox.layer / package)


def test_a_healthy_tick_makes_no_client_that_it_does_not_need(tick: dict[str, Any]) -> None:
    assert sorted(tick["clients"]) == ["dynamodb", "secretsmanager"]


def test_the_next_tick_makes_no_client_at_all(tick: dict[str, Any]) -> None:
    assert tick["again"] == []


def test_a_healthy_tick_loads_nothing_that_it_does_not_need(tick: dict[str, Any]) -> None:
    needless = ("heartline.messages", "heartline.commands", "heartline.notify")
    assert [name for name in tick["loaded"] if name.startswith(needless)] == []


def test_a_healthy_tick_needs_botocore_alone_of_all_boto3(tick: dict[str, Any]) -> None:
    assert "boto3" not in tick["loaded"]
