"""A target's credential, or what is wrong with it: without ever showing the password."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import NoReturn

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from heartline.i18n.language import language
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure
from heartline.model.target import Credential, Endpoint, Target
from heartline.prober.credentials import Credentials
from unit.samples import hostile

PASSWORD = "hunter2Zw9"
SHAPE = {
    "username": "app",
    "password": PASSWORD,
    "host": "db.example.com",
    "port": 5433,
    "dbname": "shop",
    "engine": "postgres",
}
BARE = Target("orders", secret="heartline/orders")


class Secrets:
    """Stand at the edge, where Secrets Manager would answer."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def get_secret_value(self, SecretId: str) -> dict[str, object]:  # noqa: N803 - as AWS calls it
        self.asked.append(SecretId)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"SecretBinary" if isinstance(answer, bytes) else "SecretString": answer}


class Clock:
    """Return the seconds that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": PASSWORD}}, "GetSecretValue")


def find(target: Target, *answers: object) -> Credential | Failure:
    secrets = Secrets(*answers)
    found = Credentials(lambda: secrets, unsigned).find(target)
    assert PASSWORD not in repr(found)
    return found


def unsigned(region: str | None) -> NoReturn:
    raise AssertionError(f"a token was asked for in {region}")


def uncalled() -> NoReturn:
    raise AssertionError("Secrets Manager was asked")


def failed(found: Credential | Failure) -> Failure:
    assert isinstance(found, Failure)
    assert (found.phase, found.kind) == (Phase.CREDENTIALS, Kind.CREDENTIALS)
    assert language("en").text(f"cause.{found.advice}", **found.words) == found.cause
    assert language("en").text(f"next_step.{found.advice}", **found.words) == found.next_step
    return found


def test_a_secret_fills_what_the_document_leaves_out() -> None:
    found = find(BARE, json.dumps(SHAPE))
    assert (found.endpoint, found.password) == (Endpoint("db.example.com", 5433, "shop", "app"), PASSWORD)


def test_what_the_document_says_wins() -> None:
    said = replace(BARE, host="other.example.com", port=6432, database="orders", user="heartline")
    assert find(said, json.dumps(SHAPE)).endpoint == Endpoint("other.example.com", 6432, "orders", "heartline")


def test_port_and_database_have_their_usual_values_where_nobody_says_them() -> None:
    less = {key: SHAPE[key] for key in ("username", "password", "host")}
    assert find(BARE, json.dumps(less)).endpoint == Endpoint("db.example.com", 5432, "postgres", "app")


def test_a_port_may_be_text_and_a_secret_may_be_binary() -> None:
    assert find(BARE, json.dumps(SHAPE | {"port": "5433"}).encode()).endpoint.port == 5433


@pytest.mark.parametrize(
    "text",
    [
        "",
        PASSWORD,
        f'{{"password": "{PASSWORD}"',
        f'["{PASSWORD}"]',
        '{"username": "x"}',
        "\udc80",
        b"\xff",
        "[" * 60_000,
    ],
)
def test_a_secret_that_is_not_json_with_a_password_is_a_failure(text: str | bytes) -> None:
    assert "heartline/orders" in failed(find(BARE, text)).cause


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"password": None},
            {"password": 7},
            {"host": None},
            {"host": "postgresql://x"},
            {"host": 5},
            {"username": ""},
        ),
        *({"username": "a\nb"}, {"username": ["a"]}, {"dbname": 5}, {"port": "many"}, {"port": True}, {"port": [1]}),
        *({"port": -1}, {"port": 70000}),
    ],
    ids=str,
)
def test_a_secret_with_a_malformed_value_is_a_failure(change: dict[str, object]) -> None:
    failed(find(BARE, json.dumps(SHAPE | change)))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from(list(SHAPE)), values), st.booleans())
def test_any_secret_gives_a_credential_or_a_failure(change: dict[str, object], whole: bool) -> None:
    found = find(BARE, json.dumps((SHAPE if whole else {}) | change))
    if isinstance(found, Credential):
        assert 1 <= found.endpoint.port <= 65535
        assert found.endpoint.user.isprintable()
    else:
        failed(found)


@pytest.mark.parametrize(
    ("error", "cause", "next_step"),
    [
        (refusal("ResourceNotFoundException"), "There is no secret heartline/orders.", "name and region"),
        (refusal("AccessDeniedException"), "may not read", "secretsmanager:GetSecretValue"),
        (refusal("DecryptionFailure"), "cannot be decrypted", "kms:Decrypt"),
        (refusal("ThrottlingException"), "(ThrottlingException)", "health dashboard"),
        (EndpointConnectionError(endpoint_url="https://x"), "(EndpointConnectionError)", "health dashboard"),
    ],
    ids=repr,
)
def test_a_secret_that_cannot_be_read_is_a_failure_with_its_mend(error: Exception, cause: str, next_step: str) -> None:
    found = failed(find(BARE, error))
    assert cause in found.cause
    assert next_step in found.next_step


def test_a_secret_is_read_again_when_it_is_a_quarter_of_an_hour_old() -> None:
    secrets, clock = Secrets(json.dumps(SHAPE), json.dumps(SHAPE | {"password": "new"})), Clock()
    credentials = Credentials(lambda: secrets, unsigned, clock)
    found = []
    for clock.now in (0, 899, 900):
        found.append(credentials.find(BARE).password)
    assert found == [PASSWORD, PASSWORD, "new"]


@pytest.mark.parametrize("error", [refusal("InternalServiceError"), EndpointConnectionError(endpoint_url="https://x")])
def test_while_secrets_manager_is_out_of_order_its_last_answer_is_good(error: Exception) -> None:
    secrets, clock = Secrets(json.dumps(SHAPE), error), Clock()
    credentials = Credentials(lambda: secrets, unsigned, clock)
    first = credentials.find(BARE)
    clock.now = 900
    assert credentials.find(BARE) == first
    assert len(secrets.asked) == 2
    assert PASSWORD not in repr(vars(credentials))


def test_a_secret_that_was_deleted_is_not_good_any_more() -> None:
    secrets, clock = Secrets(json.dumps(SHAPE), refusal("ResourceNotFoundException")), Clock()
    credentials = Credentials(lambda: secrets, unsigned, clock)
    credentials.find(BARE)
    clock.now = 900
    failed(credentials.find(BARE))


def test_a_secret_without_a_text_is_a_failure() -> None:
    failed(find(BARE, None))


def test_afresh_asks_secrets_manager_again() -> None:
    secrets = Secrets(json.dumps(SHAPE), json.dumps(SHAPE | {"password": "new"}))
    credentials = Credentials(lambda: secrets, unsigned)
    assert (credentials.find(BARE).password, credentials.find(BARE, afresh=True).password) == (PASSWORD, "new")
    assert secrets.asked == ["heartline/orders"] * 2


class Signer:
    """Stand at the edge, where boto3 would sign."""

    def generate_db_auth_token(self, host: str, port: int, user: str) -> str:
        if user == "nobody":
            raise NoCredentialsError
        return f"{host}:{port}/?{user}"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("orders.cluster-x.eu-west-1.rds.amazonaws.com", "eu-west-1"),
        ("orders.x.cn-north-1.rds.amazonaws.com.cn", "cn-north-1"),
        ("orders.example.com", None),
        ("orders.global-0a1b2c.global.rds.amazonaws.com", None),
    ],
)
def test_a_token_is_signed_for_the_region_of_the_host(host: str, region: str | None) -> None:
    regions: list[str | None] = []

    def signer(asked: str | None) -> Signer:
        regions.append(asked)
        return Signer()

    found = Credentials(uncalled, signer).find(Target("orders", host, user="heartline", iam=True))
    assert (found.password, regions) == (f"{host}:5432/?heartline", [region])
    assert "heartline:" not in repr(found)


def test_a_token_that_cannot_be_signed_is_a_failure() -> None:
    found = Credentials(uncalled, lambda _: Signer()).find(Target("orders", "h.example.com", user="nobody", iam=True))
    assert "NoCredentialsError" in failed(found).cause


def test_without_secret_and_token_there_is_no_password() -> None:
    found = Credentials(uncalled, unsigned).find(Target("orders", "h.example.com", user="heartline"))
    assert found == Credential(Endpoint("h.example.com", 5432, "postgres", "heartline"), None)
