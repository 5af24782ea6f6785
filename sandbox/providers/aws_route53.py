"""Route 53: health checks and records. How they answer queries is in sandbox/clouds.

What cannot change on a health check, and what records may share a name, is from the Route 53 developer guide
("Values that you specify when you create or update health checks", "Choosing a routing policy") and API
reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers import wire
from sandbox.providers.aws_base import AwsModel
from sandbox.providers.cloud import Cloud, guid
from sandbox.providers.errors import AwsError
from sandbox.providers.model import Frozen, Pattern
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_ENDPOINT_CHECKS = frozenset({"HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP"})
_CHECK_TYPES = (*sorted(_ENDPOINT_CHECKS), "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL")
_POLICIES = (
    "failoverRoutingPolicies",
    "weightedRoutingPolicies",
    "latencyRoutingPolicies",
    "geolocationRoutingPolicies",
    "geoproximityRoutingPolicy",
    "cidrRoutingPolicy",
    "multivalueAnswerRoutingPolicy",
)


class HealthCheck(AwsModel):
    """A health check."""

    pulumi_type = "aws:route53/healthCheck:HealthCheck"
    sdk = ("pulumi_aws.route53", "HealthCheck")
    patterns = Frozen({"type": Pattern("|".join(_CHECK_TYPES), f"one of {', '.join(_CHECK_TYPES)}")})
    replace_on = ("type", "requestInterval", "measureLatency", "referenceName", "routingControlArn")
    create_operation = "Route 53: CreateHealthCheck"

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        kind = inputs.get("type")
        if kind in _ENDPOINT_CHECKS:
            yield from _endpoint_problems(inputs, str(kind))
        elif kind == "CALCULATED":
            children = inputs.get("childHealthchecks")
            if not children:
                yield Problem("childHealthchecks", "a CALCULATED check needs children")
            if inputs.get("childHealthThreshold") is None:
                yield Problem(
                    "childHealthThreshold", "a CALCULATED check needs a threshold (0 is always healthy)"
                )

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return guid()

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        for child in inputs.get("childHealthchecks") or ():
            found = cloud.store.get(self.pulumi_type, child)
            if not found:
                raise AwsError(
                    self.create_operation, "InvalidInput", f"Child health check {child} does not exist."
                )
            if found.inputs["type"] == "CALCULATED":
                raise AwsError(
                    self.create_operation,
                    "InvalidInput",
                    f"A calculated health check cannot be a child of another one: {child}.",
                )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": f"arn:aws:route53:::healthcheck/{id}"
        }


class Record(AwsModel):
    """A record set.

    The real provider changes ``type`` and ``setIdentifier`` by a delete and an upsert under a new id; here
    that is a replacement, which the engine shows in the same way.
    """

    pulumi_type = "aws:route53/record:Record"
    sdk = ("pulumi_aws.route53", "Record")
    strict_enums = frozenset({"type"})
    patterns = Frozen({"zoneId": Pattern(r"Z[A-Z0-9]{1,31}", "a hosted zone id like Z0123456789ABCDEFGHIJ")})
    replace_on = ("zoneId", "name", "type", "setIdentifier")
    create_operation = "Route 53: ChangeResourceRecordSets"
    exists_code = "InvalidChangeBatch"
    exists_text = "[Tried to create resource record set [{id}] but it already exists]"

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        alias, records = inputs.get("aliases"), inputs.get("records")
        if bool(alias) == bool(records):
            yield Problem("records", "exactly one of records and aliases is needed")
        if records and inputs.get("ttl") is None:
            yield Problem("ttl", "records need a ttl (seconds)")
        if alias and inputs.get("ttl") is not None:
            yield Problem("ttl", "an alias takes the ttl of its target")
        policies = [key for key in _POLICIES if inputs.get(key)]
        if len(policies) > 1:
            yield Problem(policies[1], f"one routing policy only, not {policies}")
        if bool(policies) != bool(inputs.get("setIdentifier")):
            yield Problem("setIdentifier", "is needed with a routing policy, and only with one")
        for each in inputs.get("weightedRoutingPolicies") or ():
            weight = each.get("weight")
            if isinstance(weight, int) and not 0 <= weight <= 255:
                yield Problem("weightedRoutingPolicies.weight", f"must be 0 to 255, not {weight}")
        for each in inputs.get("failoverRoutingPolicies") or ():
            yield from _failover_problems(inputs, each.get("type"))

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        name, identifier = _fqdn(inputs), inputs.get("setIdentifier")
        return "_".join([inputs["zoneId"], name, inputs["type"], *([identifier] if identifier else [])])

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        check = inputs.get("healthCheckId")
        if check and not cloud.store.get(HealthCheck.pulumi_type, check):
            raise AwsError(self.create_operation, "InvalidChangeBatch", f"[Invalid health check id: {check}]")
        policy = _policy(inputs)
        for other in cloud.store.find(self.pulumi_type, zoneId=inputs["zoneId"]):
            if other.id == id or _fqdn(other.inputs) != _fqdn(inputs):
                continue
            if "CNAME" in {other.inputs["type"], inputs["type"]}:
                raise AwsError(
                    self.create_operation,
                    "InvalidChangeBatch",
                    f"[RRSet of type {inputs['type']} with DNS name {_fqdn(inputs)}. is not permitted as it "
                    "conflicts "
                    "with other records with the same DNS name]",
                )
            if other.inputs["type"] == inputs["type"]:
                _refuse_mixture(self.create_operation, inputs, other, policy)

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {"fqdn": _fqdn(inputs)}


def _endpoint_problems(inputs: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    if not (inputs.get("fqdn") or inputs.get("ipAddress")):
        yield Problem("fqdn", f"a {kind} check needs fqdn or ipAddress")
    if inputs.get("requestInterval", 30) not in {10, 30, wire.UNKNOWN}:
        yield Problem("requestInterval", f"must be 10 or 30 seconds, not {inputs['requestInterval']}")
    threshold = inputs.get("failureThreshold", 3)
    if isinstance(threshold, int) and not 1 <= threshold <= 10:
        yield Problem("failureThreshold", f"must be 1 to 10, not {threshold}")
    if kind == "TCP" and inputs.get("port") is None:
        yield Problem("port", "a TCP check needs a port")
    if kind.endswith("_STR_MATCH") != bool(inputs.get("searchString")):
        yield Problem("searchString", "is needed with _STR_MATCH checks, and only with them")
    if inputs.get("regions") is not None and len(inputs["regions"]) < 3:
        yield Problem("regions", "at least three regions")


def _failover_problems(inputs: Mapping[str, Any], role: Any) -> Iterator[Problem]:
    if role not in {"PRIMARY", "SECONDARY", wire.UNKNOWN}:
        yield Problem("failoverRoutingPolicies.type", f"must be PRIMARY or SECONDARY, not {role!r}")
    watched = inputs.get("healthCheckId") or any(
        each.get("evaluateTargetHealth") for each in inputs.get("aliases") or ()
    )
    if role == "PRIMARY" and not watched:
        yield Problem("healthCheckId", "a PRIMARY record without a health check never fails over")


def _refuse_mixture(operation: str, inputs: Mapping[str, Any], other: Resource, policy: str) -> None:
    if _policy(other.inputs) != policy:
        raise AwsError(
            operation,
            "InvalidChangeBatch",
            f"[RRSet with DNS name {_fqdn(inputs)}., type {inputs['type']}, SetIdentifier "
            f"{inputs.get('setIdentifier')} cannot be created as other RRSets exist with the same name and "
            "type "
            "but another routing policy.]",
        )
    role = _failover_role(inputs)
    if role and role == _failover_role(other.inputs):
        raise AwsError(operation, "InvalidChangeBatch", f"[Two {role} failover records for {_fqdn(inputs)}.]")


def _policy(inputs: Mapping[str, Any]) -> str:
    return next((key for key in _POLICIES if inputs.get(key)), "simple")


def _failover_role(inputs: Mapping[str, Any]) -> str | None:
    return next((each.get("type") for each in inputs.get("failoverRoutingPolicies") or ()), None)


def _fqdn(inputs: Mapping[str, Any]) -> str:
    return str(inputs["name"]).rstrip(".").lower()


MODELS = (HealthCheck(), Record())
