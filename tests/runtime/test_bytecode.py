"""The build has bytecode for Lambda's Python where the builder has that Python, and says so where not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.emulator import Sandbox
from runtime.toolchain import ROOT

MAKEFILE = ROOT / "layers" / "dependencies" / "Makefile"
# Reads the flags and the code's own file name: https://docs.python.org/3/reference/import.html#pyc-invalidation
READ = """
import importlib.util, marshal, pathlib, sys
folder, place = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
for source in folder.rglob("*.py"):
    code = pathlib.Path(importlib.util.cache_from_source(source)).read_bytes()
    assert code[:4] == importlib.util.MAGIC_NUMBER, source
    assert int.from_bytes(code[4:8], "little") == 0b01, source
    assert marshal.loads(code[16:]).co_filename == str(place / source.relative_to(folder)), source
"""


@pytest.mark.parametrize(("part", "place"), [("MonitorFunction", "/var/task"), ("DependenciesLayer", "/opt")])
def test_all_is_compiled_for_its_place_in_lambda_and_unchecked(
    lambda_python: Path, built: Path, part: str, place: str
) -> None:
    done = subprocess.run(
        [lambda_python, "-c", READ, built / part, place], stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [path for path in (built / part).rglob("*.pyc") if not path.name.endswith(".cpython-313.pyc")]


def test_lambda_s_python_compiles_nothing_anew(lambda_python: Path, sandbox: Sandbox) -> None:
    command = [lambda_python, "-S", "-v", "-c", "import app"]
    done = subprocess.run(
        command, cwd=sandbox.task, env=sandbox.environment, capture_output=True, text=True, timeout=60, check=True
    )
    notified = [line for line in done.stderr.splitlines() if "code object from" in line and str(sandbox.folder) in line]
    assert notified
    assert [line for line in notified if not line.endswith(".pyc'")] == []


def build_function(folder: Path, path: str) -> tuple[str, Path]:
    """Call what `sam build` calls, with a PATH of one's own; give what it said and what it made."""
    made = folder / "made"
    made.mkdir()
    done = subprocess.run(
        ["make", "--makefile", MAKEFILE, "build-MonitorFunction"],
        cwd=ROOT / "functions" / "monitor",
        env={"PATH": path, "ARTIFACTS_DIR": str(made)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, made


@pytest.mark.skipif(sys.version_info[:2] == (3, 13), reason="this is Lambda's own Python")
def test_without_lambda_s_python_the_build_works_and_says_what_it_left_out(tmp_path: Path) -> None:
    for tool in ("make", "sh", "cp", "find", "rm"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    (tmp_path / "python3").symlink_to(sys.executable)
    said, made = build_function(tmp_path, str(tmp_path))
    assert said.count("no python3.13 on the PATH, so compiled bytecode is left out") == 1
    assert (made / "app.py").exists()
    assert not list(made.rglob("*.pyc"))


def test_lambda_s_python_may_be_the_only_one_and_go_by_another_name(lambda_python: Path, tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(lambda_python)
    (tmp_path / "python3.13").write_text("#!/bin/sh\nexit 127\n")  # as a shim of pyenv for what is not chosen
    (tmp_path / "python3.13").chmod(0o755)
    said, made = build_function(tmp_path, f"{tmp_path}:{os.defpath}")
    assert "left out" not in said
    assert (made / "__pycache__" / "app.cpython-313.pyc").exists()
