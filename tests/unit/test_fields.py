"""The small values that people write."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.common import fields
from unit import toml

READERS = [
    fields.address,
    fields.addresses,
    fields.name,
    fields.host,
    fields.text,
    lambda value: fields.duration(value, 1, 60),
]


@pytest.mark.parametrize(
    ("written", "seconds"), [(5, 5), (0.5, 0.5), ("90s", 90), ("5m", 300), ("2 h", 7200), ("1d", 86400), (" 1.5m ", 90)]
)
def test_a_duration_is_seconds_or_a_number_with_its_unit(written: object, seconds: float) -> None:
    assert fields.duration(written, 0, 100_000) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written", [None, True, "", "5", "m", "-1s", "1w", "1e3s", "\u0661s", "1s\n1s", 61, "2m", float("inf")]
)
def test_what_is_no_duration_within_bounds_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"from 1s to 1m$"):
        fields.duration(written, 1, 60)


@pytest.mark.parametrize("written", ["oncall@example.com", "a+b.c'd@x-y.example.co.uk"])
def test_a_bare_address_is_taken(written: str) -> None:
    assert fields.address(written) == written


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            "a",
            "@example.com",
            "a@",
            "a@b",
            "a b@example.com",
            "a@example.com ",
            "a@example.com\n",
            "é@example.com",
        ),
        *("a@b@example.com", "a@example.com,b@example.com", "a@exam ple.com", "<a@example.com>", "a@.com", None, 5),
        *("x" * 65 + "@example.com", "a@" + "x" * 250 + ".com", "a\r\nBcc: b@example.com"),
    ],
)
def test_what_is_no_bare_address_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="bare e-mail address"):
        fields.address(written)


def test_an_address_is_kept_once_and_in_its_place() -> None:
    assert fields.addresses(["b@x.org", "a@x.org", "b@x.org"]) == ("b@x.org", "a@x.org")


def test_no_more_recipients_than_one_mail_takes() -> None:
    assert len(fields.addresses([f"a{n}@x.org" for n in range(50)])) == 50
    with pytest.raises(ValueError, match="1 to 50"):
        fields.addresses([f"a{n}@x.org" for n in range(51)])


@given(st.one_of(toml.anything, st.none(), st.text(st.characters(codec=None))))
def test_every_reader_gives_a_value_or_a_fix_and_nothing_else(written: object) -> None:
    for reader in READERS:
        fix = "give a fix"
        try:
            reader(written)
        except ValueError as error:
            fix = str(error)
        assert fix.startswith("give ")
