"""An emulated AWS, a real PostgreSQL with TLS, and the project built once; all on the loopback interface."""

from __future__ import annotations

import json
import secrets
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from e2e.emulator import Ministack, install
from e2e.project import Project, Stack
from local.peers import Peer, forwards
from local.postgres import HOST, Postgres
from local.stack import RECIPIENT, ROLE, SENDER
from runtime.toolchain import find_compiler


@dataclass(frozen=True)
class Database:
    """A PostgreSQL behind TLS, with a certificate that the functions trust, and the secret to log in with."""

    server: Postgres
    port: int
    secret: str  # its ARN
    password: str = field(repr=False)


@pytest.fixture(scope="session")
def python() -> Path:
    """Return a Python of Lambda's version."""
    found = find_compiler()
    if found is None:
        pytest.skip(
            "there is no Python 3.13 on the PATH or among pyenv's: ministack runs functions with its own Python"
        )
    return found


@pytest.fixture(scope="session")
def sam() -> Path:
    found = shutil.which("sam")
    if found is None:
        pytest.skip("there is no sam on the PATH: `make test` installs it")
    return Path(found)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def emulator(python: Path, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    folder = tmp_path_factory.mktemp("ministack")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    # ministack has no /opt with RDS's certificates; OpenSSL finds this one instead of the machine's own.
    with Ministack(install(python), folder, {"SSL_CERT_FILE": str(folder / "authority.pem")}) as aws:
        aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
        yield aws


@pytest.fixture(scope="session")
def watched(emulator: Ministack, authority: trustme.CA) -> Iterator[Database]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    with Postgres(max_connections=150) as server, Peer(forwards(server.port, context)) as front:
        password = secrets.token_urlsafe(16)
        server.create_role(ROLE, password)
        login = {"username": ROLE, "password": password, "dbname": "postgres"}
        place = {"engine": "postgres", "host": HOST, "port": front.port}
        made = emulator.client("secretsmanager").create_secret(
            Name="heartline/orders", SecretString=json.dumps(login | place)
        )
        yield Database(server, front.port, made["ARN"], password)


@pytest.fixture(scope="session")
def project(emulator: Ministack, sam: Path, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("project"), emulator, sam, python).copy()
    made.build()
    return made


@pytest.fixture(scope="session")
def answers(watched: Database) -> dict[str, str]:
    """Return the three answers that a deployment needs."""
    return {"DatabaseSecretArn": watched.secret, "AlertSender": SENDER, "AlertRecipients": RECIPIENT}


@pytest.fixture(scope="session")
def one(project: Project, answers: dict[str, str]) -> Stack:
    """Return a stack for one database, whose schedule begins to run here."""
    return project.deploy("heartline", **answers)


@pytest.fixture
def database(watched: Database) -> Iterator[Database]:
    """Yield the database that all stacks watch, which may be killed."""
    yield watched
    watched.server.start()
