"""Whatever stands in the targets document: one kind of error, and none of its values in it."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heartline.config.targets import parse_targets
from heartline.model.errors import ConfigurationError
from unit import toml
from unit.samples import GOOD, KEYS, US

PASSWORD_KEYS = ["password", "passwd", "pwd", "pass", "PASSWORD", "Password"]
SECRET = "hunter2Zw9"


def faults_of(document: str) -> tuple[str, ...] | None:
    try:
        parse_targets(document, US)
    except ConfigurationError as error:
        return error.faults
    return None


@given(
    place=st.sampled_from(["top", "defaults", "target"]),
    key=st.sampled_from([*KEYS, *PASSWORD_KEYS, "x"]),
    value=toml.anything,
)
@example(place="target", key="timeout", value=10**400)
def test_any_value_under_any_key_is_read_or_a_configuration_error(place: str, key: str, value: object) -> None:
    top = toml.table("", {key: value} if place == "top" else {})
    defaults = toml.table("[defaults]", {key: value} if place == "defaults" else {})
    target = toml.table("[[targets]]", GOOD | ({key: value} if place == "target" else {}))
    found = faults_of(top + defaults + target)
    assert found is None or found
    assert all(fault.isprintable() for fault in found or ())


@given(st.text(st.characters(codec=None), max_size=60), st.integers(0, 200))
def test_any_text_in_the_document_is_read_or_a_configuration_error(noise: str, place: int) -> None:
    good = toml.table("[[targets]]", GOOD)
    for document in (noise, good[:place] + noise + good[place:]):
        assert faults_of(document) != ()


hidden = st.sampled_from([SECRET, [SECRET], {"a": SECRET}, [[{"b": SECRET}]], f"'{SECRET}\"\n", f"{SECRET}=\\"])
unknown = st.text("abcdefghijklmnopqrstuvwxyz_-'\" ", min_size=1, max_size=12).filter(lambda key: key not in KEYS)


@given(key=st.one_of(st.sampled_from(PASSWORD_KEYS), unknown, st.sampled_from(KEYS)), value=hidden)
def test_no_value_is_ever_in_the_error_of_a_wrong_key(key: str, value: object) -> None:
    for header in ("", "[defaults]", "[[targets]]"):
        more = GOOD | {"port": "wrong"}
        good = "" if header == "[[targets]]" else toml.table("[[targets]]", more)
        body = {key: value} if header != "[[targets]]" else more | {key: value}
        with pytest.raises(ConfigurationError) as raised:
            parse_targets(toml.table(header, body) + good, ())
        assert_hidden(raised.value, unless=body.get("name"))


@pytest.mark.parametrize(
    "line",
    [
        f"password = {SECRET}",
        f'password = "{SECRET}',
        f"password = '{SECRET}\"",
        f'password = "{SECRET}"{SECRET}',
        f'password = """{SECRET}',
        f'password = "{SECRET}\\q"',
        f'password = "{SECRET}"\npassword = "{SECRET}"',
        f'password.x = "{SECRET}"\npassword = "{SECRET}"',
        f"password : {SECRET}",
        f"password = [{SECRET}]",
        f"password = {{{SECRET}}}",
        f"password = {{{SECRET} = 1, {SECRET} = 2}}",
        f"[{SECRET}]\n[{SECRET}]",
        f'name = "a" password = "{SECRET}"',
    ],
)
def test_no_value_is_ever_in_the_error_of_a_broken_document(line: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_targets(toml.table("[[targets]]", GOOD) + line, US)
    assert_hidden(raised.value)


def assert_hidden(error: ConfigurationError, unless: object = None) -> None:
    if unless != SECRET:  # a name that is right in itself is how its target is called
        assert SECRET not in "".join(traceback.format_exception(error))
