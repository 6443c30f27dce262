"""What CloudFormation makes of template.yaml, as far as the tests look at it, and of its translation by SAM."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from samtranslator.translator.transform import transform

ROOT = Path(__file__).parents[2]
CODE = {"S3Bucket": "code", "S3Key": "code.zip"}
_NOTHING = object()
_PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": _NOTHING,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "heartline",
    "AWS::URLSuffix": "amazonaws.com",
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


def read() -> dict[str, Any]:
    """Read the template as it is written."""
    return yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506  # it is a SafeLoader


class _NoPolicies:
    """The template names no policy of AWS's, so nothing is to be asked for."""

    def load(self) -> dict[str, str]:
        return {}


def translate(template: dict[str, Any]) -> dict[str, Any]:
    """Let SAM make CloudFormation's own resources of its short forms; all code is in one place in S3."""
    plain = deepcopy(template)
    for resource in plain["Resources"].values():
        for place in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][place] = f"s3://{CODE['S3Bucket']}/{CODE['S3Key']}"
    return transform(plain, {}, _NoPolicies())


@dataclass(frozen=True)
class Stack:
    """The template with parameters: given ones, or else the defaults; pseudo parameters may be given too."""

    template: dict[str, Any]
    given: dict[str, str]

    def parameter(self, name: str) -> str:
        return str(self.given.get(name, self.template["Parameters"][name].get("Default", "")))

    def environment(self, function: str = "MonitorFunction") -> dict[str, str]:
        """Return a function's variables; a resource's name is its logical id."""
        declared = self.template["Resources"][function]["Properties"]["Environment"]["Variables"]
        return {name: value.strip("<>") for name, value in self.resolve(declared).items()}

    def resources(self) -> dict[str, Any]:
        """Return the resources that are made, with their properties."""
        return {
            name: self.resolve(resource["Properties"])
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.resolve({"Condition": resource["Condition"]})
        }

    def outputs(self) -> dict[str, str]:
        """Return the outputs that are made."""
        outputs = self.template["Outputs"].items()
        made = (one for one in outputs if "Condition" not in one[1] or self.resolve({"Condition": one[1]["Condition"]}))
        return {name: self.resolve(output["Value"]) for name, output in made}

    def statements(self, role: str = "MonitorRole") -> dict[str, Any]:
        """Return what a role may do, by the statements' Sids."""
        (policy,) = self.resolve(self.template["Resources"][role]["Properties"]["Policies"])
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
            return self.given.get(name, _PSEUDO[name])
        if name in self.template["Parameters"]:
            return self.parameter(name)
        made = self.template["Resources"][name]["Type"] == "AWS::SNS::Topic"
        return f"arn:aws:sns:eu-west-1:123456789012:{name}" if made else f"<{name}>"

    def _sub(self, given: str | list[Any]) -> str:
        text, own = (given, {}) if isinstance(given, str) else given
        values = self.resolve(own)

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in values:
                return str(values[name])
            return self._getatt(name.split(".", 1)) if "." in name else str(self._reference(name))

        return re.sub(r"\$\{([\w:.]+)\}", value, text)

    def _getatt(self, path: list[str]) -> str:
        return f"<{'.'.join(path)}>"

    def _join(self, arguments: list[Any]) -> str:
        return arguments[0].join(self.resolve(arguments[1]))

    def _select(self, arguments: list[Any]) -> Any:  # noqa: ANN401  # any node
        return self.resolve(arguments[1])[int(arguments[0])]

    def _split(self, arguments: list[Any]) -> list[str]:
        return self.resolve(arguments[1]).split(arguments[0])

    def _equals(self, arguments: list[Any]) -> bool:
        left, right = self.resolve(arguments)
        return str(left) == str(right)

    def _not(self, arguments: list[Any]) -> bool:
        return not self.resolve(arguments[0])

    def _and(self, arguments: list[Any]) -> bool:
        return all(self.resolve(arguments))

    def _or(self, arguments: list[Any]) -> bool:
        return any(self.resolve(arguments))


def accepts(declared: dict[str, Any], value: str) -> bool:
    if "AllowedValues" in declared:
        return value in map(str, declared["AllowedValues"])
    least, most = declared.get("MinLength", 0), declared.get("MaxLength", 4096)
    return least <= len(value) <= most and re.fullmatch(declared["AllowedPattern"], value) is not None
