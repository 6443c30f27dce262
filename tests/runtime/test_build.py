"""What `sam build` made is all that Lambda needs, and nothing else."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from runtime.emulator import Sandbox
from runtime.toolchain import ROOT

COMPILED = {".so", ".pyd", ".dylib", ".pyc", ".pyo", ".a"}

# Every loaded module that has a file, without the standard library's.
ORIGINS = """
import json, sys, sysconfig
import app
library = sysconfig.get_path("stdlib")
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if name != "__main__"}
print(json.dumps({name: file for name, file in files.items() if file and not file.startswith(library)}))
"""


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_function_is_its_source_and_nothing_else(built: Path) -> None:
    function, source = built / "MonitorFunction", ROOT / "functions" / "monitor"
    assert {path.name for path in function.iterdir()} == {"app.py", "targets.toml", "heartline"}
    assert files(function) == {path for path in files(source) if "__pycache__" not in path}
    assert all((function / path).read_bytes() == (source / path).read_bytes() for path in files(function))


def test_the_texts_of_every_language_are_in_the_build(built: Path) -> None:
    texts = built / "MonitorFunction" / "heartline" / "texts"
    assert {file.name for file in texts.iterdir()} == {"en.toml", "ko.toml"}
    assert all(tomllib.loads(file.read_text(encoding="utf-8"))["subject"]["down"] for file in texts.iterdir())


def test_the_layer_runs_on_every_processor(built: Path) -> None:
    layer = built / "DependenciesLayer"
    assert [path.name for path in layer.iterdir()] == ["python"]
    assert {path for path in files(layer) if Path(path).suffix in COMPILED} == set()


def test_the_layer_is_the_pinned_packages_and_nothing_else(built: Path) -> None:
    requirements = (ROOT / "layers/dependencies/requirements.txt").read_text().splitlines()
    pins = {line.replace("==", "-") for line in requirements if "==" in line}
    names = [path.name for path in (built / "DependenciesLayer" / "python").iterdir()]
    installed = {name.removesuffix(".dist-info") for name in names if name.endswith(".dist-info")}
    assert {name.replace("_", "-") for name in installed} == pins
    assert {"awslambdaric", "bin", "tests", "__pycache__"}.isdisjoint(names)


@pytest.fixture(scope="module")
def origins(sandbox: Sandbox) -> dict[str, Path]:
    """Import the handler where it will run, and tell where each module came from."""
    command = [*sandbox.python, "-c", ORIGINS]
    done = subprocess.run(
        command, cwd=sandbox.task, env=sandbox.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name: Path(file) for name, file in json.loads(done.stdout).items()}


@pytest.mark.parametrize("package", ["boto3", "botocore", "pg8000", "scramp", "aws_lambda_powertools", "urllib3"])
def test_a_package_comes_from_the_layer(origins: dict[str, Path], sandbox: Sandbox, package: str) -> None:
    assert origins[package].is_relative_to(sandbox.layer / package)


def test_nothing_is_imported_from_elsewhere(origins: dict[str, Path], sandbox: Sandbox) -> None:
    ours = [sandbox.task, sandbox.layer]
    assert {name: file for name, file in origins.items() if not any(map(file.is_relative_to, ours))} == {}
    assert origins["heartline.tick"].is_relative_to(sandbox.task)


@pytest.mark.parametrize("module", ["as_html", "as_text", "facts", "fleet", "language", "lately", "message", "voice"])
def test_what_writes_the_mails_is_loaded_before_the_first_event(origins: dict[str, Path], module: str) -> None:
    """At import Lambda gives the function a whole processor."""
    assert f"heartline.{module}" in origins
