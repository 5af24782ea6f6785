"""What a standby is built upon, whoever made it: production's own components or a stack that borrows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.azure.access import Access
from components.azure.backup_vault import BackupVault
from components.azure.key_vault import KeyVault, Secrets
from components.azure.landing_zone import Ground, LandingZone
from components.azure.maintenance_site import ARTIFACTS, ORDERS, MaintenanceSite
from components.guests.documents import Orders, Storage
from components.names import Names


@dataclass(frozen=True, kw_only=True)
class BlobPlace:
    """A container that the program itself writes blobs to."""

    resource_group: pulumi.Input[str]
    account_name: pulumi.Input[str]
    container: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """Everything that is there before an emergency."""

    names: Names
    """For what the standby makes; a drill's differ from production's."""
    ground: Ground
    storage: Storage
    orders: Orders
    """Where servers read orders; ``orders_place`` is where the program writes them."""
    orders_place: BlobPlace
    hold_place: BlobPlace
    artifacts_url: str
    artifacts_account: pulumi.Output[str]
    backup_account: pulumi.Output[str]
    site_endpoint: pulumi.Output[str]
    page_url: pulumi.Output[str]
    secrets: Secrets
    app_identity_id: pulumi.Output[str]
    app_client_id: pulumi.Output[str]
    gateway_identity_id: pulumi.Output[str]
    gateway_needs: Sequence[pulumi.Resource]
    """Access to the certificate and the page."""
    servers_need: Sequence[pulumi.Resource]
    """Access to backups and secrets, and the agent's bundle."""


def own_foundation(
    *,
    names: Names,
    landing: LandingZone,
    vault: BackupVault,
    site: MaintenanceSite,
    keys: KeyVault,
    access: Access,
) -> Foundation:
    """The foundation that the production stack made itself."""
    group = landing.ground.resource_group
    return Foundation(
        names=names,
        ground=landing.ground,
        storage=vault.storage,
        orders=Orders(endpoint=site.blobs, container=ORDERS),
        orders_place=BlobPlace(
            resource_group=group, account_name=site.account_name, container=site.orders_container
        ),
        artifacts_url=f"{site.blobs}/{ARTIFACTS}",
        artifacts_account=site.account_name,
        backup_account=vault.account_name,
        hold_place=BlobPlace(
            resource_group=group, account_name=site.account_name, container=site.site.container_name
        ),
        site_endpoint=site.endpoint,
        page_url=site.page_url,
        secrets=keys.secrets,
        app_identity_id=access.app_identity_id,
        app_client_id=access.app_client_id,
        gateway_identity_id=access.gateway_identity_id,
        gateway_needs=[access.gateway_grant, site.page],
        servers_need=[*access.app_grants, site.agent],
    )
