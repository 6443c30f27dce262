"""What monitor and prober send each other arrives whole, and whatever else arrives is refused without being quoted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model.expectation import expected_rows, expected_value
from heartline.model.kinds import Kind, Phase, Role, Tls
from heartline.model.observation import Gauges, Observation, Server
from heartline.model.target import Credential, Endpoint, Target
from heartline.probe.failures import advise, explained
from heartline.prober.check import Attempt
from heartline.prober.wire import read_answer, read_request, write_answer, write_probe, write_request

PASSWORD = "hunter2Zw9"
ENDPOINT = Endpoint("db.example.com", 5433, "shop", "app")
ATTEMPT = Attempt(Target("orders"), Credential(ENDPOINT, PASSWORD))
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
ALWAYS = datetime(1999, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
PAIRS = [(phase, kind) for kind in Kind for phase in sorted(kind.phases) if phase is not Phase.CREDENTIALS]

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
targets = st.builds(
    Target,
    texts,
    iam=st.booleans(),
    query=st.none() | texts,
    expect_rows=st.none() | st.sampled_from([">= 1", "0"]).map(expected_rows),
    expect_value=st.none() | st.sampled_from(["ok", "!= '", "< 3.5"]).map(expected_value),
    expect=st.sampled_from(Role),
    tls=st.sampled_from(Tls),
    timeout=st.integers(100, 30_000).map(lambda ms: timedelta(milliseconds=ms)),
)
attempts = st.builds(
    Attempt,
    targets,
    st.builds(Credential, st.builds(Endpoint, texts, st.integers(1, 65535), texts, texts), st.none() | texts),
)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - it gets one
flags = st.none() | st.booleans()
servers = st.builds(
    Server,
    st.none() | st.sampled_from(["18.4", "15.2 (Debian)"]),
    st.none() | times,
    flags,
    flags,
    st.none() | st.integers(-(10**18), 10**18).map(str),
    st.none() | st.integers(1, 2**31),
    st.lists(times, max_size=4).map(tuple),
    st.none() | times,
)
phases = st.dictionaries(
    st.sampled_from([phase for phase in Phase if phase is not Phase.CREDENTIALS]),
    st.integers(0, 600_000).map(lambda tenths: tenths / 10),
)
addresses = st.none() | st.ip_addresses().map(str)

counts = st.none() | st.integers(0, 10**9)
gauges = st.builds(Gauges, counts, counts, counts, st.none() | st.integers(0, 10**9).map(lambda ms: ms / 1000))


def failed(pair: tuple[Phase, Kind], sqlstate: str | None, said: str | None) -> Any:  # noqa: ANN401
    phase, kind = pair
    return explained(phase, kind, advise([kind], phase, ATTEMPT.target, ENDPOINT), sqlstate, said)


failures = st.builds(failed, st.sampled_from(PAIRS), st.none() | st.just("28P01"), st.none() | st.just("too many"))
observations = st.builds(Observation, times, st.just(ENDPOINT), phases, failures, st.none(), addresses) | st.builds(
    Observation, times, st.just(ENDPOINT), phases, st.none(), servers, addresses, gauges=gauges
)


@given(st.lists(attempts, max_size=3), st.integers(0, 60_000))
def test_a_request_arrives_whole(asked: list[Attempt], milliseconds: int) -> None:
    request = json.loads(write_request([write_probe(attempt) for attempt in asked], milliseconds / 1000))
    assert read_request(request) == (asked, milliseconds / 1000)


@given(st.lists(st.none() | observations, max_size=3))
def test_an_answer_arrives_whole(seen: list[Observation | None]) -> None:
    document = json.dumps(write_answer(seen)).encode()
    assert read_answer(document, [ATTEMPT] * len(seen), *ALWAYS) == seen
    assert PASSWORD.encode() not in document


def test_the_sentences_are_those_of_who_reads_them() -> None:
    """So that no prober can put words into a mail but what a server said."""
    seen = Observation(NOW, ENDPOINT, failure=failed((Phase.LOGIN, Kind.AUTH), "28P01", None))
    forged = replace(seen, failure=replace(seen.failure, cause="Call 555-0100.", next_step="Pay.", words={"user": "x"}))
    assert read_answer(json.dumps(write_answer([forged])).encode(), [ATTEMPT], *ALWAYS) == [seen]


def test_what_a_server_said_is_made_fit_to_read() -> None:
    said = "\u202e" + "x" * 1000
    answer = {"at": NOW.isoformat(), "phases": {}}
    failure = {"phase": "login", "kind": "auth", "advice": "auth", "said": said}
    (seen,) = read_answer(json.dumps({"observations": [answer | {"failure": failure}]}).encode(), [ATTEMPT], *ALWAYS)
    assert seen
    assert seen.failure
    assert len(seen.failure.said or "") <= 300
    assert (seen.failure.said or "").isprintable()
    server = {"server": {"version": said}}
    (seen,) = read_answer(json.dumps({"observations": [answer | server]}).encode(), [ATTEMPT], *ALWAYS)
    assert seen
    assert seen.server
    assert len(seen.server.version or "") <= 64


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["observations", "at", "phases", "server", "failure", "probes", "seconds"]), inner
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_other_document_is_refused_without_being_quoted(document: Any) -> None:  # noqa: ANN401
    for read in (
        lambda: read_request(document),
        lambda: read_answer(json.dumps(document).encode(), [ATTEMPT], *ALWAYS),
    ):
        refused = None
        try:
            read()
        except ValueError as error:
            refused = error
        assert refused is None or str(refused) in {"not a request of the monitor's", "not an answer to what was asked"}
        assert refused is None or refused.__suppress_context__


@pytest.mark.parametrize("number", [0, 2])
def test_an_answer_to_another_number_of_probes_is_none(number: int) -> None:
    seen = Observation(NOW, ENDPOINT, server=Server())
    with pytest.raises(ValueError, match="not an answer"):
        read_answer(json.dumps(write_answer([seen] * number)).encode(), [ATTEMPT], *ALWAYS)


@pytest.mark.parametrize("at", [NOW - timedelta(seconds=1), NOW + timedelta(seconds=6)])
def test_an_observation_from_another_time_is_none(at: datetime) -> None:
    answer = json.dumps(write_answer([Observation(at, ENDPOINT, server=Server())])).encode()
    with pytest.raises(ValueError, match="just now"):
        read_answer(answer, [ATTEMPT], NOW, NOW + timedelta(seconds=5))


def test_a_password_is_in_no_text_that_a_request_makes() -> None:
    assert PASSWORD not in repr(read_request(json.loads(write_request([write_probe(ATTEMPT)], 5))))
