"""What the README and docs/ name exists; where a list is meant to be complete, it is."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from heartline.aws.log import Event, Keys
from heartline.commands.dispatch import COMMANDS
from heartline.commands.status import _availability, _incident, _mailed, _receipt, entry
from heartline.commands.view import LENGTHS, view_target
from heartline.config.settings import VARIABLES
from heartline.config.target_keys import READERS
from heartline.config.targets import parse_targets
from heartline.model.incident import Incident
from heartline.model.kinds import AlertKind, Kind, Phase
from heartline.model.mail import Mail, MailedAlert, Outcome, Receipt
from heartline.model.state import State, Stored
from heartline.model.target import Target
from heartline.rules.availability import Availability
from heartline.tick.summary import TickSummary
from local import docs
from local.gallery import mails
from local.stack import SAM_INVOKE
from template.pages import (
    DOCS,
    PAGES,
    README,
    ROOT,
    anchors,
    code,
    everything,
    links,
    table,
    text,
    uncommented,
    unfenced,
)

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "functions" / "monitor").rglob("*.py"))
GOLDEN = ROOT / "tests" / "unit" / "golden" / "en"
EVERYTHING = everything()


def _title(page: Path) -> str:
    return page.name


# ---- Links and pictures


@pytest.mark.parametrize("page", PAGES, ids=_title)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"https://", link):
            continue
        path, _, anchor = link.partition("#")
        led_to = (page.parent / path).resolve() if path else page
        if not led_to.exists() or (anchor and anchor not in anchors(led_to)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"], ids=_title)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = {
        name for name in code(unfenced(uncommented(page))) if re.fullmatch(r"[\w./-]+\.(py|toml|json|txt|md)", name)
    }
    known = [
        ROOT,
        DOCS,
        *(ROOT / "functions" / "monitor" / part for part in (".", "heartline", "heartline/i18n/texts")),
    ]
    assert {name for name in named - _MADE if not any((place / name).exists() for place in known)} == set()


# What a program writes, and what a page lets its reader write.
_MADE = {"events/env.json", "off.json", "on.json", "functions/monitor/heartline/i18n/texts/xx.toml"}


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in links(README)}
    assert {f"docs/{page.name}" for page in PAGES if page != README} <= linked


def test_the_picture_is_drawn_from_its_source() -> None:
    source = (DOCS / "architecture.dot").read_text(encoding="utf-8")
    drawn = (DOCS / "architecture.svg").read_text(encoding="utf-8")
    lines = [line for label in re.findall(r'label="([^"]+)"', source) for line in label.split("\\n")]
    shown = [re.sub(r"&#45;", "-", line) for line in re.findall(r"<text[^>]*>([^<]+)</text>", drawn)]
    assert sorted(lines) == sorted(line.replace("&#39;", "'") for line in shown)


# ---- Tables that are written by a program


@pytest.mark.parametrize("name", docs.TABLES)
def test_a_table_is_what_python_m_local_docs_writes(name: str) -> None:
    file, made = docs.TABLES[name]
    page = (DOCS / file).read_text(encoding="utf-8")
    assert page == docs.renewed(page, name, made())


def test_a_table_without_its_marks_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="the marks of alarms stand 0 times"):
        docs.renewed("# A page", "alarms", "| a |")


# ---- Names of the stack


# What is written alike and is none of the stack's.
_OTHERS = {"RawMessageDelivery", "VpcConfig"}


def test_every_name_of_the_stack_is_there(template: dict[str, Any]) -> None:
    known = {*template["Parameters"], *template["Resources"], *template["Outputs"], *_metrics(), *_OTHERS}
    named = {
        name
        for quoted in code(unfenced(EVERYTHING))
        for name in re.findall(r"\b(?<![-./:])[A-Z][a-z]+(?:[A-Z][A-Za-z]*)+\b(?![-/])", quoted)
    }
    assert {"DatabaseHost", "VpcSubnetIds", "MonitorFunction", "StateTableName", "TickDuration"} <= named
    assert named - known == set()


def test_every_parameter_that_is_typed_is_the_template_s(template: dict[str, Any]) -> None:
    typed = set(re.findall(r"(?<!\S)`?([A-Z][a-z]+[A-Z][A-Za-z]+)=\S", EVERYTHING))
    assert {"DatabaseSecretArn", "VpcSubnetIds"} <= typed <= template["Parameters"].keys()


def test_every_alarm_that_is_named_is_the_template_s() -> None:
    alarms = {f"heartline: {name}" for name, _ in table(text("operating.md"), "alarm", "meaning and what to do")}
    named = set(re.findall(r'--alarm-name "([^"]+)"', EVERYTHING))
    assert named
    assert named <= alarms


def test_functions_are_invoked_by_logical_ids(template: dict[str, Any]) -> None:
    named = set(re.findall(r"sam (?:remote invoke|local invoke|logs .*--name) ([A-Za-z]+)", EVERYTHING))
    assert "MonitorFunction" in named
    assert named <= template["Resources"].keys()


# ---- Commands, make targets, variables


def test_the_table_of_commands_is_complete_with_all_their_fields() -> None:
    rows = table(text("operating.md"), "command", "fields", "effect")
    shown = {code(command)[0]: set(code(fields)) for command, fields, _ in rows}
    assert shown == {name: set(fields) for name, (_, fields) in COMMANDS.items()}


def test_every_command_that_is_typed_is_one() -> None:
    typed = [
        json.loads(event)
        for event in re.findall(r'\{"command": "(?:[^{}]|\{[^{}]*\})*\}', EVERYTHING)
        if "..." not in event
    ]
    assert typed
    for event in typed:
        assert event.keys() - {"command"} <= COMMANDS[event["command"]][1]


def test_the_fields_of_status_are_those_of_the_answer() -> None:
    answer = entry(view_target(Target("orders"), Stored(State("orders")), datetime(2026, 11, 23, tzinfo=UTC)))
    rows = {code(field)[0]: code(meaning) for field, meaning in table(text("operating.md"), "field", "meaning")}
    assert rows.keys() == answer.keys() | {"incidents", "availability", "alerts"}
    assert set(rows["incidents"]) == _incident(Incident("id", datetime(2026, 11, 23, tzinfo=UTC))).keys()
    assert set(rows["availability"]) == {*LENGTHS, *_availability(Availability())}
    now = datetime(2026, 11, 23, tzinfo=UTC)
    alert, known = MailedAlert("orders", AlertKind.DOWN, "1", "DOWN"), Receipt(Outcome.BOUNCED, now, "mx", "why")
    assert set(rows["alerts"]) == {*_mailed(alert, Mail("1", now, (), (alert,))), *_receipt(known)}
    outcomes = {code(outcome)[0] for outcome, _ in table(text("operating.md"), "outcome", "meaning")}
    assert outcomes == {*Outcome, _receipt(None)["outcome"]}


def test_every_make_target_is_there() -> None:
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", EVERYTHING, flags=re.MULTILINE))
    assert {"demo", "probe", "stack", "preview", "cost"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))


def test_sam_local_is_written_as_the_stack_prints_it() -> None:
    assert SAM_INVOKE in EVERYTHING


def test_the_variables_are_those_that_are_set_or_read(template: dict[str, Any]) -> None:
    variables = template["Resources"]["MonitorFunction"]["Properties"]["Environment"]["Variables"]
    shown = {code(name)[0] for name, _ in table(text("configuration.md"), "variable", "meaning")}
    assert shown == variables.keys() | set(VARIABLES)


# ---- Keys of a target


KEYS = table(text("configuration.md"), "key", "default", "meaning")
BARE = 'user = "u"\nname = "orders"\nhost = "db.example.com"\nrecipients = ["oncall@example.com"]\n'


def test_the_keys_of_a_target_are_all_shown() -> None:
    assert {code(key)[0] for key, *_ in KEYS} == READERS.keys()


@pytest.mark.parametrize(
    ("key", "default"),
    [(code(key)[0], code(default)[0]) for key, default, _ in KEYS if re.fullmatch(r"`[^`]+`", default)],
)
def test_a_default_that_is_shown_is_the_code_s(key: str, default: str) -> None:
    if default == "ALERT_RECIPIENTS":
        return
    (bare,) = parse_targets(f"[[targets]]\n{BARE}")
    (given,) = parse_targets(f"[[targets]]\n{BARE}{key} = {default}\n")
    assert tomllib.loads(f"{key} = {default}")
    assert given == bare


# ---- Alerts, kinds, metrics, packages


def _labels(subjects: list[str]) -> set[str]:
    return {label for subject in subjects for label in re.findall(r"\[([A-Z]+(?: [A-Z]+)*)(?=[] :;])", subject)}


def test_the_subjects_are_those_of_the_mails() -> None:
    sent = [path.read_text(encoding="utf-8").splitlines()[0].removeprefix("Subject: ") for path in GOLDEN.glob("*.txt")]
    shown = [code(subject)[0] for subject, _ in table(text("alerts.md"), "subject", "meaning")]
    assert set(shown) - set(sent) == set()
    assert _labels(shown) == _labels(sent)
    assert _labels(code(unfenced(uncommented(README)))) <= _labels(sent)


def test_the_headers_and_their_values_are_those_of_the_mails() -> None:
    rows = dict(table(text("alerts.md"), "header", "content"))
    headers = {code(header)[0] for header in rows}
    assert {name for name in headers if name.startswith("X-")} == set(re.findall(r'"(X-Heartline-\w+)"', SOURCE))
    assert set(code(rows["`X-Heartline-Status`"])) == {message.status for _, message in mails("en")}


def test_the_kinds_of_failure_are_the_code_s() -> None:
    rows = table(text("architecture.md"), "phase", "kind", "meaning")
    shown = {(Phase(phase), Kind(code(kind)[0])) for phases, kind, _ in rows for phase in phases.split(", ")}
    assert shown == {(phase, kind) for kind in Kind for phase in kind.phases}
    for _, kind, _ in rows:
        assert ("(m)" in kind) == Kind(code(kind)[0]).misconfigured


def _metrics() -> set[str]:
    return {name for names, _ in table(text("operating.md"), "metric", "meaning") for name in code(names)}


def test_the_metrics_are_the_code_s_and_those_that_the_stack_looks_at() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    looked_at = set(re.findall(r"Namespace: Heartline,?\s+MetricName: (\w+)", template))
    looked_at |= set(re.findall(r'\["(?:Heartline|\.)", "([A-Z]\w+)", (?:"service"|"\.")', template)) - {"Throttles"}
    assert looked_at
    assert looked_at <= _metrics()
    of_conditions = {"Expiring", "Slow", "Filling", "Lagging", "Wraparound"}
    assert {name for name in _metrics() if f'"{name}"' not in SOURCE} == of_conditions
    assert TickSummary(datetime(2026, 11, 23, tzinfo=UTC), 0, up=0, down=0).counts().keys() <= _metrics()


def test_the_events_of_the_log_and_its_keys_are_the_code_s() -> None:
    rows = table(text("operating.md"), "event", "meaning")
    assert {name for names, _ in rows for name in code(names)} == set(Event)
    (keys,) = re.findall(r"fixed set of keys \(([^)]+)\)", text("operating.md"))
    assert set(code(keys)) == {"event"} | Keys.__annotations__.keys() - {"error"}


def test_the_packages_are_all_in_the_map() -> None:
    packages = {path.parent.name for path in (ROOT / "functions/monitor/heartline").glob("*/__init__.py")}
    assert {code(name)[0] for name, _ in table(text("architecture.md"), "package", "content")} == packages


SCHEMA = json.loads((DOCS / "alert.schema.json").read_text(encoding="utf-8"))
SNS_ROWS = table(text("sns-schema.md"), "field", "type", "meaning")


def test_the_fields_of_the_sns_document_are_those_of_its_schema() -> None:
    shown = {name: kind for names, kinds, _ in SNS_ROWS for name, kind in _paired(code(names), kinds.split(", "))}
    assert shown == {name: _described(field).get("type", "string") for name, field in SCHEMA["properties"].items()}


def _paired(names: list[str], kinds: list[str]) -> list[tuple[str, str]]:
    return list(zip(names, kinds * len(names) if len(kinds) == 1 else kinds, strict=True))


def _described(field: dict[str, Any]) -> dict[str, Any]:
    """Return a field's description, where it stands elsewhere too."""
    return SCHEMA["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else field


@pytest.mark.parametrize(
    "name", ["endpoint", "failure", "incident", "flapping", "since_last_alert", "change", "not_delivered"]
)
def test_the_parts_of_an_object_of_the_sns_document_are_all_named(name: str) -> None:
    (meaning,) = (meaning for names, _, meaning in SNS_ROWS if code(names) == [name])
    assert _described(SCHEMA["properties"][name])["properties"].keys() <= set(code(meaning))


@pytest.mark.parametrize("name", ["kind", "status"])
def test_the_values_of_a_field_of_the_sns_document_are_all_named(name: str) -> None:
    (meaning,) = (meaning for names, _, meaning in SNS_ROWS if code(names) == [name])
    values = set(_described(SCHEMA["properties"][name])["enum"])
    assert values == set(code(meaning)) - {"X-Heartline-Status"}
