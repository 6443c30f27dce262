"""A credential that cannot be had is told as what it is, and never as an outage."""

from __future__ import annotations

import json
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from local.peers import ONE, WELCOME, asks, says, secures
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    import trustme

    from integration.conftest import Monitor, Serve
    from local.aws import EmulatedAws
    from local.postgres import Postgres


def failure(monitor: Monitor) -> dict[str, Any]:
    seen = monitor.order("probe")["failure"]
    assert (seen["phase"], seen["kind"], seen["sqlstate"]) == ("credentials", "credentials", None)
    assert seen["cause"].startswith("misconfigured: ")
    return dict(seen)


def test_a_missing_secret_is_named(monitor: Monitor) -> None:
    monitor.watch("demo", secret="heartline/typo")
    assert "no secret heartline/typo" in failure(monitor)["cause"]


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("AccessDeniedException", "secretsmanager:GetSecretValue"),
        ("DecryptionFailure", "kms:Decrypt"),
        ("InternalServiceError", "health dashboard"),
    ],
)
def test_an_unreadable_secret_says_what_is_missing(monitor: Monitor, code: str, fix: str) -> None:
    monitor.aws.refuse("secretsmanager:*", code)
    assert fix in failure(monitor)["next_step"]


@pytest.mark.parametrize("text", ["", "open sesame", "[]", "5", '{"username": "heartline"}', '{"password": 5}'])
def test_a_secret_of_another_shape_is_told_the_shape(monitor: Monitor, text: str) -> None:
    monitor.aws.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=text or " ")
    assert "RDS shape" in failure(monitor)["next_step"]


@pytest.mark.parametrize("port", ["five", -1, 70000, True, [5432], 1e400])
def test_a_secret_with_an_impossible_port_is_told(monitor: Monitor, database: Postgres, port: object) -> None:
    monitor.aws.put_secret(SECRET, {"username": ROLE, "password": "x", "host": database.host, "port": port})
    failure(monitor)


def test_the_document_wins_over_the_secret(monitor: Monitor, database: Postgres) -> None:
    kept = json.loads(monitor.aws.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])
    monitor.aws.put_secret(SECRET, kept | {"host": "elsewhere.invalid", "port": 1, "dbname": "none"})
    monitor.watch("demo", secret=SECRET, host=database.host, port=database.port, database="postgres")
    assert monitor.tick()["up"] == 1


def test_a_secret_once_read_outlives_an_outage_of_secrets_manager(monitor: Monitor, aws: EmulatedAws) -> None:
    monitor.tick()
    aws.refuse("secretsmanager:*", "InternalServiceError", status=500)
    monitor.pass_time(hours=1)
    assert monitor.tick()["up"] == 1


def test_a_secret_is_read_once_for_many_ticks(monitor: Monitor, aws: EmulatedAws) -> None:
    for _ in range(3):
        monitor.tick()
    assert aws.calls.count("secretsmanager:GetSecretValue") == 1


def test_a_wrong_password_is_asked_for_once_more_and_no_oftener(
    monitor: Monitor, database: Postgres, aws: EmulatedAws
) -> None:
    database.execute(f"ALTER ROLE {ROLE} PASSWORD 'another'")
    failed = monitor.order("probe")["failure"]
    assert (failed["kind"], failed["sqlstate"]) == ("auth", "28P01")
    assert aws.calls == ["secretsmanager:GetSecretValue"] * 2


def test_an_iam_token_is_signed_here_and_shown_nowhere(monitor: Monitor, serve: Serve, authority: trustme.CA) -> None:
    heard = bytearray()

    def admits(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(asks(3))
        heard.extend(connection.recv(1 << 16))
        connection.sendall(WELCOME)
        says(ONE)(connection)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    port = serve(secures(context, admits)).port
    monitor.watch("demo", host="127.0.0.1", port=port, user=ROLE, auth="iam", tls="verify-full")
    monitor.environment["LOG_LEVEL"] = "DEBUG"
    assert monitor.tick()["up"] == 1
    assert monitor.order("probe")["failure"] is None
    token = bytes(heard[5:]).split(b"\0")[0].decode()
    assert token.startswith(f"127.0.0.1:{port}/?Action=connect&DBUser={ROLE}&")
    assert "secretsmanager:GetSecretValue" not in monitor.aws.calls
    assert "X-Amz-Signature" not in f"{monitor.log} {monitor.items}"
