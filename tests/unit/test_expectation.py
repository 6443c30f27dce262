"""What the result of a query must be: a closed grammar, and its verdict on whatever a server returns."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.model.expectation import expected_rows, expected_value
from unit.samples import hostile

VERDICTS = [
    ("ok", "ok", True),
    ("ok", "OK", False),
    ("= 1", "1", True),
    ("= 1", "1.0", False),
    ("= <b>", "<b>", True),
    ("!= failed", "done", True),
    ("!= failed", "failed", False),
    ("< 300", "299.9", True),
    ("< 300", "300", False),
    ("<= 300", "300.0", True),
    ("> -1", "0", True),
    (">= 1e3", "1000", True),
    (">= 1", "-7", False),
    ("< 300", "soon", False),
    ("< 300", "NaN", False),
    ("< 300", "", False),
]


@pytest.mark.parametrize(("expected", "value", "verdict"), VERDICTS, ids=str)
def test_a_value_is_as_expected_or_not(expected: str, value: str, verdict: bool) -> None:
    assert expected_value(expected).holds(value) is verdict


@pytest.mark.parametrize("expected", ["ok", "!= ok", "< 1", ">= 1"])
def test_null_is_never_as_expected(expected: str) -> None:
    assert not expected_value(expected).holds(None)


@given(st.fractions(-1000, 1000, max_denominator=1000), st.integers(-1000, 1000))
def test_order_is_that_of_numbers(value: Fraction, limit: int) -> None:
    written = f"{float(value):.12f}"
    exact = Fraction(written)
    verdicts = {sign: expected_value(f"{sign} {limit}").holds(written) for sign in ("<", "<=", ">", ">=")}
    assert verdicts == {"<": exact < limit, "<=": exact <= limit, ">": exact > limit, ">=": exact >= limit}


@given(hostile)
def test_whatever_a_server_returns_has_a_verdict(value: str) -> None:
    assert expected_value("!= ok").holds(value) is (value != "ok")
    assert isinstance(expected_value("< 3").holds(value), bool)


@given(st.text(max_size=20))
def test_what_is_not_of_the_grammar_is_refused_with_the_fix(text: str) -> None:
    for read in (expected_rows, expected_value):
        try:
            expected = read(text)
        except ValueError as error:
            fix = str(error)
            assert fix.startswith("give a ")
        else:
            assert read(str(expected)) == expected


@pytest.mark.parametrize("value", [None, 5, 1.5, True, ["ok"], "a\nb"])
def test_what_is_no_line_of_text_is_refused_with_the_fix(value: object) -> None:
    for read in (expected_rows, expected_value):
        with pytest.raises(ValueError, match=r"^give a "):
            read(value)


def test_a_value_of_512_characters_is_compared_and_none_longer() -> None:
    assert expected_value("a" * 512).holds("a" * 512)
    with pytest.raises(ValueError, match="give a text"):
        expected_value("a" * 513)
