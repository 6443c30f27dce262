"""Every language has the same texts with the same placeholders, and none that is unused."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from string import Formatter
from types import ModuleType

import pytest

import heartline
from heartline.commands.view import Standing
from heartline.i18n.language import LANGUAGES, language
from heartline.messages import rds
from heartline.model.condition import ConditionKind
from heartline.model.kinds import Kind, Phase
from heartline.model.mail import Outcome
from heartline.probe import failures, poolers, specifics
from heartline.prober import credentials
from heartline.rules.server_changes import KINDS
from unit.samples import CASES, CHANGES, ENDPOINT, HOUR, MINUTE, SECOND, TARGET

PACKAGE = Path(heartline.__file__ or "").parent
DAY = 24 * HOUR
ENGLISH = language("en").texts
OTHERS = [code for code in LANGUAGES if code != "en"]
KOREAN = language("ko").texts
SAID = {"headline", "verdict", "sentence", "footer", "cause", "next_step"}
PIECES = {"same_failure", "same_host", "same_subnet", "same_vpc", "checks_resolve", "checks_connect", "checks_tls"}
SENTENCES = [key for key in KOREAN if key.split(".")[0] in SAID and key.split(".")[-1] not in PIECES]


def places(text: str) -> list[str]:
    """List the placeholders of a text."""
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name is not None})


def literal() -> set[str]:
    """List the keys that stand in the source as they are."""
    trees = [ast.parse(file.read_text()) for file in PACKAGE.rglob("*.py")]
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and text in ENGLISH and "." in text}


def explained() -> set[str]:
    """List what a failure can be explained by: for each case of the contract, and for what has words of its own."""
    probed = [case for case in CASES if case[0] is not Phase.CREDENTIALS]
    general = {failures.advise([kind], phase, TARGET, ENDPOINT).key for phase, kind in probed}
    tree = ast.parse(Path(credentials.__file__).read_text())
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_failure"
    ]
    own = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
    return (
        general
        | set(failures._SPECIFIC.values())
        | own
        | _keys_in(poolers, specifics)
        | set(credentials._UNREADABLE.values())
        | {"secret-unavailable", "auth-iam"}
    )


def _keys_in(*modules: ModuleType) -> set[str]:
    """List the explanations that stand in modules which choose among them."""
    trees = [ast.parse(Path(str(module.__file__)).read_text()) for module in modules]
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {text for text in texts if f"cause.{text}" in ENGLISH}


def built() -> set[str]:
    """List the keys that the code puts together."""
    phases = [phase for phase in Phase if phase is not Phase.CREDENTIALS]
    keys = {f"{part}.{name}" for name in explained() for part in ("cause", "next_step")}
    keys |= {f"short.{kind}" for kind in Kind} | {f"short.timeout-{phase}" for phase in phases}
    keys.add("short.denied-login")
    states = ("down", "cannot-log-in", "still-down", "still-cannot-log-in", "recovered", "flapping", "stable-again")
    notices = ("no-longer-watched", "now-watching", "several-servers", "test", *CHANGES)
    ends = [f"{kind}{end}" for kind in ConditionKind for end in ("", "-ended")]
    keys |= {f"state.{state}" for state in (*states, *notices, *ends)}
    keys |= {f"brief.{kind}" for kind in Kind} | {"brief.password", "short.password"}
    keys |= {f"{part}.{kind}" for kind in ("unwatched", *CHANGES) for part in ("headline", "gist")}
    keys |= {f"widget.holds_{kind}" for kind in ConditionKind}
    keys |= {f"{part}_{span}" for part in ("widget.medians", "condition.row") for span in ("day", "week")}
    ends = ("_subject", "_headline", "_look", "_ended_subject", "_ended_headline")
    keys |= {f"condition.{kind}{end}" for kind in ConditionKind for end in ends}
    forms = ("raised", "down_again", "reminder", "recovered_again", "recovered_misconfigured")
    keys |= {f"{part}.{form}" for form in forms for part in ("headline", "gist")}
    keys |= {"gist.recovered", "headline.recovered", "headline.stable", "gist.stable"}
    keys |= {f"row.{column}" for column in ("name", "state", "gist", "since")}
    keys |= {f"headline.flapping{what}" for what in ("", "_misconfigured", "_failed", "_changes")}
    found = ("outages", "outages_misconfigured", "failed", "changes")
    found += ("databases", "incidents", "not_well", "unreached", "missed", "warnings")
    keys |= {f"report.{verdict}" for verdict in ("verdict", "verdict_calm", "verdict_well")}
    keys |= {f"count.{what}{one}" for what in found for one in ("", "_one")}
    keys |= {f"sentence.{part}{suffix}" for part in ("tally", "unheard_down") for suffix in ("", "_misconfigured")}
    keys |= {f"headline.{form}_misconfigured" for form in ("down_again", "reminder")}
    keys |= {f"{part}.several" for part in ("headline", "gist")}
    keys |= {f"{part}{kind}" for kind in CHANGES for part in ("value.", "sentence.look_")}
    keys |= {f"row.was_{what}" for what in KINDS} | {"value.primary", "value.standby"}
    keys |= {f"phase.{phase}" for phase in Phase}
    keys |= {f"sentence.checks_{phase}" for phase in (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)}
    keys |= {f"sentence.same_{size}" for size in ("subnet", "vpc")}
    keys |= {f"value.{note}" for note in ("failed_here", "not_used", "not_reached")}
    keys |= {f"widget.{part}_{one.name.lower()}" for one in Standing for part in ("is", "count")} - {"widget.count_up"}
    keys |= {f"rds.{step}" for step in rds.STEPS.values()}
    keys |= {f"rds.row_{row}" for row in ("status", "writer", "pending")}
    keys |= {f"{part}.unwatched_discovered" for part in ("headline", "gist")}
    orders = ("acknowledge", "mute", "unmute", "probe")
    keys |= {f"widget.{part}{order}" for order in orders for part in ("", "confirm_", "then_", "did_")}
    keys -= {"widget.did_probe"}
    keys |= {f"undelivered.{outcome}" for outcome in Outcome} | {"state.not-delivered"}
    failed = set(Outcome) - {Outcome.DELAYED, Outcome.DELIVERED}
    keys |= {f"undelivered.{outcome}{end}" for outcome in failed for end in ("_headline", "_look")}
    keys |= {f"widget.share_{length}" for length in ("24h", "7d", "30d")}
    return keys | {f"length.{unit}" for unit in ("h", "h_min", "days", "days_h")}


def test_english_and_korean_are_there() -> None:
    assert {"en", "ko"} <= set(LANGUAGES)


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_lacks_no_text_and_has_none_of_its_own(code: str) -> None:
    assert sorted(language(code).texts) == sorted(ENGLISH)


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_has_the_same_placeholders_in_every_text(code: str) -> None:
    texts = language(code).texts
    differing = {key: (places(ENGLISH[key]), places(texts[key])) for key in ENGLISH if key in texts}
    assert {key: pair for key, pair in differing.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_text_is_empty_or_has_more_than_one_line(code: str) -> None:
    faulty = [key for key, text in language(code).texts.items() if text != " ".join(text.split()) or not text]
    assert faulty == []


def test_every_text_is_said_somewhere() -> None:
    assert sorted(set(ENGLISH) - literal() - built()) == []


def test_every_text_that_the_code_can_ask_for_exists() -> None:
    assert sorted(built() - set(ENGLISH)) == []


def test_a_language_is_added_by_one_file(tmp_path: Path) -> None:
    copy = tmp_path / "heartline"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    texts = copy / "i18n" / "texts"
    text = (texts / "en.toml").read_text(encoding="utf-8")
    (texts / "xx.toml").write_text(text.replace("{min} min", "{min} xx"), encoding="utf-8")
    program = (
        "from datetime import timedelta; from heartline.i18n.language import LANGUAGES, language; "
        "print(LANGUAGES, language('xx').length(timedelta(minutes=14)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert answer.stdout.decode() == f"{(*LANGUAGES, 'xx')} 14 xx\n"


@pytest.mark.parametrize(
    ("span", "english", "korean"),
    [
        (-5 * SECOND, "0 s", "0초"),
        (40.4 * SECOND, "40 s", "40초"),
        (119 * SECOND, "119 s", "119초"),
        (2 * MINUTE, "2 min", "2분"),
        (14 * MINUTE + 59 * SECOND, "14 min", "14분"),
        (HOUR, "1 h", "1시간"),
        (2 * HOUR + 5 * MINUTE, "2 h 5 min", "2시간 5분"),
        (47 * HOUR, "47 h", "47시간"),
        (2 * DAY, "2 days", "2일"),
        (3 * DAY + 4 * HOUR + MINUTE, "3 days 4 h", "3일 4시간"),
    ],
)
def test_a_duration_has_its_two_largest_units(span: timedelta, english: str, korean: str) -> None:
    assert (language("en").length(span), language("ko").length(span)) == (english, korean)


def test_a_word_cannot_break_a_line_or_turn_the_text_around() -> None:
    said = language("en").text("row.host", host="unused") + language("en").text(
        "value.database", database="a\r\nb\x1b\u202e", port=1, user=""
    )
    assert said.isprintable()


@pytest.mark.parametrize("part", ["cause", "next_step"])
def test_an_english_explanation_is_whole_sentences(part: str) -> None:
    for key, text in ENGLISH.items():
        if key.startswith(f"{part}."):
            assert text[0].isupper() or text.startswith(("{host}", "{pooler}")), key
            assert text.endswith("."), key


@pytest.mark.parametrize("key", SENTENCES)
def test_a_korean_sentence_ends_in_the_formal_style(key: str) -> None:
    """What ends in a word of the database's, or in a quotation of what to write, ends in no verb."""
    for sentence in re.split(r"(?<=[.?!])\s+(?![a-z(])", KOREAN[key]):
        assert re.search(r"(다|오)(\([^()]*\))?\.$|\}+\.?$", sentence), sentence


@pytest.mark.parametrize("key", KOREAN)
def test_no_korean_text_is_in_the_polite_informal_style(key: str) -> None:
    assert not re.search(r"((?<!필)요|죠|(?<!니)까)(?=[.!?)]|$)", KOREAN[key])


@pytest.mark.parametrize("key", KOREAN)
def test_a_korean_particle_is_open_after_a_free_word_and_nowhere_else(key: str) -> None:
    for match in re.finditer(r"을\(를\)|이\(가\)|은\(는\)|와\(과\)|\(으\)로", KOREAN[key]):
        assert KOREAN[key][match.start() - 1] == "}"
    assert not re.search(r"\}(을|를|이|가|은|는|과|와|으로|로)(?![가-힣(])", KOREAN[key])
