"""Application Gateway v2: what ARM checks before it starts one. The gateway itself runs in sandbox/clouds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers import wire
from sandbox.providers.azure_base import GROUP_PATH, AzureModel, unknown_free
from sandbox.providers.azure_network import find_subnet
from sandbox.providers.cloud import Cloud, strings
from sandbox.providers.errors import UNVERIFIED, AzureError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_NEEDED = (
    "sku",
    "gatewayIPConfigurations",
    "frontendIPConfigurations",
    "frontendPorts",
    "backendAddressPools",
    "backendHttpSettingsCollection",
    "httpListeners",
    "requestRoutingRules",
)
_COLLECTIONS = (
    *_NEEDED[1:],
    "probes",
    "redirectConfigurations",
    "rewriteRuleSets",
    "sslCertificates",
    "sslProfiles",
    "trustedRootCertificates",
    "urlPathMaps",
)


class ApplicationGateway(AzureModel):
    """A gateway; its parts refer to each other by id, with ``$self/<collection>/<name>`` for short."""

    pulumi_type = "azure-native:network:ApplicationGateway"
    sdk = ("pulumi_azure_native.network", "ApplicationGateway")
    path = GROUP_PATH + "/providers/Microsoft.Network/applicationGateways/{applicationGatewayName}"
    patterns = Frozen(
        {"applicationGatewayName": Pattern(r"[a-zA-Z0-9][\w.-]{0,78}[\w]", "2 to 80 letters, digits and _.-")}
    )
    replace_on = ("location",)

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for key in _NEEDED:
            if not inputs.get(key):
                yield Problem(key, "is needed")
        yield from _size_problems(inputs)
        yield from _firewall_problems(inputs)
        yield from _rule_problems(inputs)
        yield from _backend_problems(inputs)
        for number, certificate in enumerate(unknown_free(inputs.get("sslCertificates"))):
            if certificate.get("keyVaultSecretId") and not inputs.get("identity"):
                yield Problem(f"sslCertificates[{number}]", "keyVaultSecretId needs a user-assigned identity")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        _must_refer_inside(id, inputs)
        for each in inputs["frontendIPConfigurations"]:
            address = cloud.by_id(at(each, "publicIPAddress.id") or "")
            if address and at(address.inputs, "sku.name") != "Standard":
                raise AzureError(
                    400,
                    UNVERIFIED,
                    f"Application Gateway {id} of a V2 sku needs a Standard, Static public IP address: "
                    f"{address.id}.",
                )
        for each in inputs["gatewayIPConfigurations"]:
            _must_be_its_own(cloud, id, at(each, "subnet.id"))

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        made = super().compute(cloud, id, inputs, old_outputs) | {"operationalState": "Running"}
        for collection in _COLLECTIONS:
            if inputs.get(collection):
                made[collection] = [
                    {**_expanded(each, id), "id": f"{id}/{collection}/{each['name']}"}
                    for each in inputs[collection]
                ]
        return made


def _expanded(value: Any, id: str) -> Any:
    """``$self/...`` as the absolute id that Azure knows."""
    if isinstance(value, Mapping):
        return {key: _expanded(member, id) for key, member in value.items()}
    if isinstance(value, list):
        return [_expanded(member, id) for member in value]  # pyright: ignore[reportUnknownVariableType]
    return (
        value.replace("$self/", f"{id}/", 1)
        if isinstance(value, str) and value.startswith("$self/")
        else value
    )


def _size_problems(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    tier = at(inputs, "sku.tier")
    if tier not in {"Standard_v2", "WAF_v2", "Basic", None, wire.UNKNOWN}:
        yield Problem(
            "sku.tier", f"must be Standard_v2, WAF_v2 or Basic (version 1 is retired), not {tier!r}"
        )
    scale, capacity = inputs.get("autoscaleConfiguration"), at(inputs, "sku.capacity")
    if bool(scale) == (capacity is not None):
        yield Problem(
            "autoscaleConfiguration", "exactly one of autoscaleConfiguration and sku.capacity is needed"
        )
    most = at(inputs, "autoscaleConfiguration.maxCapacity")
    if isinstance(most, int) and most < 2:
        yield Problem("autoscaleConfiguration.maxCapacity", f"must be at least 2, not {most}")


def _firewall_problems(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    guarded, tier = inputs.get("firewallPolicy"), at(inputs, "sku.tier")
    if guarded and tier != "WAF_v2":
        yield Problem("firewallPolicy", f"needs sku.tier WAF_v2, not {tier!r}")
    if tier == "WAF_v2" and not guarded:
        yield Problem("firewallPolicy", "is needed with WAF_v2: the tier alone filters nothing")


def _rule_problems(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    seen: set[int] = set()
    for rule in unknown_free(inputs.get("requestRoutingRules")):
        name, priority = rule.get("name"), rule.get("priority")
        where = "requestRoutingRules"
        if priority is None:
            yield Problem(
                where,
                f"rule {name} has no priority: ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty",
            )
        elif not 1 <= priority <= 20000:
            yield Problem(where, f"rule {name}: priority must be 1 to 20000, not {priority}")
        elif priority in seen:
            yield Problem(where, f"rule {name}: priority {priority} is taken by another rule")
        seen.add(priority or 0)
        redirect, pool = at(rule, "redirectConfiguration.id"), at(rule, "backendAddressPool.id")
        paths = at(rule, "urlPathMap.id")
        if sum(map(bool, (redirect, pool, paths))) != 1:
            yield Problem(
                where, f"rule {name}: one of backendAddressPool, redirectConfiguration and urlPathMap"
            )
        if pool and not at(rule, "backendHttpSettings.id"):
            yield Problem(where, f"rule {name}: backendHttpSettings is needed with a pool")


def _backend_problems(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    for each in unknown_free(inputs.get("backendHttpSettingsCollection")):
        if each.get("pickHostNameFromBackendAddress") and each.get("hostName"):
            yield Problem(
                "backendHttpSettingsCollection",
                f"{each['name']}: hostName and pickHostName exclude each other",
            )
    for each in unknown_free(inputs.get("probes")):
        picks, host = each.get("pickHostNameFromBackendHttpSettings"), each.get("host")
        if bool(picks) == bool(host):
            yield Problem(
                "probes", f"{each['name']}: exactly one of host and pickHostNameFromBackendHttpSettings"
            )
        if not str(each.get("path", "")).startswith("/"):
            yield Problem("probes", f"{each['name']}: path must start with /, not {each.get('path')!r}")


def _must_refer_inside(id: str, inputs: Mapping[str, Any]) -> None:
    """Refuse a reference to a part of this gateway that does not exist."""
    parts = {
        f"{collection}/{each['name']}".lower()
        for collection in _COLLECTIONS
        for each in inputs.get(collection) or ()
    }
    for path, text in strings(inputs):
        for start in (id.lower() + "/", "$self/"):
            part = text[len(start) :].lower()
            if text.lower().startswith(start) and part not in parts:
                raise AzureError(
                    400,
                    "InvalidResourceReference",
                    f"Resource {text} referenced by resource {id} ({path}) was not found.",
                )


def _must_be_its_own(cloud: Cloud, id: str, subnet_id: str) -> None:
    """A gateway's subnet holds nothing else, and its security group lets Azure manage the gateway."""
    subnet = find_subnet(cloud, subnet_id)
    for user in cloud.users_of(subnet_id):
        if user.type in {"azure-native:network:NetworkInterface", "azure-native:dbformysql:Server"}:
            raise AzureError(
                400,
                "ApplicationGatewaySubnetCannotBeUsedByOtherResources",
                f"Subnet {subnet_id} cannot be used for application gateway {id}: {user.id} is in it.",
            )
    group = cloud.by_id(at(subnet, "networkSecurityGroup.id") or "")
    if group and not any(_lets_azure_in(rule) for rule in group.inputs.get("securityRules") or ()):
        raise AzureError(
            400,
            "ApplicationGatewaySubnetInboundTrafficBlockedByNetworkSecurityGroup",
            f"Network security group {group.id} blocks incoming internet traffic on ports 65200 - 65535 to "
            "subnet "
            f"{subnet_id}, associated with Application Gateway {id}. This is not permitted for Application "
            "Gateways that "
            "have V2 Sku.",
        )


def _lets_azure_in(rule: Mapping[str, Any]) -> bool:
    sources = {rule.get("sourceAddressPrefix"), *(rule.get("sourceAddressPrefixes") or ())}
    ports = {rule.get("destinationPortRange"), *(rule.get("destinationPortRanges") or ())}
    return (
        rule.get("direction") == "Inbound"
        and rule.get("access") == "Allow"
        and bool(sources & {"GatewayManager", "Internet", "*"})
        and bool(ports & {"65200-65535", "*"})
    )


MODELS = (ApplicationGateway(),)
