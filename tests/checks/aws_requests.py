"""From the inputs of an AWS resource to the API requests that create it.

A translation takes what it knows out of the inputs and passes everything else on under its own name in the
API's spelling, so that an input that nobody thought of reaches the judge and is not silently dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.checks.registered import whole
from tests.program.recorder import Recorded

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One API call.

    Attributes:
        result: where the response holds the id of what was made, as dotted keys; empty: it makes nothing.
    """

    service: str
    operation: str
    parameters: dict[str, Any]
    result: str = ""


class NoReference(Exception):
    """Nobody wrote down which request creates a type."""


def requests_of(resource: Recorded) -> list[Request]:
    """The requests that create a resource.

    Raises:
        NoReference: its type is not in the table.
    """
    if resource.type not in TRANSLATIONS:
        raise NoReference(
            f"no reference for type {resource.type}: add it to TRANSLATIONS in tests/checks/aws_requests.py"
        )
    inputs = whole(resource.inputs)
    inputs.pop("region", None)  # of the provider, not of the service
    return TRANSLATIONS[resource.type](inputs, resource.name)


def _spelled(value: Any) -> Any:
    """Names of members in the API's spelling; "true" and "false" as the booleans that the provider makes."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_spelled(item) for item in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _tags(inputs: Inputs) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in inputs.pop("tags", {}).items()]


def _tag_specification(inputs: Inputs, kind: str) -> dict[str, Any]:
    tags = _tags(inputs)
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def _tagged(inputs: Inputs) -> dict[str, Any]:
    tags = _tags(inputs)
    return {"Tags": tags} if tags else {}


def _name(inputs: Inputs, logical: str, key: str = "name") -> str:
    """The name given, or one made up behind the prefix as the provider does."""
    if key in inputs:
        return inputs.pop(key)
    return inputs.pop("namePrefix", f"{logical}-") + "20261123093000000000000001"


def _federation(inputs: Inputs, logical: str) -> list[Request]:
    return [Request("iam", "EnableOutboundWebIdentityFederation", _spelled(inputs))]


def _role(inputs: Inputs, logical: str) -> list[Request]:
    known = {"RoleName": _name(inputs, logical), "AssumeRolePolicyDocument": inputs.pop("assumeRolePolicy")}
    return [Request("iam", "CreateRole", known | _tagged(inputs) | _spelled(inputs), "Role.RoleName")]


def _role_policy(inputs: Inputs, logical: str) -> list[Request]:
    known = {"PolicyName": _name(inputs, logical), "RoleName": inputs.pop("role")}
    known["PolicyDocument"] = inputs.pop("policy")
    return [Request("iam", "PutRolePolicy", known | _spelled(inputs))]


def _attachment(inputs: Inputs, logical: str) -> list[Request]:
    return [Request("iam", "AttachRolePolicy", {"RoleName": inputs.pop("role")} | _spelled(inputs))]


def _profile(inputs: Inputs, logical: str) -> list[Request]:
    name, role = _name(inputs, logical), inputs.pop("role")
    made = {"InstanceProfileName": name} | _tagged(inputs) | _spelled(inputs)
    return [
        Request("iam", "CreateInstanceProfile", made, "InstanceProfile.InstanceProfileName"),
        Request("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": name, "RoleName": role}),
    ]


def _bucket(inputs: Inputs, logical: str) -> list[Request]:
    bucket, tags = inputs.pop("bucket"), _tags(inputs)
    place = {"LocationConstraint": "ap-northeast-2"}
    made = {"Bucket": bucket, "CreateBucketConfiguration": place} | _spelled(inputs)
    found = [Request("s3", "CreateBucket", made)]
    if tags:
        found.append(Request("s3", "PutBucketTagging", {"Bucket": bucket, "Tagging": {"TagSet": tags}}))
    return found


def _private(inputs: Inputs, logical: str) -> list[Request]:
    bucket = inputs.pop("bucket")
    settings = {"PublicAccessBlockConfiguration": _spelled(inputs)}
    return [Request("s3", "PutPublicAccessBlock", {"Bucket": bucket} | settings)]


def _object(inputs: Inputs, logical: str) -> list[Request]:
    body = inputs.pop("contentBase64", "").encode()
    return [Request("s3", "PutObject", {"Body": body} | _tagged(inputs) | _spelled(inputs))]


def _address(inputs: Inputs, logical: str) -> list[Request]:
    known = _tag_specification(inputs, "elastic-ip")
    return [Request("ec2", "AllocateAddress", known | _spelled(inputs), "AllocationId")]


def _security_group(inputs: Inputs, logical: str) -> list[Request]:
    known = {"GroupName": _name(inputs, logical)} | _tag_specification(inputs, "security-group")
    return [Request("ec2", "CreateSecurityGroup", known | _spelled(inputs), "GroupId")]


def _rule(operation: str) -> Callable[[Inputs, str], list[Request]]:
    def translate(inputs: Inputs, logical: str) -> list[Request]:
        described = {"Description": inputs.pop("description")} if "description" in inputs else {}
        known: dict[str, Any] = {"GroupId": inputs.pop("securityGroupId")}
        known |= _tag_specification(inputs, "security-group-rule")
        permission: dict[str, Any] = {}
        if "cidrIpv4" in inputs:
            permission["IpRanges"] = [{"CidrIp": inputs.pop("cidrIpv4")} | described]
        if "referencedSecurityGroupId" in inputs:
            pair = {"GroupId": inputs.pop("referencedSecurityGroupId")}
            permission["UserIdGroupPairs"] = [pair | described]
        known["IpPermissions"] = [permission | _spelled(inputs)]
        return [Request("ec2", operation, known)]

    return translate


def _launch_template(inputs: Inputs, logical: str) -> list[Request]:
    inputs.pop("updateDefaultVersion", None)  # how the provider goes about updates
    known = {"LaunchTemplateName": _name(inputs, logical)} | _tag_specification(inputs, "launch-template")
    for specification in inputs.get("tagSpecifications", []):
        specification["tags"] = _tags(specification)
    for interface in inputs.get("networkInterfaces", []):
        interface["groups"] = interface.pop("securityGroups", [])
    # Tags of the data are names of the user's: spelled before, not after.
    tags = [
        {"ResourceType": each["resourceType"], "Tags": each["tags"]}
        for each in inputs.pop("tagSpecifications", [])
    ]
    known["LaunchTemplateData"] = _spelled(inputs) | ({"TagSpecifications": tags} if tags else {})
    return [Request("ec2", "CreateLaunchTemplate", known, "LaunchTemplate.LaunchTemplateId")]


def _group(inputs: Inputs, logical: str) -> list[Request]:
    name = _name(inputs, logical)
    known: dict[str, Any] = {"AutoScalingGroupName": name}
    known["VPCZoneIdentifier"] = ",".join(inputs.pop("vpcZoneIdentifiers"))
    template = inputs.pop("launchTemplate")
    known["LaunchTemplate"] = {"LaunchTemplateId": template.pop("id")} | _spelled(template)
    refresh = inputs.pop("instanceRefresh", None)
    known["Tags"] = [_spelled(tag) for tag in inputs.pop("tags", [])]
    found = [Request("autoscaling", "CreateAutoScalingGroup", known | _spelled(inputs))]
    if refresh:
        refresh.pop("triggers", None)  # when the provider starts one
        started = {"AutoScalingGroupName": name} | _spelled(refresh)
        found.append(Request("autoscaling", "StartInstanceRefresh", started))
    return found


def _health_check(inputs: Inputs, logical: str) -> list[Request]:
    tags = _tags(inputs)
    spelling = {
        "fqdn": "FullyQualifiedDomainName",
        "ipAddress": "IPAddress",
        "invertHealthcheck": "Inverted",
        "childHealthchecks": "ChildHealthChecks",
        "childHealthThreshold": "HealthThreshold",
        "enableSni": "EnableSNI",
    }
    settings = {spelling[key]: inputs.pop(key) for key in list(inputs) if key in spelling}
    settings |= _spelled(inputs)
    made = {"CallerReference": logical, "HealthCheckConfig": settings}
    found = [Request("route53", "CreateHealthCheck", made, "HealthCheck.Id")]
    if tags:
        tagged = {"ResourceType": "healthcheck", "ResourceId": f"/id/{logical}", "AddTags": tags}
        found.append(Request("route53", "ChangeTagsForResource", tagged))
    return found


def _record(inputs: Inputs, logical: str) -> list[Request]:
    zone, record = inputs.pop("zoneId"), dict[str, Any]()
    if "records" in inputs:
        record["ResourceRecords"] = [{"Value": value} for value in inputs.pop("records")]
    for alias in inputs.pop("aliases", []):
        target = {"DNSName": alias.pop("name"), "HostedZoneId": alias.pop("zoneId")}
        record["AliasTarget"] = target | _spelled(alias)
    for policy in inputs.pop("weightedRoutingPolicies", []):
        record |= _spelled(policy)
    for policy in inputs.pop("failoverRoutingPolicies", []):
        record["Failover"] = policy.pop("type")
        record |= _spelled(policy)
    if "ttl" in inputs:
        record["TTL"] = inputs.pop("ttl")
    inputs.pop("allowOverwrite", None)  # of the provider
    changes = [{"Action": "CREATE", "ResourceRecordSet": record | _spelled(inputs)}]
    return [
        Request(
            "route53", "ChangeResourceRecordSets", {"HostedZoneId": zone, "ChangeBatch": {"Changes": changes}}
        )
    ]


def _alarm(inputs: Inputs, logical: str) -> list[Request]:
    known: dict[str, Any] = {"AlarmName": _name(inputs, logical)} | _tagged(inputs)
    dimensions = inputs.pop("dimensions", {})
    known["Dimensions"] = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    if "okActions" in inputs:
        known["OKActions"] = inputs.pop("okActions")
    return [Request("cloudwatch", "PutMetricAlarm", known | _spelled(inputs))]


def _topic(inputs: Inputs, logical: str) -> list[Request]:
    known = {"Name": _name(inputs, logical)} | _tagged(inputs)
    return [Request("sns", "CreateTopic", known | _spelled(inputs), "TopicArn")]


def _subscription(inputs: Inputs, logical: str) -> list[Request]:
    return [Request("sns", "Subscribe", {"TopicArn": inputs.pop("topic")} | _spelled(inputs))]


def _endpoint(inputs: Inputs, logical: str) -> list[Request]:
    known = _tag_specification(inputs, "vpc-endpoint")
    if "policy" in inputs:
        known["PolicyDocument"] = inputs.pop("policy")
    return [Request("ec2", "CreateVpcEndpoint", known | _spelled(inputs), "VpcEndpoint.VpcEndpointId")]


TRANSLATIONS: dict[str, Callable[[Inputs, str], list[Request]]] = {
    "aws:autoscaling/group:Group": _group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:ec2/eip:Eip": _address,
    "aws:ec2/launchTemplate:LaunchTemplate": _launch_template,
    "aws:ec2/securityGroup:SecurityGroup": _security_group,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:iam/instanceProfile:InstanceProfile": _profile,
    "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation": _federation,
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _attachment,
    "aws:route53/healthCheck:HealthCheck": _health_check,
    "aws:route53/record:Record": _record,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _private,
    "aws:sns/topic:Topic": _topic,
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("AuthorizeSecurityGroupEgress"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("AuthorizeSecurityGroupIngress"),
}
"""How each type of the program is created."""
