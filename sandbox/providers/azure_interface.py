"""Public addresses and network interfaces."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.azure_base import PUBLIC_BLOCK, AzureModel, unknown_free
from sandbox.providers.azure_network import NAME, NETWORK_PATH, find_subnet, prefixes_of
from sandbox.providers.cloud import Cloud, hex_id, public_address
from sandbox.providers.errors import UNVERIFIED, AzureError
from sandbox.providers.model import Frozen, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource


class PublicIPAddress(AzureModel):
    """A public address; a static one is fixed for life."""

    pulumi_type = "azure-native:network:PublicIPAddress"
    sdk = ("pulumi_azure_native.network", "PublicIPAddress")
    path = NETWORK_PATH + "publicIPAddresses/{publicIpAddressName}"
    patterns = Frozen({"publicIpAddressName": NAME})
    replace_on = ("location", "publicIPAddressVersion", "publicIPPrefix", "sku")
    in_use = (400, "PublicIPAddressCannotBeDeleted")

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if at(inputs, "sku.name") == "Standard" and inputs.get("publicIPAllocationMethod") != "Static":
            yield Problem("publicIPAllocationMethod", "must be Static with the Standard sku")

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        made = super().compute(cloud, id, inputs, old_outputs)
        if inputs.get("publicIPAllocationMethod") == "Static":
            made["ipAddress"] = old_outputs.get("ipAddress") or public_address(
                cloud, self.pulumi_type, "ipAddress", PUBLIC_BLOCK
            )
        return made


class NetworkInterface(AzureModel):
    """A network interface and its private addresses."""

    pulumi_type = "azure-native:network:NetworkInterface"
    sdk = ("pulumi_azure_native.network", "NetworkInterface")
    path = NETWORK_PATH + "networkInterfaces/{networkInterfaceName}"
    patterns = Frozen({"networkInterfaceName": NAME})
    replace_on = ("location",)
    in_use = (400, "NicInUse")

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for each in unknown_free(inputs.get("ipConfigurations")):
            static = each.get("privateIPAllocationMethod") == "Static"
            if static != bool(each.get("privateIPAddress")):
                yield Problem(
                    "ipConfigurations",
                    f"{each.get('name')}: privateIPAddress is needed with Static, and only with it",
                )
            if not at(each, "subnet.id"):
                yield Problem("ipConfigurations", f"{each.get('name')}: subnet.id is needed")
        if not inputs.get("ipConfigurations"):
            yield Problem("ipConfigurations", "at least one is needed")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        super().admit(cloud, id, inputs, old)
        for each in inputs["ipConfigurations"]:
            subnet = find_subnet(cloud, each["subnet"]["id"])
            if subnet.get("delegations"):
                service = at(subnet["delegations"][0], "serviceName")
                raise AzureError(
                    400,
                    UNVERIFIED,
                    f"Subnet {each['subnet']['id']} is delegated to {service}.",
                )
            if each.get("privateIPAddress"):
                _must_be_free(cloud, id, subnet, each)

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        before = {each["name"]: each for each in old_outputs.get("ipConfigurations") or ()}
        configurations: list[dict[str, Any]] = []
        for number, each in enumerate(inputs["ipConfigurations"]):
            address = each.get("privateIPAddress") or before.get(each["name"], {}).get("privateIPAddress")
            configurations.append(
                {
                    **each,
                    "id": f"{id}/ipConfigurations/{each['name']}",
                    "privateIPAddress": address or _next_address(cloud, each["subnet"]["id"]),
                    "primary": number == 0,
                }
            )
        return super().compute(cloud, id, inputs, old_outputs) | {
            "ipConfigurations": configurations,
            "macAddress": old_outputs.get("macAddress")
            or "00-0D-3A-" + "-".join(hex_id(2).upper() for _ in range(3)),
        }


def _taken(cloud: Cloud, but: str) -> set[str]:
    return {
        each["privateIPAddress"]
        for nic in cloud.store.find(NetworkInterface.pulumi_type)
        if nic.id != but
        for each in nic.outputs["ipConfigurations"]
    }


def _hosts(subnet: Mapping[str, Any]) -> list[str]:
    """The addresses that Azure hands out: all but the first four and the last."""
    network = ipaddress.ip_network(prefixes_of(subnet)[0])
    return [str(address) for address in list(network)[4:-1]]


def _must_be_free(cloud: Cloud, id: str, subnet: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
    address = configuration["privateIPAddress"]
    network = ipaddress.ip_network(prefixes_of(subnet)[0])
    if ipaddress.ip_address(address) not in network:
        raise AzureError(
            400,
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {address} does not belong to the range of subnet prefix {network}.",
        )
    if address not in _hosts(subnet):
        raise AzureError(
            400,
            "PrivateIPAddressInReservedRange",
            f"Private static IP address {address} falls within reserved IP range of subnet prefix {network}.",
        )
    if address in _taken(cloud, id):
        raise AzureError(
            400,
            "PrivateIPAddressIsAllocated",
            f"IP configuration {configuration.get('name')} is using the private IP address {address} which "
            "is already "
            "allocated to another resource.",
        )


def _next_address(cloud: Cloud, subnet_id: str) -> str:
    taken = _taken(cloud, "")
    return next(address for address in _hosts(find_subnet(cloud, subnet_id)) if address not in taken)


MODELS = (PublicIPAddress(), NetworkInterface())
