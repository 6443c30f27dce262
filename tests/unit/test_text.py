"""Foreign text is made fit to be read."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from heartline.common.text import sanitize
from unit.samples import hostile


@given(hostile, st.integers(4, 400))
def test_foreign_text_is_one_line_of_bounded_length_that_shows_as_it_reads(said: str, most: int) -> None:
    tamed = sanitize(said, most)
    assert len(tamed) <= most
    assert tamed.splitlines() == [tamed] * bool(tamed)
    assert tamed.isprintable() or all(unicodedata.category(c) == "Zs" for c in tamed if not c.isprintable())
    assert tamed.encode("utf-8").decode("utf-8") == tamed


@given(st.text("abc é(){}<>&'\"%,.", max_size=80))
def test_plain_text_keeps_its_words(said: str) -> None:
    assert sanitize(said) == " ".join(said.split())


def test_text_that_is_cut_says_so() -> None:
    assert sanitize("x" * 301) == "x" * 297 + "..."
    assert sanitize("x" * 300) == "x" * 300
