"""IAM: roles, their policies, instance profiles and outbound web identity.

Replacement rules as in terraform-provider-aws (ForceNew), which pulumi-aws bridges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.aws_base import ACCOUNT, AwsModel, policy_problems
from sandbox.providers.cloud import Cloud, guid, timestamp, unique_id
from sandbox.providers.errors import AwsError
from sandbox.providers.model import Frozen, Pattern
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_NAME = Pattern(r"[\w+=,.@-]{1,64}", "1 to 64 letters, digits and +=,.@_- (IAM)")
_PATH = Pattern(r"/|/[\x21-\x7e]+/", "a path starts and ends with / (IAM)")


class Role(AwsModel):
    """A role; its trust policy must be one, and its name is unique in the account."""

    pulumi_type = "aws:iam/role:Role"
    sdk = ("pulumi_aws.iam", "Role")
    name_input = "name"
    patterns = Frozen({"name": _NAME, "path": _PATH})
    replace_on = ("name", "namePrefix", "path")
    create_operation = "IAM: CreateRole"
    exists_code, exists_text = "EntityAlreadyExists", "Role with name {id} already exists."

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from policy_problems(inputs, "assumeRolePolicy", principal=True)

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return inputs["name"]

    def release(self, cloud: Cloud, resource: Resource) -> None:
        attached = [
            each
            for token in (
                RolePolicy.pulumi_type,
                RolePolicyAttachment.pulumi_type,
                InstanceProfile.pulumi_type,
            )
            for each in cloud.store.find(token, role=resource.id)
        ]
        if attached and not resource.inputs.get("forceDetachPolicies"):
            raise AwsError(
                "IAM: DeleteRole",
                "DeleteConflict",
                f"Cannot delete entity, must detach all policies first ({attached[0].id}).",
            )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": f"arn:aws:iam::{ACCOUNT}:role{inputs.get('path', '/')}{id}",
            "path": inputs.get("path", "/"),
            "maxSessionDuration": inputs.get("maxSessionDuration", 3600),
            "uniqueId": old_outputs.get("uniqueId") or unique_id("AROA"),
            "createDate": old_outputs.get("createDate") or timestamp(),
        }


class RolePolicy(AwsModel):
    """An inline policy of a role."""

    pulumi_type = "aws:iam/rolePolicy:RolePolicy"
    sdk = ("pulumi_aws.iam", "RolePolicy")
    name_input = "name"
    patterns = Frozen({"name": Pattern(r"[\w+=,.@-]{1,128}", "1 to 128 letters, digits and +=,.@_- (IAM)")})
    replace_on = ("name", "namePrefix", "role")
    create_operation = "IAM: PutRolePolicy"

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from policy_problems(inputs, "policy", principal=False)

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return f"{inputs['role']}:{inputs['name']}"

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        _must_have_role(cloud, self.create_operation, inputs["role"])


class RolePolicyAttachment(AwsModel):
    """A managed policy on a role."""

    pulumi_type = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    sdk = ("pulumi_aws.iam", "RolePolicyAttachment")
    patterns = Frozen(
        {"policyArn": Pattern(r"arn:aws:iam::(aws|\d{12}):policy/.+", "the ARN of a managed policy")}
    )
    replace_on = ("role", "policyArn")
    create_operation = "IAM: AttachRolePolicy"

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return f"{inputs['role']}/{inputs['policyArn']}"

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        _must_have_role(cloud, self.create_operation, inputs["role"])


class InstanceProfile(AwsModel):
    """The wrapper that hands a role to EC2."""

    pulumi_type = "aws:iam/instanceProfile:InstanceProfile"
    sdk = ("pulumi_aws.iam", "InstanceProfile")
    name_input = "name"
    patterns = Frozen(
        {
            "name": Pattern(r"[\w+=,.@-]{1,128}", "1 to 128 letters, digits and +=,.@_- (IAM)"),
            "path": _PATH,
        }
    )
    replace_on = ("name", "namePrefix", "path")
    create_operation = "IAM: CreateInstanceProfile"
    exists_code, exists_text = "EntityAlreadyExists", "Instance Profile {id} already exists."

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return inputs["name"]

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        if inputs.get("role"):
            _must_have_role(cloud, "IAM: AddRoleToInstanceProfile", inputs["role"])

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": f"arn:aws:iam::{ACCOUNT}:instance-profile{inputs.get('path', '/')}{id}",
            "path": inputs.get("path", "/"),
            "uniqueId": old_outputs.get("uniqueId") or unique_id("AIPA"),
            "createDate": old_outputs.get("createDate") or timestamp(),
        }


class OutboundWebIdentityFederation(AwsModel):
    """The account's own token issuer; there is one per account, and it keeps its name when enabled again."""

    pulumi_type = "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation"
    sdk = ("pulumi_aws.iam", "OutboundWebIdentityFederation")
    create_operation = "IAM: EnableOutboundWebIdentityFederation"
    exists_code, exists_text = "FeatureEnabled", "Outbound web identity federation is already enabled."

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return ACCOUNT

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {"issuerIdentifier": f"https://{guid('issuer', ACCOUNT)}.tokens.sts.global.api.aws"}


def _must_have_role(cloud: Cloud, operation: str, role: str) -> None:
    if not cloud.store.get(Role.pulumi_type, role):
        raise AwsError(operation, "NoSuchEntity", f"The role with name {role} cannot be found.")


MODELS = (Role(), RolePolicy(), RolePolicyAttachment(), InstanceProfile(), OutboundWebIdentityFederation())
