"""EC2: security groups and their rules, elastic IPs, launch templates.

Replacement rules as in terraform-provider-aws (ForceNew), which pulumi-aws bridges.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers import wire
from sandbox.providers.aws_base import ACCOUNT, PUBLIC_BLOCK, AwsModel, regional_arn
from sandbox.providers.cloud import Cloud, hex_id, public_address
from sandbox.providers.errors import AwsError
from sandbox.providers.model import Frozen, Pattern
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_DESCRIPTION = Pattern(
    r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}", "EC2 allows a-zA-Z0-9 and ._-:/()#,@[]+=&;{}!$*"
)
_CIDR4 = Pattern(r"\d{1,3}(\.\d{1,3}){3}/\d{1,2}", "an IPv4 range like 10.0.0.0/16")
_GROUP = Pattern(r"sg-[0-9a-f]{8,17}", "a security group id like sg-0123456789abcdef0")
_USER_DATA_LIMIT = 16384  # bytes before encoding, EC2 user guide "Run commands at launch"


class SecurityGroup(AwsModel):
    """A security group; the real provider deletes a replaced one last, when nothing uses it any more."""

    pulumi_type = "aws:ec2/securityGroup:SecurityGroup"
    sdk = ("pulumi_aws.ec2", "SecurityGroup")
    name_input = "name"
    patterns = Frozen(
        {
            "description": _DESCRIPTION,
            "name": Pattern(r"(?!sg-).{1,255}", "must not start with sg- (EC2)"),
            "vpcId": Pattern(r"vpc-[0-9a-f]{8,17}", "a VPC id like vpc-0123456789abcdef0"),
        }
    )
    replace_on = ("name", "namePrefix", "description", "vpcId", "region")
    create_operation = "EC2: CreateSecurityGroup"
    in_use_code = "DependencyViolation"

    def complete(
        self, cloud: Cloud, inputs: dict[str, Any], old_inputs: Mapping[str, Any], logical_name: str
    ) -> dict[str, Any]:
        inputs.setdefault("description", "Managed by Pulumi")
        return super().complete(cloud, inputs, old_inputs, logical_name)

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return "sg-" + hex_id(17)

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        same = cloud.store.find(self.pulumi_type, name=inputs["name"], vpcId=inputs.get("vpcId"))
        if any(each.id != id for each in same):
            raise AwsError(
                self.create_operation,
                "InvalidGroup.Duplicate",
                f"The security group '{inputs['name']}' already exists for VPC '{inputs.get('vpcId')}'",
            )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": regional_arn(cloud, inputs, "ec2", f"security-group/{id}"),
            "ownerId": ACCOUNT,
        }


class _SecurityGroupRule(AwsModel):
    """One rule; exactly one source or destination, and ports unless the protocol is all (-1)."""

    name_input = None
    patterns = Frozen(
        {
            "cidrIpv4": _CIDR4,
            "description": _DESCRIPTION,
            # Groups outside the program (EKS, RDS) exist beforehand, so the form is all that can be checked.
            "securityGroupId": _GROUP,
            "referencedSecurityGroupId": _GROUP,
        }
    )
    replace_on = ("securityGroupId", "region")

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        ends = [
            key
            for key in ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
            if inputs.get(key) is not None
        ]
        if len(ends) != 1:
            yield Problem(
                "cidrIpv4",
                "exactly one of cidrIpv4, cidrIpv6, prefixListId, referencedSecurityGroupId is needed, not "
                f"{ends}",
            )
        ports = [key for key in ("fromPort", "toPort") if inputs.get(key) is not None]
        if inputs.get("ipProtocol") in {"tcp", "udp"} and len(ports) != 2:
            yield Problem("fromPort", "fromPort and toPort are needed with tcp and udp")
        if inputs.get("ipProtocol") == "-1" and ports:
            yield Problem("fromPort", "no ports with protocol -1: EC2 ignores them and every diff shows them")

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return "sgr-" + hex_id(17)

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": regional_arn(cloud, inputs, "ec2", f"security-group-rule/{id}"),
            "securityGroupRuleId": id,
        }


class SecurityGroupIngressRule(_SecurityGroupRule):
    """A rule for traffic that comes in."""

    pulumi_type = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    sdk = ("pulumi_aws.vpc", "SecurityGroupIngressRule")
    create_operation = "EC2: AuthorizeSecurityGroupIngress"


class SecurityGroupEgressRule(_SecurityGroupRule):
    """A rule for traffic that goes out."""

    pulumi_type = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    sdk = ("pulumi_aws.vpc", "SecurityGroupEgressRule")
    create_operation = "EC2: AuthorizeSecurityGroupEgress"


class Eip(AwsModel):
    """An elastic IP."""

    pulumi_type = "aws:ec2/eip:Eip"
    sdk = ("pulumi_aws.ec2", "Eip")
    replace_on = ("domain", "publicIpv4Pool", "networkBorderGroup", "address", "ipamPoolId", "region")
    create_operation = "EC2: AllocateAddress"

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if inputs.get("domain", "vpc") != "vpc":
            yield Problem("domain", f"must be vpc, not {inputs['domain']!r}")

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return "eipalloc-" + hex_id(17)

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        address = old_outputs.get("publicIp") or public_address(
            cloud, self.pulumi_type, "publicIp", PUBLIC_BLOCK
        )
        base = super().compute(cloud, id, inputs, old_outputs)
        return base | {
            "allocationId": id,
            "arn": regional_arn(cloud, inputs, "ec2", f"elastic-ip/{id}"),
            "domain": "vpc",
            "publicIp": address,
            "publicDns": f"ec2-{address.replace('.', '-')}.{base['region']}.compute.amazonaws.com",
            "networkBorderGroup": base["region"],
            "publicIpv4Pool": "amazon",
        }


class LaunchTemplate(AwsModel):
    """A launch template; every change makes a new version."""

    pulumi_type = "aws:ec2/launchTemplate:LaunchTemplate"
    sdk = ("pulumi_aws.ec2", "LaunchTemplate")
    name_input = "name"
    patterns = Frozen(
        {
            "name": Pattern(r"[a-zA-Z0-9()./_-]{3,128}", "3 to 128 of a-zA-Z0-9()./_- (EC2)"),
            "imageId": Pattern(r"ami-[0-9a-f]{8,17}|resolve:ssm:.+", "an AMI id or resolve:ssm:<parameter>"),
            "instanceType": Pattern(r"[a-z0-9-]+\.[a-z0-9-]+", "an instance type like t4g.micro"),
        }
    )
    replace_on = ("name", "namePrefix", "region")
    create_operation = "EC2: CreateLaunchTemplate"
    in_use_code = ""  # EC2 lets a template go while a group still names it

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        text = inputs.get("userData")
        if not isinstance(text, str) or text == wire.UNKNOWN:
            return
        try:
            size = len(base64.b64decode(text, validate=True))
        except binascii.Error:
            yield Problem("userData", "must be base64: EC2 answers InvalidUserData.Malformed")
            return
        if size > _USER_DATA_LIMIT:
            yield Problem("userData", f"is {size} bytes; User data is limited to {_USER_DATA_LIMIT} bytes")

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return "lt-" + hex_id(17)

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        if any(each.id != id for each in cloud.store.find(self.pulumi_type, name=inputs["name"])):
            raise AwsError(
                self.create_operation,
                "InvalidLaunchTemplateName.AlreadyExistsException",
                "Launch template name already in use.",
            )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        latest = int(old_outputs.get("latestVersion", 0)) + 1
        follows = inputs.get("updateDefaultVersion") or not old_outputs
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": regional_arn(cloud, inputs, "ec2", f"launch-template/{id}"),
            "latestVersion": latest,
            "defaultVersion": latest if follows else old_outputs["defaultVersion"],
        }


MODELS = (SecurityGroup(), SecurityGroupIngressRule(), SecurityGroupEgressRule(), Eip(), LaunchTemplate())
