"""What CloudFormation makes of template.yaml, as far as the tests look at it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
_NOTHING = object()
_PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": _NOTHING,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "heartline",
}


class _Loader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions."""


def _function(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt":
        value = value.split(".", 1)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _function)


@dataclass(frozen=True)
class Stack:
    """The template with parameters: given ones, or else the defaults."""

    template: dict[str, Any]
    given: dict[str, str]

    def parameter(self, name: str) -> str | list[str]:
        declared = self.template["Parameters"][name]
        value = str(self.given.get(name, declared.get("Default", "")))
        return [part.strip() for part in value.split(",")] if declared["Type"] == "CommaDelimitedList" else value

    def environment(self) -> dict[str, str]:
        """Give the function's variables; a resource's name is its logical id."""
        declared = self.template["Resources"]["MonitorFunction"]["Properties"]["Environment"]["Variables"]
        return {name: value.strip("<>") for name, value in self.resolve(declared).items()}

    def resources(self) -> dict[str, Any]:
        """Give the resources that are made, with their properties."""
        return {
            name: self.resolve(resource["Properties"])
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.resolve({"Condition": resource["Condition"]})
        }

    def statements(self) -> dict[str, Any]:
        (policy,) = self.resolve(self.template["Resources"]["MonitorRole"]["Properties"]["Policies"])
        return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}

    def broken_rules(self) -> set[str]:
        return {
            name
            for name, rule in self.template["Rules"].items()
            if self.resolve(rule.get("RuleCondition", True))
            and not all(self.resolve(assertion["Assert"]) for assertion in rule["Assertions"])
        }

    def resolve(self, node: Any) -> Any:  # noqa: ANN401, PLR0911  # any node, one return a form
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not _NOTHING]
        if not isinstance(node, dict):
            return node
        (key, value), *others = node.items() or [("", None)]
        if not others and key == "Ref":
            return self._reference(value)
        if not others and key == "Condition" and isinstance(value, str):
            return self.resolve(self.template["Conditions"][value])
        if not others and key == "Fn::If":
            return self.resolve(value[1 if self.resolve({"Condition": value[0]}) else 2])
        if not others and key.startswith("Fn::"):
            return getattr(self, "_" + key.removeprefix("Fn::").lower())(value)
        resolved = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not _NOTHING}

    def _reference(self, name: str) -> object:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self.template["Parameters"]:
            return self.parameter(name)
        made = self.template["Resources"][name]["Type"] == "AWS::SNS::Topic"
        return f"arn:aws:sns:eu-west-1:123456789012:{name}" if made else f"<{name}>"

    def _sub(self, text: str) -> str:
        return re.sub(r"\$\{([\w:]+)\}", lambda match: str(self._reference(match[1])), text)

    def _getatt(self, path: list[str]) -> str:
        return f"<{'.'.join(path)}>"

    def _join(self, arguments: list[Any]) -> str:
        return arguments[0].join(self.resolve(arguments[1]))

    def _equals(self, arguments: list[Any]) -> bool:
        left, right = self.resolve(arguments)
        return str(left) == str(right)

    def _contains(self, arguments: list[Any]) -> bool:
        values, value = self.resolve(arguments)
        return value in values

    def _not(self, arguments: list[Any]) -> bool:
        return not self.resolve(arguments[0])

    def _and(self, arguments: list[Any]) -> bool:
        return all(self.resolve(arguments))

    def _or(self, arguments: list[Any]) -> bool:
        return any(self.resolve(arguments))


def _accepts(declared: dict[str, Any], value: str) -> bool:
    if "AllowedValues" in declared:
        return value in map(str, declared["AllowedValues"])
    if declared["Type"] == "Number":
        return value.isdecimal() and declared["MinValue"] <= int(value) <= declared["MaxValue"]
    parts = value.split(",") if declared["Type"] == "CommaDelimitedList" else [value]
    long = len(value) > declared.get("MaxLength", 4096)
    return not long and all(re.fullmatch(declared["AllowedPattern"], part.strip()) for part in parts)


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506  # it is a SafeLoader


@pytest.fixture(scope="session")
def accepts(template: dict[str, Any]) -> Callable[[str, str], bool]:
    """Tell whether CloudFormation would take a value for a parameter."""
    return lambda name, value: _accepts(template["Parameters"][name], value)


@pytest.fixture(scope="session")
def stack(template: dict[str, Any]) -> Callable[..., Stack]:
    """Make the stack that CloudFormation would, for what is given."""
    return lambda **given: Stack(template, given)
