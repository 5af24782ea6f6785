"""VPC endpoints.

Replacement rules as in terraform-provider-aws (ForceNew), which pulumi-aws bridges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.aws_base import ACCOUNT, AwsModel, regional_arn
from sandbox.providers.cloud import Cloud, hex_id
from sandbox.providers.errors import AwsError
from sandbox.providers.model import Frozen, Pattern
from sandbox.providers.shape import Problem
from sandbox.store import Resource


class VpcEndpoint(AwsModel):
    """A gateway endpoint in route tables, or an interface endpoint in subnets."""

    pulumi_type = "aws:ec2/vpcEndpoint:VpcEndpoint"
    sdk = ("pulumi_aws.ec2", "VpcEndpoint")
    patterns = Frozen(
        {
            "vpcEndpointType": Pattern("Gateway|Interface", "Gateway or Interface"),
            "serviceName": Pattern(r"com\.amazonaws\.[a-z0-9-]+\.[a-z0-9.-]+", "com.amazonaws.REGION.NAME"),
        }
    )
    replace_on = ("vpcId", "serviceName", "vpcEndpointType", "region")
    create_operation = "EC2: CreateVpcEndpoint"

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        kind = inputs.get("vpcEndpointType", "Gateway")
        foreign = {
            "Gateway": ("subnetIds", "securityGroupIds", "privateDnsEnabled"),
            "Interface": ("routeTableIds",),
        }
        for key in foreign.get(kind, ()):
            if inputs.get(key):
                yield Problem(key, f"an endpoint of type {kind} has none")
        if kind == "Interface" and not inputs.get("subnetIds"):
            yield Problem("subnetIds", "an interface endpoint stands in at least one subnet")

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return "vpce-" + hex_id(17)

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        same = cloud.store.find(
            self.pulumi_type, vpcId=inputs["vpcId"], serviceName=inputs["serviceName"], privateDnsEnabled=True
        )
        if inputs.get("privateDnsEnabled") and any(each.id != id for each in same):
            raise AwsError(
                self.create_operation,
                "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{inputs['serviceName']} in the VPC {inputs['vpcId']}",
            )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": regional_arn(cloud, inputs, "ec2", f"vpc-endpoint/{id}"),
            "ownerId": ACCOUNT,
            "state": "available",
            "vpcEndpointType": inputs.get("vpcEndpointType", "Gateway"),
        }


MODELS = (VpcEndpoint(),)
