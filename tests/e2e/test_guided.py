"""`sam deploy --guided`: what it asks, and where it keeps the answers."""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from e2e.project import Project
from runtime.toolchain import ROOT

PARAMETER = re.compile(r"Parameter (\w+) \[(.*?)\]: ")


@pytest.fixture(scope="module")
def configured(project: Project, answers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Answer the dialogue: three answers, and Enter to all other questions; nothing is deployed."""
    folder = tmp_path_factory.mktemp("guided") / "project"
    shutil.copytree(project.folder, folder)
    shutil.copy(ROOT / "samconfig.toml", folder)
    given = ["heartline-guided", "", *answers.values()]
    said = replace(project, folder=folder).run(
        "sam", "deploy", "--guided", "--no-execute-changeset", answers="\n".join([*given, *[""] * 40])
    )
    return re.sub(r"\x1b\[\d*m", "", said), folder / "samconfig.toml"


def test_it_asks_first_for_the_three_and_offers_a_default_for_all_others(
    configured: tuple[str, Path], answers: dict[str, str]
) -> None:
    asked = PARAMETER.findall(configured[0])
    assert [name for name, _ in asked[:3]] == list(answers)
    assert len(asked) <= 24


def test_the_answers_land_in_their_table_and_nothing_else_moves(
    configured: tuple[str, Path], answers: dict[str, str]
) -> None:
    before, after = ((folder / "samconfig.toml").read_text() for folder in (ROOT, configured[1].parent))
    kept, written = tomllib.loads(before), tomllib.loads(after)
    deploy: dict[str, Any] = written["default"].pop("deploy")["parameters"]
    assert deploy["stack_name"] == "heartline-guided"
    assert (kept["default"].pop("deploy")["parameters"] | {"stack_name": "heartline-guided"}).items() <= deploy.items()
    assert all(f'{name}="{value}"' in deploy["parameter_overrides"] for name, value in answers.items())
    assert written["default"].pop("global")["parameters"] == {"region": "us-east-1"}
    assert written == kept
    comments = [line for line in before.splitlines() if line.startswith("#")]
    assert [line for line in after.splitlines() if line.startswith("#")] == comments
    tables = [line for line in after.splitlines() if line.startswith("[")]
    tables.remove("[default.global.parameters]")
    assert tables == [line for line in before.splitlines() if line.startswith("[")]
