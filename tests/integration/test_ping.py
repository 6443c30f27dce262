"""Somebody outside hears of each tick that went well, and a tick neither waits for them nor fails by them."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from heartline.tick import ping
from local.lambda_api import ProbeFunction, quotes

if TYPE_CHECKING:
    import trustme

    from integration.conftest import Monitor
    from local.aws import EmulatedAws
    from local.fleet import Fleet
    from local.postgres import Postgres

PATH = "/ping/3f1c-secret?status=up"


class Pinged:
    """What listens outside; it answers with a status, or never."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.paths: list[str] = []
        self.agents: set[str | None] = set()
        self.over = Event()
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.paths.append(handler.path)
        self.agents.add(handler.headers["User-Agent"])
        if self.status is None:
            self.over.wait(30)
            return
        handler.send_response(self.status)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@contextmanager
def listening(authority: trustme.CA) -> Iterator[Pinged]:
    pinged = Pinged()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pinged.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    pinged.url = f"https://127.0.0.1:{server.server_port}{PATH}"
    try:
        yield pinged
    finally:
        pinged.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def pinged(authority: trustme.CA, monitor: Monitor) -> Iterator[Pinged]:
    ping._context.cache_clear()
    with listening(authority) as pinged:
        monitor.environment["PING_URL"] = pinged.url
        yield pinged
    ping._context.cache_clear()


def failures(monitor: Monitor) -> list[tuple[str | None, str | None]]:
    return [(line.get("error_type"), line.get("error_code")) for line in monitor.log if line["event"] == "ping-failed"]


def test_a_tick_that_went_well_makes_one_request(monitor: Monitor, pinged: Pinged) -> None:
    monitor.tick()
    assert pinged.paths == [PATH]
    monitor.tick()
    assert pinged.paths == [PATH] * 2
    assert pinged.agents == {"heartline"}
    assert failures(monitor) == []


@pytest.mark.parametrize("status", [201, 202, 204])
def test_any_success_is_one(monitor: Monitor, pinged: Pinged, status: int) -> None:
    pinged.status = status
    monitor.tick()
    assert failures(monitor) == []


def test_a_query_without_a_path_is_asked_of_the_root(monitor: Monitor, pinged: Pinged) -> None:
    monitor.environment["PING_URL"] = pinged.url.replace(PATH, "?token=x")
    monitor.tick()
    assert pinged.paths == ["/?token=x"]


def test_a_database_that_is_down_is_nothing_wrong_with_the_tick(
    monitor: Monitor, database: Postgres, pinged: Pinged
) -> None:
    database.kill()
    monitor.tick()
    assert pinged.paths == [PATH]


def refuse_mail(monitor: Monitor) -> None:
    monitor.aws.refuse_mail("AccountSuspendedException", status=400)


def refuse_heartbeat(monitor: Monitor) -> None:
    monitor.aws.refuse("dynamodb:PutItem", "AccessDeniedException")


@pytest.mark.parametrize("harm", [refuse_mail, refuse_heartbeat])
def test_a_tick_with_a_fault_makes_none(
    monitor: Monitor, database: Postgres, pinged: Pinged, harm: Callable[[Monitor], None]
) -> None:
    database.kill()
    harm(monitor)
    monitor.tick()
    assert pinged.paths == []


def test_a_tick_whose_prober_failed_makes_none(monitor: Monitor, pinged: Pinged) -> None:
    with ProbeFunction() as function:
        monitor.environment |= function.environment
        function.behave = quotes
        monitor.tick()
    assert pinged.paths == []


def test_a_tick_without_time_for_all_makes_none(monitor: Monitor, pinged: Pinged) -> None:
    monitor.tick(seconds=1.5)
    assert pinged.paths == []


def test_a_command_makes_none(monitor: Monitor, pinged: Pinged) -> None:
    monitor.order("status")
    monitor.order("probe")
    assert pinged.paths == []


def test_of_a_divided_tick_the_whole_makes_one(fleet: Fleet, pinged: Pinged) -> None:
    fleet.minutes()
    assert pinged.paths == [], "nobody has looked yet"
    fleet.minutes()
    assert pinged.paths == [PATH]


def test_a_divided_tick_whose_prober_fails_makes_none(fleet: Fleet, pinged: Pinged) -> None:
    with ProbeFunction() as function:
        fleet.monitor.environment |= function.environment
        function.behave = quotes
        for _ in range(3):
            fleet.minutes()
    assert pinged.paths == []


@pytest.mark.parametrize("status", [301, 404, 500])
def test_a_refusal_is_counted_and_not_followed(
    monitor: Monitor, pinged: Pinged, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    pinged.status = status
    assert monitor.tick()["up"] == 1
    assert pinged.paths == [PATH]
    assert failures(monitor) == [(None, str(status))]
    assert any("PingsFailed" in json.loads(line) for line in capsys.readouterr().out.splitlines())


def test_who_never_answers_is_not_waited_for(monitor: Monitor, pinged: Pinged, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ping._MAX_SECONDS <= 2
    monkeypatch.setattr(ping, "_MAX_SECONDS", 0.2)
    pinged.status = None
    began = monotonic()
    answer = monitor.tick()
    assert monotonic() - began < 10, "it would answer after 30 seconds"
    assert answer["up"] == 1
    assert [error for error, _ in failures(monitor)] == ["TimeoutError"]


def test_who_is_not_who_they_say_hears_nothing(
    monitor: Monitor, pinged: Pinged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    monitor.environment["SSL_CERT_FILE"] = "/dev/null"
    ping._context.cache_clear()
    monitor.tick()
    assert pinged.paths == []
    assert [error for error, _ in failures(monitor)] == ["SSLCertVerificationError"]


@pytest.mark.parametrize("status", [200, 404, None])
def test_the_url_is_said_nowhere(
    monitor: Monitor, pinged: Pinged, aws: EmulatedAws, capfd: pytest.CaptureFixture[str], status: int | None
) -> None:
    pinged.status = status
    said = str((monitor.tick(), monitor.order("status"), monitor.log, capfd.readouterr(), monitor.stored))
    assert "3f1c-secret" not in said
    assert not any("3f1c-secret" in str(call.request) for call in aws.log)
