"""Log Analytics workspaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.azure_base import GROUP_PATH, AzureModel
from sandbox.providers.cloud import Cloud, guid
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem


class Workspace(AzureModel):
    """A workspace. A deleted one can be had back for 14 days by creating it again under its name, so that
    unlike a vault's it does not block the name:
    https://learn.microsoft.com/azure/azure-monitor/logs/delete-workspace"""

    pulumi_type = "azure-native:operationalinsights:Workspace"
    sdk = ("pulumi_azure_native.operationalinsights", "Workspace")
    path = GROUP_PATH + "/providers/Microsoft.OperationalInsights/workspaces/{workspaceName}"
    patterns = Frozen(
        {
            "workspaceName": Pattern(
                r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]", "4 to 63 letters, digits and hyphens"
            )
        }
    )
    replace_on = ("location",)

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        days = inputs.get("retentionInDays")
        if at(inputs, "sku.name") == "PerGB2018" and isinstance(days, int | float) and not 30 <= days <= 730:
            yield Problem("retentionInDays", f"must be 30 to 730 with PerGB2018, not {days:g}")

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "customerId": old_outputs.get("customerId") or guid()
        }


MODELS = (Workspace(),)
