"""What the simulated AWS and the random provider refuse and give back."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.providers.errors import AwsError, CloudError
from sandbox.providers.provider import Provider
from sandbox.store import Resource
from tests.engine.aws_parts import Aws, Rejected
from tests.engine.conftest import World

Make = Callable[..., Resource]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
        ],
    }
)
ZONE = "Z0123456789ABCDEFGHIJ"


@pytest.fixture
def aws(world: World) -> Provider:
    return world.provider("aws")


@pytest.fixture
def make(aws: Provider) -> Make:
    return Aws(aws).make


def refused(code: str) -> Any:
    return pytest.raises(AwsError, match=f"api error {code}:")


def test_identifiers_have_the_real_shape(make: Make) -> None:
    eip = make("ec2/eip:Eip", domain="vpc")
    assert re.fullmatch(r"eipalloc-[0-9a-f]{17}", eip.id)
    # the provider computes EC2's ARNs itself and does not know the account when it must not ask
    assert eip.outputs["arn"] == f"arn:aws:ec2:ap-northeast-2::elastic-ip/{eip.id}"
    role = make("iam/role:Role", name="agent", path="/dr/", assumeRolePolicy=TRUST)
    assert role.outputs["arn"] == "arn:aws:iam::111122223333:role/dr/agent"
    federation = make("iam/outboundWebIdentityFederation:OutboundWebIdentityFederation")
    assert re.fullmatch(
        r"https://[0-9a-f-]{36}\.tokens\.sts\.global\.api\.aws", federation.outputs["issuerIdentifier"]
    )
    with refused("FeatureEnabled"):
        make("iam/outboundWebIdentityFederation:OutboundWebIdentityFederation")


def test_addresses_are_not_given_twice(make: Make) -> None:
    assert len({make("ec2/eip:Eip").outputs["publicIp"] for _ in range(5)}) == 5


def test_iam(aws: Provider, make: Make) -> None:
    with refused("NoSuchEntity"):
        make(
            "iam/rolePolicyAttachment:RolePolicyAttachment",
            role="agent",
            policyArn="arn:aws:iam::aws:policy/X",
        )
    role = make("iam/role:Role", name="agent", assumeRolePolicy=TRUST)
    with refused("EntityAlreadyExists"):
        make("iam/role:Role", name="agent", assumeRolePolicy=TRUST)
    make("iam/rolePolicyAttachment:RolePolicyAttachment", role="agent", policyArn="arn:aws:iam::aws:policy/X")
    with refused("DeleteConflict"):
        aws.delete(role.type, role.id)
    with pytest.raises(Rejected, match="is not JSON"):
        make("iam/role:Role", assumeRolePolicy="{")
    with pytest.raises(Rejected, match="needs a Principal"):
        make("iam/role:Role", assumeRolePolicy=TRUST.replace("Principal", "NoPrincipal"))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"userData": "#!/bin/sh"}, "must be base64"),
        ({"userData": base64.b64encode(b"x" * 16385).decode()}, "limited to 16384 bytes"),
        ({"imageId": "ubuntu"}, "an AMI id or resolve:ssm"),
        ({"metadataOptions": {"httpToken": "required"}}, "metadataOptions.httpToken is not a property here"),
        ({"vpcSecurityGroupIds": "sg-1"}, "must be a list"),
    ],
)
def test_wrong_launch_templates(make: Make, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(Rejected, match=re.escape(message)):
        make("ec2/launchTemplate:LaunchTemplate", **inputs)


def test_launch_templates_count_versions(aws: Provider, make: Make) -> None:
    made = make("ec2/launchTemplate:LaunchTemplate", instanceType="t4g.micro")
    assert (made.outputs["latestVersion"], made.outputs["defaultVersion"]) == (1, 1)
    changed = aws.update(made.type, made.urn, made.id, {**made.inputs, "instanceType": "t4g.small"})
    assert (changed.outputs["latestVersion"], changed.outputs["defaultVersion"]) == (2, 1)


def test_groups_need_a_template_that_can_start(make: Make) -> None:
    group = {"name": "backup", "minSize": 1, "maxSize": 1, "vpcZoneIdentifiers": ["subnet-1"]}
    with refused("ValidationError"):
        make("autoscaling/group:Group", **group, launchTemplate={"id": "lt-0", "version": "$Latest"})
    template = make("ec2/launchTemplate:LaunchTemplate", iamInstanceProfile={"name": "agent"})
    with refused("ValidationError"):
        make("autoscaling/group:Group", **group, launchTemplate={"id": template.id})
    make("iam/role:Role", name="agent", assumeRolePolicy=TRUST)
    make("iam/instanceProfile:InstanceProfile", name="agent", role="agent")
    made = make("autoscaling/group:Group", **group, launchTemplate={"id": template.id})
    assert ":111122223333:autoScalingGroup:" in made.outputs["arn"]
    with pytest.raises(Rejected, match="must not exceed maxSize"):
        make("autoscaling/group:Group", **{**group, "minSize": 2}, launchTemplate={"id": template.id})


def test_buckets(aws: Provider, make: Make) -> None:
    with pytest.raises(Rejected, match="3 to 63 lower-case"):
        make("s3/bucket:Bucket", bucket="Agent_Code")
    with refused("NoSuchBucket"):
        make("s3/bucketObjectv2:BucketObjectv2", bucket="agent-code", key="agent.zip", content="x")
    bucket = make("s3/bucket:Bucket", bucket="agent-code")
    item = make("s3/bucketObjectv2:BucketObjectv2", bucket="agent-code", key="agent.zip", content="x")
    assert item.outputs["etag"] == "9dd4e461268c8034f5c8564e155c67a6"
    with refused("BucketNotEmpty"):
        aws.delete(bucket.type, bucket.id)
    aws.delete(item.type, item.id)
    aws.delete(bucket.type, bucket.id)


def check(make: Make, **inputs: Any) -> Resource:
    return make("route53/healthCheck:HealthCheck", **{"type": "HTTPS", "fqdn": "a.example.com", **inputs})


def test_health_checks(make: Make) -> None:
    origin = check(make)
    both = check(
        make,
        type="CALCULATED",
        fqdn=None,
        childHealthchecks=[origin.id],
        childHealthThreshold=1,
        invertHealthcheck=True,
    )
    with refused("InvalidInput"):
        check(make, type="CALCULATED", fqdn=None, childHealthchecks=[both.id], childHealthThreshold=1)
    with refused("InvalidInput"):
        check(make, type="CALCULATED", fqdn=None, childHealthchecks=["missing"], childHealthThreshold=1)
    for inputs, message in (
        ({"type": "PING"}, "one of HTTP"),
        ({"requestInterval": 20}, "must be 10 or 30"),
        ({"failureThreshold": 11}, "must be 1 to 10"),
        ({"type": "TCP"}, "a TCP check needs a port"),
        ({"regions": ["us-east-1"]}, "at least three"),
    ):
        with pytest.raises(Rejected, match=message):
            check(make, **inputs)


def record(make: Make, name: str, **inputs: Any) -> Resource:
    return make("route53/record:Record", zoneId=ZONE, name=name, type="A", **inputs)


def test_records(make: Make) -> None:
    healthy = check(make)
    address = {"records": ["198.51.100.9"], "ttl": 60}
    primary = {"setIdentifier": "primary", "failoverRoutingPolicies": [{"type": "PRIMARY"}]}
    weighted = {"setIdentifier": "w", "weightedRoutingPolicies": [{"weight": 10}]}
    made = record(make, "dr-app.example.com", **address, **primary, healthCheckId=healthy.id)
    assert made.id == f"{ZONE}_dr-app.example.com_A_primary"
    with refused("InvalidChangeBatch"):
        record(make, "dr-app.example.com", **address, **weighted)
    with refused("InvalidChangeBatch"):
        record(make, "dr-app.example.com", **address)
    with refused("InvalidChangeBatch"):
        record(make, "other.example.com", **address, **primary, healthCheckId="missing")
    for inputs, message in (
        ({**address, **primary}, "never fails over"),
        ({**address, "setIdentifier": "x"}, "with a routing policy"),
        ({"records": ["198.51.100.9"]}, "need a ttl"),
        ({}, "exactly one of records and aliases"),
        ({**address, **weighted, "weightedRoutingPolicies": [{"weight": 256}]}, "0 to 255"),
    ):
        with pytest.raises(Rejected, match=message):
            record(make, "x.example.com", **inputs)


def test_aws_down(aws: Provider, make: Make, world: World) -> None:
    eip = make("ec2/eip:Eip")
    world.faults.set(aws_down=True)
    for call in (
        lambda: make("ec2/eip:Eip"),
        lambda: aws.read(eip.type, eip.id),
        lambda: aws.update(eip.type, eip.urn, eip.id, eip.inputs),
        lambda: aws.delete(eip.type, eip.id),
        lambda: aws.invoke("aws:ec2/getEip:getEip", {}),
        lambda: aws.configure({"region": "ap-northeast-2"}),
    ):
        with pytest.raises(CloudError, match="connection refused"):
            call()
    # with placeholders and the skip flags the provider asks nobody
    aws.configure({"skipCredentialsValidation": "true", "skipRequestingAccountId": "true"})
    world.faults.clear("aws_down")
    assert aws.read(eip.type, eip.id)


def test_random_passwords(world: World) -> None:
    provider, token = world.provider("random"), "random:index/randomPassword:RandomPassword"
    rules = {"length": 24, "minUpper": 3, "minNumeric": 3, "special": False}
    inputs, problems = provider.check(token, "logical", {}, dict(rules))
    assert not problems
    made = provider.create(token, "urn", inputs)
    password = made.outputs["result"]
    assert len(password) == 24 and password.isalnum()
    assert sum(map(str.isupper, password)) >= 3 and sum(map(str.isdigit, password)) >= 3
    assert provider.create(token, "urn", inputs).outputs["result"] != password
    _, problems = provider.check(token, "logical", {}, {"length": 4, "minUpper": 5})
    assert problems == [("length", "is shorter than the sum of the minimums: 4")]
