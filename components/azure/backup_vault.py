"""Where the backups lie, out of everybody's reach, with the small blobs that the agents talk through."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.landing_zone import Ground
from components.guests.documents import Storage
from components.names import Names
from components.options import child, durable_child
from components.settings import AzureSettings

BACKUPS, SIGNALS, CONTROL = "mysql-backups", "signals", "control"
_DELETE_AFTER_DAYS = 35
"""At least; far beyond the retention window, so that no age rule ever meets the newest chain."""
AGED = ("backup_", "binlog/", "packs/")
"""Dumps with their manifests, segments of the log, packs of segments. Never ``weekly/``, the chain that is
kept for good, and never ``quarantine_``, which holds what a failback could not merge."""


@dataclass(frozen=True, kw_only=True)
class BackupVaultArgs:
    """Inputs of :class:`BackupVault`."""

    names: Names
    settings: AzureSettings
    ground: Ground
    backup_address: pulumi.Input[str]
    """Public address of the backup instance; with the operators' the only ones that pass the firewall."""


class BackupVault(pulumi.ComponentResource):
    """A storage account with three containers, and no key that opens it: tokens only.

    ``mysql-backups`` cannot be overwritten or deleted for ``retention_days`` while its policy stands;
    ``signals`` is what agents report; ``control`` says which site writes. The program itself writes no blob
    here.

    Cost: by the GB and the write; Microsoft's sample price is 0.0208 USD a GB-month hot, the Korean ZRS price
    is not verified.
    """

    account_name: pulumi.Output[str]
    account_id: pulumi.Output[str]
    container_ids: dict[str, pulumi.Output[str]]
    """Scopes for role assignments: whoever uses one waits for the container."""
    storage: Storage

    def __init__(self, name: str, args: BackupVaultArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:azure:BackupVault", name, None, opts)
        account = azure.storage.StorageAccount(
            f"{name}-account",  # in state: another name is another account, and this one's backups are gone
            account_name=args.names.vault_account,
            resource_group_name=args.ground.resource_group,
            location=args.settings.location,
            kind="StorageV2",
            sku={"name": "Standard_ZRS"},  # survives a zone; the copy itself is the second region
            access_tier=azure.storage.AccessTier.HOT,
            minimum_tls_version="TLS1_2",
            enable_https_traffic_only=True,
            allow_blob_public_access=False,
            allow_shared_key_access=False,
            allow_cross_tenant_replication=False,
            default_to_o_auth_authentication=True,
            public_network_access="Enabled",
            network_rule_set=azure.storage.NetworkRuleSetArgs(
                default_action=azure.storage.DefaultAction.DENY,
                # The ageing below comes from such a service and is blocked without it:
                # https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-policy-configure
                bypass=azure.storage.Bypass.AZURE_SERVICES,
                ip_rules=[
                    azure.storage.IPRuleArgs(i_p_address_or_range=address, action=azure.storage.Action.ALLOW)
                    for address in (args.backup_address, *args.settings.operator_addresses)
                ],
                virtual_network_rules=[
                    azure.storage.VirtualNetworkRuleArgs(
                        virtual_network_resource_id=args.ground.app_subnet_id,
                        action=azure.storage.Action.ALLOW,
                    )
                ],
            ),
            tags=args.names.tags,
            opts=durable_child(self),
        )
        azure.storage.BlobServiceProperties(
            f"{name}-recovery",
            blob_services_name="default",
            account_name=account.name,
            resource_group_name=args.ground.resource_group,
            delete_retention_policy={"enabled": True, "days": 14},
            container_delete_retention_policy={"enabled": True, "days": 14},
            opts=durable_child(self),
        )
        containers = {
            purpose: azure.storage.BlobContainer(
                f"{name}-{purpose}",
                container_name=purpose,
                account_name=account.name,
                resource_group_name=args.ground.resource_group,
                public_access=azure.storage.PublicAccess.NONE,
                opts=durable_child(self),
            )
            for purpose in (BACKUPS, SIGNALS, CONTROL)
        }
        azure.storage.BlobContainerImmutabilityPolicy(
            f"{name}-retention",
            immutability_policy_name="default",
            account_name=account.name,
            container_name=containers[BACKUPS].name,
            resource_group_name=args.ground.resource_group,
            immutability_period_since_creation_in_days=args.settings.retention_days,
            allow_protected_append_writes=False,
            # The provider cannot delete it: https://github.com/pulumi/pulumi-azure-native/issues/2156
            opts=durable_child(self),
        )
        azure.storage.ManagementPolicy(
            f"{name}-ageing",
            management_policy_name="default",  # the service knows no other name
            account_name=account.name,
            resource_group_name=args.ground.resource_group,
            policy=_ageing(max(_DELETE_AFTER_DAYS, 3 * args.settings.retention_days)),
            opts=child(self, depends_on=[containers[BACKUPS]]),
        )
        endpoint = f"https://{args.names.vault_account}.blob.core.windows.net"
        self.account_name, self.account_id = account.name, account.id
        self.container_ids = {purpose: container.id for purpose, container in containers.items()}
        self.storage = Storage(endpoint=endpoint, backups=BACKUPS, signals=SIGNALS, control=CONTROL)
        self.register_outputs({"account_name": self.account_name})


def _ageing(days: int) -> azure.storage.ManagementPolicySchemaArgsDict:
    return {
        "rules": [
            {
                "name": "delete-old-backups",
                "type": "Lifecycle",
                "enabled": True,
                "definition": {
                    "filters": {
                        "blob_types": ["blockBlob"],
                        "prefix_match": [f"{BACKUPS}/{prefix}" for prefix in AGED],
                    },
                    "actions": {"base_blob": {"delete": {"days_after_creation_greater_than": days}}},
                },
            }
        ]
    }
