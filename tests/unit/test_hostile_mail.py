"""Nothing that comes from outside harms a mail: not its subject, its headers, its text, its HTML or its size."""

from __future__ import annotations

import email
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pg8000.exceptions import DatabaseError

from heartline.common import fields
from heartline.i18n.language import LANGUAGES
from heartline.messages.compose import _MAX_ROWS
from heartline.messages.context import AlertContext, TargetAlerts, TargetHistory
from heartline.model.alert import Alert
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.observation import Failure
from heartline.model.state import State
from heartline.model.target import Credential, Endpoint, Target
from heartline.notify.batches import Batch
from heartline.notify.email import EmailChannel
from heartline.probe.diagnosis import diagnose
from heartline.probe.failures import Advice, explained
from local.mailbox import Mail
from unit.conftest import page, squeezed
from unit.samples import ENDPOINT, NOW, TARGET, alert, failure, hostile

TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "table",
    "tr",
    "td",
    "div",
    "h1",
    "h2",
    "p",
}
TAGS |= {"span", "a", "b", "br", "wbr", "th"}
CONTEXT = AlertContext(3, (), {}, "heartline-prod", "eu-west-1", "/aws/lambda/monitor")
HOME = "https://eu-west-1.console.aws.amazon.com/"
MOST_BYTES = 100_000  # Gmail cuts off what is longer than 102 KB
few = settings(max_examples=20)


class Recorder:
    """Stand at the edge, where boto3 would call SES."""

    request: Mapping[str, Any]

    def send_email(self, **request: object) -> None:
        self.request = request


def sent(parts: list[TargetAlerts], context: AlertContext = CONTEXT) -> Mail:
    """Return the mail as SES is asked to send it."""
    client = Recorder()
    batch = Batch(tuple(parts), parts[0].target.recipients)
    assert EmailChannel(client, "alerts@example.com").send(batch, context, NOW) is None
    return Mail.from_request(client.request, NOW)


def harmless(mail: Mail) -> None:
    """Check all that a mail must be, whatever it tells."""
    for name, value in {"Subject": mail.subject, **mail.headers}.items():
        assert fit(value), name
        assert len(value) <= 870, name
    assert all(value.isascii() for value in mail.headers.values())
    assert len(mail.subject) <= 200
    assert all(fit(line) for line in mail.text.split("\n"))
    assert fit(mail.html.replace("\n", ""))
    assert max(len(mail.text.encode("utf-8")), len(mail.html.encode("utf-8"))) <= MOST_BYTES
    assert {one.tag for one in page(mail.html).iter()} <= TAGS
    assert not re.search(r"&(?!(?:amp|lt|gt|quot|#x27|#160);)", mail.html)
    assert not re.search(r"<(?![a-z/!])", mail.html)
    for one in page(mail.html).iter():
        assert not {"src", "action", "onclick"} & one.attrib.keys()
        assert re.match(r"https://[a-z0-9-]+\.console\.aws\.amazon\.com/", one.get("href", HOME))
    read(mail)


def fit(text: str) -> bool:
    """Return True if a text has no character that changes how the rest is shown."""
    return not any(unicodedata.category(char)[0] == "C" or unicodedata.category(char) in {"Zl", "Zp"} for char in text)


def read(mail: Mail) -> None:
    """Open it as a mail program does; where Python folds a header, it may lose the space."""
    opened = cast("EmailMessage", email.message_from_bytes(mail.eml(), policy=default))
    assert not [defect for part in opened.walk() for defect in part.defects]
    assert opened.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in opened.iter_parts()] == ["text/plain", "text/html"]
    for name, value in {"Subject": mail.subject, **mail.headers}.items():
        assert [squeezed(str(one)) for one in opened.get_all(name, [])] == [squeezed(value)]
    assert opened.get_all("Bcc") is None
    for kind, written in (("plain", mail.text), ("html", mail.html)):
        body = opened.get_body((kind,))
        assert body is not None
        assert body.get_content().splitlines() == written.splitlines()


Change = Callable[[Alert, str], Alert]


def failing(**fields: Callable[[str], object]) -> Change:
    """Change a failure of an alert, the one that it is about and the one before it."""

    def change(one: Alert, text: str) -> Alert:
        changes: dict[str, Any] = {name: make(text) for name, make in fields.items()}
        return replace(
            one,
            failure=replace(one.failure, **changes) if one.failure else None,
            previous=replace(one.previous, **changes) if one.previous else None,
        )

    return change


def place(name: str) -> Change:
    return lambda one, text: replace(one, endpoint=replace(one.endpoint, **{name: text}))


def incident(one: Alert, text: str) -> Alert:
    return replace(one, incident=replace(one.incident, id=text) if one.incident else None)


def flapping(one: Alert, text: str) -> Alert:
    return replace(one, flapping=replace(one.flapping, id=text) if one.flapping else None)


def all_words(text: str) -> dict[str, str]:
    return dict.fromkeys(("host", "port", "database", "user", "phase", "seconds", "secret", "code"), text)


# What is read back from the table, as an older version or somebody else may have written it.
FIELDS: dict[str, Change] = {
    "said": failing(said=str),
    "sqlstate": failing(sqlstate=str),
    "words": failing(words=all_words),
    "cause, next step": failing(cause=str, next_step=str, advice=lambda _: None, words=lambda _: {}),
    "advice": failing(advice=str),
    "names of words": failing(words=lambda text: {text: text, "self": text, "key": text}),
    "host": place("host"),
    "database": place("database"),
    "user": place("user"),
    "incident": incident,
    "flapping": flapping,
    "address": lambda one, text: replace(one, address=text),
}
KINDS = [kind for kind in AlertKind if kind is not AlertKind.TEST]


def part_of(kind: AlertKind, change: Change, text: str, name: str, code: str) -> TargetAlerts:
    previous = failure(Kind.SATURATED, sqlstate="53300", said="full")
    one = alert(kind, target=name, previous=previous, address="10.0.0.1")
    if one.failure and kind is not AlertKind.REMINDER:
        one = replace(one, failure=failure(Kind.AUTH, sqlstate="28P01", said="no"))
    return TargetAlerts(replace(TARGET, name=name, language=code), (change(one, text),))


@pytest.mark.parametrize("field", FIELDS)
@few
@given(hostile, st.sampled_from(KINDS), st.sampled_from(LANGUAGES), st.integers(1, 2))
def test_a_hostile_text_in_what_was_stored_harms_no_mail(
    field: str, text: str, kind: AlertKind, code: str, number: int
) -> None:
    mail = sent([part_of(kind, FIELDS[field], text, name, code) for name in "ab"[:number]])
    harmless(mail)
    assert f'lang="{code}"' in mail.html


@few
@given(hostile, hostile, st.sampled_from(KINDS), st.sampled_from(LANGUAGES))
def test_hostile_texts_in_all_that_was_stored_at_once_harm_no_mail(
    text: str, other: str, kind: AlertKind, code: str
) -> None:
    def change(one: Alert, _: str) -> Alert:
        for number, field in enumerate(FIELDS.values()):
            one = field(one, other if number % 2 else text)
        return one

    harmless(sent([part_of(kind, change, text, name, code) for name in "ab"]))


@few
@given(hostile, hostile, st.sampled_from([Phase.LOGIN, Phase.QUERY]), st.sampled_from(LANGUAGES), hostile)
def test_what_a_hostile_server_says_harms_no_mail(
    message: str, code: str, phase: Phase, spoken: str, user: str
) -> None:
    credential = Credential(replace(ENDPOINT, user=user, database=user))
    failed = diagnose(DatabaseError({"M": message, "C": code}), phase, TARGET, credential)
    one = alert(failure=failed, endpoint=credential.endpoint)
    harmless(sent([TargetAlerts(replace(TARGET, language=spoken), (one,))]))


@few
@given(hostile, hostile)
def test_a_hostile_stack_name_or_region_harms_no_mail(stack: str, region: str) -> None:
    harmless(sent([TargetAlerts(TARGET, (alert(),))], replace(CONTEXT, stack=stack, region=region, log_group=stack)))


@few
@given(hostile)
def test_no_text_from_outside_becomes_a_target_s_name_or_an_address(text: str) -> None:
    """So these two may stand in headers and commands as they are."""
    for reader in (fields.name, fields.address):
        try:
            taken = reader(text)
        except ValueError:
            continue
        assert re.fullmatch(r"[!-~]{1,254}", taken)


def test_a_mute_s_reason_is_in_no_alert() -> None:
    """So it cannot be in a mail."""
    assert "mute_reason" in State.__slots__
    assert not [name for name in Alert.__slots__ if "mute" in name or "reason" in name]


@given(st.from_regex(fields._NAME, fullmatch=True), st.sampled_from([*KINDS, AlertKind.TEST]))
@few
def test_any_name_that_a_target_may_have_harms_no_mail(name: str, kind: AlertKind) -> None:
    harmless(sent([TargetAlerts(replace(TARGET, name=name), (alert(kind, target=name),))]))


BIGGEST = {
    "apostrophes": "'" * 512,
    "markup": "<&>\"'" * 102,
    "four bytes a character": "\U0001f4a5" * 512,
    "words": "<i> " * 128,
    "Korean": "한" * 512,
}
NUMBERS = [1, 2, _MAX_ROWS, 500]


def worst(text: str) -> Failure:
    """Fail with the longest sentences, about the longest names that the document takes."""
    words = {"host": "h" * 253, "port": "65535", "database": text, "user": text, "phase": "login", "seconds": "30"}
    return explained(Phase.LOGIN, Kind.DENIED, Advice("denied-connect", words), "42501", text[:300])


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("text", BIGGEST.values(), ids=BIGGEST.keys())
@pytest.mark.parametrize("kind", [AlertKind.DOWN, AlertKind.RECOVERED, AlertKind.STABLE], ids=str)
def test_a_mail_has_at_most_100_kb_however_many_it_tells_of_and_whatever_of_them(
    kind: AlertKind, text: str, number: int
) -> None:
    endpoint, failed = Endpoint("h" * 253, 65535, text, text), worst(text)
    names = [f"database-{place:03d}".ljust(64, "x") for place in range(number)]
    changes = {"failure": failed} if kind is not AlertKind.RECOVERED else {}
    parts = [
        TargetAlerts(
            Target(name, recipients=("oncall@example.com",)),
            (alert(kind, target=name, endpoint=endpoint, previous=failed, **changes),),
        )
        for name in names
    ]
    context = AlertContext(number, (failed,) * number, dict.fromkeys(names, TargetHistory()), "f" * 140, "eu-west-1")
    harmless(sent(parts, context))


@pytest.mark.parametrize("number", [1, 9, 500])
def test_stored_texts_of_any_length_do_not_make_a_mail_longer_than_100_kb(number: int) -> None:
    def change(one: Alert, text: str) -> Alert:
        for name in ("said", "cause, next step", "host", "database", "user"):
            one = FIELDS[name](one, text)
        return one

    parts = [part_of(AlertKind.RECOVERED, change, "'" * 100_000, f"database-{place}", "en") for place in range(number)]
    harmless(sent(parts))


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_test_mail_is_as_harmless(code: str) -> None:
    harmless(sent([TargetAlerts(replace(TARGET, language=code), (alert(AlertKind.TEST),))]))
