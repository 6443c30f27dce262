"""An emulated AWS that deploys stacks and runs their functions: ministack, in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from botocore.config import Config
from botocore.session import Session

from local.postgres import HOST, free_port
from local.processes import kill, wait_until
from runtime.toolchain import PROXIES, ROOT

REGION = "us-east-1"
LOCK = Path(__file__).with_name("requirements.txt")
STARTED = 60.0  # seconds, on a busy machine


def install(python: Path) -> Path:
    """Make ministack's environment with a Python of Lambda's version, which runs the functions too; once.

    Returns
    -------
    The environment's Python.
    """
    folder = ROOT / "build" / f"ministack-{sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    made = folder / "bin" / "python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", folder], check=True, timeout=120)
        pip = [made, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "-r", LOCK], check=True, timeout=600, env=os.environ | PROXIES)
        (folder / "ready").touch()
    return made


class Ministack:
    """Serve AWS on this machine; as a context manager, leave nothing behind.

    Parameters
    ----------
    python
        The Python of ministack's environment.
    folder
        Where it may write.
    variables
        What functions find in their environment beside their own.
    """

    def __init__(self, python: Path, folder: Path, variables: dict[str, str]) -> None:
        self.port = free_port(HOST)
        self.url = f"http://{HOST}:{self.port}"
        self._python, self._folder, self._variables = python, folder, variables
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # A function's AWS_ENDPOINT_URL is empty, as once deployed; this is what boto3 asks next.
        config = self._folder / "config"
        config.write_text(f"[default]\nregion = {REGION}\nendpoint_url = {self.url}\n")
        places = {"AWS_CONFIG_FILE": str(config), "TMPDIR": str(self._folder), "GATEWAY_PORT": str(self.port)}
        alone = {"BIND_HOST": HOST, "IOT_MTLS_ENABLED": "0", "LAMBDA_EXECUTOR": "local", "AUTH": "true"}
        command = [self._python, Path(__file__).with_name("start_ministack.py")]
        environment = self._clean() | self._variables | places | alone
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self._folder)
        try:
            wait_until(self._answers, f"ministack, see {self.log}", STARTED)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            family = [self.process, *self.process.children(recursive=True)] if self._process.poll() is None else []
            self._process.terminate()
            psutil.wait_procs(family, 20)
            kill(family)
            self._process.wait()

    @property
    def process(self) -> psutil.Process:
        if self._process is None:
            raise RuntimeError("ministack is not started")
        return psutil.Process(self._process.pid)

    @property
    def log(self) -> Path:
        return self._folder / "ministack.log"

    @property
    def environment(self) -> dict[str, str]:
        """What makes any client of AWS ask here, as the account's root."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        return keys | {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        config = Config(read_timeout=90, retries={"total_max_attempts": 1})
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return Session().create_client(service, region_name=REGION, endpoint_url=self.url, config=config, **keys)

    def mails(self, recipient: str) -> list[str]:
        """Return the subjects of the mails to an address, oldest first."""
        accounts = self._get("/_ministack/ses/messages")["messages"].values()
        return [mail["Subject"] for sent in accounts for mail in sent if recipient in mail["To"]]

    def _get(self, path: str) -> Any:  # noqa: ANN401
        with urlopen(f"{self.url}{path}", timeout=30) as answer:  # noqa: S310 - our own address
            return json.load(answer)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"ministack ended at once:\n{self.log.read_text()}")
        try:
            return bool(self._get("/_ministack/health"))
        except (URLError, OSError, ValueError):
            return False

    @staticmethod
    def _clean() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
