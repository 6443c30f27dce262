"""Outboxes are drained in order, at least once, and no trouble of one target is another's."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from heartline.channels import Refusal
from heartline.deadline import Deadline
from heartline.model import Alert, State, Stored, Target
from heartline.notify import SEND_SECONDS, Delivery
from unit.samples import NOW, TARGET, alert

LATER, STOPPED = Refusal("MessageRejected", stops=False), Refusal("TooManyRequests", stops=True)
A, B, C = (replace(TARGET, name=name) for name in "abc")


class Box:
    """Keep alerts in memory, and lend them as the store would."""

    def __init__(self, **waiting: Sequence[Alert]) -> None:
        self.alerts = {name: {one.id: replace(one, target=name) for one in alerts} for name, alerts in waiting.items()}
        self.lent: dict[str, str] = {}
        self.lost: set[str] = set()
        self.broken: dict[str, Exception] = {}

    def claim(self, name: str, owner: str, now: datetime, lease: timedelta) -> Stored | None:
        assert lease > timedelta(0)
        assert now == NOW
        if name in self.broken:
            raise self.broken[name]
        if name in self.lent or not self.alerts.get(name):
            return None
        self.lent[name] = owner
        return Stored(State(name), tuple(self.alerts[name].values()), 1)

    def clear(self, name: str, owner: str, alerts: Sequence[Alert]) -> bool:
        if name in self.lost or self.lent.get(name) != owner:
            return False
        self.alerts[name] |= {one.id: one for one in alerts}
        self.alerts[name] = {number: one for number, one in self.alerts[name].items() if one.waiting}
        return True

    def release(self, name: str, owner: str) -> bool:
        return name not in self.lost and self.lent.pop(name, None) == owner

    def left(self, name: str) -> list[tuple[str, tuple[str, ...]]]:
        return [(one.id, one.waiting) for one in self.alerts[name].values()]


class Line:
    """Accept alerts one by one, or refuse as it is told."""

    def __init__(self, name: str, refusals: dict[tuple[str, str], Refusal | Exception] | None = None) -> None:
        self.name = name
        self.refusals = refusals or {}
        self.accepted: list[tuple[str, str]] = []
        self.asked = 0

    def portions(self, alerts: Sequence[Alert]) -> list[tuple[Alert, ...]]:
        return [(one,) for one in alerts]

    def send(self, alerts: Sequence[Alert], target: Target, now: datetime) -> Refusal | None:
        assert now == NOW
        assert {one.target for one in alerts} == {target.name}
        self.asked += 1
        refused = self.refusals.get((target.name, alerts[0].id))
        if isinstance(refused, Exception):
            raise refused
        if refused is None:
            self.accepted += [(target.name, one.id) for one in alerts]
        return refused


def number(place: int) -> str:
    return f"{place:08d}"


def waiting(*places: int, names: Iterable[str] = ("email",)) -> list[Alert]:
    return [alert(number=place, waiting=tuple(names)) for place in places]


def delivery(box: Box, *lines: Line, seconds: float = 600) -> Delivery:
    log = Logger(service="heartline-test", logger_handler=logging.NullHandler())
    return Delivery(box, lines, "me", Deadline.after(seconds), lambda: NOW, log)


def test_what_waits_is_sent_oldest_first_and_then_gone() -> None:
    box, email = Box(a=waiting(1, 2, 3)), Line("email")
    assert delivery(box, email).drain([A]) == 3
    assert email.accepted == [("a", number(1)), ("a", number(2)), ("a", number(3))]
    assert (box.left("a"), box.lent) == ([], {})


def test_a_refused_alert_holds_back_the_newer_ones_of_its_target_only() -> None:
    box = Box(a=waiting(1, 2, 3), b=waiting(1))
    email = Line("email", {("a", number(2)): LATER})
    assert delivery(box, email).drain([A, B]) == 2
    assert email.accepted == [("a", number(1)), ("b", number(1))]
    assert [one for one, _ in box.left("a")] == [number(2), number(3)]
    assert box.lent == {}


def test_what_was_refused_is_sent_by_the_next_run() -> None:
    box = Box(a=waiting(1, 2))
    delivery(box, Line("email", {("a", number(1)): LATER})).drain([A])
    email = Line("email")
    assert delivery(box, email).drain([A]) == 2
    assert email.accepted == [("a", number(1)), ("a", number(2))]


def test_a_channel_that_is_out_of_order_is_not_tried_for_other_targets() -> None:
    box, email = Box(a=waiting(1), b=waiting(1)), Line("email", {("a", number(1)): STOPPED})
    assert delivery(box, email).drain([A, B]) == 0
    assert email.asked == 1
    assert box.left("b") == [(number(1), ("email",))]


def test_one_channel_s_refusal_is_not_another_s() -> None:
    both = waiting(1, 2, names=("email", "topic"))
    box, email, topic = Box(a=both, b=both), Line("email", {("a", number(1)): STOPPED}), Line("topic")
    assert delivery(box, email, topic).drain([A, B]) == 0
    assert topic.accepted == [(name, number(place)) for name in "ab" for place in (1, 2)]
    assert box.left("a") == box.left("b") == [(number(1), ("email",)), (number(2), ("email",))]


def test_an_alert_counts_as_sent_once_every_channel_has_accepted_it() -> None:
    box = Box(a=waiting(1, names=("email", "topic")))
    assert delivery(box, Line("email"), Line("topic", {("a", number(1)): LATER})).drain([A]) == 0
    assert delivery(box, Line("email"), topic := Line("topic")).drain([A]) == 1
    assert (topic.asked, box.left("a")) == (1, [])


def test_a_channel_that_is_no_longer_configured_is_struck_off() -> None:
    box = Box(a=[*waiting(1, names=("topic",)), *waiting(2, names=("topic", "email"))])
    email = Line("email")
    delivery(box, email).drain([A])
    assert (email.accepted, box.left("a")) == ([("a", number(2))], [])


def test_what_another_run_holds_is_left_to_it() -> None:
    box, email = Box(a=waiting(1)), Line("email")
    box.lent["a"] = "another"
    assert delivery(box, email).drain([A]) == 0
    assert (email.asked, box.lent) == (0, {"a": "another"})


def test_a_lost_lease_is_survived_and_the_accepted_alert_waits_to_be_sent_again() -> None:
    box, email = Box(a=waiting(1), b=waiting(1)), Line("email")
    box.lost.add("a")
    delivery(box, email).drain([A, B])
    assert email.accepted == [("a", number(1)), ("b", number(1))]
    assert (box.left("a"), box.left("b")) == ([(number(1), ("email",))], [])


def test_who_lost_the_lease_sends_no_more_of_that_target() -> None:
    box, email = Box(a=waiting(1, 2, 3)), Line("email")
    box.lost.add("a")
    delivery(box, email).drain([A])
    assert email.accepted == [("a", number(1))]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttling"}}, "UpdateItem"),
        EndpointConnectionError(endpoint_url="x"),
        KeyError("lease"),
    ],
    ids=repr,
)
def test_an_outbox_that_cannot_be_read_keeps_no_other_from_being_drained(error: Exception) -> None:
    box, email = Box(a=waiting(1), b=waiting(1)), Line("email")
    box.broken["a"] = error
    assert delivery(box, email).drain([A, B]) == 1
    assert email.accepted == [("b", number(1))]


def test_an_alert_that_cannot_be_told_keeps_no_other_target_s_from_being_sent() -> None:
    box, email = Box(a=waiting(1), b=waiting(1)), Line("email", {("a", number(1)): AssertionError("no failure in it")})
    assert delivery(box, email).drain([A, B]) == 1
    assert box.left("a") == [(number(1), ("email",))]
    assert box.lent == {}


def test_nothing_is_begun_that_the_deadline_could_cut_short() -> None:
    box, email = Box(a=waiting(1)), Line("email")
    assert delivery(box, email, seconds=SEND_SECONDS - 1).drain([A]) == 0
    assert (email.asked, box.left("a")) == (0, [(number(1), ("email",))])


refusals = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.integers(1, 4).map(number)), st.sampled_from([LATER, STOPPED]), max_size=6
)


@given(st.lists(st.tuples(refusals, refusals), max_size=4))
def test_whatever_is_refused_each_channel_gets_each_alert_once_and_in_order(runs: list[tuple[dict, dict]]) -> None:
    box = Box(**{name: waiting(1, 2, 3, 4, names=("email", "topic")) for name in "abc"})
    got: dict[str, list[tuple[str, str]]] = {"email": [], "topic": []}
    sent = 0
    for email_refuses, topic_refuses in [*runs, ({}, {})]:
        lines = Line("email", email_refuses), Line("topic", topic_refuses)
        sent += delivery(box, *lines).drain([A, B, C])
        for line in lines:
            got[line.name] += line.accepted
    assert sent == 12
    for accepted in got.values():
        for name in "abc":
            assert [one for target, one in accepted if target == name] == [number(place) for place in (1, 2, 3, 4)]
