"""A real PostgreSQL 18 that can be killed, frozen and started again on the same port."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import psutil
from pg8000 import native

from local.peers import SSL_REQUEST
from local.processes import LIMIT, alive, freeze, kill, remove_shared_memory, thaw, wait_until
from local.programs import Programs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Postgres", "wait_until"]

HOST = "127.0.0.1"
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
"""
# From version 18 on: without it the server has workers of its own for reading.
NEWER = "io_method = sync\n"

# The harness alone comes over the socket, whose directory no other user can enter.
ACCESS = """\
local all postgres trust
local replication postgres trust
host  all all samenet scram-sha-256
"""


class Postgres:
    """Run a private server; as a context manager, leave nothing of it behind.

    Parameters
    ----------
    max_connections
        Slots for sessions; PostgreSQL keeps three of them for superusers.
    host
        The address to listen on.
    programs
        The directory of other programs than the package's.
    port
        The port to listen on, where that is another server's while it is stopped.
    primary
        The server to be a standby of, by a copy of what it has when this one is first started.
    encoding
        How its databases are encoded.
    environment
        What its programs find in their environment beyond PATH and the locale C.
    """

    def __init__(
        self,
        *,
        max_connections: int = 20,
        host: str = HOST,
        programs: Path | None = None,
        port: int | None = None,
        primary: Postgres | None = None,
        encoding: str = "UTF8",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.host = host
        self._encoding, self._environment = encoding, environment
        self._primary = primary
        self._programs_given = primary._programs_given if primary else programs
        self.port = port or free_port(host)
        self.password = secrets.token_urlsafe(16)  # of the superuser "postgres", over TCP
        self._max_connections = max_connections
        self._programs: Programs | None = None
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
        return self._installed().root

    @property
    def data(self) -> Path:
        """The data directory, with postgresql.conf and pg_hba.conf."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """What initdb and the server have to say."""
        return self._installed().log

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return int(self._postmaster().pid)

    @property
    def slots(self) -> int:
        """How many sessions a role that is no superuser can have."""
        return self._max_connections - 3  # superuser_reserved_connections

    @property
    def running(self) -> bool:
        """Whether the postmaster exists, frozen or not."""
        return self._server is not None and self._server.poll() is None

    def start(self) -> None:
        """Start the server, or thaw it where it is frozen; return once it accepts sessions."""
        fresh = self._programs is None
        if fresh:
            self._create()
        if self.running:
            self.thaw()
        else:
            self._server = self._installed().start("postgres", "-D", str(self.data))
        wait_until(self._ready, "PostgreSQL to accept sessions")
        if fresh and self._primary is None:
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

    def restart(self, mode: str = "fast") -> None:
        """Shut the server down as `stop` does, and start it again."""
        self.stop(mode)
        self.start()

    def promote(self) -> None:
        """Let a standby become a primary; return once it is one."""
        (promoted,) = self.execute("SELECT pg_promote()")
        if promoted != [True]:
            raise RuntimeError("the standby was not promoted in a minute")

    def kill(self) -> None:
        """Kill every process of the server with SIGKILL and return once all are gone."""
        if self._server is None:
            return
        if self.running:
            family = freeze(self._postmaster())
            kill(family)
            self._server.wait(LIMIT)
            wait_until(lambda: not any(map(alive, family)), "PostgreSQL's processes to go")
        self._server = None
        self._remove_locks()

    def freeze(self) -> None:
        """Stop every process of the server with SIGSTOP; the kernel goes on accepting connections."""
        freeze(self._postmaster())

    def thaw(self) -> None:
        """Let a frozen server go on; a running or stopped one stays as it is."""
        if self.running:
            thaw(self._postmaster())

    def close(self) -> None:
        """End the server, whatever state it is in, and remove its directory."""
        try:
            with suppress(subprocess.TimeoutExpired):
                self.stop("immediate")
        finally:
            self.kill()
            if self._programs is not None:
                wait_until(lambda: _removed(self.root), f"{self.root} to be removed")
                self._programs = None

    def execute(self, sql: str, database: str = "postgres") -> list[list[Any]]:
        """Run SQL as superuser over the unix socket, which works when slots are full or passwords changed.

        Returns
        -------
        The rows, none for a statement that has none.
        """
        path = str(self.root / f".s.PGSQL.{self.port}")
        line = socket.socket(socket.AF_UNIX)
        try:
            line.settimeout(LIMIT)
            line.connect(path)
            with closing(native.Connection("postgres", sock=line, database=database, ssl_context=False)) as session:
                return list(session.run(sql) or [])
        finally:
            if line.fileno() >= 0:  # pg8000 leaves it open where the server refuses
                socket.close(line.detach())

    def create_role(self, name: str, password: str) -> None:
        """Create a role that can log in and was granted nothing, in place of an older one of that name."""
        role = native.identifier(name)
        self.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN PASSWORD {native.literal(password)}")

    def admit(self, *rules: str) -> None:
        """Put rules before the others of pg_hba.conf, in place of those of an earlier call; they hold at once."""
        (self.data / "pg_hba.conf").write_text("\n".join([*rules, ACCESS]))
        loaded = "SELECT pg_conf_load_time()"  # the postmaster's, as each new session inherits it
        before = self.execute(loaded)
        self.execute("SELECT pg_reload_conf()")
        wait_until(lambda: self.execute(loaded) != before, "pg_hba.conf to be read")

    def take_tls(self, certificate: bytes, key: bytes, authority: bytes) -> None:
        """Show that certificate from now on and let clients show one of that authority; return once TLS is taken.

        Only a server with other programs than the package's can: those have no TLS.
        """
        for setting, content in (("cert", certificate), ("key", key), ("ca", authority)):
            path, owner = self.root / f"tls.{setting}", self.data.stat()
            path.write_bytes(content)
            path.chmod(0o600)
            os.chown(path, owner.st_uid, owner.st_gid)
            self.execute(f"ALTER SYSTEM SET ssl_{setting}_file = '{path}'")
        self.execute("ALTER SYSTEM SET ssl = on")
        self.admit()
        wait_until(self._takes_tls, "the server to take TLS")

    def _takes_tls(self) -> bool:
        with socket.create_connection((self.host, self.port), LIMIT) as connection:
            connection.sendall(SSL_REQUEST)
            return connection.recv(1) == b"S"

    def url(self, user: str, password: str, database: str = "postgres") -> str:
        """Render a connection URL; this server has no TLS."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@{self.host}:{self.port}/{quote(database, safe='')}?sslmode=disable"

    def _create(self) -> None:
        self._programs = Programs(self._programs_given, self._environment)
        if self._primary is not None:
            self._copy(self._primary)
            return
        options = ["--auth=trust", "--no-sync", "--no-instructions", "--locale=C", f"--encoding={self._encoding}"]
        self._programs.run("initdb", "-D", str(self.data), "-U", "postgres", *options)
        (self.data / "pg_hba.conf").write_text(ACCESS)
        newer = int((self.data / "PG_VERSION").read_text()) >= 18
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write(NEWER if newer else "")
            configuration.write(
                CONFIGURATION.format(
                    host=self.host, port=self.port, root=self.root, max_connections=self._max_connections
                )
            )

    def _copy(self, primary: Postgres) -> None:
        source = ["--host", str(primary.root), "--port", str(primary.port), "--username", "postgres"]
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        self._installed().run("pg_basebackup", "-D", str(self.data), *source, *options)
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write(f"port = {self.port}\nunix_socket_directories = '{self.root}'\n")

    def _installed(self) -> Programs:
        if self._programs is None:
            raise RuntimeError("this PostgreSQL was never started, or is closed")
        return self._programs

    def _postmaster(self) -> psutil.Process:
        if self._server is None or self._server.poll() is not None:
            raise RuntimeError("PostgreSQL is not running")
        return psutil.Process(self._server.pid)

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
            remove_shared_memory(int(lines[6].split()[1]))
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for path in self.root.glob(".s.PGSQL.*"):
            path.unlink()


def free_port(host: str) -> int:
    """Pick a port below the usual range of outgoing connections: none takes it while the server is dead."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as listener, suppress(OSError):
            listener.bind((host, port))
            return port
    raise RuntimeError("found no free TCP port between 20000 and 32000")


def _removed(directory: Path) -> bool:
    # Tried again: an initdb that Ctrl-C ended may leave a child that still writes for a moment.
    shutil.rmtree(directory, ignore_errors=True)
    return not directory.exists()
