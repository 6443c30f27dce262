"""Poolers and fronts as Debian has them, before a real PostgreSQL."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import psutil
from pg8000 import native

from local.postgres import HOST, free_port
from local.processes import LIMIT, alive, freeze, kill, wait_until
from local.programs import Programs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.postgres import Postgres

GRACE = 5.0  # seconds for a program to end as it would
PLACES = (Path("/usr/sbin"), Path("/usr/bin"))


def program(name: str) -> Path | None:
    """Find a program of this machine."""
    return next((place / name for place in PLACES if (place / name).is_file()), None)


class Front:
    """Run one such program in a directory of its own until the block ends."""

    name: ClassVar[str]
    stop: ClassVar[signal.Signals] = signal.SIGTERM  # ends at once, and takes its shared memory along

    def __init__(self) -> None:
        found = program(self.name)
        if found is None:
            raise RuntimeError(f"this machine has no {self.name}")
        self.port = free_port(HOST)
        self._programs = Programs(found.parent)
        self.root = self._programs.root
        self._running: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._running = self._programs.start(self.name, *self.arguments())
            wait_until(self._listening, f"{self.name} to listen")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._running is not None:
            self._running.send_signal(self.stop)
            with suppress(subprocess.TimeoutExpired):
                self._running.wait(GRACE)
            with suppress(psutil.NoSuchProcess):
                # Frozen first: Pgpool-II forks a child anew for each that ends.
                family = freeze(psutil.Process(self._running.pid))
                kill(family)
                self._running.wait(LIMIT)
                wait_until(lambda: not any(map(alive, family)), f"{self.name} to end")
        shutil.rmtree(self.root, ignore_errors=True)

    def arguments(self) -> list[str]:
        """Write the configuration and return what to start the program with."""
        raise NotImplementedError

    def write(self, name: str, *lines: str) -> str:
        """Write a file that the program can read, and return its path."""
        path = self.root / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return str(path)

    def signal(self, number: int) -> None:
        """Send the program a signal."""
        if self._running is not None:
            self._running.send_signal(number)

    def _listening(self) -> bool:
        if self._running is not None and self._running.poll() is not None:
            raise RuntimeError(f"{self.name} did not start:\n{self._programs.log.read_text(errors='replace')[-2000:]}")
        with socket.socket() as knocking:
            return knocking.connect_ex((HOST, self.port)) == 0


class PgBouncer(Front):
    """PgBouncer before a server, which it calls "postgres", for the users given with their passwords.

    Parameters
    ----------
    settings
        Of its section [pgbouncer].
    """

    name = "pgbouncer"
    _ADMIN = ("admin", "admin")

    def __init__(self, server: Postgres, users: Mapping[str, str], **settings: object) -> None:
        super().__init__()
        self._server, self._users = server, {**users, self._ADMIN[0]: self._ADMIN[1]}
        self.settings = settings

    def arguments(self) -> list[str]:
        """Write pgbouncer.ini and the list of users."""
        quoted = [f'"{user}" "{password}"' for user, password in self._users.items()]
        settings = {
            "listen_addr": HOST,
            "listen_port": self.port,
            "unix_socket_dir": self.root,
            "auth_type": "scram-sha-256",
            "auth_file": self.write("users.txt", *quoted),
            "admin_users": self._ADMIN[0],
            "server_tls_sslmode": "disable",
            **self.settings,
        }
        database = f"postgres = host={self._server.host} port={self._server.port}"
        lines = [f"{key} = {value}" for key, value in settings.items()]
        return [self.write("pgbouncer.ini", "[databases]", database, "[pgbouncer]", *lines)]

    def order(self, command: str) -> None:
        """Send its console a command, such as PAUSE."""
        user, password = self._ADMIN
        console = native.Connection(user, HOST, "pgbouncer", self.port, password, ssl_context=False, timeout=LIMIT)
        with closing(console):
            console.run(command)


class Pgpool(Front):
    """Pgpool-II before a server, for the users given with their passwords."""

    name = "pgpool"
    stop = signal.SIGQUIT

    def __init__(self, server: Postgres, users: Mapping[str, str], *, method: str = "scram-sha-256") -> None:
        super().__init__()
        self._server, self._users, self._method = server, users, method

    def arguments(self) -> list[str]:
        """Write pgpool.conf and what belongs to it."""
        settings = {
            "backend_clustering_mode": "raw",
            "backend_hostname0": self._server.host,
            "backend_port0": self._server.port,
            "listen_addresses": HOST,
            "port": self.port,
            "pcp_listen_addresses": HOST,
            "pcp_port": free_port(HOST),
            "unix_socket_directories": self.root,
            "socket_dir": self.root,
            "pcp_socket_dir": self.root,
            "pid_file_name": self.root / "pgpool.pid",
            "logdir": self.root,
            "num_init_children": 2,
            "enable_pool_hba": "on",
            "pool_passwd": self.write("pool_passwd", *(f"{user}:TEXT{word}" for user, word in self._users.items())),
            "sr_check_period": 0,
            "health_check_period": 0,
        }
        configuration = self.write("pgpool.conf", *(f"{key} = '{value}'" for key, value in settings.items()))
        access = self.write("pool_hba.conf", f"host all all all {self._method}")
        return ["-n", "-f", configuration, "-a", access, "-F", self.write("pcp.conf")]


class HaProxy(Front):
    """HAProxy before some ports of this machine, with TLS from the first byte on where it has a certificate."""

    name = "haproxy"

    def __init__(self, *ports: int, certificate: bytes | None = None, demanding: bytes | None = None) -> None:
        super().__init__()
        self._ports, self._certificate, self._demanding = ports, certificate, demanding

    def arguments(self) -> list[str]:
        """Write its configuration."""
        tls = ""
        if self._certificate is not None:
            tls = f" ssl crt {self.write('server.pem', self._certificate.decode())} alpn postgresql"
        if self._demanding is not None:
            tls += f" ca-file {self.write('authority.pem', self._demanding.decode())} verify required"
        return [
            "-db",
            "-f",
            self.write(
                "haproxy.cfg",
                "global",
                "  maxconn 100",
                "defaults",
                "  mode tcp",
                "  timeout connect 5s",
                "  timeout client 30s",
                "  timeout server 30s",
                "listen postgresql",
                f"  bind {HOST}:{self.port}{tls}",
                *(f"  server s{port} {HOST}:{port} check" for port in self._ports),
            ),
        ]


class Stunnel(Front):
    """Stunnel before a port of this machine, with TLS as PostgreSQL's clients ask for it."""

    name = "stunnel4"

    def __init__(self, port: int, certificate: bytes, *settings: str) -> None:
        super().__init__()
        self._behind, self._certificate, self._settings = port, certificate, settings

    def arguments(self) -> list[str]:
        """Write its configuration."""
        return [
            self.write(
                "stunnel.conf",
                "foreground = yes",
                "pid =",
                "[postgresql]",
                f"accept = {HOST}:{self.port}",
                f"connect = {HOST}:{self._behind}",
                f"cert = {self.write('server.pem', self._certificate.decode())}",
                *self._settings,
            )
        ]
