"""A salted password is remembered, and never at the cost of a right verdict."""

from __future__ import annotations

import hashlib
import hmac
import random
import unicodedata
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pg8000 import native

from heartline.common.deadline import Deadline
from heartline.model.kinds import Tls
from heartline.model.observation import Observation
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe, scram_cache
from heartline.probe.saslprep import saslprep

if TYPE_CHECKING:
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

    monkeypatch.setattr(scram_cache.hashlib, "pbkdf2_hmac", counting)
    scram_cache._salted.cache_clear()
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
