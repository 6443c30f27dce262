"""The targets document: what is valid, and the error of each document that is not."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import heartline
from heartline.config.discover import parse_discover
from heartline.config.targets import parse_targets
from heartline.config.windows import window
from heartline.model.errors import ConfigurationError
from heartline.model.kinds import Tls
from heartline.model.target import Policy, Target
from unit import toml
from unit.samples import GOOD, KEYS, US

PACKAGED = Path(heartline.__file__).parent.parent / "targets.toml"


def targets(*tables: dict[str, Any], recipients: tuple[str, ...] = US, **defaults: object) -> tuple[Target, ...]:
    document = toml.table("[defaults]", defaults) + "".join(toml.table("[[targets]]", table) for table in tables)
    return parse_targets(document, recipients)


def faults(*tables: dict[str, Any], recipients: tuple[str, ...] = US, **defaults: object) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        targets(*tables, recipients=recipients, **defaults)
    assert all(fault in str(raised.value) for fault in raised.value.faults)
    return raised.value.faults


def test_name_host_and_user_are_enough() -> None:
    assert targets(GOOD) == (Target("orders", "orders.example.com", user="heartline", recipients=US),)


def test_a_secret_may_give_the_rest() -> None:
    (target,) = targets({"name": "orders", "secret": "heartline/orders"})
    assert (target.host, target.port, target.user, target.secret) == (None, None, None, "heartline/orders")


def test_a_target_has_what_the_defaults_say_unless_it_says_otherwise() -> None:
    first, second = targets(
        GOOD, GOOD | {"name": "two", "timeout": "2s", "recipients": ["dba@example.com"]}, timeout=4, tls="require"
    )
    assert (first.timeout, first.tls, first.recipients) == (timedelta(seconds=4), Tls.REQUIRE, US)
    assert (second.timeout, second.tls, second.recipients) == (timedelta(seconds=2), Tls.REQUIRE, ("dba@example.com",))


def test_the_policy_is_read() -> None:
    said = {"confirmations": 0, "confirm_after": 0.5, "recover_after": 3, "remind_every": "1d", "settle_after": "90s"}
    said |= {"maintenance": ["Sun 02:00-04:00 Asia/Seoul", "daily 03:00-03:30"]}
    (target,) = targets(GOOD | said)
    maintenance = (window("Sun 02:00-04:00 Asia/Seoul"), window("daily 03:00-03:30"))
    seconds = timedelta(seconds=0.5), timedelta(seconds=90)
    assert target.policy == Policy(0, seconds[0], 3, timedelta(days=1), seconds[1], maintenance)


def test_maintenance_may_be_a_default_and_be_taken_away_from_a_target() -> None:
    first, second = targets(GOOD, GOOD | {"name": "two", "maintenance": []}, maintenance=["Sun 02:00-04:00"])
    assert (first.policy.maintenance, second.policy.maintenance) == ((window("Sun 02:00-04:00"),), ())


def test_the_annotated_example_is_empty_as_packaged() -> None:
    with pytest.raises(ConfigurationError, match=r"no targets: add a \[\[targets\]\] table"):
        parse_targets(PACKAGED.read_text(encoding="utf-8"))


def test_the_annotated_example_is_right_once_its_comment_marks_are_taken_away() -> None:
    example_text = re.sub(r"(?m)^# (?=\[|\w+ *= )", "", PACKAGED.read_text(encoding="utf-8"))
    read = parse_targets(example_text, discovers=True)
    assert parse_discover(example_text, {"interval": timedelta(minutes=1)}, "eu-west-1", None, 10).groups
    assert [target.name for target in read] == ["orders", "billing"]
    shown = {
        key
        for part in [tomllib.loads(example_text)["defaults"], *tomllib.loads(example_text)["targets"]]
        for key in part
    }
    assert shown == set(KEYS)


def test_what_a_query_must_return_is_read() -> None:
    (target,) = targets(GOOD | {"query": "SELECT 1", "expect_rows": " >=1 ", "expect_value": "all well"})
    assert (str(target.expect_rows), str(target.expect_value)) == (">= 1", "= all well")
    assert target.expectations == 'expect_rows = ">= 1", expect_value = "= all well"'


@pytest.mark.parametrize("key", [{"expect_rows": "1"}, {"expect_value": "1"}], ids=str)
def test_nothing_is_expected_of_a_query_that_there_is_not(key: dict[str, str]) -> None:
    (fault,) = faults(GOOD | key)
    assert 'are about the result of "query": give one' in fault


WRONG = [
    ({"query": "SELECT 1", "expect_rows": 1}, "expect_rows", 'like ">= 1"'),
    ({"query": "SELECT 1", "expect_rows": "some"}, "expect_rows", 'like ">= 1"'),
    ({"query": "SELECT 1", "expect_rows": "> -1"}, "expect_rows", 'like ">= 1"'),
    ({"query": "SELECT 1", "expect_rows": "=> 1"}, "expect_rows", 'like ">= 1"'),
    ({"query": "SELECT 1", "expect_value": ""}, "expect_value", 'give a text, like "ok"'),
    ({"query": "SELECT 1", "expect_value": ">="}, "expect_value", "give a number after >"),
    ({"query": "SELECT 1", "expect_value": "< soon"}, "expect_value", "give a number after <"),
    ({"query": "SELECT 1", "expect_value": "x" * 513}, "expect_value", "give a text"),
    ({"query": "SELECT 1", "expect_value": "a\nb"}, "expect_value", "give a text"),
    ({"port": "5432"}, "port", "whole number from 1 to 65535"),
    ({"port": 0}, "port", "from 1 to 65535"),
    ({"port": True}, "port", "whole number"),
    ({"host": "postgresql://db.example.com/x"}, "host", "without scheme, port or path"),
    ({"host": ""}, "host", "host name"),
    ({"user": 7}, "user", "printable characters"),
    ({"database": "a\nb"}, "database", "printable characters"),
    ({"secret": ""}, "secret", "printable characters"),
    ({"auth": "kerberos"}, "auth", '"iam"'),
    ({"tls": "verify"}, "tls", "verify-full, verify-ca, require, disable"),
    ({"tls": True}, "tls", "verify-full"),
    ({"timeout": "soon"}, "timeout", "give seconds"),
    ({"timeout": 0}, "timeout", "from 0.1s to 30s"),
    ({"timeout": float("nan")}, "timeout", "give seconds"),
    ({"timeout": 10**400}, "timeout", "give seconds"),
    ({"confirmations": 1.5}, "confirmations", "whole number from 0 to 10"),
    ({"recover_after": 0}, "recover_after", "from 1 to 10"),
    ({"confirm_after": -1}, "confirm_after", "from 0s to 30s"),
    ({"remind_every": "1s"}, "remind_every", "from 1m to 1d"),
    ({"remind_every": "2d"}, "remind_every", "from 1m to 1d"),
    ({"settle_after": 0}, "settle_after", "from 1s to 1d"),
    ({"slow_after": 0}, "slow_after", "from 0.001s to 30s"),
    ({"slow_after": "5s"}, "slow_after", 'no probe takes longer than "timeout"'),
    ({"lag_after": "8d"}, "lag_after", "from 1s to 7d"),
    ({"settle_after": "60s"}, "settle_after", "a tick comes each 60 s"),
    ({"settle_after": "2d"}, "settle_after", "from 1s to 1d"),
    ({"settle_after": "soon"}, "settle_after", "give seconds"),
    ({"maintenance": "Sun 02:00-04:00"}, "maintenance", "give a list of windows"),
    ({"maintenance": ["Sun 02:00-04:00", "Son 02:00-04:00"]}, "maintenance", 'like "Sun 02:00-04:00 Asia/Seoul"'),
    ({"maintenance": ["Sun 02:00-02:00"]}, "maintenance", "the window is empty"),
    ({"time_zone": "Mars/Olympus"}, "time_zone", 'IANA name, like "Europe/Berlin"'),
    ({"maintenance": [7]}, "maintenance", "give days, times and a time zone"),
    ({"recipients": "a@example.com"}, "recipients", "list"),
    ({"recipients": []}, "recipients", "1 to 50 addresses"),
    ({"recipients": ["nobody"]}, "recipients", "bare e-mail address"),
    ({"recipients": ["Bob <bob@example.com>"]}, "recipients", "bare e-mail address"),
    ({"recipients": ["a@example.com\nBcc: b@example.com"]}, "recipients", "bare e-mail address"),
    ({"metrics": "true"}, "metrics", "true or false, without quotes"),
    ({"metrics": 1}, "metrics", "true or false"),
    ({"tags": ["sales"]}, "tags", "table of short texts"),
    ({"tags": {"team": 7}}, "tags", "table of short texts"),
    ({"tags": {"team": ""}}, "tags", "table of short texts"),
    ({"password": "hunter2Zw9"}, "password", "Secrets Manager"),
    ({"Pwd": "hunter2Zw9"}, "Pwd", "Secrets Manager"),
    ({"hostname": "x"}, "hostname", "known are auth, client_certificate"),
    ({"tls_negotiation": "fast"}, "tls_negotiation", "postgres, direct"),
    ({"tls": "disable", "tls_negotiation": "direct"}, "tls_negotiation", "needs TLS"),
    ({"tls": "disable", "client_certificate": "x"}, "client_certificate", "needs TLS"),
    ({"auth": "iam", "secret": "x"}, "secret", "exclude each other"),
    ({"auth": "iam", "tls": "require"}, "tls", '"verify-full"'),
    ({"timeout": 30, "confirmations": 2}, "timeout", "could take 96 s: lower them to 45 s"),
]


@pytest.mark.parametrize(
    ("wrong", "key", "fix"), WRONG, ids=lambda value: str(value)[:40] if isinstance(value, dict) else ""
)
def test_one_wrong_value_is_one_fault_that_names_target_key_and_fix(wrong: dict[str, Any], key: str, fix: str) -> None:
    (fault,) = faults(GOOD | wrong)
    assert fault.startswith('target "orders": ')
    assert f'"{key}"' in fault
    assert fix in fault


@pytest.mark.parametrize("key", ["host", "user"])
def test_what_neither_document_nor_secret_gives_is_missing(key: str) -> None:
    (fault,) = faults({name: value for name, value in GOOD.items() if name != key})
    assert fault == f'target "orders": key "{key}" is missing: give it, or name a secret that has it'


@pytest.mark.parametrize("name", [None, 5, "", "a b", "-x", "x" * 65, "a\n", "é"])
def test_a_target_without_a_good_name_is_called_by_its_place(name: object) -> None:
    (fault,) = faults(GOOD, {"host": "x.example.com", "user": "y"} | ({} if name is None else {"name": name}))
    assert fault.startswith('target 2: key "name"')


def test_nobody_to_tell_is_a_fault() -> None:
    (fault,) = faults(GOOD, recipients=())
    assert "ALERT_RECIPIENTS" in fault


def test_a_name_stands_once() -> None:
    (fault,) = faults(GOOD, GOOD, GOOD)
    assert fault == 'target "orders": 3 targets have this name: give each target its own name'


@pytest.mark.parametrize("key", ["name", "host"])
def test_name_and_host_have_no_default(key: str) -> None:
    (fault,) = faults(GOOD, **{key: "x"})
    assert fault.startswith(f'[defaults]: unknown key "{key}"')


@pytest.mark.parametrize(
    ("document", "fix"),
    [
        ("", "no targets: add"),
        ("targets = 3", "no targets: add"),
        ("targets = [3]", "target 1: must be a table"),
        ('defaults = "x"\n[[targets]]\nname="a"\nhost="b"\nuser="c"', "[defaults]: must be a table"),
        ('[target]\nname="a"', "only [defaults], [discover] and [[targets]] are known"),
        ('[[targets]\nname = "a"', "not a TOML document"),
        ("x = " + "[" * 3000, "not a TOML document"),
        ("x = " + "1" * 5000, "not a TOML document"),
    ],
    ids=lambda value: value[:30],
)
def test_a_document_of_another_form_is_told_what_form_it_should_have(document: str, fix: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(fix)):
        parse_targets(document, US)


def test_every_fault_is_told_at_once() -> None:
    found = faults(
        {"name": "one", "host": "a b", "port": 0, "pasword": "x"},
        {"name": "two", "user": "x", "tls": "none"},
        {"name": "two", "host": "two.example.com", "user": "x", "timeout": -1},
        defaults_are={},
        timeout="never",
    )
    for target, key in [
        *(("[defaults]", "timeout"), ("[defaults]", "defaults_are")),
        *(("one", "host"), ("one", "port"), ("one", "pasword"), ("one", "user")),
        *(("two", "tls"), ("two", "host"), ("two", "timeout"), ("two", "2 targets have this name")),
    ]:
        assert any(target in fault.split(":")[0] and key in fault for fault in found), (target, key)


RDS = "rds!cluster-7a3f"
MANAGED = [RDS, f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{RDS}-AbCdEf", "rds!db-1"]


@pytest.mark.parametrize("secret", MANAGED)
def test_a_secret_that_rds_manages_needs_a_host_in_the_document(secret: str) -> None:
    (fault,) = faults({"name": "orders", "secret": secret})
    assert fault == (
        'target "orders": key "host" is missing: the secret that RDS manages has username and password only'
    )
    (target,) = targets({"name": "orders", "secret": secret, "host": "orders.example.com"})
    assert (target.secret, target.user) == (secret, None)


@pytest.mark.parametrize(("minutes", "settles"), [(1, 5), (2, 6), (5, 15), (60, 180)])
def test_without_a_settling_time_it_is_some_intervals_of_any_schedule(minutes: int, settles: int) -> None:
    (target,) = parse_targets(toml.table("[[targets]]", GOOD), US, interval=timedelta(minutes=minutes))
    assert target.policy.settle_after == timedelta(minutes=settles)
    assert target.policy.interval == timedelta(minutes=minutes)


def test_a_settling_time_is_held_against_the_schedule() -> None:
    document = toml.table("[[targets]]", GOOD | {"settle_after": "10m"})
    assert parse_targets(document, US, interval=timedelta(minutes=5))
    with pytest.raises(ConfigurationError, match=r"settle_after.*600 s"):
        parse_targets(document, US, interval=timedelta(minutes=10))
