"""A copy of the project, built and deployed by the real SAM CLI as a user does."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.emulator import Ministack
from local.mailbox import state
from runtime.toolchain import PROXIES, ROOT

PARTS = ("template.yaml", "samconfig.toml", "functions", "layers", "events")


@dataclass(frozen=True)
class Project:
    """The project in a folder of its own, with a SAM CLI that asks the emulated AWS.

    Parameters
    ----------
    folder
        Where to copy it.
    aws
        What is deployed to.
    sam, compiler
        The SAM CLI, and the Python of Lambda's version.
    """

    folder: Path
    aws: Ministack
    sam: Path
    compiler: Path

    def copy(self) -> Project:
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, self.folder / part, ignore=shutil.ignore_patterns("__pycache__", "env.json"))
            else:
                shutil.copy(source, self.folder)
        return self

    def run(self, *words: str | Path, answers: str = "") -> str:
        """Run a command in the project's folder; return what it printed.

        Raises
        ------
        RuntimeError
            When it fails, with what it said.
        """
        folders = (str(self.sam.parent), str(self.compiler.parent), os.environ["PATH"])
        shown = {
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.5",
            "NO_COLOR": "1",
            "PATH": os.pathsep.join(folders),
        }
        environment = os.environ | PROXIES | self.aws.environment | {"NO_PROXY": "127.0.0.1"} | shown
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=environment,
            input=answers,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{shlex.join(map(str, words))} failed:\n{done.stdout}\n{done.stderr}\n{self.aws.log}")
        return done.stdout

    def build(self) -> None:
        self.run("sam", "build")

    def deploy(self, stack: str, **parameters: str) -> Stack:
        """Deploy without questions; values are given as SAM's documentation has it."""
        given = [f'{name}="{value}"' for name, value in parameters.items()]
        self.run("sam", "deploy", "--stack-name", stack, "--parameter-overrides", *given)
        return Stack(self, stack)


@dataclass
class Stack:
    """A deployed stack."""

    project: Project
    name: str
    _outputs: dict[str, str] = field(default_factory=dict)

    @property
    def aws(self) -> Ministack:
        return self.project.aws

    @property
    def resources(self) -> dict[str, str]:
        """The physical ids by the logical ones."""
        listed = self.aws.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}

    @property
    def outputs(self) -> dict[str, str]:
        (stack,) = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def output_command(self, output: str) -> Any:  # noqa: ANN401
        """Type the command that an output gives, and read the function's answer."""
        return json.loads(self.project.run(*shlex.split(self.outputs[output])))

    def invoke(self, event: dict[str, Any] | str) -> Any:  # noqa: ANN401
        """Invoke the monitor as Lambda's API does, with an event or the name of one in events/.

        Raises
        ------
        RuntimeError
            When the function failed.
        """
        payload = (
            (self.project.folder / f"events/{event}.json").read_text() if isinstance(event, str) else json.dumps(event)
        )
        answer = self.aws.client("lambda").invoke(FunctionName=self.resources["MonitorFunction"], Payload=payload)
        text = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise RuntimeError(f"the function failed: {text}")
        return json.loads(text)

    def tick_until(self, head: str, recipient: str) -> None:
        """Tick, as the schedule does each minute, until a mail of that state was sent.

        Raises
        ------
        AssertionError
            When five ticks do not bring it.
        """
        for _ in range(5):
            self.invoke("scheduled")
            if any(state(one) == head for one in self.aws.mails(recipient)):
                return
        raise AssertionError(f"no mail of {head}: {self.aws.mails(recipient)}, {self.invoke('status')}")

    def items(self) -> dict[str, Any]:
        """Return the items of the table by their keys."""
        items = self.aws.client("dynamodb").scan(TableName=self.outputs["StateTableName"])["Items"]
        return {f"{item['pk']['S']}/{item['sk']['S']}": item for item in items}

    def log(self, group: str) -> list[str]:
        """Return the lines of a log group, oldest first."""
        logs = self.aws.client("logs").get_paginator("filter_log_events")
        pages = logs.paginate(logGroupName=self.resources[group])
        return [one["message"] for page in pages for one in page["events"]]

    def records(self, group: str, event: str) -> list[dict[str, Any]]:
        """Return the records of an event in a log group, oldest first."""
        lines = [json.loads(line) for line in self.log(group) if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]

    def delete(self) -> None:
        self.project.run("sam", "delete", "--stack-name", self.name, "--no-prompts", "--region", "us-east-1")
