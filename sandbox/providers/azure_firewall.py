"""Web application firewall policies of application gateways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.azure_base import AzureModel
from sandbox.providers.azure_network import NETWORK_PATH
from sandbox.providers.errors import UNVERIFIED
from sandbox.providers.model import Frozen, Pattern, at
from sandbox.providers.shape import Problem


class WebApplicationFirewallPolicy(AzureModel):
    """A policy; it stays while a gateway uses it."""

    pulumi_type = "azure-native:network:WebApplicationFirewallPolicy"
    sdk = ("pulumi_azure_native.network", "WebApplicationFirewallPolicy")
    path = NETWORK_PATH + "ApplicationGatewayWebApplicationFirewallPolicies/{policyName}"
    patterns = Frozen(
        {"policyName": Pattern(r"[A-Za-z][A-Za-z0-9]{0,127}", "1 to 128 letters and digits, a letter first")}
    )
    replace_on = ("location",)
    in_use = (400, UNVERIFIED)

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if not at(inputs, "managedRules.managedRuleSets"):
            yield Problem("managedRules.managedRuleSets", "at least one rule set is needed")
        size = at(inputs, "policySettings.maxRequestBodySizeInKb")
        if isinstance(size, int | float) and not 8 <= size <= 2000:
            yield Problem("policySettings.maxRequestBodySizeInKb", f"must be 8 to 2000, not {size:g}")


MODELS = (WebApplicationFirewallPolicy(),)
