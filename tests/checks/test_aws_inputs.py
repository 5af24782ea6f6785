"""The AWS half against botocore's models of the services, and created in moto, an emulator by others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.checks import aws_models
from tests.checks.aws_requests import NoReference, Request, requests_of
from tests.checks.registered import OPTIONS, changed, resources
from tests.program.recorder import Recorded, config_of

MOTO_LACKS: dict[str, tuple[str, dict[str, str]]] = {
    "EnableOutboundWebIdentityFederation": ("iam", {}),
    "StartInstanceRefresh": ("autoscaling", {"AutoScalingGroupName": "x"}),
}
"""Operations that the emulator does not have, with a call of each."""


def _problems(resource: Recorded) -> list[str]:
    return [each for request in requests_of(resource) for each in aws_models.judge(request)]


def _one(name: str) -> Recorded:
    return next(resource for resource in resources("aws") if resource.name == name)


def test_the_services_models_accept_what_the_program_registers() -> None:
    registered = resources("aws")
    assert registered
    found = {(resource.type, resource.name): _problems(resource) for resource in registered}
    assert {which: problems for which, problems in found.items() if problems} == {}


@pytest.mark.parametrize(
    ("name", "path", "value", "complaint"),
    [
        ("backup-origin-role", "name", "x" * 65, "longer than 64"),
        ("backup-origin-role", "name", "a role", "does not match"),
        ("backup-origin-role", "pathh", "/", "Unknown parameter"),
        ("backup-origin-address", "domain", "vcp", "not one of"),
        ("backup-origin-federation", "issuer", "x", "takes no parameters"),
        ("backup-instance-profile", "role", "x" * 65, "longer than 64"),
        ("backup-instance-session-manager", "policyArn", "short", "valid min length"),
        ("backup-instance-policy", "policy", "", "valid min length"),
        ("backup-instance-artifacts-private", "blockAcls", True, "Unknown parameter"),
        ("backup-instance-agent", "key", None, "Missing required parameter"),
        ("backup-instance-template", "metadataOptions.httpTokens", "needed", "not one of"),
        ("backup-instance-template", "blockDeviceMappings.0.ebs.volumeType", "gp9", "not one of"),
        ("backup-instance-template", "networkInterfaces.0.deviceIndex", "first", "Invalid type"),
        ("backup-instance-template", "instanceType", "t4g.mikro", "not one of"),
        ("backup-instance-group", "minSize", None, "Missing required parameter"),
        ("backup-instance-group", "healthCheckType", "EC2" * 20, "longer than 32"),
        ("backup-instance-group", "instanceRefresh.preferences.minHealthyPercentage", 101, "above 100"),
        ("backup-instance-to-https", "fromPort", "https", "Invalid type"),
        ("backup-instance-into-database", "cidrIpv5", "x", "Unknown parameter"),
        ("failover-dns-origin", "type", "HTTPX", "not one of"),
        ("failover-dns-origin", "port", 65536, "above 65535"),
        ("failover-dns-origin", "requestInterval", 31, "above 30"),
        ("failover-dns-primary", "childHealthThreshold", 257, "above 256"),
        ("failover-dns-mix-aws", "setIdentifier", "x" * 129, "longer than 128"),
        ("failover-dns-mix-aws", "weightedRoutingPolicies.0.weight", 256, "above 255"),
        ("failover-dns-primary-record", "failoverRoutingPolicies.0.type", "FIRST", "not one of"),
        ("failover-dns-primary-record", "aliases.0.evaluateTargetHealth", None, "Missing required"),
    ],
)
def test_a_mistake_is_found(name: str, path: str, value: object, complaint: str) -> None:
    resource = _one(name)
    broken = replace(resource, inputs=changed(resource.inputs, path, value))
    assert re.search(complaint, "; ".join(_problems(broken)))


def test_an_unknown_type_names_the_table_to_extend() -> None:
    stranger = replace(_one("failover-dns-origin"), type="aws:sqs/queue:Queue")
    with pytest.raises(
        NoReference, match=r"aws:sqs/queue:Queue: add it to TRANSLATIONS in tests/checks/aws_"
    ):
        requests_of(stranger)


class _Account:
    """moto's account with what production has already, and the ids it gives in place of the recorder's."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        config = config_of("normal")
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.ids = {config["awsVpcId"]: vpc}
        for number, subnet in enumerate(json.loads(config["awsSubnetIds"])):
            made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")
            self.ids[subnet] = made["Subnet"]["SubnetId"]
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        self.ids[json.loads(OPTIONS["awsRouteTableIds"])[0]] = table
        database = ec2.create_security_group(GroupName="rds", Description="RDS", VpcId=vpc)
        self.ids[config["rdsSecurityGroupId"]] = database["GroupId"]
        zone = self.client("route53").create_hosted_zone(Name=config["zoneName"], CallerReference="zone")
        self.ids[config["zoneId"]] = zone["HostedZone"]["Id"].removeprefix("/hostedzone/")

    def create(self, resource: Recorded) -> None:
        for request in requests_of(resource):
            if request.operation not in MOTO_LACKS:
                self._send(request, f"/id/{resource.name}")

    def _send(self, request: Request, recorded: str) -> None:
        client = self.client(request.service)
        parameters = self._known(request.parameters)
        answer = getattr(client, self.method(client, request.operation))(**parameters)
        if request.result:
            for key in request.result.split("."):
                answer = answer[key]
            self.ids[recorded] = answer

    @staticmethod
    def method(client: Any, operation: str) -> str:
        """boto3's name of an operation."""
        methods = client.meta.method_to_api_mapping
        return next(name for name, known in methods.items() if known == operation)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name="ap-northeast-2")  # pyright: ignore[reportArgumentType, reportCallIssue]
        return self._clients[service]

    def _known(self, value: Any) -> Any:
        """``value`` with the account's ids for the recorder's, in lists that stand as one text too."""
        if isinstance(value, dict):
            return {key: self._known(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._known(item) for item in value]
        if isinstance(value, str):
            return ",".join(self._id(part) for part in value.split(","))
        return value

    def _id(self, recorded: str) -> str:
        """What the account calls it; the recorder's ARNs end in its ids."""
        *_, last = recorded.rpartition(":/id/")
        return self.ids.get(recorded, self.ids.get(f"/id/{last}", recorded))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        yield _Account()


def test_an_emulator_by_others_creates_the_aws_half(account: _Account) -> None:
    """Everything that production registers at first, in its order, with the emulator's own ids."""
    created: set[str] = set()
    for resource in resources("aws"):
        if resource.name not in created:  # later situations change it
            account.create(resource)
            created.add(resource.name)
    (group,) = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["DesiredCapacity"] == 1
    assert len(account.client("route53").list_health_checks()["HealthChecks"]) == 5


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("failover-dns-mix-aws", "zoneId", "ZFFFFFFFFFFFFFFFFFFFF"),
        ("backup-instance-policy", "policy", "not JSON"),
        ("backup-instance-into-database", "securityGroupId", "sg-ffffffffffffffff0"),
        ("backup-instance-artifacts", "bucket", "ab"),
    ],
)
def test_the_emulator_refuses_what_no_model_can_know(
    account: _Account, name: str, path: str, value: object
) -> None:
    for resource in resources("aws"):
        if resource.name == name:
            broken = replace(resource, inputs=changed(resource.inputs, path, value))
            with pytest.raises(Exception, match=r"An error occurred|Parameter validation"):
                account.create(broken)
            return
        account.create(resource)


@pytest.mark.parametrize("operation", sorted(MOTO_LACKS))
def test_the_emulator_still_lacks_what_is_left_out(account: _Account, operation: str) -> None:
    """Fails on the day it learns it: then take it out of MOTO_LACKS."""
    service, parameters = MOTO_LACKS[operation]
    client = account.client(service)
    with pytest.raises(NotImplementedError):
        getattr(client, account.method(client, operation))(**parameters)
