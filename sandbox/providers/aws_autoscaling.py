"""Auto Scaling groups.

Replacement rules as in terraform-provider-aws (ForceNew), which pulumi-aws bridges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.aws_base import ACCOUNT, AwsModel, region
from sandbox.providers.aws_ec2 import LaunchTemplate
from sandbox.providers.aws_iam import InstanceProfile
from sandbox.providers.cloud import Cloud, guid
from sandbox.providers.errors import AwsError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource


class Group(AwsModel):
    """An Auto Scaling group from a launch template."""

    pulumi_type = "aws:autoscaling/group:Group"
    sdk = ("pulumi_aws.autoscaling", "Group")
    name_input = "name"
    patterns = Frozen({"name": Pattern(r"[^:]{1,255}", "1 to 255 characters without a colon (Auto Scaling)")})
    replace_on = ("name", "namePrefix", "region")
    create_operation = "Auto Scaling: CreateAutoScalingGroup"
    exists_code, exists_text = "AlreadyExists", "AutoScalingGroup by this name already exists - {id}"

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if not (inputs.get("launchTemplate") or inputs.get("mixedInstancesPolicy")):
            yield Problem("launchTemplate", "one of launchTemplate and mixedInstancesPolicy is needed")
        if not (inputs.get("vpcZoneIdentifiers") or inputs.get("availabilityZones")):
            yield Problem("vpcZoneIdentifiers", "one of vpcZoneIdentifiers and availabilityZones is needed")
        low, high, wanted = inputs.get("minSize"), inputs.get("maxSize"), inputs.get("desiredCapacity")
        if isinstance(low, int) and isinstance(high, int):
            if low > high:
                yield Problem("minSize", f"must not exceed maxSize: {low} > {high}")
            if isinstance(wanted, int) and not low <= wanted <= high:
                yield Problem("desiredCapacity", f"must lie between minSize and maxSize: {wanted}")

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return inputs["name"]

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        template_id = at(inputs, "launchTemplate.id")
        template_name = at(inputs, "launchTemplate.name")
        templates = [
            each
            for each in cloud.store.find(LaunchTemplate.pulumi_type)
            if each.id == template_id or (template_name and each.inputs["name"] == template_name)
        ]
        if inputs.get("launchTemplate") and not templates:
            raise AwsError(
                self.create_operation,
                "ValidationError",
                "You must use a valid fully-formed launch template. The launch template does not exist",
            )
        for template in templates:
            profile = at(template.inputs, "iamInstanceProfile.name")
            arn = at(template.inputs, "iamInstanceProfile.arn")
            profiles = cloud.store.find(InstanceProfile.pulumi_type)
            known = any(each.id == profile or each.outputs["arn"] == arn for each in profiles)
            if (profile or arn) and not known:
                raise AwsError(
                    self.create_operation,
                    "ValidationError",
                    "You must use a valid fully-formed launch template. "
                    f"Value ({profile or arn}) for parameter iamInstanceProfile.name is invalid.",
                )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        place = region(cloud, inputs)
        return super().compute(cloud, id, inputs, old_outputs) | {
            # unlike EC2's, this ARN comes from the API's answer and so always has the account
            "arn": f"arn:aws:autoscaling:{place}:{ACCOUNT}:autoScalingGroup:{guid(id)}"
            f":autoScalingGroupName/{id}",
            "desiredCapacity": inputs.get("desiredCapacity", inputs["minSize"]),
            "healthCheckType": inputs.get("healthCheckType", "EC2"),
        }


MODELS = (Group(),)
