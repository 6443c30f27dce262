"""Times, durations and foreign text, as people read them."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.text import length, moment, tame
from unit.samples import HOUR, MINUTE, NOW, SECOND, hostile

DAY = 24 * HOUR


@given(hostile, st.integers(4, 400))
def test_foreign_text_is_one_line_of_bounded_length_that_shows_as_it_reads(said: str, most: int) -> None:
    tamed = tame(said, most)
    assert len(tamed) <= most
    assert tamed.splitlines() == [tamed] * bool(tamed)
    assert tamed.isprintable() or all(unicodedata.category(c) == "Zs" for c in tamed if not c.isprintable())
    assert tamed.encode("utf-8").decode("utf-8") == tamed


@given(st.text("abc é(){}<>&'\"%,.", max_size=80))
def test_plain_text_keeps_its_words(said: str) -> None:
    assert tame(said) == " ".join(said.split())


def test_text_that_is_cut_says_so() -> None:
    assert tame("x" * 301) == "x" * 297 + "..."
    assert tame("x" * 300) == "x" * 300


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (-5 * SECOND, "0 s"),
        (40.4 * SECOND, "40 s"),
        (119 * SECOND, "119 s"),
        (2 * MINUTE, "2 min"),
        (14 * MINUTE + 59 * SECOND, "14 min"),
        (HOUR, "1 h"),
        (2 * HOUR + 5 * MINUTE, "2 h 5 min"),
        (47 * HOUR, "47 h"),
        (2 * DAY, "2 days"),
        (3 * DAY + 4 * HOUR + MINUTE, "3 days 4 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(span: timedelta, said: str) -> None:
    assert length(span) == said


def test_a_time_is_told_in_utc_to_the_second() -> None:
    elsewhere = datetime(2026, 11, 23, 4, 15, 0, 999_999, timezone(2 * HOUR))
    assert moment(elsewhere) == moment(NOW) == "2026-11-23 02:15:00 UTC"
