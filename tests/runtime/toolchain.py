"""The SAM CLI that is found on the PATH, and what is installed beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MEND = "`make test` installs it into .venv-sam and puts that on the PATH"
# Read as the tests are collected: what a build needs to reach a package index is later kept from the tests.
PROXIES = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}

# awslambdaric and what it needs, wherever they are installed, and the emulators.
QUESTION = """
import json, re, samcli
from importlib.metadata import distribution, requires
from pathlib import Path
names = ["awslambdaric", *(re.match(r"[\\w.-]+", need)[0] for need in requires("awslambdaric"))]
tops = {file.parts[0]: distribution(name) for name in names for file in distribution(name).files}
client = [str(found.locate_file(top)) for top, found in tops.items() if not top.endswith((".dist-info", "__", ".."))]
print(json.dumps({"client": client, "emulators": str(Path(samcli.__file__).parent / "local" / "rapid")}))
"""


@dataclass(frozen=True)
class Toolchain:
    """SAM, and beside it a Python with AWS's runtime client and the emulators of the runtime interface."""

    sam: Path
    python: Path
    client: tuple[Path, ...]  # the modules and packages of awslambdaric
    emulators: Path


def find_toolchain() -> Toolchain:
    """Ask the PATH, and then the Python beside `sam`.

    Raises
    ------
    RuntimeError
        When a part is missing, with the fix.
    """
    sam = shutil.which("sam")
    if sam is None:
        raise RuntimeError(f"there is no sam on the PATH: {MEND}")
    python = Path(sam).resolve().parent / "python"
    if not python.exists():
        raise RuntimeError(f"{sam} has no Python beside it that could have awslambdaric too: {MEND}")
    asked = subprocess.run([python, "-c", QUESTION], capture_output=True, text=True, timeout=60, check=False)
    if asked.returncode:
        raise RuntimeError(f"{python} has no awslambdaric: {MEND}\n{asked.stderr}")
    answer = json.loads(asked.stdout)
    return Toolchain(Path(sam), python, tuple(map(Path, answer["client"])), Path(answer["emulators"]))


def find_compiler() -> Path | None:
    """Find a Python of Lambda's version: on the PATH, or among pyenv's."""
    places = [shutil.which("python3.13"), *Path.home().glob(".pyenv/versions/3.13.*/bin/python3.13")]
    for python in filter(None, places):
        # A shim of pyenv may be there and not run.
        asked = subprocess.run([python, "-c", "print(1)"], capture_output=True, timeout=60, check=False)
        if not asked.returncode:
            return Path(python)
    return None


def build(toolchain: Toolchain, folder: Path, compiler: Path | None = None) -> Path:
    """Run `sam build` over the tree as it is, with all that it writes in `folder`; give the build's folder.

    Parameters
    ----------
    toolchain
        What to run.
    folder
        Where to.
    compiler
        The `python3.13` to put on the PATH, if any.

    Raises
    ------
    RuntimeError
        When it fails, with what it said.
    """
    command = [toolchain.sam, "build", "--template-file", ROOT / "template.yaml"]
    places = ["--build-dir", folder / "build", "--cache-dir", folder / "cache"]
    environment = os.environ | PROXIES | {"SAM_CLI_TELEMETRY": "0"}
    if compiler:
        environment["PATH"] = f"{compiler.parent}{os.pathsep}{environment['PATH']}"
    # Where it is started it makes its .aws-sam.
    done = subprocess.run(
        [*command, *places], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise RuntimeError(f"sam build failed:\n{done.stdout}\n{done.stderr}")
    return folder / "build"
