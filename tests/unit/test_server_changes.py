"""What two fingerprints say of the time between them: the rules of noticing, as properties."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model.incident import Change, Evidence
from heartline.model.kinds import AlertKind
from heartline.model.observation import Server
from heartline.model.state import State
from heartline.rules.server_changes import detect_change
from unit.samples import HOUR, MINUTE, NOW, SECOND, SERVER, answered

RESTARTED, CRASHED, FAILED_OVER = AlertKind.RESTARTED, AlertKind.CRASHED, AlertKind.FAILED_OVER
REPLACED, UPGRADED = AlertKind.REPLACED, AlertKind.UPGRADED
# The most specific first.
RANKS = [REPLACED, UPGRADED, FAILED_OVER, RESTARTED, CRASHED]
HOME = "192.0.2.7"
AFTER = NOW - MINUTE
SAYS = [one.name for one in fields(Server)]

moments = st.sampled_from([NOW - step * HOUR for step in range(4)])
servers = st.builds(
    Server,
    version=st.none() | st.sampled_from(["17.6", "18.0"]),
    started=st.none() | moments,
    standby=st.none() | st.booleans(),
    read_only=st.none() | st.booleans(),
    system=st.none() | st.sampled_from(["7577777777777777777", "7588888888888888888"]),
    timeline=st.none() | st.integers(1, 3),
    resets=st.just(()) | moments.map(lambda at: (at,) * 4) | st.tuples(*[moments] * 4),
    certificate_expires=st.none() | moments,
)
addresses = st.none() | st.sampled_from([HOME, "192.0.2.8"])


def saw(server: Server | None = SERVER, address: str | None = HOME) -> State:
    """Return the state after that server was seen first."""
    state, change = detect_change(State("orders"), answered(server, AFTER, address), None)
    assert change is None
    return state


def found(was: Server, now: Server, addresses: tuple[str | None, str | None] = (HOME, HOME)) -> Change | None:
    """Return what is noticed when the one answers after the other."""
    return detect_change(saw(was, addresses[0]), answered(now, NOW, addresses[1]), AFTER)[1]


def notified(state: State, *turns: Server) -> list[tuple[AlertKind, bool]]:
    """Return what is noticed when servers answer one after the other."""
    changes = []
    for server in turns:
        state, change = detect_change(state, answered(server), AFTER)
        changes.append(change)
    return [(change.kind, change.several) for change in changes if change]


@given(servers, addresses, addresses)
def test_a_server_that_says_the_same_again_is_no_change_and_writes_nothing(
    server: Server, one: str | None, other: str | None
) -> None:
    state = saw(server, one)
    assert detect_change(state, answered(server, NOW, other), AFTER) == (state, None)


@given(servers, servers, addresses, addresses)
def test_what_was_noticed_is_not_noticed_again(was: Server, now: Server, one: str | None, other: str | None) -> None:
    state, _ = detect_change(saw(was, one), answered(now, NOW, other), AFTER)
    assert detect_change(state, answered(now, NOW + MINUTE, other), NOW) == (state, None)


@given(servers, st.sets(st.sampled_from(SAYS)), addresses)
def test_what_is_no_longer_said_or_said_for_the_first_time_is_no_change(
    server: Server, silent: set[str], address: str | None
) -> None:
    less = replace(server, **{name: () if name == "resets" else None for name in silent})
    assert notified(saw(server, address), less, server, less, server) == []


@given(servers, st.lists(servers, max_size=4))
def test_a_probe_that_saw_no_server_changes_nothing(server: Server, others: list[Server]) -> None:
    state = saw(server)
    for other in others:
        state = detect_change(state, answered(other), AFTER)[0]
        assert detect_change(state, answered(None), AFTER) == (state, None)


DIFFERENCES: dict[str, tuple[object, AlertKind]] = {
    "system": ("7588888888888888888", REPLACED),
    "version": ("18.1", UPGRADED),
    "standby": (True, FAILED_OVER),
    "started": (NOW - HOUR, RESTARTED),
    "resets": ((NOW - HOUR,) * 4, CRASHED),
}
CALLED = {"standby": "role", "resets": "statistics"}


@given(st.sets(st.sampled_from(sorted(DIFFERENCES)), min_size=1))
def test_the_most_specific_is_told_with_all_others_as_evidence(differ: set[str]) -> None:
    now = replace(SERVER, **{name: DIFFERENCES[name][0] for name in differ})
    change = found(SERVER, now)
    # After a restart nothing can be said of the statistics.
    known = differ - {"resets"} if "started" in differ else differ
    assert change is not None
    assert change.kind is min((DIFFERENCES[name][1] for name in known), key=RANKS.index)
    assert {one.what for one in change.evidence} == {CALLED.get(name, name) for name in known}
    assert (change.before, change.after, change.started) == (NOW, AFTER, now.started)


@given(servers, servers, addresses, addresses)
def test_each_piece_of_evidence_is_something_that_was_said_both_times_and_differs(
    was: Server, now: Server, one: str | None, other: str | None
) -> None:
    change = found(was, now, (one, other))
    for piece in change.evidence if change else ():
        assert piece.was != piece.now
        assert "None" not in (piece.was, piece.now)
    if change:
        assert (change.kind is REPLACED) == (None is not was.system != now.system is not None)


@given(servers, servers, st.timedeltas(timedelta(days=-3000), timedelta(days=3000)))
def test_clocks_of_servers_that_are_wrong_do_not_matter(was: Server, now: Server, wrong: timedelta) -> None:
    def shifted(server: Server) -> Server:
        return replace(
            server,
            started=server.started and server.started + wrong,
            resets=tuple(at + wrong for at in server.resets),
        )

    change, same = found(was, now), found(shifted(was), shifted(now))
    assert (change and change.kind) == (same and same.kind)


@pytest.mark.parametrize(("was", "now", "roles"), [(False, True, "primary standby"), (True, False, "standby primary")])
def test_a_failover_says_which_role_the_server_had_and_has(was: bool, now: bool, roles: str) -> None:
    change = found(replace(SERVER, standby=was), replace(SERVER, standby=now))
    assert change is not None
    assert change.evidence == (Evidence("role", *roles.split()),)


@given(servers, moments, moments)
def test_a_start_that_is_earlier_than_before_is_another_start_too(server: Server, was: datetime, now: datetime) -> None:
    change = found(replace(server, started=was), replace(server, started=now))
    assert (change and change.kind) == (None if was == now else RESTARTED)


def test_a_timeline_that_changes_alone_on_a_primary_is_what_a_promoted_server_writes_late() -> None:
    promoted = replace(SERVER, timeline=1)
    standby = replace(SERVER, standby=True)
    written = replace(promoted, timeline=2)
    assert notified(saw(standby), promoted, written) == [(FAILED_OVER, False)]
    assert found(SERVER, written) is None


def test_a_standby_that_follows_another_timeline_has_another_primary() -> None:
    standby = replace(SERVER, standby=True)
    assert notified(saw(standby), replace(standby, timeline=2)) == [(FAILED_OVER, False)]


def test_another_timeline_after_a_restart_is_a_failover() -> None:
    change = found(SERVER, replace(SERVER, timeline=2, started=NOW))
    assert change is not None
    assert (change.kind, {one.what for one in change.evidence}) == (FAILED_OVER, {"timeline", "started"})


def test_another_address_is_a_failover_where_another_server_of_the_same_cluster_answers_at_it() -> None:
    away, elsewhere = replace(SERVER, started=NOW), (HOME, "192.0.2.8")
    failed_over = found(SERVER, away, elsewhere)
    assert failed_over is not None
    assert (failed_over.kind, failed_over.evidence[0].was) == (FAILED_OVER, HOME)
    assert found(SERVER, replace(SERVER, read_only=True), elsewhere) is None
    other = found(SERVER, replace(away, system="1"), elsewhere)
    assert other is not None
    assert {one.what for one in other.evidence} == {"system", "started"}
    unknown = found(SERVER, away, (HOME, None))
    assert unknown is not None
    assert unknown.kind is RESTARTED


@pytest.mark.parametrize(
    "resets",
    [
        (NOW, NOW, NOW, NOW - HOUR),  # three of them
        (NOW, NOW),  # a server that has two of them
        (NOW, NOW, NOW),  # or three
        (NOW, NOW, NOW, NOW + timedelta(microseconds=1)),
        (*SERVER.resets[:3], NOW),
        (),
    ],
)
def test_statistics_that_do_not_all_begin_at_the_same_moment_are_no_crash(resets: tuple[object, ...]) -> None:
    assert found(SERVER, replace(SERVER, resets=resets)) is None


def test_three_statistics_that_begin_anew_together_are_too_few_to_tell_of_a_crash() -> None:
    three = replace(SERVER, resets=SERVER.resets[:3])
    assert found(three, replace(three, resets=(NOW,) * 3)) is None
    assert found(SERVER, replace(SERVER, resets=(NOW,) * 4)).kind is CRASHED


def test_a_server_that_says_less_is_the_one_that_the_next_is_compared_with() -> None:
    less = replace(SERVER, started=None)
    state, change = detect_change(saw(), answered(less, NOW, "192.0.2.8"), AFTER)
    assert (state.server, state.address, change) == (less, "192.0.2.8", None)


def test_a_change_happened_before_the_probe_that_found_it_had_ended() -> None:
    other = replace(SERVER, system="7588888888888888888")
    state, replaced = detect_change(saw(), replace(answered(other), ended=NOW + SECOND), AFTER)
    _, several = detect_change(state, replace(answered(SERVER), ended=NOW + 2 * SECOND), AFTER)
    assert [(one.kind, one.before, one.after) for one in (replaced, several)] == [
        (REPLACED, NOW + SECOND, AFTER),
        (FAILED_OVER, NOW + 2 * SECOND, AFTER),
    ]


def test_a_promotion_is_shown_with_the_timeline_that_it_began() -> None:
    promoted = found(replace(SERVER, standby=True, timeline=1), replace(SERVER, standby=False, timeline=2))
    assert [one.what for one in promoted.evidence] == ["timeline", "role"]


def test_a_restart_explains_all_that_begins_anew_with_it() -> None:
    """Its statistics; and of a server that does not say who it is, another address is no sign of another one."""
    restarted = replace(SERVER, started=NOW, resets=(NOW,) * 4)
    assert [one.what for one in found(SERVER, restarted).evidence] == ["started"]
    silent = replace(SERVER, system=None, timeline=None)
    elsewhere = found(silent, replace(silent, started=NOW), (HOME, "192.0.2.8"))
    assert (elsewhere.kind, [one.what for one in elsewhere.evidence]) == (RESTARTED, ["started"])


def test_statistics_that_agree_on_a_moment_that_one_of_them_had_before_are_no_crash() -> None:
    scattered = replace(SERVER, resets=tuple(NOW - hours * HOUR for hours in range(1, 5)))
    assert found(scattered, replace(SERVER, resets=(NOW - HOUR,) * 4)) is None
    assert found(scattered, replace(SERVER, resets=(NOW - 3 * HOUR,) * 4)) is None
    crashed = found(scattered, replace(SERVER, resets=(NOW,) * 4))
    assert crashed.kind is CRASHED
    assert crashed.evidence == (Evidence("statistics", (NOW - HOUR).isoformat(), NOW.isoformat()),)


def test_statistics_of_a_server_that_does_not_say_when_it_started_are_no_crash() -> None:
    silent = replace(SERVER, started=None)
    assert found(silent, replace(silent, resets=(NOW,) * 4)) is None


# A name that leads to several servers.

turns = st.integers(2, 8).flatmap(
    lambda k: st.tuples(st.just(k), st.lists(st.integers(0, k - 1), min_size=1, max_size=40))
)


def one_of(number: int, *, kin: bool = True) -> Server:
    """Return one of several servers, of one cluster or each of its own."""
    system = SERVER.system if kin else str(number + 1)
    return replace(SERVER, system=system, started=NOW - (number + 1) * HOUR, standby=kin and number > 0)


@given(turns, st.booleans())
def test_several_servers_in_any_turn_are_told_once_and_nothing_after_it(
    drawn: tuple[int, list[int]], kin: bool
) -> None:
    number, order = drawn
    state, heard, met, several = State("orders"), [], set[int](), False
    for place, turn in enumerate(order):
        comes_back = turn in met and turn != order[place - 1]
        state, change = detect_change(state, answered(one_of(turn, kin=kin)), AFTER)
        if several:
            assert change is None
        elif comes_back:
            assert change is not None
            assert (change.kind, change.several, change.evidence) == (FAILED_OVER, True, ())
        several = several or comes_back
        assert state.several == several
        heard += [change] if change else []
        met.add(turn)
    assert len(heard) <= number - 1 + 1


@given(st.integers(2, 8), st.booleans())
def test_several_servers_of_which_all_are_known_write_nothing_more(number: int, kin: bool) -> None:
    state = State("orders")
    for turn in [*range(number), *range(number)]:
        state = detect_change(state, answered(one_of(turn, kin=kin)), AFTER)[0]
    for turn in range(number):
        assert detect_change(state, answered(one_of(turn, kin=kin)), AFTER) == (state, None)


def test_fifteen_servers_strictly_in_turn_are_recognised() -> None:
    """As many readers as an Aurora cluster can have."""
    heard = notified(State("orders"), *(one_of(turn % 15) for turn in range(15 * 5)))
    assert len(heard) <= 15
    assert heard[-1] == (FAILED_OVER, True)


@pytest.mark.parametrize("says", [{"version": "18.1"}, {"standby": True}])
def test_servers_in_turn_that_give_no_identifier_are_not_told_each_time(says: dict[str, object]) -> None:
    """As a query of one's own sees them, or a pooler shows them."""
    one = Server(version="18.0", standby=False)
    assert len(notified(State("orders"), *[one, replace(one, **says)] * 10)) <= 2


def test_a_server_that_restarts_again_and_again_is_one_server() -> None:
    restarts = [replace(SERVER, started=NOW + step * MINUTE) for step in range(50)]
    assert notified(saw(), *restarts) == [(RESTARTED, False)] * 50


def test_restarts_and_failovers_of_several_servers_are_not_told() -> None:
    state = State("orders")
    for turn in (0, 1, 0):
        state = detect_change(state, answered(one_of(turn)), AFTER)[0]
    again = replace(one_of(0), started=NOW)
    assert notified(state, again, one_of(1), again, replace(again, timeline=2), replace(again, standby=True)) == []
