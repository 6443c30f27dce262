"""Serve what the benchmarks measure against, in a process of its own: its work must not count as theirs."""

from __future__ import annotations

import json
import secrets
import ssl
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import trustme

from benchmarks.memory import Remembering
from local.aws import HARNESS_KEY, REGION, EmulatedAws
from local.peers import Peer, black_hole, forwards
from local.postgres import Postgres
from local.programs import installed
from local.stack import ROLE, SECRET, SENDER
from local.template import table_properties

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
TLS_HOST = "localhost"  # the name in the certificate
DATABASE = "postgres"


@dataclass(frozen=True)
class Servers:
    """Where everything is."""

    port: int
    tls_port: int
    black_hole_port: int
    password: str
    authority: str  # a PEM file
    environment: dict[str, str]

    def apart(self, name: str) -> dict[str, str]:
        """Return the environment with a table of its own: a tick takes leave of what others have left in one."""
        client = boto3.client(
            "dynamodb",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id=HARNESS_KEY,
            aws_secret_access_key="emulated",
        )
        client.create_table(TableName=name, **table_properties())
        return self.environment | {"STATE_TABLE": name, "LOG_LEVEL": "CRITICAL"}


@contextmanager
def serving() -> Iterator[Servers]:
    """Start the servers in another process; end them with the block."""
    command = [sys.executable, "-m", "benchmarks.servers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        try:
            yield Servers(**json.loads(line))
        finally:
            process.communicate(timeout=30)


def main() -> None:
    """Serve until standard input ends."""
    with ExitStack() as started:
        database = started.enter_context(Postgres(max_connections=300))
        aws = started.enter_context(EmulatedAws())
        aws._moto = Remembering(aws._moto)
        folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "authority.pem")
        password = secrets.token_urlsafe(16)
        database.create_role(ROLE, password)
        tls_port = _secured(started, database, authority, password)
        aws.put_secret(SECRET, {"username": ROLE, "password": password})
        aws.verify_sender(SENDER)
        environment = {"ALERT_SENDER": SENDER, **aws.environment()}
        hole = started.enter_context(black_hole())
        servers = Servers(database.port, tls_port, hole, password, str(folder / "authority.pem"), environment)
        sys.stdout.write(json.dumps(asdict(servers)) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


def _secured(started: ExitStack, database: Postgres, authority: trustme.CA, password: str) -> int:
    """Start a server that takes TLS, or a front of the other where this machine has none; return its port."""
    certificate = authority.issue_cert(TLS_HOST)
    if (programs := installed()) is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return started.enter_context(Peer(forwards(database.port, context))).port
    server = started.enter_context(Postgres(max_connections=300, programs=programs))
    server.create_role(ROLE, password)
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    server.take_tls(chain, certificate.private_key_pem.bytes(), authority.cert_pem.bytes())
    return server.port


if __name__ == "__main__":
    main()
