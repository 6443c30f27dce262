"""Private subnets: what the monitor calls from there has a way out, in each row of the README's table."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from heartline.config.settings import read_settings
from local.aws import REGION, EmulatedAws
from template.created import FLEET, ONE, Created

MakeStack = Callable[..., Any]  # conftest's Stack
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:heartline/orders-AbCdEf"
VPC = {
    "VpcSubnetIds": "subnet-0a1b2c3d, subnet-4e5f6a7b",
    "VpcSecurityGroupIds": "sg-0a1b2c3d, sg-4e5f6a7b",
    "VpcId": "vpc-0a1b2c3d",
    "VpcRouteTableIds": "rtb-0a1b2c3d",
    "CreateDynamoDBEndpoint": "true",
}
COURIER = VPC | {"Courier": "true"}
IAM = {"DatabaseAuthentication": "iam", "DatabaseUser": "heartline", "DatabaseTls": "verify-full"}
SECRETS = {"CreateSecretsManagerEndpoint": "true"}
PASSWORD = SECRETS | {"DatabaseSecretArn": SECRET}
MAIL = VPC | PASSWORD | {"CreateEmailEndpoint": "true"}
ROWS = {
    "IAM authentication": (ONE | COURIER | IAM, {"dynamodb"}),
    "password": (ONE | COURIER | PASSWORD, {"dynamodb", "secretsmanager"}),
    "all from one function": (ONE | MAIL | {"AlertTopicArn": "none"}, {"dynamodb", "secretsmanager", "email"}),
    "with the topic": (
        ONE | MAIL | {"CreateSnsEndpoint": "true"},
        {"dynamodb", "secretsmanager", "email", "sns"},
    ),
    "beyond TargetsPerInvocation": (
        FLEET | COURIER | SECRETS | {"CreateSqsEndpoint": "true"},
        {"dynamodb", "secretsmanager", "sqs"},
    ),
}
# Not called by the function: Lambda writes its logs and joins the VPC; a token for RDS is signed without a call.
ELSEWHERE = {"logs", "ec2", "rds-db"}


def endpoints(made: dict[str, Any]) -> dict[str, Any]:
    """Give the endpoints of a stack by the services that they lead to."""
    found = (one for one in made.values() if "VpcEndpointType" in one)
    return {one["ServiceName"].rpartition(".")[2]: one for one in found}


@pytest.mark.parametrize("row", ROWS)
def test_all_that_the_monitor_may_call_can_be_reached_and_no_endpoint_is_for_nothing(
    deployed: MakeStack, row: str
) -> None:
    parameters, services = ROWS[row]
    whole = deployed(**parameters)
    actions = (statement["Action"] for statement in whole.statements().values())
    called = {action.partition(":")[0] for one in actions for action in ([one] if isinstance(one, str) else one)}
    assert endpoints(whole.resources()).keys() == services
    # SES's endpoint for its API is called email: SES guide, "Setting up VPC endpoints with Amazon SES".
    assert {"email" if service == "ses" else service for service in called - ELSEWHERE} == services


@pytest.mark.parametrize("row", ROWS)
def test_each_row_keeps_the_rules(stack: MakeStack, row: str) -> None:
    assert stack(**ROWS[row][0]).broken_rules() == set()


def test_the_one_that_is_free_is_a_gateway_in_the_route_tables(deployed: MakeStack) -> None:
    endpoint = endpoints(deployed(**ROWS["password"][0]).resources())["dynamodb"]
    assert (endpoint["VpcEndpointType"], endpoint["RouteTableIds"]) == ("Gateway", ["rtb-0a1b2c3d"])


def test_interface_endpoints_stand_in_the_function_s_subnets_under_aws_s_own_names(deployed: MakeStack) -> None:
    made = deployed(**ROWS["with the topic"][0]).resources()
    for service, endpoint in endpoints(made).items():
        if service != "dynamodb":
            assert endpoint["SubnetIds"] == made["MonitorFunction"]["VpcConfig"]["SubnetIds"]
            assert (endpoint["VpcEndpointType"], endpoint["PrivateDnsEnabled"]) == ("Interface", True)
            assert endpoint["SecurityGroupIds"] == ["<EndpointSecurityGroup>"]


def test_only_the_function_reaches_the_endpoints_and_only_by_https(deployed: MakeStack) -> None:
    made = deployed(**ROWS["with the topic"][0]).resources()
    (rule,) = made["EndpointSecurityGroup"]["SecurityGroupIngress"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
    assert rule["SourceSecurityGroupId"] in made["MonitorFunction"]["VpcConfig"]["SecurityGroupIds"]
    assert "CidrIp" not in rule


def test_a_gateway_alone_needs_no_security_group(deployed: MakeStack) -> None:
    assert "EndpointSecurityGroup" not in deployed(**ROWS["IAM authentication"][0]).resources()


def test_the_courier_is_outside_the_vpc_and_the_monitor_inside(deployed: MakeStack) -> None:
    whole = deployed(**ROWS["password"][0])
    assert "VpcConfig" not in whole.resources()["CourierFunction"]
    assert "VpcConfig" in whole.resources()["MonitorFunction"]
    assert read_settings(whole.environment()).courier
    assert "ec2:" not in json.dumps(whole.statements("CourierRole"))


def test_without_a_vpc_nothing_of_one_is_made(deployed: MakeStack) -> None:
    whole = deployed(**ONE, **PASSWORD | {"CreateSecretsManagerEndpoint": "false"})
    assert endpoints(whole.resources()) == {}
    assert "VpcConfig" not in whole.resources()["MonitorFunction"]
    assert "ec2:" not in json.dumps(whole.statements())


def test_the_endpoints_can_be_made_in_a_vpc(aws: EmulatedAws, translated: dict[str, Any]) -> None:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="function", Description="the function's")["GroupId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    real = {"VpcId": vpc, "VpcSubnetIds": subnet, "VpcSecurityGroupIds": group, "VpcRouteTableIds": table}
    all_of_them = {"CreateSnsEndpoint": "true", "CreateSqsEndpoint": "true"}
    made = Created(aws, translated, "heartline", ONE | MAIL | all_of_them | real).create().resources
    found = {one["ServiceName"]: one for one in ec2.describe_vpc_endpoints()["VpcEndpoints"]}
    services = ("dynamodb", "email", "secretsmanager", "sns", "sqs")
    assert found.keys() == {f"com.amazonaws.{REGION}.{service}" for service in services}
    own = ec2.describe_security_groups(GroupIds=[made["EndpointSecurityGroup"]])["SecurityGroups"][0]
    assert [pair["GroupId"] for rule in own["IpPermissions"] for pair in rule["UserIdGroupPairs"]] == [group]
