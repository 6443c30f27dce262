"""Through the probe function a tick sees, confirms and tells the same; what fails on the way is nobody's outage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from heartline.model.errors import ProberError
from integration.test_secrecy import MARK
from local import peers
from local.aws import EmulatedAws
from local.fleet import SHARDS
from local.lambda_api import NAME, Behaviour, ProbeFunction, loses, quotes, refuses, says, works
from local.stack import ROLE, SECRET

if TYPE_CHECKING:
    import socket

    from integration.conftest import Monitor, Serve
    from local.fleet import Fleet
    from local.postgres import Postgres


@pytest.fixture
def function() -> Iterator[ProbeFunction]:
    with ProbeFunction() as function:
        yield function


@pytest.fixture
def private(monitor: Monitor, function: ProbeFunction) -> Monitor:
    """A monitor that probes through the function."""
    monitor.environment |= function.environment
    return monitor


def probed(request: bytes) -> list[str]:
    return [probe["name"] for probe in json.loads(request)["probes"]]


def test_a_death_and_a_recovery_are_seen_confirmed_and_told(
    private: Monitor, database: Postgres, function: ProbeFunction
) -> None:
    assert private.tick()["up"] == 1
    assert len(function.requests) == 1
    database.kill()
    assert private.tick()["down"] == 1
    assert len(function.requests) == 3  # the failure, and the one probe that confirms it
    database.start()
    private.tick()
    assert private.states == ["DOWN", "RECOVERED"]
    down = private.mails[0].text
    assert "refused" in down
    assert f"port {database.port}" in down


def test_a_probe_through_the_function_sees_what_one_here_sees(
    monitor: Monitor, function: ProbeFunction, database: Postgres, serve: Serve
) -> None:
    def seen() -> dict[str, Any]:
        answer = monitor.order("probe")
        assert all(0 <= spent < 5000 for spent in answer["phases"].values())
        return answer | {"phases": list(answer["phases"])}

    def both() -> list[dict[str, Any]]:
        here = seen()
        monitor.environment |= function.environment
        there = seen()
        for name in function.environment:
            monitor.environment[name] = ""
        return [here, there]

    pooler = serve(peers.says(peers.error("08P01", "no such database: none"), peers.hangs_up))
    for prepare in (
        lambda: None,
        lambda: monitor.watch("demo", host=pooler.host, port=pooler.port, user=ROLE),
        lambda: monitor.watch("demo", secret=SECRET, database="none"),
        database.kill,
    ):
        prepare()
        here, there = both()
        assert here == there
    assert here["healthy"] is False
    assert len(function.requests) == 4


def test_the_fingerprint_crosses_whole(private: Monitor, database: Postgres) -> None:
    """Else a restart would be a change of everything, or go unnoticed."""
    private.tick()
    state = private.items["target#demo"]["state"]["M"]
    private.environment["PROBE_FUNCTION"] = ""
    private.tick()
    assert private.items["target#demo"]["state"]["M"]["server"] == state["server"]
    private.environment["PROBE_FUNCTION"] = NAME
    database.kill()
    database.start()
    private.pass_time(minutes=1)
    private.tick()
    (subject,) = private.subjects
    assert subject.startswith(("[RESTARTED]", "[CRASHED]"))


def test_all_targets_of_a_round_go_in_one_invocation(
    private: Monitor, serve: Serve, function: ProbeFunction, database: Postgres
) -> None:
    good = [f"good-{number}" for number in range(20)]
    private.watch(*good, host="127.0.0.1", port=serve(peers.healthy).port, user=ROLE)
    document = private.environment["TARGETS"]
    private.watch("bad-1", "bad-2", secret=SECRET, confirmations=2, confirm_after=0.2)
    private.environment["TARGETS"] = document + private.environment["TARGETS"]
    database.kill()
    answer = private.tick()
    assert (answer["up"], answer["down"]) == (20, 2)
    first, *confirmations = map(probed, function.requests)
    assert sorted(first) == sorted([*good, "bad-1", "bad-2"])
    assert [sorted(names) for names in confirmations] == [["bad-1", "bad-2"]] * 2


def test_a_rotated_password_is_fetched_by_the_monitor_and_no_alarm(
    private: Monitor, database: Postgres, aws: EmulatedAws, function: ProbeFunction
) -> None:
    private.tick()
    database.execute(f"ALTER ROLE {ROLE} PASSWORD 'another'")
    aws.put_secret(SECRET, {"username": ROLE, "password": "another", "host": database.host, "port": database.port})
    assert private.tick()["up"] == 1
    assert (private.mails, len(function.requests)) == ([], 3)


def test_what_fails_once_is_a_blip(private: Monitor, serve: Serve, database: Postgres) -> None:
    connections = count()

    def fails_first(connection: socket.socket) -> None:
        (peers.forwards(database.port) if next(connections) else peers.closes)(connection)

    private.watch("demo", secret=SECRET, port=serve(fails_first).port)
    private.tick()
    assert (private.status()["status"], private.mails) == ("up", [])


def test_a_target_whose_credential_is_missing_is_told_and_costs_the_others_nothing(
    private: Monitor, function: ProbeFunction
) -> None:
    document = private.environment["TARGETS"]
    private.watch("lost", secret="heartline/lost")
    private.environment["TARGETS"] += document
    answer = private.tick()
    assert (answer["up"], answer["down"]) == (1, 1)
    assert probed(function.requests[0]) == ["demo"]


def test_each_shard_of_a_divided_tick_is_an_invocation_a_round(fleet: Fleet, function: ProbeFunction) -> None:
    fleet.monitor.environment |= function.environment
    fleet.minutes()
    assert {status for status, _ in fleet.seen.values()} == {"up"}
    assert sorted(map(sorted, map(probed, function.requests))) == sorted(map(sorted, SHARDS))


# ---- What fails on the way


def healthy(at: datetime) -> bytes:
    return b'{"observations": [{"at": "%s", "phases": {}, "server": {}}]}' % at.isoformat().encode()


HEALTHY = healthy(datetime.now(UTC))
FAULTS: dict[str, Behaviour] = {
    "throttled": refuses("TooManyRequestsException", 429),
    "not there": refuses("ResourceNotFoundException", 404),
    "forbidden": refuses("AccessDeniedException", 403),
    "no network interface": refuses("ENILimitReachedException", 502),
    "out of order": refuses("ServiceException", 500),
    "its answer is lost": loses,
    "fails, and quotes what it was given": quotes,
    "empty": says(b""),
    "no JSON": says(b"<html>"),
    "null": says(b"null"),
    "nothing of it": says(b'{"observations": []}'),
    "one too many": says(HEALTHY.replace(b"[{", b"[null, {")),
    "nested": says(b'{"observations": ' + b"[" * 50_000),
    "an unknown field": says(HEALTHY.replace(b'"server"', b'"secret": 1, "server"')),
    "neither healthy nor failed": says(HEALTHY.replace(b', "server": {}', b"")),
    "not a number": says(HEALTHY.replace(b'"phases": {}', b'"phases": {"login": NaN}')),
    "an endless phase": says(HEALTHY.replace(b'"phases": {}', b'"phases": {"login": 1e300}')),
    "from another time": says(healthy(datetime(9999, 1, 1, tzinfo=UTC))),
    "a time without a zone": says(HEALTHY.replace(b"+00:00", b"")),
    "no such failure": says(
        HEALTHY.replace(b'"server": {}', b'"failure": {"phase": "login", "kind": "refused", "advice": "refused"}')
    ),
    "no such sentence": says(
        HEALTHY.replace(b'"server": {}', b'"failure": {"phase": "connect", "kind": "refused", "advice": "say this"}')
    ),
    "no failure to have there": says(
        HEALTHY.replace(
            b'"server": {}', b'"failure": {"phase": "credentials", "kind": "credentials", "advice": "token"}'
        )
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("down", [False, True], ids=["up", "down"])
def test_a_fault_on_the_way_is_the_monitor_s_own(
    private: Monitor, database: Postgres, function: ProbeFunction, fault: str, down: bool
) -> None:
    if down:
        database.kill()
    private.tick()
    before, mails = private.items["target#demo"], len(private.mails)
    private.log.clear()
    private.pass_time(minutes=1)
    function.behave = FAULTS[fault]
    answer = private.tick()
    assert (answer["up"], answer["down"]) == ((0, 1) if down else (1, 0))
    assert private.items["target#demo"] == before
    assert len(private.mails) == mails
    assert [line["event"] for line in private.log if line["level"] == "ERROR"] == ["prober-fault"]
    assert [line["detail"]["Faults"] for line in private.log if line["event"] == "tick"] == [1]
    function.behave = works
    private.pass_time(minutes=1)
    private.tick()
    assert len(private.mails) == mails


def test_a_function_that_answers_healthily_and_briefly_is_believed(private: Monitor, function: ProbeFunction) -> None:
    """What the faults above are made of is an answer."""
    function.behave = says(healthy(private.now))
    assert private.tick()["up"] == 1


@pytest.mark.parametrize("behave", [loses, refuses("TooManyRequestsException", 429)], ids=["lost", "throttled"])
def test_an_answer_that_does_not_come_once_is_asked_for_again(
    private: Monitor, database: Postgres, function: ProbeFunction, behave: Behaviour
) -> None:
    private.tick()
    database.kill()
    requests = count()
    function.behave = lambda request, invoke: behave(request, invoke) if next(requests) == 0 else invoke(request)
    assert private.tick()["down"] == 1
    assert [line["event"] for line in private.log if line["level"] == "ERROR"] == []
    assert private.states == ["DOWN"]


def test_a_function_that_hangs_costs_no_more_than_the_tick_s_time(private: Monitor, function: ProbeFunction) -> None:
    private.tick()
    function.behave = function.hangs
    answer = private.tick(seconds=6)
    assert answer["up"] == 1
    assert answer["duration_ms"] < 6000
    assert [line["event"] for line in private.log if line["level"] == "ERROR"] == ["prober-fault"]


def test_a_fault_in_a_confirmation_leaves_the_state_as_it_was(
    private: Monitor, database: Postgres, function: ProbeFunction
) -> None:
    private.tick()
    before = private.items["target#demo"]
    database.kill()
    requests = count()
    function.behave = lambda request, invoke: (
        invoke(request) if next(requests) == 0 else refuses("TooManyRequestsException", 429)(request, invoke)
    )
    private.tick()
    assert (private.items["target#demo"], private.mails) == (before, [])
    function.behave = works
    private.tick()
    assert len(private.mails) == 1


def test_alerts_that_wait_leave_while_the_prober_is_out_of_order(
    private: Monitor, database: Postgres, function: ProbeFunction, aws: EmulatedAws
) -> None:
    database.kill()
    aws.refuse_mail("TooManyRequestsException", status=429)
    private.tick()
    aws.accept()
    function.behave = quotes
    private.pass_time(minutes=1)
    assert private.tick()["alerts"] == {"sent": 1, "pending": 0}


def test_a_probe_by_command_that_does_not_reach_the_function_is_an_error(
    private: Monitor, function: ProbeFunction
) -> None:
    function.behave = quotes
    with pytest.raises(ProberError, match="the probe function failed: Unhandled"):
        private.order("probe")


def test_what_there_is_no_time_for_is_no_fault_of_the_function(
    private: Monitor, database: Postgres, function: ProbeFunction
) -> None:
    database.kill()
    private.tick(seconds=1.5)
    assert function.requests == []
    assert [line["event"] for line in private.log if line["level"] == "ERROR"] == ["unprobed"]


# ---- What it must not tell


@pytest.mark.parametrize("behave", [works, quotes, says(b"<html>")], ids=["works", "fails", "garbage"])
def test_no_password_is_logged_or_returned(
    private: Monitor, database: Postgres, function: ProbeFunction, capfd: pytest.CaptureFixture[str], behave: Behaviour
) -> None:
    database.create_role(ROLE, MARK)
    place = {"host": database.host, "port": database.port, "dbname": "postgres"}
    private.aws.put_secret(SECRET, {"username": ROLE, "password": MARK} | place)
    function.behave = behave
    said = [private.tick()]
    try:
        said.append(private.order("probe"))
    except ProberError as error:
        said.append(error)
    database.kill()
    said.append(private.tick())
    assert all(MARK.encode() in request for request in function.requests)
    for text in map(str, (said, private.log, capfd.readouterr(), private.stored)):
        assert MARK not in text
    if behave is works:
        assert not any(MARK.encode() in answer for answer in function.answers)


@pytest.mark.parametrize("event", [{}, None, [], {"command": "status"}, {"seconds": 5, "probes": [{"password": MARK}]}])
def test_a_foreign_request_is_an_error_that_quotes_nothing(event: object, capfd: pytest.CaptureFixture[str]) -> None:
    import prober  # noqa: PLC0415 - as Lambda loads it

    with pytest.raises(ProberError) as raised:
        prober.lambda_handler(event, None)
    assert str(raised.value) == "not a request of the monitor's"
    assert raised.value.__suppress_context__
    assert MARK not in str(capfd.readouterr())
