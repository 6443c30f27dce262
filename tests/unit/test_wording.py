"""Mails are in their readers' language, with times in UTC and in their time zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from heartline.i18n.language import LANGUAGES, language
from heartline.messages.wording import Wording
from heartline.model.kinds import Kind, Phase
from heartline.model.observation import Failure
from unit.samples import CASES, NOW, TARGET, failure

ENGLISH, KOREAN = (Wording(language(code)) for code in ("en", "ko"))
SEOUL = Wording(language("ko"), ZoneInfo("Asia/Seoul"))


def test_a_time_is_told_in_utc_to_the_second() -> None:
    elsewhere = datetime(2026, 11, 23, 4, 15, 0, 999_999, timezone(timedelta(hours=2)))
    assert ENGLISH.when(elsewhere) == ENGLISH.when(NOW) == "2026-11-23 02:15:00 UTC"


@pytest.mark.parametrize(
    ("zone", "at", "said"),
    [
        ("Asia/Seoul", NOW, "2026-11-23 11:15:00 KST (02:15:00 UTC)"),
        ("Asia/Seoul", NOW.replace(hour=20), "2026-11-24 05:15:00 KST (2026-11-23 20:15:00 UTC)"),
        ("America/Lima", NOW, "2026-11-22 21:15:00 UTC-05 (2026-11-23 02:15:00 UTC)"),
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25 02:30:00 CEST (00:30:00 UTC)"),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25 02:30:00 CET (01:30:00 UTC)"),
        ("Etc/UTC", NOW, "2026-11-23 02:15:00 UTC"),
    ],
)
def test_a_time_is_told_by_the_clock_of_the_place_first_and_in_utc_beside_it(
    zone: str, at: datetime, said: str
) -> None:
    assert Wording(language("en"), ZoneInfo(zone)).when(at) == said


def test_the_wording_is_that_of_the_target() -> None:
    wording = Wording.of(replace(TARGET, language="ko", time_zone=ZoneInfo("Asia/Seoul")))
    assert wording == SEOUL


@pytest.mark.parametrize(
    ("failed", "english", "korean"),
    [
        (failure(), "connection refused", "연결 거부"),
        (failure(Kind.AUTH, sqlstate="28P01"), "password rejected (28P01)", "비밀번호 인증 실패 (28P01)"),
        (failure(Kind.AUTH, sqlstate="28000"), "login rejected (28000)", "로그인 거부 (28000)"),
        (failure(Kind.AUTH), "login rejected", "로그인 거부"),
        (failure(Kind.SATURATED, sqlstate="53300"), "too many connections (53300)", "연결 수 초과 (53300)"),
        (failure(Kind.TIMEOUT, Phase.CONNECT), "timeout while connecting", "연결 시간 초과"),
        (failure(Kind.TIMEOUT, Phase.QUERY, "57014"), "timeout while querying", "쿼리 시간 초과"),
    ],
    ids=str,
)
def test_a_failure_has_a_name_of_a_few_words_with_its_sqlstate(failed: Failure, english: str, korean: str) -> None:
    assert (ENGLISH.short(failed), KOREAN.short(failed)) == (english, korean)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(("phase", "kind"), CASES, ids=str)
def test_every_failure_of_the_contract_is_named_and_explained_in_every_language(
    code: str, phase: Phase, kind: Kind
) -> None:
    wording, failed = Wording(language(code)), failure(kind, phase)
    for said in (wording.short(failed), wording.cause(failed), wording.next_step(failed)):
        assert said
        assert not set("{}") & set(said.replace('{"username", "password", "host", "port", "dbname"}', ""))
    assert len(wording.short(failed)) <= 32
    if code == "en":
        assert (wording.cause(failed), wording.next_step(failed)) == (failed.cause, failed.next_step)
    else:
        assert wording.cause(failed) != failed.cause
        assert wording.next_step(failed) != failed.next_step


@pytest.mark.parametrize("advice", [None, "of-a-newer-version", "../en"])
def test_a_failure_stored_without_known_advice_is_told_in_the_words_it_was_stored_with(advice: str | None) -> None:
    old = replace(failure(), advice=advice, words={})
    assert (KOREAN.cause(old), KOREAN.next_step(old)) == (old.cause, old.next_step)


@pytest.mark.parametrize("words", [{}, {"host": "x"}, {"key": "x", "self": "y"}], ids=str)
def test_a_failure_stored_with_other_words_than_its_texts_want_is_told_in_the_words_it_was_stored_with(
    words: dict[str, str],
) -> None:
    """A newer version's texts may want a word that an older one did not store; its mail must leave all the same."""
    old = replace(failure(), words=words)
    assert KOREAN.cause(old) == old.cause


def test_words_that_no_text_asks_for_do_no_harm() -> None:
    known = failure()
    more = replace(known, words={**known.words, "key": "x", "self": "y"})
    assert ENGLISH.cause(more) == known.cause
