"""What the README names exists, and what it tells one to type is right."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from heartline.commands.dispatch import COMMANDS
from heartline.config.targets import parse_targets
from local.cost import readme_table
from local.stack import sam_invoke

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_every_command_is_told_with_fields_that_it_takes() -> None:
    notified = [json.loads(text) for text in re.findall(r'`(\{"command": .*?\})`', README)]
    assert {event["command"] for event in notified} == COMMANDS.keys()
    for event in notified:
        assert event.keys() - {"command"} <= COMMANDS[event["command"]][1]


def test_every_make_target_is_there() -> None:
    notified = set(re.findall(r"(?:^    |`)make ([a-z-]+)", README, flags=re.MULTILINE))
    assert {"demo", "probe", "stack", "test", "check", "bench"} <= notified
    assert notified <= set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))


def test_every_parameter_is_the_template_s(stack: Callable[..., Any]) -> None:
    notified = set(re.findall(r"`((?:Database|Vpc|Secret|Alert|Target)[A-Z][A-Za-z]+)`", README))
    assert (
        {"DatabaseHost", "DatabaseSecretArn", "VpcSubnetIds", "SecretPrefix"}
        <= notified
        <= stack().template["Parameters"].keys()
    )


def test_the_document_is_a_right_one_with_the_defaults_of_the_code() -> None:
    (document,) = re.findall(r"```toml\n(.*?)```", README, flags=re.DOTALL)
    spelled_out = parse_targets(document)
    defaults = tomllib.loads(document)["defaults"].keys() - {"recipients"}
    bare = "\n".join(line for line in document.splitlines() if line.split(" ")[0] not in defaults)
    assert spelled_out == parse_targets(bare)


def test_sam_local_is_told_as_the_stack_tells_it() -> None:
    assert sam_invoke("x86_64") in README


def test_the_mail_that_is_shown_is_one_that_is_sent() -> None:
    golden = (ROOT / "tests" / "unit" / "golden" / "en" / "down.txt").read_text()
    shown = golden.split("Stop the reminders")[0].rstrip()
    assert "\n".join(f"    {line}".rstrip() for line in shown.splitlines()) in README


def test_the_table_of_costs_is_the_one_that_is_computed() -> None:
    assert readme_table() in README
