"""Layers, events and samconfig fit the template."""

from __future__ import annotations

import json
import re
import ssl
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

from heartline.commands.dispatch import COMMANDS
from heartline.prober.wire import read_request
from local.aws import REGION
from local.stack import ENVIRONMENT_FILE, variables

Template = dict[str, Any]

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


def test_there_is_one_event_for_each_thing_that_the_functions_do() -> None:
    known = events()
    attempts, _ = read_request(known.pop("probes"))
    assert [attempt.target.name for attempt in attempts] == ["demo"]
    commands = {name: event for name, event in known.items() if "command" in event}
    others = {name: source(event) for name, event in known.items() if name not in commands}
    from_aws = {"rds": "aws.rds", "ses": "aws.ses"}
    assert others == {"scheduled": "aws.scheduler", "rule": "aws.events", "shards": "aws:sqs"} | from_aws
    assert commands.keys() == COMMANDS.keys()
    for name, event in commands.items():
        _, fields = COMMANDS[name]
        assert event["command"] == name
        assert event.keys() - {"command"} <= fields


def samconfig() -> dict[str, Any]:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    return {name: section for name, section in config.items() if name != "version"}


def test_samconfig_has_three_stacks_that_are_deployed_alike_and_without_a_question() -> None:
    deployed = {name: section["deploy"]["parameters"] for name, section in samconfig().items()}
    assert {name: one.pop("stack_name") for name, one in deployed.items()} == {
        "default": "heartline",
        "dev": "heartline-dev",
        "prod": "heartline-prod",
    }
    # Without parameter_overrides: sam replaces them by those on the command line, so that these would be lost.
    alike = {"capabilities": "CAPABILITY_IAM", "resolve_s3": True, "fail_on_empty_changeset": False}
    assert list(deployed.values()) == [alike | {"confirm_changeset": False}] * 3


def test_what_sam_appends_to_a_table_stands_behind_no_comment_on_the_next() -> None:
    """`sam deploy --guided` appends to a table, and for that a comment before the next one is this one's last line."""
    lines = [line for line in (ROOT / "samconfig.toml").read_text().splitlines() if line]
    before = [lines[place - 1] for place, line in enumerate(lines) if line.startswith("[")]
    assert [line for line in before if line.startswith("#")] == []


def test_sam_local_has_the_variables_of_the_embedded_stack() -> None:
    local = samconfig()["default"]["local_invoke"]["parameters"]
    assert local["env_vars"] == str(ENVIRONMENT_FILE.relative_to(ROOT))
    assert local["region"] == REGION


def test_sam_local_fills_no_variable_of_the_embedded_stack_by_itself(template: Template) -> None:
    """It would take the logical id of a resource for what a variable refers to."""
    given = variables({"STATE_TABLE": "heartline-state"})
    for name, function in template["Resources"].items():
        if function["Type"] == "AWS::Serverless::Function":
            assert given[name].keys() >= function["Properties"]["Environment"]["Variables"].keys(), name
    assert given["MonitorFunction"]["STATE_TABLE"] == "heartline-state"
