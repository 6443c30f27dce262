"""A salted password is remembered, and never at the cost of a right verdict."""

from __future__ import annotations

import hashlib
import hmac
import random
import unicodedata
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import scramp
from pg8000 import native

from heartline.common.deadline import Deadline
from heartline.model.kinds import Kind, Phase, Tls
from heartline.model.observation import Observation
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe, scram
from heartline.probe.saslprep import saslprep
from local.peers import ONE, WELCOME, asks, listens, says

if TYPE_CHECKING:
    import socket

    from integration.conftest import Serve
    from local.postgres import Postgres

ROLE = "salted"


@pytest.fixture
def salted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Count the passwords that are salted, by their salts."""
    salts: list[bytes] = []
    real = hashlib.pbkdf2_hmac

    def counting(digest: str, password: bytes, salt: bytes, rounds: int) -> bytes:
        salts.append(salt)
        return real(digest, password, salt, rounds)

    monkeypatch.setattr(scram.hashlib, "pbkdf2_hmac", counting)
    scram._keys.cache_clear()
    return salts


def login(database: Postgres, password: str) -> Observation:
    endpoint = Endpoint(database.host, database.port, "postgres", ROLE)
    return probe(Target("salted", tls=Tls.DISABLE), Credential(endpoint, password), Deadline.after(5))


def test_the_same_password_is_salted_once(database: Postgres, salted: list[Any]) -> None:
    database.create_role(ROLE, "first")
    assert all(login(database, "first").healthy for _ in range(5))
    assert len(salted) == 1


def test_a_wrong_password_is_refused_after_a_right_one(database: Postgres) -> None:
    database.create_role(ROLE, "first")
    assert login(database, "first").healthy
    refused = login(database, "second")
    assert refused.failure is not None
    assert refused.failure.sqlstate == "28P01"


def test_a_password_that_is_set_anew_is_salted_anew(database: Postgres, salted: list[bytes]) -> None:
    database.create_role(ROLE, "first")
    assert login(database, "first").healthy
    database.execute(f"ALTER ROLE {ROLE} PASSWORD 'first'")
    assert login(database, "first").healthy
    assert len(set(salted)) == 2


# What libpq logs in with: PostgreSQL takes a password that RFC 4013 forbids as it is.
ODD = {
    "emoji": "pässwörd 🔑",
    "tab": "pass\tword",
    "line separator": "pass\u2028word",
    "unassigned": "pass\u0378word",
    "directions": "passאword",
    "hebrew": "אבא",
    "soft hyphen": "pass\u00adword",
    "soft hyphen only": "\u00ad",
    "zero width space": "a\u200bb",
    "ligature": "ﬁle",
    "combining": "o\u0308",
    "private use": "pass\ue000word",
    "line break": "password\n",
}


@pytest.mark.parametrize("odd", ODD)
def test_a_password_logs_in_as_it_does_with_libpq(database: Postgres, odd: str) -> None:
    database.create_role(ROLE, ODD[odd])
    place = f"host={database.host} port={database.port} dbname=postgres user={ROLE} sslmode=disable"
    with psycopg.connect(place, password=ODD[odd]):
        pass
    assert login(database, ODD[odd]).failure is None
    refused = login(database, ODD[odd] + "x").failure
    assert refused is not None
    assert refused.sqlstate == "28P01"


def test_a_role_s_name_may_be_odd_too(database: Postgres) -> None:
    role = "röle 🔑\u00ad"
    database.create_role(role, "first")
    endpoint = Endpoint(database.host, database.port, "postgres", role)
    assert probe(Target("odd", tls=Tls.DISABLE), Credential(endpoint, "first"), Deadline.after(5)).failure is None


def test_a_password_is_prepared_as_postgresql_prepares_it(database: Postgres) -> None:
    """Compare with the secrets that a real server makes of passwords of all sorts of characters."""
    drawn = random.Random(7)  # noqa: S311, no secret
    chars = [
        chr(code) for code in (*range(1, 0x3100), *range(0xF900, 0xFFFE)) if unicodedata.category(chr(code)) != "Cs"
    ]
    passwords = ["".join(drawn.choices(chars, k=drawn.randint(1, 4))) for _ in range(400)]
    database.create_role(ROLE, "first")
    secrets = "SET scram_iterations = 1;"  # all of the time would go into them
    for password in passwords:
        (secret,) = database.execute(
            f"{secrets} ALTER ROLE {ROLE} PASSWORD {native.literal(password)};"
            f"SELECT rolpassword FROM pg_authid WHERE rolname = '{ROLE}'"
        )[-1]
        salt, stored = secret.split("$")[1].split(":")[1], secret.split("$")[2].split(":")[0]
        salted = hashlib.pbkdf2_hmac("sha256", saslprep(password).encode(), b64decode(salt), 1)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        assert hashlib.sha256(client_key).digest() == b64decode(stored), ascii(password)


@pytest.mark.parametrize("iterations", [1, 1000, 20_000])
def test_as_many_iterations_as_postgresql_allows(database: Postgres, iterations: int) -> None:
    database.execute(
        f"DROP ROLE IF EXISTS {ROLE}; SET scram_iterations = {iterations}; CREATE ROLE {ROLE} LOGIN PASSWORD 'first'"
    )
    assert login(database, "first").failure is None


def impostor(connection: socket.socket) -> None:
    """Let in whoever comes, as a server would that knows the role's name only."""
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    server = mechanism.make_server(lambda _: mechanism.make_auth_info("another"))
    connection.recv(1 << 16)
    connection.sendall(asks(10, b"SCRAM-SHA-256\0\0"))
    said = connection.recv(1 << 16)
    server.set_client_first(said[said.index(b"n,,") :].replace(b"n=,", b"n=x,").decode())  # it wants a name there
    connection.sendall(asks(11, server.get_server_first().encode()))
    connection.recv(1 << 16)
    connection.sendall(asks(12, b"v=" + b64encode(bytes(32))) + WELCOME)
    says(ONE)(connection)


def test_a_server_that_does_not_know_the_password_is_no_database(database: Postgres, serve: Serve) -> None:
    endpoint = Endpoint(database.host, serve(impostor).port, "postgres", ROLE)
    seen = probe(Target("salted", tls=Tls.DISABLE), Credential(endpoint, "first"), Deadline.after(5))
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.LOGIN, Kind.PROTOCOL)


CHALLENGES = [
    b"",
    b"r=,s=,i=",
    b"r=x,s=AAAA,i=4096",
    b"s=AAAA,r=x,i=1",
    b"r=%s,s=A*,i=1",
    b"r=%s1,s=AAAA,i=0",
    b"m=x,r=%s1",
]


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_challenge_that_is_none(database: Postgres, serve: Serve, challenge: bytes) -> None:
    def behave(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(asks(10, b"SCRAM-SHA-256\0\0"))
        nonce = connection.recv(1 << 16).rpartition(b"r=")[2]
        connection.sendall(asks(11, challenge.replace(b"%s", nonce)))
        listens(connection)

    endpoint = Endpoint(database.host, serve(behave).port, "postgres", ROLE)
    seen = probe(Target("salted", tls=Tls.DISABLE), Credential(endpoint, "first"), Deadline.after(5))
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.kind) == (Phase.LOGIN, Kind.PROTOCOL)
