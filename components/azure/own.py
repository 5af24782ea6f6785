"""Production's own durable side in Azure: six components, and how they hang together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi

from components.azure.access import Access, AccessArgs
from components.azure.backup_vault import BackupVault, BackupVaultArgs
from components.azure.foundation import BlobPlace, Foundation
from components.azure.key_vault import KeyVault, KeyVaultArgs
from components.azure.landing_zone import LandingZone, LandingZoneArgs
from components.azure.maintenance_site import (
    AGENT_BLOB,
    ARTIFACTS,
    ORDERS,
    MaintenanceSite,
    MaintenanceSiteArgs,
)
from components.azure.watch import DeadMan, DeadManArgs
from components.guests.documents import Orders
from components.names import Names
from components.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Whom the vault admits from AWS: an issuer's token for one role, sent from one address."""

    issuer: pulumi.Input[str]
    role_arn: pulumi.Input[str]
    address: pulumi.Input[str]
    writes_control: bool
    """It may write the epoch too: in failback only."""


def own_foundation(
    names: Names,
    settings: Settings,
    *,
    sender: Sender,
    agent_file: Path,
    opts: pulumi.ResourceOptions,
) -> tuple[Foundation, pulumi.Output[str]]:
    """Makes what is always there, and protected, in Azure.

    Returns:
        The foundation that a standby is built upon, and the client id that ``sender`` signs in with.
    """
    cloud = settings.azure
    landing = LandingZone("landing-zone", LandingZoneArgs(names=names, settings=cloud), opts)
    ground = landing.ground
    vault = BackupVault(
        "backup-vault",
        BackupVaultArgs(names=names, settings=cloud, ground=ground, backup_address=sender.address),
        opts,
    )
    site = MaintenanceSite(
        "maintenance-site",
        MaintenanceSiteArgs(names=names, settings=cloud, ground=ground, agent_file=agent_file),
        opts,
    )
    keys = KeyVault("key-vault", KeyVaultArgs(names=names, settings=cloud, ground=ground), opts)
    access = Access(
        "access",
        AccessArgs(
            names=names,
            settings=cloud,
            landing=landing,
            vault=vault,
            site=site,
            secrets=keys.secrets,
            issuer=sender.issuer,
            subject=sender.role_arn,
            aws_writes_control=sender.writes_control,
        ),
        opts,
    )
    dead_man = DeadMan(
        "dead-man",
        DeadManArgs(
            names=names,
            settings=cloud,
            ground=ground,
            vault_id=vault.account_id,
            dump_interval_seconds=settings.backups.dump_interval_seconds,
            emails=settings.alert_emails,
            busy=settings.switches.gateway_runs,
            azure_writes=settings.switches.azure_writes,
        ),
        opts,
    )
    in_site = {"resource_group": ground.resource_group, "account_name": site.account_name}
    foundation = Foundation(
        names=names,
        ground=ground,
        storage=vault.storage,
        orders=Orders(endpoint=site.blobs, container=ORDERS),
        orders_place=BlobPlace(**in_site, container=site.orders_container),
        hold_place=BlobPlace(**in_site, container=site.site.container_name),
        artifacts_url=f"{site.blobs}/{ARTIFACTS}",
        agent_url=f"{site.blobs}/{ARTIFACTS}/{AGENT_BLOB}",
        artifacts_account=site.account_name,
        backup_account=vault.account_name,
        site_endpoint=site.endpoint,
        page_url=site.page_url,
        secrets=keys.secrets,
        watch=dead_man.watch,
        app_identity_id=access.app_identity_id,
        app_client_id=access.app_client_id,
        gateway_identity_id=access.gateway_identity_id,
        gateway_needs=[access.gateway_grant, site.page],
        servers_need=[*access.app_grants, site.agent],
    )
    return foundation, access.backup_client_id
