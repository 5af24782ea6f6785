"""Resource groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.providers.azure_base import GROUP_PATH, AzureModel
from sandbox.providers.cloud import Cloud
from sandbox.providers.errors import CloudError
from sandbox.providers.model import Frozen, Pattern
from sandbox.providers.shape import Problem
from sandbox.store import Resource


class ResourceGroup(AzureModel):
    """A resource group; deleting it deletes everything inside."""

    pulumi_type = "azure-native:resources:ResourceGroup"
    sdk = ("pulumi_azure_native.resources", "ResourceGroup")
    path = GROUP_PATH
    patterns = Frozen(
        {"resourceGroupName": Pattern(r"[\w().-]{0,89}[\w()-]", "1 to 90 letters, digits and _-.() (ARM)")}
    )
    replace_on = ("location",)

    @classmethod
    def arm_type(cls) -> str:
        return "Microsoft.Resources/resourceGroups"

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        found = super().problems(inputs)
        if not inputs.get("location"):
            found.append(Problem("location", "is required: set it here or as azure-native:location"))
        return found

    def existing_error(self, id: str) -> Exception | None:
        return CloudError(f"cannot create already existing subresource '{id}'")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        return

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "properties": {"provisioningState": "Succeeded"}
        }


MODELS = (ResourceGroup(),)
