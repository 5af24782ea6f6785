"""Production's durable resources as a drill or takeover stack sees them: found by name, never owned."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.backup_vault import BACKUPS, CONTROL, SIGNALS
from components.azure.maintenance_site import ARTIFACTS
from components.azure.watch import Watch
from components.guests.documents import Storage
from components.names import Names


@dataclass(frozen=True, kw_only=True)
class Production:
    """Ids and endpoints, derived from the names alone, so that no state of the production stack is needed.

    Args:
        names: of the production stack.
        subscription_id: where it lives.
        provider: only for the two reads that names cannot answer (the page's host and the reserved address).
    """

    names: Names
    subscription_id: str
    provider: azure.Provider

    def id(self, kind: str, name: str) -> str:
        """Resource id of something in production; ``kind`` is like ``Microsoft.Network/virtualNetworks``."""
        return f"{self.group_id}/providers/{kind}/{name}"

    @property
    def group_id(self) -> str:
        """Id of production's resource group."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.names.resource_group}"

    def subnet_id(self, role: str) -> str:
        """Id of one of the four subnets."""
        return f"{self.id('Microsoft.Network/virtualNetworks', self.names.azure('vnet'))}/subnets/{role}"

    @property
    def private_zone_id(self) -> str:
        """Id of the database's private DNS zone."""
        return self.id("Microsoft.Network/privateDnsZones", self.names.private_zone)

    @property
    def vault_account_id(self) -> str:
        """Id of the account that holds the backups."""
        return self.id("Microsoft.Storage/storageAccounts", self.names.vault_account)

    @property
    def key_vault_id(self) -> str:
        """Id of the key vault."""
        return self.id("Microsoft.KeyVault/vaults", self.names.key_vault)

    @property
    def watch(self) -> Watch:
        """Production's workspace and action group."""
        workspace = self.id("Microsoft.OperationalInsights/workspaces", self.names.azure("log"))
        actions = self.id("Microsoft.Insights/actionGroups", self.names.alarms)
        return Watch(
            workspace_id=pulumi.Output.from_input(workspace),
            action_group_id=pulumi.Output.from_input(actions),
        )

    @property
    def storage(self) -> Storage:
        """Production's own containers."""
        endpoint = f"https://{self.names.vault_account}.blob.core.windows.net"
        return Storage(endpoint=endpoint, backups=BACKUPS, signals=SIGNALS, control=CONTROL)

    @property
    def artifacts_url(self) -> str:
        """URL of the container with agent and application."""
        return f"{self.site_blobs}/{ARTIFACTS}"

    @property
    def site_account_id(self) -> str:
        """Id of the account with the maintenance site, the orders and the artifacts."""
        return self.id("Microsoft.Storage/storageAccounts", self.names.site_account)

    @property
    def site_blobs(self) -> str:
        """Blob endpoint of that account."""
        return f"https://{self.names.site_account}.blob.core.windows.net"

    def site_endpoint(self) -> pulumi.Output[str]:
        """URL of the maintenance site; read, because Azure chose a part of its host name."""
        account = azure.storage.StorageAccount.get(
            "production-site",
            self.site_account_id,
            opts=pulumi.ResourceOptions(provider=self.provider),
        )
        return account.primary_endpoints.apply(lambda urls: urls.web.rstrip("/"))

    def gateway_address(self) -> azure.network.PublicIPAddress:
        """The reserved public address that DNS knows; read."""
        return azure.network.PublicIPAddress.get(
            "production-gateway-address",
            self.id("Microsoft.Network/publicIPAddresses", self.names.azure("pip", "gateway")),
            opts=pulumi.ResourceOptions(provider=self.provider),
        )
