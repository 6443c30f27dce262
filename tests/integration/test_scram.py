"""A salted password is remembered, and never at the cost of a right verdict."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from heartline.common.deadline import Deadline
from heartline.model.kinds import Tls
from heartline.model.observation import Observation
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe import probe, scram_cache

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
