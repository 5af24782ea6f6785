"""Virtual networks, subnets and network security groups."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sandbox.providers import wire
from sandbox.providers.azure_base import GROUP_PATH, AzureModel, unknown_free
from sandbox.providers.cloud import Cloud
from sandbox.providers.errors import AzureError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource

NETWORK_PATH = GROUP_PATH + "/providers/Microsoft.Network/"
NAME = Pattern(
    r"[a-zA-Z0-9][\w.-]{0,78}[\w]|[a-zA-Z0-9]",
    "1 to 80 letters, digits, _.-, ending with a letter, digit or _",
)


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class VirtualNetwork(AzureModel):
    """A virtual network; its subnets may be written inside it or stand on their own."""

    pulumi_type = "azure-native:network:VirtualNetwork"
    sdk = ("pulumi_azure_native.network", "VirtualNetwork")
    path = NETWORK_PATH + "virtualNetworks/{virtualNetworkName}"
    patterns = Frozen({"virtualNetworkName": NAME})
    replace_on = ("location",)
    in_use = (400, "InUseVirtualNetworkCannotBeDeleted")

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        prefixes = at(inputs, "addressSpace.addressPrefixes")
        if prefixes is None:
            yield Problem("addressSpace.addressPrefixes", "is required")
        for prefix in unknown_free(prefixes):
            yield from _cidr_problems("addressSpace.addressPrefixes", prefix)

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        prefixes = [prefix for _, prefix in subnet_prefixes(cloud, id, inputs)]
        for prefix in prefixes:
            _must_fit(prefix, at(inputs, "addressSpace.addressPrefixes"), id)
        _must_not_overlap(prefixes)

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        made = super().compute(cloud, id, inputs, old_outputs)
        if inputs.get("subnets"):
            made["subnets"] = [{**each, "id": f"{id}/subnets/{each['name']}"} for each in inputs["subnets"]]
        return made


class Subnet(AzureModel):
    """A subnet that stands on its own."""

    pulumi_type = "azure-native:network:Subnet"
    sdk = ("pulumi_azure_native.network", "Subnet")
    path = VirtualNetwork.path + "/subnets/{subnetName}"
    child = True
    patterns = Frozen({"subnetName": NAME})
    in_use = (400, "InUseSubnetCannotBeDeleted")

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        prefix, prefixes = inputs.get("addressPrefix"), inputs.get("addressPrefixes")
        if bool(prefix) == bool(prefixes):
            yield Problem("addressPrefix", "exactly one of addressPrefix and addressPrefixes is needed")
        for each in unknown_free(prefixes or [prefix]):
            if isinstance(each, str):
                yield from _cidr_problems("addressPrefix", each)

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        network = cloud.by_id(id.rsplit("/subnets/", 1)[0])
        own = prefixes_of(inputs)
        for prefix in own:
            _must_fit(prefix, at(network.inputs if network else {}, "addressSpace.addressPrefixes"), id)
        if network:
            others = [
                p for name, p in subnet_prefixes(cloud, network.id, network.inputs) if name != id.lower()
            ]
            _must_not_overlap([*others, *own])
        users = [each for each in cloud.users_of(id) if each.type != self.pulumi_type]
        if old and prefixes_of(old.inputs) != own and users:
            raise AzureError(
                400,
                "InUsePrefixCannotBeDeleted",
                f"IpPrefix {prefixes_of(old.inputs)} on Subnet {id} is in use.",
            )
        if old and old.inputs.get("delegations") != inputs.get("delegations") and users:
            raise AzureError(
                400,
                "SubnetMissingRequiredDelegation",
                f"Subnet {id} requires its delegations for {users[0].id}; they cannot change while it is in "
                "use.",
            )


class NetworkSecurityGroup(AzureModel):
    """A network security group with its rules."""

    pulumi_type = "azure-native:network:NetworkSecurityGroup"
    sdk = ("pulumi_azure_native.network", "NetworkSecurityGroup")
    path = NETWORK_PATH + "networkSecurityGroups/{networkSecurityGroupName}"
    patterns = Frozen({"networkSecurityGroupName": NAME})
    replace_on = ("location",)
    in_use = (400, "InUseNetworkSecurityGroupCannotBeDeleted")
    strict_enums = frozenset({"securityRules.access", "securityRules.direction", "securityRules.protocol"})

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        seen: set[tuple[Any, Any]] = set()
        for rule in unknown_free(inputs.get("securityRules")):
            where, name = "securityRules", rule.get("name")
            if not name:
                yield Problem(where, "every rule needs a name")
            priority = rule.get("priority")
            if isinstance(priority, int) and not 100 <= priority <= 4096:
                yield Problem(where, f"rule {name}: priority must be 100 to 4096, not {priority}")
            if (rule.get("direction"), priority) in seen:
                yield Problem(
                    where, f"rule {name}: SecurityRuleConflict, priority {priority} is taken in its direction"
                )
            seen.add((rule.get("direction"), priority))
            for end in ("source", "destination"):
                if not any(
                    rule.get(f"{end}{key}")
                    for key in ("AddressPrefix", "AddressPrefixes", "ApplicationSecurityGroups")
                ):
                    yield Problem(where, f"rule {name}: {end}AddressPrefix or {end}AddressPrefixes is needed")
                if not any(rule.get(f"{end}PortRange{plural}") for plural in ("", "s")):
                    yield Problem(where, f"rule {name}: {end}PortRange or {end}PortRanges is needed")


def subnet_prefixes(cloud: Cloud, network_id: str, network: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(subnet id in lower case, prefix) of all subnets of a virtual network, written inside it or not."""
    found = {
        f"{network_id}/subnets/{each['name']}".lower(): prefixes_of(each)
        for each in network.get("subnets") or ()
    }
    for each in cloud.store.find(Subnet.pulumi_type):
        if each.id.lower().startswith(network_id.lower() + "/"):
            found[each.id.lower()] = prefixes_of(each.inputs)
    return [(id, prefix) for id, prefixes in found.items() for prefix in prefixes]


def find_subnet(cloud: Cloud, id: str) -> Mapping[str, Any]:
    """The inputs of a subnet, wherever it was written; empty when it does not exist."""
    found = cloud.by_id(id)
    if found:
        return found.inputs
    network = cloud.by_id(id.rsplit("/subnets/", 1)[0])
    name = id.rsplit("/", 1)[-1].lower()
    inside = (network.inputs.get("subnets") or []) if network else []
    return next((each for each in inside if str(each.get("name", "")).lower() == name), {})


def prefixes_of(subnet: Mapping[str, Any]) -> list[str]:
    """The address ranges of a subnet."""
    return list(subnet.get("addressPrefixes") or [subnet["addressPrefix"]])


def _cidr_problems(path: str, prefix: str) -> Iterator[Problem]:
    if prefix == wire.UNKNOWN:
        return
    try:
        ipaddress.ip_network(prefix)
    except ValueError as error:
        yield Problem(path, f"{error}; Azure answers InvalidCIDRNotation")


def _must_fit(prefix: str, spaces: Iterable[str] | None, id: str) -> None:
    network = ipaddress.ip_network(prefix)
    if not any(_inside(network, ipaddress.ip_network(space)) for space in spaces or ()):
        name, owner = id.rsplit("/", 1)[-1], id.split("/")[8]
        raise AzureError(
            400,
            "NetcfgInvalidSubnet",
            f"Subnet '{name}' ({prefix}) is not valid in virtual network '{owner}'.",
        )


def _inside(network: Network, space: Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network) and isinstance(space, ipaddress.IPv4Network):
        return network.subnet_of(space)
    return (
        isinstance(network, ipaddress.IPv6Network)
        and isinstance(space, ipaddress.IPv6Network)
        and network.subnet_of(space)
    )


def _must_not_overlap(prefixes: list[str]) -> None:
    networks = [ipaddress.ip_network(prefix) for prefix in prefixes]
    for number, one in enumerate(networks):
        for other in networks[number + 1 :]:
            if one.overlaps(other):
                raise AzureError(
                    400, "NetcfgSubnetRangesOverlap", f"Subnet {one} overlaps with subnet {other}."
                )


MODELS = (VirtualNetwork(), Subnet(), NetworkSecurityGroup())
