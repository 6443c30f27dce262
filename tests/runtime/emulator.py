"""The built function as Lambda runs it: AWS's own runtime client under the runtime interface emulator."""

from __future__ import annotations

import json
import platform
import socket
import subprocess
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from local.processes import LIMIT, kill, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime.toolchain import Toolchain

HOST = "127.0.0.1"
INVOCATIONS = "/2015-03-31/functions/function/invocations"
ANSWERED = {200, 502}  # the second where the runtime ended in the run
SECONDS = 60  # the function's timeout
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Sandbox:
    """Folders as a function in Lambda has them, in a place of their own."""

    toolchain: Toolchain
    folder: Path

    @property
    def task(self) -> Path:
        """Lambda's /var/task: the function."""
        return self.folder / "task"

    @property
    def layer(self) -> Path:
        """What of /opt is on Python's path."""
        return self.folder / "opt" / "python"

    @property
    def client(self) -> Path:
        """Lambda's /var/runtime: the runtime client and nothing else."""
        return self.folder / "client"

    @property
    def python(self) -> list[str]:
        """Python without any installed package."""
        return [str(self.toolchain.python), "-S"]

    @property
    def environment(self) -> dict[str, str]:
        """Python's path in Lambda's order, and nothing of this process's environment."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "PYTHONPATH": f"{self.task}:{self.layer}:{self.client}",
            "PYTHONDONTWRITEBYTECODE": "1",  # /var/task and /opt are read-only
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(SECONDS),
        }


class Function:
    """One execution environment of the function; as a context manager, end with the block."""

    def __init__(self, sandbox: Sandbox, environment: Mapping[str, str], log: Path) -> None:
        self._sandbox = sandbox
        self._environment = sandbox.environment | dict(environment)
        self._log = log
        self._port, self._runtime_port = _free_ports(2)

    def __enter__(self) -> Self:
        emulator = self._sandbox.toolchain.emulators / f"aws-lambda-rie-{ARCHITECTURES[platform.machine()]}"
        # Both: the second port is 9001 otherwise, and two cannot run side by side. And the level is the
        # emulator's: without it it takes the function's LOG_LEVEL for its own.
        options = ["--runtime-interface-emulator-address", f"{HOST}:{self._port}"]
        options += ["--runtime-api-address", f"{HOST}:{self._runtime_port}", "--log-level", "info"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [emulator, *options, *self._sandbox.python, "-m", "awslambdaric", "app.lambda_handler"],
                cwd=self._sandbox.task,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._listens, "the runtime interface emulator to listen")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(psutil.NoSuchProcess):
            emulator = psutil.Process(self._process.pid)
            kill([emulator, *emulator.children(recursive=True)])
        self._process.wait(LIMIT)

    @property
    def log(self) -> str:
        """What the function and the emulator wrote."""
        return self._log.read_text()

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The log's lines in CloudWatch's embedded metric format, oldest first."""
        lines = [line[line.index("{") :] for line in self.log.splitlines() if '"CloudWatchMetrics"' in line]
        return [json.loads(line) for line in lines]

    @property
    def runtime(self) -> psutil.Process:
        """The process that runs the handler, from the first event on; after its end the next event starts another."""
        (runtime,) = psutil.Process(self._process.pid).children()
        return runtime

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the function's answer; an exception's has errorMessage and errorType.

        Raises
        ------
        RuntimeError
            When the function gave none, with the log.
        """
        text = self.send(event)
        if not text.startswith("{"):
            raise RuntimeError(f"the emulator answered {text!r}; its log:\n{self.log}")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def send(self, event: Mapping[str, Any]) -> str:
        """Return what Lambda answers, which says in words that the function's time ran out.

        Raises
        ------
        RuntimeError
            When the emulator fails, with the log.
        """
        connection = HTTPConnection(HOST, self._port, timeout=SECONDS + LIMIT)
        connection.request("POST", INVOCATIONS, json.dumps(event))
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status not in ANSWERED:
            raise RuntimeError(f"the emulator answered {response.status} {text!r}; its log:\n{self.log}")
        return text.decode()

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the runtime interface emulator ended:\n{self.log}")
        with suppress(OSError):
            socket.create_connection((HOST, self._port), 1).close()
            return True
        return False


def _free_ports(number: int) -> list[int]:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(number)]
        for listener in listeners:
            listener.bind((HOST, 0))
        return [listener.getsockname()[1] for listener in listeners]
