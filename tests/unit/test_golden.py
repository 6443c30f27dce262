"""The mails are as somebody last looked at them: one file a kind, language and form."""

from __future__ import annotations

import difflib

import pytest

from unit.golden import KEPT, written

WRITTEN = dict(written())


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mail_is_as_it_was_last_looked_at(name: str) -> None:
    file = KEPT / name
    kept = file.read_text(encoding="utf-8") if file.is_file() else ""
    changed = difflib.unified_diff(
        kept.splitlines(), WRITTEN[name].splitlines(), f"kept/{name}", f"now/{name}", lineterm="", n=1
    )
    if difference := list(changed):
        shown = "\n".join(difference[:60])
        pytest.fail(f"{name} is written otherwise now; if that is right: make golden\n{shown}", pytrace=False)
    assert kept == WRITTEN[name]


def test_no_file_is_kept_of_a_mail_that_is_not_written() -> None:
    kept = {str(file.relative_to(KEPT)) for file in KEPT.rglob("*") if file.is_file()}
    assert sorted(kept - WRITTEN.keys()) == [], "make golden removes them"


def test_the_same_mail_is_written_the_same_way_each_time() -> None:
    assert dict(written()) == WRITTEN
