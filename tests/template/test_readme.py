"""What the README names exists, and what it says to type is right."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

from heartline.commands.dispatch import COMMANDS
from heartline.config.targets import parse_targets
from local.cost import Fleet, dollars
from template.pages import README, table, text, uncommented

TEXT = uncommented(README)


def test_it_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 160


def test_a_newcomer_sees_it_before_deploying_it_and_deploys_it_before_operating_it() -> None:
    assert re.findall(r"^## (.+)$", TEXT, flags=re.MULTILINE) == [
        "See it work",
        "Deploy",
        "Configure",
        "What each mail means",
        "Operate",
        "More",
    ]
    assert TEXT.index("architecture.svg") < TEXT.index("## See it work")
    assert TEXT.index("## What each mail means") < TEXT.index("mail.png") < TEXT.index("## Operate")


def test_every_command_is_shown_with_fields_that_it_takes() -> None:
    shown = [json.loads(command.strip("`")) for command, _ in table(TEXT, "command", "effect")]
    assert {event["command"] for event in shown} == COMMANDS.keys()
    for event in shown:
        assert event.keys() - {"command"} <= COMMANDS[event["command"]][1]


def test_the_dialogue_asks_first_what_the_template_has_first(template: dict[str, Any]) -> None:
    asked = re.findall(r"Parameter ([A-Za-z]+) \[", TEXT)
    assert asked == ["DatabaseSecretArn", "AlertSender", "AlertRecipients"]
    assert asked == list(template["Parameters"])[:3]


def test_the_answers_and_the_example_for_ci_are_accepted_and_suffice(
    accepts: Callable[[str, str], bool], stack: Callable[..., Any]
) -> None:
    answers = dict(re.findall(r"Parameter ([A-Za-z]+) \[\]: (\S+)", TEXT))
    (overrides,) = re.findall(r"--parameter-overrides \\\n(.*?)\n\n", TEXT, flags=re.DOTALL)
    assert dict(re.findall(r"([A-Za-z]+)=([^\s\\]+)", overrides)) == answers
    assert all(accepts(name, value) for name, value in answers.items())
    assert stack(**answers).broken_rules() == set()


def test_the_document_is_a_right_one_with_the_defaults_of_the_code() -> None:
    (document,) = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)
    spelled_out = parse_targets(document)
    defaults = tomllib.loads(document)["defaults"].keys() - {"recipients"}
    bare = "\n".join(line for line in document.splitlines() if line.split(" ")[0] not in defaults)
    assert spelled_out == parse_targets(bare)


def test_what_uninstalling_leaves_is_what_the_template_retains(template: dict[str, Any]) -> None:
    retained = {
        resource["Type"]
        for resource in template["Resources"].values()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    }
    assert retained == {"AWS::DynamoDB::Table", "AWS::SES::EmailIdentity"}
    assert "delete-table --table-name" in TEXT
    assert "delete-email-identity --email-identity" in TEXT


def test_what_one_database_costs_is_what_is_computed() -> None:
    with_secret, without = (dollars(Fleet(1, secrets=secrets), allowance=True) for secrets in (True, False))
    assert f"from {with_secret:.2f} dollars a month" in TEXT
    prose = " ".join(text("cost.md").split())
    assert f"costs {100 * with_secret:.0f} cents with its secret and {100 * without:.0f} cents with IAM" in prose
