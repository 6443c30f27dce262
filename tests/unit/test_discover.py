"""`[discover]`: which keys it has, what a tag's value may say, and that no names clash."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartline.common import fields
from heartline.config.discover import Discover, name_of, parse_discover
from heartline.config.targets import parse_targets
from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Role, Tls
from heartline.model.rds import Found, RdsKind
from heartline.model.target import Target
from unit import toml
from unit.samples import US

HOME = "eu-west-1"
KINDS = [RdsKind.INSTANCE, RdsKind.CLUSTER, RdsKind.READER, RdsKind.PROXY]


def discover(given: dict[str, Any] | None = None, granted: str | None = "heartline", most: int = 10) -> Discover:
    document = toml.table("[discover]", given) if given else ""
    return parse_discover(document, {"recipients": US, "interval": timedelta(minutes=1)}, HOME, granted, most)


def found(identifier: str = "orders", tag: str = "", kind: RdsKind = RdsKind.INSTANCE, region: str = HOME) -> Found:
    return Found(kind, identifier, region, f"{identifier}.{kind}.{region}.rds.amazonaws.com", 5433, tag)


def made(tag: str = "", given: dict[str, Any] | None = None) -> tuple[Target, list[str]]:
    faults: list[str] = []
    target = discover(given).target(found(tag=tag), faults)
    assert target
    return target, faults


def test_nothing_need_be_said_and_the_login_is_by_iam() -> None:
    target, faults = made()
    assert (target.name, target.port, target.user) == ("orders", 5433, "heartline")
    assert (target.iam, target.secret) == (True, None)
    assert (target.recipients, target.tls, target.discovered, faults) == (US, Tls.VERIFY_FULL, True, [])
    assert (discover().tag, discover().regions) == ("heartline", (HOME,))


def test_a_secret_is_named_after_the_database() -> None:
    target, _ = made(given={"secret": "heartline/{identifier}/login"})
    assert (target.secret, target.iam) == ("heartline/orders/login", False)


def test_the_secret_that_rds_manages_is_that_of_the_database() -> None:
    ours, faults = discover({"secret": "rds!"}), list[str]()
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1-AbCdEf"
    managed = Found(RdsKind.INSTANCE, "orders", HOME, "orders.example.com", 5432, secret=arn)
    assert getattr(ours.target(managed, faults), "secret", None) == arn
    assert ours.target(found(), faults) is None
    assert faults == ['"orders": RDS manages no secret of it']
    assert ours.wanted([managed]) == [managed]
    assert [one.secret for one in discover().wanted([managed])] == [None]


@pytest.mark.parametrize("tag", ["", "yes", "true", "On"])
def test_a_tag_need_have_no_value(tag: str) -> None:
    assert made(tag) == made("")


@pytest.mark.parametrize("tag", ["no", "false", "Off", " no "])
def test_a_tag_can_say_no(tag: str) -> None:
    assert discover().wanted([found(tag=tag), found("billing")]) == [found("billing")]


def test_a_tag_says_options_and_groups() -> None:
    groups = {"payments": ["a@example.com"], "dba": ["b@example.com"]}
    tag = "payments tls=verify-ca expect=primary recipients=dba recipients=c@example.com"
    target, faults = made(tag, {"groups": groups})
    assert faults == []
    assert (target.tls, target.expect) == (Tls.VERIFY_CA, Role.PRIMARY)
    assert target.recipients == ("a@example.com", "b@example.com", "c@example.com")


@pytest.mark.parametrize(
    ("tag", "fix"),
    [
        ("payments", 'unknown "payments": known are expect, recipients, tls, user'),
        ("tls=off", "give one of verify-full"),
        ("expect=", "give one of primary"),
        ("recipients=payments", "give a bare e-mail address"),
        ("password=secret", 'unknown "password"'),
        ("query=DROP", 'unknown "query"'),
        ("tls=disable", "auth"),
        ("user=admin", "the function may log in by IAM as DatabaseUser alone"),
        ("=", 'unknown ""'),
    ],
)
def test_a_tag_that_is_wrong_is_a_fault_and_the_database_is_watched_without_it(tag: str, fix: str) -> None:
    target, faults = made(tag)
    assert fix in " ".join(faults)
    assert target == made()[0]


@given(st.text(st.characters(codec=None), max_size=256))
def test_no_tag_s_value_breaks_anything(tag: str) -> None:
    target, faults = made(tag, {"groups": {"payments": ["a@example.com"]}})
    assert target.name == "orders"
    assert all(fault.isprintable() for fault in faults)


@pytest.mark.parametrize(
    ("given", "granted", "fix"),
    [
        ({"tags": 5}, "heartline", 'key "tags"'),
        ({"host": "x"}, "heartline", 'unknown key "host"'),
        ({"port": 5}, "heartline", 'unknown key "port"'),
        ({"tag": ""}, "heartline", "give the key of a tag"),
        ({"regions": []}, "heartline", "give a list of regions"),
        ({"regions": ["Ireland"]}, "heartline", "give a list of regions"),
        ({"groups": {"a b": ["a@example.com"]}}, "heartline", "give lists of addresses by name"),
        ({"groups": {"a": "a@example.com"}}, "heartline", "give lists of addresses by name"),
        ({"groups": 5}, "heartline", "give lists of addresses by name"),
        ({"password": "x"}, "heartline", "a password must not stand here"),
        ({"timeout": 30}, "heartline", "lower them to 45 s"),
        ({"tls": "disable"}, "heartline", 'auth = "iam" sends a token'),
        ({"user": "admin"}, "heartline", "the function may log in by IAM as DatabaseUser alone"),
        ({"language": "en"}, "", 'key "user" is missing'),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_found(given: dict[str, Any], granted: str, fix: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[discover\]") as raised:
        discover(given, granted)
    assert fix in str(raised.value)


def test_without_its_own_region_the_function_must_be_told() -> None:
    with pytest.raises(ConfigurationError, match='"regions" is missing'):
        parse_discover("", {"recipients": US}, "", "heartline", 1)


def test_a_document_that_names_none_is_enough_and_defaults_hold() -> None:
    document = toml.table("[defaults]", {"secret": "heartline/all", "timeout": 3}) + "[discover]\n"
    assert parse_targets(document, US, discovers=True) == ()
    common = {"recipients": US, "interval": timedelta(minutes=1)}
    target = parse_discover(document, common, HOME, None, 1).target(found(), [])
    assert target
    assert (target.secret, target.timeout) == ("heartline/all", timedelta(seconds=3))
    own = parse_discover(f'{document}auth = "iam"\nuser = "me"\n', common, HOME, None, 1).target(found(), [])
    assert own
    assert (own.iam, own.user, own.secret) == (True, "me", None)


def test_what_would_be_found_must_be_allowed() -> None:
    with pytest.raises(ConfigurationError, match="deploy with UseRds=discover"):
        parse_targets("[discover]\n", US)


identifiers = st.from_regex(r"[a-z](-?[a-z0-9]){0,31}|[a-z][a-z0-9]{61,62}", fullmatch=True)
endpoints = st.builds(found, identifiers, kind=st.sampled_from(KINDS), region=st.sampled_from([HOME, "us-east-1"]))
names = st.from_regex(fields._NAME, fullmatch=True)


@given(st.lists(endpoints, unique_by=lambda one: (one.kind, one.identifier, one.region)))
def test_names_never_clash(listed: list[Found]) -> None:
    made = [name_of(one, HOME) for one in listed]
    assert len(set(made)) == len(listed)
    assert all(fields.name(name) == name for name in made)


@given(st.lists(endpoints, max_size=4), st.lists(names, max_size=2))
@settings(max_examples=20)  # each makes targets anew
def test_the_document_wins(listed: list[Found], more: list[str]) -> None:
    own = [Target(name, "a.example.com") for name in {*(name_of(one, HOME) for one in listed[::2]), *more}]
    targets, _ = discover(most=100).targets(own, listed)
    assert {one.name for one in targets}.isdisjoint(one.name for one in own)


def test_what_the_document_watches_is_not_watched_twice() -> None:
    listed = [found(), found("billing")]
    own = [Target("mine", listed[0].host.upper())]
    assert [one.name for one in discover().targets(own, listed)[0]] == ["billing"]


def test_what_exceeds_the_most_is_a_fault() -> None:
    targets, faults = discover(most=3).targets([Target("a", "b")], [found(f"db{number}") for number in range(5)])
    assert [one.name for one in targets] == ["db0", "db1"]
    assert "3 is the most" in faults[0]
