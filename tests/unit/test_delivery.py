"""Outboxes are drained in order, and no trouble of one target, channel or recipient is another's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from heartline.aws.log import Log
from heartline.common.deadline import Deadline
from heartline.messages.context import AlertContext, TargetAlerts, TargetHistory
from heartline.model.alert import Alert
from heartline.model.incident import Incident, Span
from heartline.model.state import State, Stored
from heartline.model.target import Target
from heartline.notify.batches import Batch
from heartline.notify.channel import Refusal, Scope
from heartline.notify.delivery import SEND_SECONDS, SHOWN_HISTORY, Delivery
from heartline.notify.email import EmailChannel
from heartline.notify.leases import Leases
from heartline.notify.sns import TopicChannel
from unit.samples import HOUR, MINUTE, NOW, TARGET, alert

LATER, SENDER = Refusal("TooManyRequestsException", Scope.LATER), Refusal("AccountSuspendedException", Scope.SENDER)
RECIPIENT, CONTENT = Refusal("MessageRejected", Scope.RECIPIENT), Refusal("BadRequestException", Scope.CONTENT)
US = ("x@example.com", "y@example.com", "z@example.com")
X, Y, Z = US
A, B, C = (replace(TARGET, name=name, recipients=US) for name in "abc")
Verdict = Refusal | Exception | None
Script = Callable[[Batch], Verdict]


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
        assert alerts
        self.alerts[name] |= {one.id: one for one in alerts}
        self.alerts[name] = {number: one for number, one in self.alerts[name].items() if one.waiting}
        return True

    def release(self, name: str, owner: str) -> bool:
        return name not in self.lost and self.lent.pop(name, None) == owner

    def left(self, name: str) -> list[tuple[str, tuple[str, ...]]]:
        return [(one.id, one.waiting) for one in self.alerts[name].values()]


class Memory:
    """Return one incident of each target and one gap, or fail as it should."""

    def __init__(self, broken: Exception | None = None) -> None:
        self.broken = broken

    def incidents(self, name: str, since: datetime) -> tuple[Incident, ...]:
        assert since == NOW - SHOWN_HISTORY
        if self.broken:
            raise self.broken
        return (Incident(f"{name}-1", NOW - HOUR, ended=NOW - MINUTE),)

    def gaps(self, since: datetime) -> tuple[Span, ...]:
        assert since == NOW - SHOWN_HISTORY
        return (Span(NOW - 2 * HOUR, NOW - HOUR),)

    def of(self, *names: str) -> dict[str, TargetHistory]:
        return {
            name: TargetHistory(self.incidents(name, NOW - SHOWN_HISTORY), self.gaps(NOW - SHOWN_HISTORY))
            for name in names
        }


class Line:
    """Divide as the real channel does, and accept or refuse each portion as a script says."""

    def __init__(self, name: str, script: Script = lambda _: None) -> None:
        self.name = name
        self.script = script
        self.asked: list[Batch] = []
        self.histories: list[dict[str, TargetHistory]] = []
        self.accepted: list[tuple[str, str, str]] = []

    def batches(self, parts: Sequence[TargetAlerts]) -> list[Batch]:
        real = EmailChannel(None, "") if self.name == "email" else TopicChannel(None, "")
        return real.batches(parts)

    def send(self, batch: Batch, fleet: AlertContext, now: datetime) -> Refusal | None:
        assert (replace(fleet, histories={}), now) == (AlertContext(3), NOW)
        self.asked.append(batch)
        self.histories.append(dict(fleet.histories))
        verdict = self.script(batch)
        if isinstance(verdict, Exception):
            raise verdict
        if verdict is None:
            self.accepted += [(who, *one) for who in batch.recipients or ("",) for one in contents(batch)]
        return verdict

    def got(self, who: str = X) -> list[tuple[str, str]]:
        return [(name, one) for to, name, one in self.accepted if to == who]


def contents(batch: Batch) -> list[tuple[str, str]]:
    return [(part.target.name, one.id) for part in batch.parts for one in part.alerts]


def refuses(about: str, one: str, verdict: Verdict) -> Script:
    """Refuse what has a certain alert of a target in it."""
    return lambda batch: verdict if (about, one) in contents(batch) else None


def unknown(*bad: str) -> Script:
    """Reject a mail to any of these recipients, as SES does: the whole of it."""
    return lambda batch: RECIPIENT if set(bad) & set(batch.recipients) else None


def in_turn(*verdicts: Verdict) -> Script:
    """Return one verdict a call, and accept the calls after."""
    left = iter(verdicts)
    return lambda _: next(left, None)


def number(place: int) -> str:
    return f"{place:08d}"


def waiting(*places: int, names: Iterable[str] = ("email",)) -> list[Alert]:
    return [alert(number=place, waiting=tuple(names)) for place in places]


class Lines(logging.Handler):
    """Keep the levels of what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.levels.append(record.levelname)


def delivery(
    box: Box, *lines: Line, seconds: float = 600, log: logging.Handler | None = None, memory: Memory | None = None
) -> Delivery:
    logger = Logger(service="heartline-test", logger_handler=log or logging.NullHandler())
    if log:
        logger.handlers[:] = [log]
    history = memory or Memory()
    leases = Leases(box, "me", lambda: NOW, Log(logger))
    return Delivery(leases, lines, AlertContext(3), history, Deadline.after(seconds), lambda: NOW, Log(logger))


def test_what_waits_is_told_oldest_first_in_one_mail_and_then_gone() -> None:
    box, email = Box(a=waiting(1, 2, 3)), Line("email")
    assert delivery(box, email).drain([A]) == 3
    assert email.got() == [("a", number(1)), ("a", number(2)), ("a", number(3))]
    assert (len(email.asked), box.left("a"), box.lent) == (1, [], {})


def test_targets_with_the_same_recipients_share_a_mail_and_others_have_their_own() -> None:
    other = replace(C, recipients=(Z,))
    box, email = Box(a=waiting(1), b=waiting(1), c=waiting(1)), Line("email")
    assert delivery(box, email).drain([A, B, other]) == 3
    assert sorted((batch.recipients, contents(batch)) for batch in email.asked) == [
        (US, [("a", number(1)), ("b", number(1))]),
        ((Z,), [("c", number(1))]),
    ]


def test_the_same_recipients_in_another_order_share_a_mail() -> None:
    box, email = Box(a=waiting(1), b=waiting(1)), Line("email")
    delivery(box, email).drain([A, replace(B, recipients=(Z, X, Y))])
    assert len(email.asked) == 1


def test_the_topic_gets_each_alert_by_itself() -> None:
    box, topic = Box(a=waiting(1, 2, names=("topic",)), b=waiting(1, names=("topic",))), Line("topic")
    assert delivery(box, topic).drain([A, B]) == 3
    assert [contents(batch) for batch in topic.asked] == [
        [("a", number(1))],
        [("a", number(2))],
        [("b", number(1))],
    ]


def test_a_refused_alert_holds_back_the_newer_ones_of_its_target_only() -> None:
    names = ("topic",)
    box = Box(a=waiting(1, 2, 3, names=names), b=waiting(1, names=names))
    topic = Line("topic", refuses("a", number(2), CONTENT))
    assert delivery(box, topic).drain([A, B]) == 2
    assert topic.got("") == [("a", number(1)), ("b", number(1))]
    assert [one for one, _ in box.left("a")] == [number(2), number(3)]
    assert box.lent == {}


def test_what_was_refused_is_sent_by_the_next_run() -> None:
    box = Box(a=waiting(1, 2))
    delivery(box, Line("email", in_turn(LATER))).drain([A])
    email = Line("email")
    assert delivery(box, email).drain([A]) == 2
    assert email.got() == [("a", number(1)), ("a", number(2))]


@pytest.mark.parametrize(("refusal", "level"), [(LATER, "ERROR"), (SENDER, "CRITICAL")], ids=["passing", "set-up"])
def test_a_channel_that_is_out_of_order_is_not_tried_again_in_this_run(refusal: Refusal, level: str) -> None:
    box, email, log = Box(a=waiting(1), b=waiting(1)), Line("email", lambda _: refusal), Lines()
    run = delivery(box, email, log=log)
    assert run.drain([A, replace(B, recipients=(Z,))]) == 0
    assert len(email.asked) == 1
    assert (box.left("a"), box.left("b")) == ([(number(1), ("email",))], [(number(1), ("email",))])
    assert (log.levels, run.refused) == ([level], 1)


@pytest.mark.parametrize("refusal", [LATER, SENDER, RECIPIENT, CONTENT], ids=lambda refusal: str(refusal.scope.name))
def test_one_channel_s_refusal_is_not_another_s(refusal: Refusal) -> None:
    both = waiting(1, 2, names=("email", "topic"))
    box, email, topic = Box(a=both, b=both), Line("email", lambda _: refusal), Line("topic")
    assert delivery(box, email, topic).drain([A, B]) == 0
    assert topic.got("") == [(name, number(place)) for name in "ab" for place in (1, 2)]
    assert box.left("a") == box.left("b") == [(number(1), ("email",)), (number(2), ("email",))]


def test_an_alert_counts_as_sent_once_every_channel_has_accepted_it() -> None:
    box = Box(a=waiting(1, names=("email", "topic")))
    assert delivery(box, Line("email"), Line("topic", lambda _: LATER)).drain([A]) == 0
    email, topic = Line("email"), Line("topic")
    assert delivery(box, email, topic).drain([A]) == 1
    assert (len(email.asked), len(topic.asked), box.left("a")) == (0, 1, [])


def test_a_channel_that_is_no_longer_configured_is_struck_off() -> None:
    box = Box(a=[*waiting(1, names=("topic",)), *waiting(2, names=("topic", "email"))])
    email = Line("email")
    delivery(box, email).drain([A])
    assert (email.got(), box.left("a")) == ([("a", number(2))], [])


def test_mail_is_struck_off_for_single_recipients_too_where_it_is_no_longer_configured() -> None:
    box, topic = Box(a=waiting(1, names=(f"email:{Y}", "topic"))), Line("topic")
    assert delivery(box, topic).drain([A]) == 1
    assert box.left("a") == []


def test_what_another_run_holds_is_left_to_it() -> None:
    box, email = Box(a=waiting(1)), Line("email")
    box.lent["a"] = "another"
    assert delivery(box, email).drain([A]) == 0
    assert (email.asked, box.lent) == ([], {"a": "another"})


def test_a_lost_lease_is_survived_and_the_accepted_alert_waits_to_be_sent_again() -> None:
    box, email = Box(a=waiting(1), b=waiting(1)), Line("email")
    box.lost.add("a")
    assert delivery(box, email).drain([A, B]) == 1
    assert email.got() == [("a", number(1)), ("b", number(1))]
    assert (box.left("a"), box.left("b")) == ([(number(1), ("email",))], [])


def test_who_lost_the_lease_sends_no_more_of_that_target() -> None:
    box, topic = Box(a=waiting(1, 2, 3, names=("topic",))), Line("topic")
    box.lost.add("a")
    delivery(box, topic).drain([A])
    assert topic.got("") == [("a", number(1))]


def test_who_lost_the_lease_while_trying_each_recipient_tries_no_more_of_them() -> None:
    """Another run holds the target now, and tells the others."""
    box, email, log = Box(a=waiting(1)), Line("email", unknown(Z)), Lines()
    box.lost.add("a")
    delivery(box, email, log=log).drain([A])
    assert email.accepted == [(X, "a", number(1))]
    assert "CRITICAL" not in log.levels


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
    run = delivery(box, email)
    assert run.drain([A, B]) == 1
    assert (email.got(), run.leases.faults) == ([("b", number(1))], 1)


@pytest.mark.parametrize("verdict", [CONTENT, AssertionError("no failure in it")], ids=["refused", "cannot be made"])
def test_a_text_that_cannot_be_sent_keeps_no_other_target_s_from_being_sent(verdict: Verdict) -> None:
    box, email, log = Box(a=waiting(1), b=waiting(1)), Line("email", refuses("a", number(1), verdict)), Lines()
    assert delivery(box, email, log=log).drain([A, B]) == 1
    assert box.left("a") == [(number(1), ("email",))]
    assert (box.lent, log.levels) == ({}, ["CRITICAL"])


def test_every_call_knows_the_past_of_all_whose_alerts_are_sent() -> None:
    box, email, topic = Box(a=waiting(1), b=waiting(1, names=("email", "topic"))), Line("email"), Line("topic")
    delivery(box, email, topic).drain([A, B, C])
    assert email.histories + topic.histories == [Memory().of("a", "b")] * 2


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttling"}}, "Query"),
        EndpointConnectionError(endpoint_url="x"),
        KeyError("incident"),
    ],
    ids=repr,
)
def test_a_past_that_cannot_be_read_keeps_no_mail_back(error: Exception) -> None:
    box, email, log = Box(a=waiting(1), b=waiting(1)), Line("email"), Lines()
    run = delivery(box, email, log=log, memory=Memory(error))
    assert run.drain([A, B]) == 2
    assert (email.histories, run.leases.faults, log.levels) == ([{}], 1, ["ERROR"])
    assert (box.left("a"), box.left("b"), box.lent) == ([], [], {})


def test_nothing_is_begun_that_the_deadline_could_cut_short() -> None:
    box, email = Box(a=waiting(1)), Line("email")
    assert delivery(box, email, seconds=SEND_SECONDS - 1).drain([A]) == 0
    assert (email.asked, box.left("a")) == ([], [(number(1), ("email",))])


def test_a_run_that_is_out_of_time_leaves_the_rest_to_the_next() -> None:
    box, topic = Box(a=waiting(1, 2, names=("topic",)), b=waiting(1, names=("topic",))), Line("topic")
    run = delivery(box, topic)

    def slow(_: Batch) -> None:
        run.deadline = Deadline.after(SEND_SECONDS - 1)

    topic.script = slow
    assert run.drain([A, B]) == 1
    assert (len(topic.asked), box.lent) == (1, {})
    assert (box.left("a"), box.left("b")) == ([(number(2), ("topic",))], [(number(1), ("topic",))])


@pytest.mark.parametrize("bad", US)
def test_a_recipient_who_cannot_be_reached_costs_no_other_the_mail(bad: str) -> None:
    box, email, log = Box(a=waiting(1), b=waiting(1)), Line("email", unknown(bad)), Lines()
    run = delivery(box, email, log=log)
    assert run.drain([A, B]) == 2
    for who in US:
        assert email.got(who) == ([] if who == bad else [("a", number(1)), ("b", number(1))])
    assert (box.left("a"), box.left("b")) == ([], [])
    assert (run.refused, log.levels) == (1, ["ERROR"])


def test_a_mail_that_nobody_can_get_is_kept_and_loudly_logged() -> None:
    box, email, log = Box(a=waiting(1)), Line("email", unknown(*US)), Lines()
    assert delivery(box, email, log=log).drain([A]) == 0
    assert box.left("a") == [(number(1), ("email",))]
    assert log.levels == ["CRITICAL"]
    assert len(email.asked) == 4


def test_the_only_recipient_is_not_tried_twice() -> None:
    box, email = Box(a=waiting(1)), Line("email", unknown(X))
    assert delivery(box, email).drain([replace(A, recipients=(X,))]) == 0
    assert (len(email.asked), box.left("a")) == (1, [(number(1), ("email",))])


@pytest.mark.parametrize("cut", [LATER, SENDER], ids=["passing", "set-up"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_run_that_is_cut_off_between_recipients_is_taken_up_where_it_ended(after: int, cut: Refusal) -> None:
    box, first = Box(a=waiting(1, 2), b=waiting(1)), Line("email", in_turn(RECIPIENT, *[None] * after, cut))
    delivery(box, first).drain([A, B])
    assert box.left("b") == [(number(1), tuple(f"email:{who}" for who in US[after:]) if after else ("email",))]
    second = Line("email")
    assert delivery(box, second).drain([A, B]) == 3
    every = [("a", number(1)), ("a", number(2)), ("b", number(1))]
    assert [first.got(who) + second.got(who) for who in US] == [every] * 3


def test_who_is_refused_after_others_had_the_mail_in_an_earlier_run_is_given_up() -> None:
    box = Box(a=waiting(1))
    delivery(box, Line("email", in_turn(RECIPIENT, None, LATER))).drain([A])
    email = Line("email", unknown(Y, Z))
    assert delivery(box, email).drain([A]) == 1
    assert (email.accepted, box.left("a")) == ([], [])


def test_what_came_meanwhile_follows_what_some_have_not_had_yet() -> None:
    box = Box(a=waiting(1))
    delivery(box, Line("email", in_turn(RECIPIENT, None, LATER))).drain([A])
    box.alerts["a"][number(2)] = replace(alert(number=2), target="a")
    email = Line("email")
    assert delivery(box, email).drain([A]) == 2
    assert email.got(X) == [("a", number(2))]
    assert email.got(Y) == email.got(Z) == [("a", number(1)), ("a", number(2))]


@pytest.mark.parametrize("targets", [[A], [A, B]], ids=["one target", "two targets"])
def test_an_address_that_ses_calls_malformed_costs_no_other_a_mail_nor_gets_them_two(targets: list[Target]) -> None:
    """SES rejects the mail to all of them, takes it for the first alone, and calls the second one malformed."""

    def script(batch: Batch) -> Refusal | None:
        if Y in batch.recipients:
            return RECIPIENT if len(batch.recipients) > 1 else CONTENT
        return None

    box, got = Box(a=waiting(1), b=waiting(1)), list[tuple[str, str, str]]()
    for _ in range(3):
        email = Line("email", script)
        delivery(box, email).drain(targets)
        got += email.accepted
    assert sorted(got) == sorted((who, target.name, number(1)) for who in (X, Z) for target in targets)


ids = st.tuples(st.sampled_from("abc"), st.integers(1, 4).map(number))
verdicts = st.lists(st.sampled_from([None, None, None, LATER, SENDER]), max_size=8)
scripts = st.fixed_dictionaries(
    {
        "bad": st.sets(st.sampled_from(US), max_size=3),
        "malformed": st.sets(st.sampled_from(US), max_size=2),
        "unfit": st.sets(ids, max_size=2),
        "faults": verdicts,
        "topic": st.dictionaries(ids, st.sampled_from([LATER, SENDER, CONTENT]), max_size=4),
    }
)


def acts(run: dict[str, Any]) -> tuple[Line, Line]:
    """Return channels that refuse at some calls, by recipients, and by what is to be told."""
    faults = iter(run["faults"])

    def mails(batch: Batch) -> Verdict:
        if fault := next(faults, None):
            return fault
        # What was sent to some can be sent: a text that is unfit has reached nobody.
        fresh = all("email" in one.waiting for part in batch.parts for one in part.alerts)
        if fresh and run["unfit"] & set(contents(batch)):
            return CONTENT
        return CONTENT if run["malformed"] & set(batch.recipients) else unknown(*run["bad"])(batch)

    def publishes(batch: Batch) -> Verdict:
        return next((run["topic"][one] for one in contents(batch) if one in run["topic"]), None)

    return Line("email", mails), Line("topic", publishes)


CLEAN: dict[str, Any] = {"bad": set(), "malformed": set(), "unfit": set(), "faults": [], "topic": {}}
SHARING = st.sampled_from([(US, US, US), (US, US, (Z,)), ((X, Y), (Y, Z), US), ((X,), (X,), (X, Y))])


@given(st.lists(scripts, max_size=5), SHARING)
def test_whoever_refuses_what_in_which_run_everybody_gets_each_alert_once_and_in_order(
    runs: list[dict[str, Any]], sharing: tuple[tuple[str, ...], ...]
) -> None:
    names = ("email", "topic")
    box = Box(**{name: waiting(1, 2, names=names) for name in "abc"})
    targets = [replace(one, recipients=who) for one, who in zip((A, B, C), sharing, strict=True)]
    got: list[tuple[str, str, str]] = []
    sent = 0
    for place, run in enumerate([*runs, CLEAN]):
        if place == 1:  # some come while others wait
            box.alerts |= {
                name: box.alerts[name] | {one.id: replace(one, target=name) for one in waiting(3, 4, names=names)}
                for name in "abc"
            }
        lines = acts(run)
        sent += delivery(box, *lines).drain(targets)
        got += [one for line in lines for one in line.accepted]
    known = 4 if runs else 2
    assert sent == 3 * known
    assert all(box.left(name) == [] for name in "abc")
    ever_bad = set().union(*(run["bad"] | run["malformed"] for run in runs))
    for target in targets:
        whole = [number(place + 1) for place in range(known)]
        for who in ("", *target.recipients):
            notified = [one for to, name, one in got if (to, name) == (who, target.name)]
            assert notified == sorted(set(notified))
            assert notified == whole or who in ever_bad
        assert {one for to, name, one in got if to and name == target.name} == set(whole)
