"""Layers, events and samconfig fit the template."""

from __future__ import annotations

import json
import re
import shlex
import ssl
import tomllib
from collections.abc import Callable
from importlib.metadata import requires
from pathlib import Path
from typing import Any

from heartline.commands.dispatch import COMMANDS

Template = dict[str, Any]
Accepts = Callable[[str, str], bool]

ROOT = Path(__file__).parents[2]


def pins() -> dict[str, str]:
    lines = (ROOT / "layers/dependencies/requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_every_package_that_is_needed_is_pinned() -> None:
    def needs(package: str) -> set[str]:
        wanted = [line for line in requires(package) or [] if "extra ==" not in line]
        names = {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in wanted}
        return names.union(*map(needs, names))

    direct = {"boto3", "pg8000", "aws-lambda-powertools"}
    assert pins().keys() == direct.union(*map(needs, direct))


def test_the_certificates_of_rds_are_readable_and_alone_in_their_layer() -> None:
    assert [path.name for path in (ROOT / "layers/rds-ca").iterdir()] == ["global-bundle.pem"]
    context = ssl.create_default_context(cafile=ROOT / "layers/rds-ca/global-bundle.pem")
    assert context.cert_store_stats()["x509_ca"] > 50


def test_the_function_leaves_its_packages_to_the_layer(template: Template) -> None:
    function = template["Resources"]["MonitorFunction"]["Properties"]
    assert not (ROOT / function["CodeUri"] / "requirements.txt").exists()
    assert (ROOT / function["CodeUri"] / "app.py").is_file()


def events() -> dict[str, Any]:
    files = (path for path in (ROOT / "events").glob("*.json") if not path.name.startswith("env"))
    return {path.stem: json.loads(path.read_text()) for path in files}


def source(event: dict[str, Any]) -> str:
    return event["source"] if "source" in event else event["Records"][0]["eventSource"]


def test_there_is_one_event_for_each_thing_that_the_function_does() -> None:
    commands = {name: event for name, event in events().items() if "command" in event}
    others = {name: source(event) for name, event in events().items() if name not in commands}
    ticks = {"scheduled": "aws.scheduler", "rule": "aws.events", "shards": "aws:sqs"}
    assert others == ticks | {"stream": "aws:dynamodb"}
    assert commands.keys() == COMMANDS.keys()
    for name, event in commands.items():
        _, fields = COMMANDS[name]
        assert event["command"] == name
        assert event.keys() - {"command"} <= fields


def test_samconfig_has_three_stacks_and_knows_the_template(accepts: Accepts, template: Template) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    environments = {name: section for name, section in config.items() if name != "version"}
    assert environments.keys() == {"default", "dev", "prod"}
    assert len({section["global"]["parameters"]["stack_name"] for section in environments.values()}) == 3
    assert len({section["deploy"]["parameters"]["s3_prefix"] for section in environments.values()}) == 3
    for section in environments.values():
        for command in section.values():
            overrides = command["parameters"].get("parameter_overrides", [])
            # `sam deploy --guided` writes one string here.
            for override in shlex.split(overrides) if isinstance(overrides, str) else overrides:
                name, value = override.split("=", 1)
                assert name in template["Parameters"]
                assert accepts(name, value)


def test_each_environment_of_samconfig_is_checked_built_and_invoked_alike() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    default, dev, prod = ({**config[name]} for name in ("default", "dev", "prod"))
    assert default.keys() == dev.keys() == prod.keys() >= {"validate", "build", "deploy", "local_invoke"}
    for command in default.keys() - {"global", "deploy"}:
        assert default[command] == dev[command] == prod[command]
