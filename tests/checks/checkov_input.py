"""The program's resources in forms that checkov reads: an ARM template, and a Terraform plan for AWS.

``pulumi-aws`` is bridged from the Terraform provider, so types and fields are the same in other spelling.
"""

from __future__ import annotations

import re
from typing import Any

from tests.checks import arm
from tests.checks.arm_types import DATA_PLANE, operation
from tests.checks.registered import whole
from tests.program.recorder import Recorded

_TERRAFORM = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": "aws_cloudwatch_metric_alarm",
    "aws:s3/bucket:Bucket": "aws_s3_bucket",
    "aws:s3/bucketObjectv2:BucketObjectv2": "aws_s3_object",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "aws_vpc_security_group_egress_rule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "aws_vpc_security_group_ingress_rule",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "aws_vpc_endpoint",
    "aws:ec2/securityGroup:SecurityGroup": "aws_security_group",
    "aws:ec2/launchTemplate:LaunchTemplate": "aws_launch_template",
    "aws:ec2/eip:Eip": "aws_eip",
}
"""Types whose Terraform name is not simply ``aws_<module>_<name>``."""
_URL = re.compile(r"https?://[^/]+(/[^?]+)")


def arm_resource(resource: Recorded) -> dict[str, Any] | None:
    """A resource of an ARM template; None for what is none there."""
    type_ = resource.type.removeprefix("azure-native:")
    if type_ in DATA_PLANE:
        return None
    judged, known = arm.judge(resource), operation(type_)
    place = known.build(**judged.names).url
    # .../providers/Microsoft.Network/virtualNetworks/NAME/subnets/NAME
    found = re.search(r"/providers/([^/]+)/((?:[^/?]+/[^/?]+/?)+)(?:\?|$)", place)
    if found is None:  # a resource group
        return None
    words = found[2].split("/")
    return judged.body | {
        "type": "/".join([found[1], *words[0::2]]),
        "apiVersion": known.api_version,
        "name": "/".join(words[1::2]),
        "metadata": {"pulumi": resource.name},
    }


def arm_template(resources: list[Recorded]) -> dict[str, Any]:
    """One template of all."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [each for resource in resources if (each := arm_resource(resource))],
    }


def terraform_plan(resources: list[Recorded]) -> dict[str, Any]:
    """What ``terraform show -json`` would print for a plan that creates them all."""
    planned: list[dict[str, Any]] = []
    for resource in resources:
        module, name = resource.type.split(":")[1:]
        type_ = _TERRAFORM.get(resource.type, f"aws_{module.split('/')[0]}_{_snake(name)}")
        values = _block(whole(resource.inputs))
        planned.append(
            {
                "address": f"{type_}.{resource.name}",
                "mode": "managed",
                "type": type_,
                "name": resource.name,
                "provider_name": "registry.terraform.io/hashicorp/aws",
                "values": values,
            }
        )
    changes = [
        {key: each[key] for key in ("address", "mode", "type", "name", "provider_name")}
        | {"change": {"actions": ["create"], "before": None, "after": each["values"]}}
        for each in planned
    ]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": []}},
    }


def _block(inputs: dict[str, Any]) -> dict[str, Any]:
    """Fields in Terraform's spelling; a nested block is a list of one there."""
    return {_snake(key): _field(_snake(key), value) for key, value in inputs.items()}


def _field(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return value if name in {"tags", "dimensions"} else [_block(value)]
    if isinstance(value, list):
        return [_block(item) if isinstance(item, dict) else item for item in value]
    return value


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
