"""Write TOML: any value that a document can hold, so that hypothesis can put it anywhere."""

from __future__ import annotations

from datetime import date, datetime, time

from hypothesis import strategies as st

scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.integers(10**300, 10**400),
    st.floats(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.text(st.characters(codec="utf-8"), max_size=30),
)
anything = scalars | st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc-_. é", max_size=8), inner),
    max_leaves=5,
)


def written(value: object) -> str:
    """Write one value in TOML 1.0."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(key)} = {written(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def text(value: str) -> str:
    """Write a basic string with all that could end it or be refused escaped."""
    return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in value) + '"'


def table(header: str, values: dict[str, object]) -> str:
    """Write one table."""
    return "\n".join([header, *(f"{text(key)} = {written(value)}" for key, value in values.items()), ""])
