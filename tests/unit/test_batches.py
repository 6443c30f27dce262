"""The account of who has still to be told what adds up, whoever has mark_delivered it in whatever order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.messages.context import TargetAlerts
from heartline.model.alert import EMAIL, TOPIC, Alert
from heartline.model.belief import Addressees
from heartline.notify.batches import channel_of, mark_delivered, parts_of, recipients_pending, waits_for
from heartline.notify.email import EmailChannel
from heartline.notify.sns import TopicChannel
from unit.samples import TARGET, alert

US = ("x@example.com", "y@example.com", "z@example.com")
X, Y, Z = US
A, B = (replace(TARGET, name=name, recipients=US) for name in "ab")
EMAILS, TOPICS = EmailChannel(None, ""), TopicChannel(None, "")


def waiting(*entries: str, number: int = 1) -> Alert:
    return alert(number=number, waiting=entries)


@pytest.mark.parametrize(
    ("entries", "who"),
    [
        ((EMAIL,), US),
        ((EMAIL, TOPIC), US),
        ((f"email:{Y}", TOPIC), (Y,)),
        ((f"email:{Z}", f"email:{Y}"), (Z, Y)),
        ((TOPIC,), ()),
        ((), ()),
    ],
    ids=str,
)
def test_an_alert_names_who_has_not_had_its_mail(entries: tuple[str, ...], who: tuple[str, ...]) -> None:
    assert recipients_pending(waiting(*entries), A) == who
    assert waits_for(waiting(*entries), EMAIL) == bool(who)
    assert waits_for(waiting(*entries), TOPIC) == (TOPIC in entries)


def test_an_address_with_a_colon_or_a_plus_in_it_stays_whole() -> None:
    for address in ("on+call@example.com", '"a:b"@example.com'):
        half = mark_delivered(waiting(EMAIL), replace(A, recipients=(X, address)), EMAIL, [X])
        assert recipients_pending(half, A) == (address,)
        assert [channel_of(entry) for entry in half.waiting] == [EMAIL]


def test_one_channel_s_acceptance_is_not_another_s() -> None:
    both = waiting(EMAIL, TOPIC)
    assert mark_delivered(both, A, TOPIC, ()).waiting == (EMAIL,)
    assert mark_delivered(both, A, EMAIL, US).waiting == (TOPIC,)
    assert set(mark_delivered(both, A, EMAIL, [X, Z]).waiting) == {TOPIC, f"email:{Y}"}


def test_a_recipient_who_is_new_since_a_mail_was_half_sent_is_not_told_of_it_nor_is_one_forgotten() -> None:
    half = mark_delivered(waiting(EMAIL), A, EMAIL, [X])
    assert recipients_pending(half, replace(A, recipients=(X, "new@example.com"))) == (Y, Z)


@given(st.permutations(US), st.lists(st.integers(1, 3), max_size=3))
def test_in_whatever_order_they_accept_the_last_one_ends_it(order: list[str], phase_bars: list[int]) -> None:
    one, notified = waiting(EMAIL, TOPIC), set[str]()
    for step in [*phase_bars, 3]:
        now = [who for who in order if who not in notified][:step]
        one = mark_delivered(one, A, EMAIL, now) if now else one
        notified |= set(now)
        assert set(recipients_pending(one, A)) == set(US) - notified
    assert one.waiting == (TOPIC,)


def test_who_has_still_to_get_an_older_mail_gets_it_before_a_newer_one() -> None:
    old, new = waiting(f"email:{Y}", f"email:{Z}"), waiting(EMAIL, number=2)
    batches = EMAILS.batches([TargetAlerts(B, (new,)), TargetAlerts(A, (old, new))])
    assert [(batch.recipients, [(p.target.name, p.alerts) for p in batch.parts]) for batch in batches] == [
        ((Y, Z), [("a", (old,))]),
        (US, [("b", (new,)), ("a", (new,))]),
    ]


@given(st.lists(st.lists(st.sets(st.sampled_from(US), min_size=1), max_size=6), min_size=1, max_size=2))
def test_whoever_the_readers_of_each_alert_are_nobody_gets_a_newer_one_before_an_older(
    readers: list[list[set[str]]],
) -> None:
    parts = []
    for target, lists in zip((A, B), readers, strict=False):
        made = [
            replace(waiting(EMAIL, number=1 + place), target=target.name, addressees=Addressees(tuple(sorted(who))))
            for place, who in enumerate(lists)
        ]
        parts += parts_of(target, made)
    batches = EMAILS.batches(parts)
    for target, lists in zip((A, B), readers, strict=False):
        for who in US:
            due = [f"{1 + place:08d}" for place, people in enumerate(lists) if who in people]
            mails = [batch.parts for batch in batches if who in batch.recipients]
            assert [one.id for mail in mails for p in mail if p.target.name == target.name for one in p.alerts] == due


entries = st.sampled_from([(EMAIL,), (f"email:{X}",), (f"email:{Y}", f"email:{Z}")])


@given(st.lists(st.tuples(entries, st.integers(0, 4)), max_size=2), st.booleans())
def test_no_alert_is_left_out_or_put_in_twice(half_sent: list[tuple[tuple[str, ...], int]], alone: bool) -> None:
    """What was half sent is older than what was not yet sent at all."""
    targets = [A, B] if not alone else [A, replace(B, recipients=(X,))]
    parts = [
        TargetAlerts(target, (waiting(*first), *(waiting(EMAIL, number=2 + place) for place in range(more))))
        for target, (first, more) in zip(targets, half_sent, strict=False)
    ]
    for channel in (EMAILS, TOPICS):
        batches = channel.batches(parts)
        for part in parts:
            mine = [one for batch in batches for p in batch.parts if p.target == part.target for one in p.alerts]
            assert mine == list(part.alerts)
    for batch in EMAILS.batches(parts):
        assert {recipients_pending(one, part.target) for part in batch.parts for one in part.alerts} == {
            batch.recipients
        }
    assert all(len(batch.parts) == len(batch.parts[0].alerts) == 1 for batch in TOPICS.batches(parts))
