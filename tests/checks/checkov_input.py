"""The program's resources in forms that checkov reads: an ARM template, and a Terraform plan for AWS.

``pulumi-aws`` is bridged from the Terraform provider, so types and fields are the same in other spelling.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

from tests.checks import arm
from tests.checks.arm_types import DATA_PLANE, NoReference, operation
from tests.checks.registered import whole
from tests.program.recorder import Recorded

_TERRAFORM = {
    "autoscaling/group:Group": "aws_autoscaling_group",
    "cloudwatch/metricAlarm:MetricAlarm": "aws_cloudwatch_metric_alarm",
    "ec2/eip:Eip": "aws_eip",
    "ec2/launchTemplate:LaunchTemplate": "aws_launch_template",
    "ec2/securityGroup:SecurityGroup": "aws_security_group",
    "ec2/vpcEndpoint:VpcEndpoint": "aws_vpc_endpoint",
    "iam/instanceProfile:InstanceProfile": "aws_iam_instance_profile",
    "iam/outboundWebIdentityFederation:OutboundWebIdentityFederation": (
        "aws_iam_outbound_web_identity_federation"
    ),
    "iam/role:Role": "aws_iam_role",
    "iam/rolePolicy:RolePolicy": "aws_iam_role_policy",
    "iam/rolePolicyAttachment:RolePolicyAttachment": "aws_iam_role_policy_attachment",
    "route53/healthCheck:HealthCheck": "aws_route53_health_check",
    "route53/record:Record": "aws_route53_record",
    "s3/bucket:Bucket": "aws_s3_bucket",
    "s3/bucketObjectv2:BucketObjectv2": "aws_s3_object",
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "aws_s3_bucket_public_access_block",
    "sns/topic:Topic": "aws_sns_topic",
    "sns/topicSubscription:TopicSubscription": "aws_sns_topic_subscription",
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": "aws_vpc_security_group_egress_rule",
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": "aws_vpc_security_group_ingress_rule",
}
"""Pulumi type without ``aws:``, and Terraform's."""
_LISTS = {
    "alarmActions": "alarm_actions",
    "aliases": "alias",
    "blockDeviceMappings": "block_device_mappings",
    "childHealthchecks": "child_healthchecks",
    "failoverRoutingPolicies": "failover_routing_policy",
    "networkInterfaces": "network_interfaces",
    "okActions": "ok_actions",
    "records": "records",
    "routeTableIds": "route_table_ids",
    "securityGroupIds": "security_group_ids",
    "securityGroups": "security_groups",
    "subnetIds": "subnet_ids",
    "tagSpecifications": "tag_specifications",
    "tags": "tag",
    "vpcZoneIdentifiers": "vpc_zone_identifier",
    "weightedRoutingPolicies": "weighted_routing_policy",
}
"""Lists get a plural in Pulumi whatever Terraform calls them; checkov does not see one under a wrong name."""
_TEXT_MAPS = {"tags", "dimensions"}
_NO_SETTING = {"contentBase64"}
"""The agent's archive: 0.8 MB that no check reads."""


def rendered(resource: Recorded) -> list[dict[str, Any]]:
    """What checkov is given for a resource; nothing for the data plane and for resource groups.

    Raises:
        NoReference: its type, or a list of it, is not in a table that the error names.
    """
    if not resource.type.startswith("aws:"):
        found = _arm_resource(resource)
        return [found] if found else []
    planned = _terraform_resource(resource)
    return [planned, _started(planned)] if planned["type"] == "aws_launch_template" else [planned]


def _arm_resource(resource: Recorded) -> dict[str, Any] | None:
    """A resource of an ARM template; None for what is none there.

    Raises:
        NoReference: its type is not in the table of arm_types.py.
    """
    type_ = resource.type.removeprefix("azure-native:")
    if type_ in DATA_PLANE:
        return None
    judged, known = arm.judge(resource), operation(type_)
    # .../providers/Microsoft.Network/virtualNetworks/NAME/subnets/NAME
    place = known.build(**judged.names).url
    found = re.search(r".*/providers/([^/]+)/((?:[^/?]+/[^/?]+/?)+)(?:\?|$)", place)
    if found is None:
        return None
    for rule in judged.body.get("properties", {}).get("securityRules", ()):
        # Azure does not care about a service tag's case; checkov knows only the lower one.
        if tag := rule["properties"].get("sourceAddressPrefix"):
            rule["properties"]["sourceAddressPrefix"] = tag.lower()
    words = found[2].split("/")
    return judged.body | {
        "type": "/".join([found[1], *words[0::2]]),
        "apiVersion": known.api_version,
        "name": "/".join(words[1::2]),
    }


def arm_template(resources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One template of them all."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": list(resources),
    }


def _terraform_resource(resource: Recorded) -> dict[str, Any]:
    """A resource of a Terraform plan, with the addresses of those that it depends on.

    Raises:
        NoReference: a type or a list of it is not in the tables above.
    """
    type_ = _terraform_type(resource.type)
    needed = [_address(urn) for urn in resource.dependencies if "aws:" in urn.split("::")[2]]
    return {
        "address": f"{type_}.{resource.name}",
        "mode": "managed",
        "type": type_,
        "name": resource.name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "values": _block(whole(resource.inputs)),
        "needed": needed,
    }


def terraform_plan(resources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What ``terraform show -json`` would print for a plan that creates them all."""
    described = ("address", "mode", "type", "name", "provider_name")
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": [_without(each, "needed") for each in resources]}},
        "resource_changes": [
            {key: each[key] for key in described}
            | {"change": {"actions": ["create"], "before": None, "after": each["values"]}}
            for each in resources
        ],
        "configuration": {
            "root_module": {
                "resources": [
                    {key: each[key] for key in described}
                    | {"expressions": {"depends_on": {"references": each["needed"]}}}
                    for each in resources
                ]
            }
        },
    }


def _started(template: dict[str, Any]) -> dict[str, Any]:
    """The machine that a launch template starts: checkov asks more of an instance than of a template."""
    values = dict(template["values"])
    (interface,) = values.pop("network_interfaces")
    (profile,) = values.pop("iam_instance_profile")
    (disk,) = values["block_device_mappings"]
    return template | {
        "address": f"aws_instance.{template['name']}",
        "type": "aws_instance",
        "values": {key: values[key] for key in ("instance_type", "metadata_options", "user_data")}
        | {
            "ami": values["image_id"],
            "associate_public_ip_address": interface["associate_public_ip_address"],
            "iam_instance_profile": profile["arn"],
            "root_block_device": disk["ebs"],
        },
    }


def _terraform_type(type_: str) -> str:
    known = type_.removeprefix("aws:")
    if known not in _TERRAFORM:
        raise NoReference(f"no Terraform type for {type_}: add it to _TERRAFORM in {__file__}")
    return _TERRAFORM[known]


def _address(urn: str) -> str:
    *_, types, name = urn.split("::")
    return f"{_terraform_type(types.rsplit('$', 1)[-1])}.{name}"


def _block(inputs: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in inputs.items():
        if key in _NO_SETTING:
            continue
        if key == "userData":
            value = base64.b64decode(value).decode()  # noqa: PLW2901 - a secret in it is to be seen
        if isinstance(value, list):
            if key not in _LISTS:
                raise NoReference(f"no Terraform name for the list {key}: add it to _LISTS in {__file__}")
            fields[_LISTS[key]] = [_block(item) if isinstance(item, dict) else item for item in value]
        elif isinstance(value, dict):
            # A nested block is a list of one there.
            fields[_snake(key)] = value if key in _TEXT_MAPS else [_block(value)]
        else:
            fields[_snake(key)] = value
    return fields


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}
