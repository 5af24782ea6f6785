"""Private DNS zones and their links to virtual networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.azure_base import GROUP_PATH, AzureModel
from sandbox.providers.cloud import Cloud
from sandbox.providers.errors import AzureError
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem
from sandbox.store import Resource


class PrivateZone(AzureModel):
    """A private zone."""

    pulumi_type = "azure-native:privatedns:PrivateZone"
    sdk = ("pulumi_azure_native.privatedns", "PrivateZone")
    path = GROUP_PATH + "/providers/Microsoft.Network/privateDnsZones/{privateZoneName}"
    patterns = Frozen(
        {
            "privateZoneName": Pattern(
                r"([a-z0-9-]{1,63}\.)+[a-z0-9-]{1,63}", "a DNS name of two labels or more"
            )
        }
    )
    replace_on = ("location",)
    global_only = True

    def release(self, cloud: Cloud, resource: Resource) -> None:
        links = [
            each for each in self.children(cloud, resource) if each.type == VirtualNetworkLink.pulumi_type
        ]
        if links:
            raise AzureError(
                409,
                "CannotDeleteResource",
                "Cannot delete resource while nested resources exist. Some existing nested resource IDs "
                "include: "
                f"'{links[0].id}'. Please delete all nested resources before deleting this resource.",
            )


class VirtualNetworkLink(AzureModel):
    """The link that lets a virtual network resolve a zone."""

    pulumi_type = "azure-native:privatedns:VirtualNetworkLink"
    sdk = ("pulumi_azure_native.privatedns", "VirtualNetworkLink")
    path = PrivateZone.path + "/virtualNetworkLinks/{virtualNetworkLinkName}"
    child = True
    replace_on = ("location", "virtualNetwork")
    global_only = True

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if not at(inputs, "virtualNetwork.id"):
            yield Problem("virtualNetwork.id", "is needed")
        if inputs.get("registrationEnabled") is None:
            yield Problem("registrationEnabled", "is needed (false for a service's zone)")

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {"virtualNetworkLinkState": "Completed"}


def zone_links(cloud: Cloud, zone_id: str) -> list[str]:
    """Ids (lower case) of the virtual networks that a zone is linked to."""
    return [
        str(each.inputs["virtualNetwork"]["id"]).lower()
        for each in cloud.store.find(VirtualNetworkLink.pulumi_type)
        if each.id.lower().startswith(zone_id.lower() + "/")
    ]


MODELS = (PrivateZone(), VirtualNetworkLink())
