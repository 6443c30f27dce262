"""A stack that moto's CloudFormation has made of the translated template, in the emulated AWS."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from moto import backends
from moto.core import DEFAULT_ACCOUNT_ID

import template.supplements  # noqa: F401  # moto's CloudFormation learns the rest of our kinds
from heartline import bootstrap
from local.aws import REGION, EmulatedAws
from local.function import invoke
from local.stack import RECIPIENT, SENDER
from local.wire import Call
from template.reading import CODE

FLEET = {"AlertSender": SENDER, "AlertRecipients": RECIPIENT}
ONE = FLEET | {"DatabaseHost": "127.0.0.1", "DatabaseTls": "disable"}
VPC = {"VpcSubnetIds": "subnet-0a1b2c3d,subnet-4e5f6a7b", "VpcSecurityGroupIds": "sg-0a1b2c3d"}


@dataclass
class Created:
    """A stack, as the services give it back.

    Its functions run in this process, with the variables that the stack gave them but for those in `instead`; `calls`
    is what each function has asked of AWS.
    """

    aws: EmulatedAws
    translated: dict[str, Any]
    name: str
    parameters: dict[str, str]
    instead: dict[str, str] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=dict)
    _told: dict[str, dict[str, str]] = field(default_factory=dict)

    def create(self) -> Created:
        s3, archive = self.aws.client("s3"), io.BytesIO()
        with zipfile.ZipFile(archive, "w") as code:
            code.writestr("app.py", "")
        s3.create_bucket(Bucket=CODE["S3Bucket"])
        s3.put_object(Bucket=CODE["S3Bucket"], Key=CODE["S3Key"], Body=archive.getvalue())
        self._deploy(self.aws.client("cloudformation").create_stack)
        return self

    def update(self, **parameters: str) -> None:
        self.parameters |= parameters
        self._deploy(self.aws.client("cloudformation").update_stack)

    def _deploy(self, deploy: Any) -> None:  # noqa: ANN401
        self._told.clear()
        bootstrap._services.cache_clear()
        deploy(
            StackName=self.name,
            TemplateBody=json.dumps(_for_moto(self.translated)),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        # moto would start the functions by itself, each in a container.
        for service, kind in (("sqs", "queues"), ("dynamodb", "tables")):
            for source in getattr(backends.get_backend(service)[DEFAULT_ACCOUNT_ID][REGION], kind).values():
                source.lambda_event_source_mappings.clear()

    @property
    def resources(self) -> dict[str, str]:
        """The physical ids by the logical ones."""
        listed = self.aws.client("cloudformation").list_stack_resources(StackName=self.name)
        made = (one for one in listed["StackResourceSummaries"] if one["PhysicalResourceId"].strip())
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in made}

    @property
    def outputs(self) -> dict[str, str]:
        (stack,) = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def configuration(self, function: str = "MonitorFunction") -> dict[str, Any]:
        return self.aws.client("lambda").get_function_configuration(FunctionName=self.resources[function])

    def mapping(self, function: str) -> dict[str, Any]:
        """Return the one source of events that starts a function."""
        asked = {"FunctionName": self.resources[function]}
        (mapping,) = self.aws.client("lambda").list_event_source_mappings(**asked)["EventSourceMappings"]
        return mapping

    def environment(self, function: str = "MonitorFunction") -> dict[str, str]:
        """Return a function's variables, and those that Lambda adds; endpoints are those of the emulated AWS."""
        variables = {
            name: str(value) for name, value in self.configuration(function)["Environment"]["Variables"].items()
        }
        here = self.aws.environment()
        queue = variables.get("TICK_QUEUE", "").replace("https://sqs.us-east-1.amazonaws.com", here["AWS_ENDPOINT_URL"])
        own = {"AWS_LAMBDA_FUNCTION_NAME": self.resources[function], "TICK_QUEUE": queue}
        return variables | here | own

    def statements(self, role: str = "MonitorRole") -> list[dict[str, Any]]:
        """Return what a role may do."""
        iam, name = self.aws.client("iam"), self.resources[role]
        (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        # moto keeps what its CloudFormation gives it as Python writes it, and a None where AWS::NoValue stands.
        return _without_none(ast.literal_eval(document) if isinstance(document, str) else document)["Statement"]

    def run(self, event: dict[str, Any], function: str = "MonitorFunction") -> dict[str, Any]:
        """Start a function in this process, and note what it asks of AWS."""
        before = len(self.aws.log)
        if function not in self._told:
            self._told[function] = self.environment(function)
        try:
            return invoke(self._told[function] | self.instead, event)
        finally:
            self.calls.setdefault(function, []).extend(self.aws.log[before:])


def _for_moto(translated: dict[str, Any]) -> dict[str, Any]:
    """Leave out what moto stumbles on."""
    document = deepcopy(translated)
    for parameter in document["Parameters"].values():
        if parameter["Type"] == "Number":
            # CloudFormation compares it as text; moto would find 1 and "1" different.
            parameter |= {"Type": "String", "Default": str(parameter["Default"])}
    for name in ("MonitorFunction", "ProbeFunction"):
        # moto's layers have no name to refer to.
        del document["Resources"][name]["Properties"]["Layers"]
    return document


def _without_none(node: Any) -> Any:  # noqa: ANN401
    if isinstance(node, list):
        return [_without_none(part) for part in node if part is not None]
    return {key: _without_none(part) for key, part in node.items()} if isinstance(node, dict) else node
