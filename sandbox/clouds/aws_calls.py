"""Which operation an AWS request is, and what IAM asks before it is done.

Actions, resources and condition keys: the services' pages below
docs.aws.amazon.com/service-authorization/latest/reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from sandbox.clouds.aws_policies import Context
from sandbox.clouds.http_server import Exchange
from sandbox.clouds.web_identity import DEFAULT_SECONDS

if TYPE_CHECKING:
    from sandbox.clouds.aws_services import AwsServices

_IAM_PREFIX = {"monitoring": "cloudwatch"}
"""Where the name that a call is signed for is not the one that IAM's actions start with."""
_GLOBAL = ("s3", "route53")
"""Services whose ARNs have no region and no account; the call's ``path`` is the resource."""
_ROUTE53 = {
    ("GET", "hostedzone", "rrset"): "ListResourceRecordSets",
    ("POST", "hostedzone", "rrset"): "ChangeResourceRecordSets",
    ("GET", "change", ""): "GetChange",
    ("GET", "healthcheck", ""): "GetHealthCheck",
    ("GET", "healthcheck", "status"): "GetHealthCheckStatus",
}
Demand = tuple[str, str, Context]
"""An action, the ARN (or ``*``) that it must be allowed on, and the condition keys that IAM knows there."""


@dataclass(frozen=True)
class Call:
    """One AWS API call, as IAM looks at it.

    Attributes:
        service: the name it was signed for, such as ``ec2``.
        name: the API operation, such as ``AssociateAddress``.
        action: the IAM action, which differs from the operation in S3 and from the service in CloudWatch.
        parameters: form fields (query protocols) or top-level text members (JSON).
    """

    service: str
    name: str
    action: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class AccountPlace:
    """An account in a region, for ARNs."""

    region: str
    account_id: str

    def arn(self, service: str, resource: str) -> str:
        """Of a resource of a regional service."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


def signed_for(exchange: Exchange) -> tuple[str, str]:
    """Service and access key id of a SigV4 request; ``("unsigned", "")`` when it has none."""
    match = re.search(
        r"Credential=(?P<key>[^/]+)/\d+/[^/]+/(?P<service>[^/]+)/aws4_request",
        exchange.headers.get("Authorization", ""),
    )
    return (match["service"].lower(), match["key"]) if match else ("unsigned", "")


def call_of(exchange: Exchange, service: str, body: bytes) -> Call:
    """Which operation a request is: by target header (JSON), by form field (query, EC2) or verb and path."""
    target = exchange.headers.get("X-Amz-Target")
    if target:
        name = target.rsplit(".", 1)[-1]
        members = json.loads(body or b"{}")
        action = f"{_IAM_PREFIX.get(service, service)}:{name}"
        return Call(service, name, action, {k: v for k, v in members.items() if isinstance(v, str)})
    if service == "route53":
        _, kind, identifier, part = (*exchange.path.strip("/").split("/"), "", "", "", "")[:4]
        name = _ROUTE53.get((exchange.method, kind, part), f"{exchange.method} {exchange.path}")
        path = f"{kind}/{identifier}" if identifier else ""
        return Call(service, name, f"route53:{name}", {"path": path, "id": identifier})
    if service == "s3":
        bucket, _, key = exchange.path.strip("/").partition("/")
        verb = "GET" if exchange.method == "HEAD" else exchange.method
        kind = "Object" if key else "Bucket"
        names = {"GET": f"Get{kind}", "PUT": f"Put{kind}", "DELETE": f"Delete{kind}", "POST": f"Post{kind}"}
        name = names.get(verb, verb)
        actions = {"GetBucket": "ListBucket" if bucket else "ListAllMyBuckets", "PutBucket": "CreateBucket"}
        path = f"{bucket}/{key}" if key else bucket
        return Call(service, name, f"s3:{actions.get(name, name)}", {"path": path})
    form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    name = form.get("Action", f"{exchange.method} {exchange.path}")
    return Call(service, name, f"{service}:{name}", form)


def members(parameters: Mapping[str, str], name: str) -> list[str]:
    """A list parameter of the query protocol: ``Name.member.1``, ``Name.member.2``, ..."""
    return [value for key, value in parameters.items() if key.startswith(f"{name}.member.")]


def demands(call: Call, place: AccountPlace, services: Callable[[], AwsServices]) -> list[Demand]:
    """All that must be allowed for a call.

    Args:
        services: asked for ARNs and tags of what exists; loading it takes seconds.
    """
    action, parameters = call.action, call.parameters
    if action == "sts:GetWebIdentityToken":
        context: dict[str, str | int | list[str]] = {
            "sts:IdentityTokenAudience": members(parameters, "Audience"),
            "sts:DurationSeconds": int(parameters.get("DurationSeconds", DEFAULT_SECONDS)),
            "sts:SigningAlgorithm": parameters.get("SigningAlgorithm", ""),
        }
        return [(action, "*", context)]
    if call.service == "secretsmanager" and "SecretId" in parameters:
        return [(action, services().secret_arn(parameters["SecretId"]), {})]
    if action == "ec2:AssociateAddress":
        instance = parameters.get("InstanceId", "")
        tags = {f"aws:ResourceTag/{key}": value for key, value in services().tags(instance).items()}
        return [
            (action, place.arn("ec2", f"elastic-ip/{parameters.get('AllocationId', '')}"), {}),
            (action, place.arn("ec2", f"instance/{instance}"), tags),
        ]
    if call.service == "rds":
        return _rds(call, place)
    if action == "cloudwatch:PutMetricData":
        return [(action, "*", {"cloudwatch:namespace": parameters.get("Namespace", "")})]
    path = parameters.get("path", "") if call.service in _GLOBAL else ""
    return [(action, f"arn:aws:{call.service}:::{path}" if path else "*", {})]


def _rds(call: Call, place: AccountPlace) -> list[Demand]:
    action, parameters = call.action, call.parameters
    if action == "rds:AddTagsToResource":
        return [(action, parameters.get("ResourceName", ""), {})]
    named = {"db": "DBInstanceIdentifier", "snapshot": "DBSnapshotIdentifier"}
    touched = {
        kind: place.arn("rds", f"{kind}:{parameters[key]}")
        for kind, key in named.items()
        if key in parameters
    }
    found: list[Demand] = [(action, resource, {}) for resource in touched.values()]
    if action == "rds:CreateDBSnapshot" and any(key.startswith("Tags.") for key in parameters):
        found.append(("rds:AddTagsToResource", touched.get("snapshot", "*"), {}))
    return found or [(action, place.arn("rds", "snapshot:*"), {})]
