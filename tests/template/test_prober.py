"""Private databases: the monitor stays outside, and what probes inside holds no key to anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from template.created import FLEET, ONE, VPC

MakeStack = Callable[..., Any]  # conftest's Stack
KINDS = [ONE, FLEET]


@pytest.mark.parametrize("given", KINDS)
def test_without_subnets_nothing_of_a_vpc_is_made(deployed: MakeStack, given: dict[str, str]) -> None:
    whole = deployed(**given)
    assert [name for name in whole.resources() if name.startswith("Probe")] == []
    assert whole.environment()["PROBE_FUNCTION"] == ""
    assert "ec2:" not in json.dumps(whole.resources())


@pytest.mark.parametrize("given", KINDS)
def test_with_subnets_the_prober_is_inside_and_the_monitor_outside(deployed: MakeStack, given: dict[str, str]) -> None:
    made = deployed(**given, **VPC).resources()
    inside = {name: one["VpcConfig"] for name, one in made.items() if "VpcConfig" in one}
    assert inside == {
        "ProbeFunction": {
            "SubnetIds": ["subnet-0a1b2c3d", "subnet-4e5f6a7b"],
            "SecurityGroupIds": ["sg-0a1b2c3d"],
            "Ipv6AllowedForDualStack": "false",
        }
    }
    assert "ec2:" not in json.dumps(deployed(**given, **VPC).statements())


def test_the_prober_connects_by_ipv6_where_it_is_asked_to(deployed: MakeStack) -> None:
    """In a subnet that is not dual-stack Lambda would refuse to create it."""
    made = deployed(**ONE, **VPC, VpcIpv6="true").resources()
    assert made["ProbeFunction"]["VpcConfig"]["Ipv6AllowedForDualStack"] == "true"


def test_nothing_is_made_that_others_in_the_vpc_could_feel(deployed: MakeStack) -> None:
    """An endpoint with private DNS redirects its service for the whole VPC, and a gateway whole route tables."""
    whole = deployed(**FLEET, **VPC)
    kinds = {whole.template["Resources"][name]["Type"] for name in whole.resources()}
    assert [kind for kind in kinds if kind.startswith("AWS::EC2::")] == []


def test_both_functions_are_the_same_code_and_packages(deployed: MakeStack) -> None:
    made = deployed(**ONE, **VPC).resources()
    monitor, prober = made["MonitorFunction"], made["ProbeFunction"]
    for name in ("Code", "Layers", "Runtime", "Architectures", "MemorySize", "Timeout"):
        assert prober[name] == monitor[name]
    assert (monitor["Handler"], prober["Handler"]) == ("app.lambda_handler", "prober.lambda_handler")


def test_the_monitor_may_start_that_prober_and_knows_its_name(deployed: MakeStack) -> None:
    whole = deployed(**ONE, **VPC)
    assert whole.environment()["PROBE_FUNCTION"] == "ProbeFunction"
    assert whole.statements()["StartProber"] == {
        "Sid": "StartProber",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": "<ProbeFunction.Arn>",
    }


def test_the_prober_may_write_its_log_and_be_in_the_vpc_and_nothing_else(deployed: MakeStack) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions."""
    role = deployed(**ONE, **VPC).resources()["ProbeRole"]
    assert role.keys() == {"Description", "AssumeRolePolicyDocument", "Policies"}  # no policy of AWS's
    (policy,) = role["Policies"]
    allowed = {
        (action, one["Resource"])
        for one in policy["PolicyDocument"]["Statement"]
        if one["Effect"] == "Allow"
        for action in one["Action"]
    }
    interfaces = ("CreateNetworkInterface", "DeleteNetworkInterface")
    addresses = ("AssignPrivateIpAddresses", "UnassignPrivateIpAddresses")
    assert allowed == {
        *((f"logs:{action}", "<ProbeLogs.Arn>") for action in ("CreateLogStream", "PutLogEvents")),
        # A shared subnet is in its owner's account.
        *((f"ec2:{action}", "arn:aws:ec2:eu-west-1:*:*/*") for action in (*interfaces, *addresses)),
        *((f"ec2:{action}", "*") for action in ("DescribeNetworkInterfaces", "DescribeSubnets")),
    }


def test_what_lambda_may_do_in_the_vpc_the_prober_s_code_may_not(deployed: MakeStack) -> None:
    """Lambda adds the ARN to what code calls, and not to what it calls itself for the function.

    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    assert deployed(**ONE, **VPC).statements("ProbeRole")["NotForItsCode"] == {
        "Sid": "NotForItsCode",
        "Effect": "Deny",
        "Action": "ec2:*",
        "Resource": "*",
        "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
    }


def test_the_prober_is_told_nothing_of_what_is_watched(deployed: MakeStack) -> None:
    assert deployed(**ONE, **VPC).environment("ProbeFunction") == {
        "LOG_LEVEL": "INFO",
        "POWERTOOLS_SERVICE_NAME": "heartline",
        "RES_OPTIONS": "timeout:1 attempts:2",
    }


def test_nothing_but_the_monitor_starts_the_prober(deployed: MakeStack) -> None:
    whole = deployed(**FLEET, **VPC)
    resources = {
        name: one for name, one in whole.resources().items() if name not in {"ProbeFunction", "MonitorFunction"}
    }
    users = {name for name, one in resources.items() if "ProbeFunction" in json.dumps(one)}
    assert users == {"MonitorRole", "ProbeAlarm", "ProbeFunctionEventInvokeConfig"}
