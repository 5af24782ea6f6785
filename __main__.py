"""The program: settings, components, outputs. What each part makes and costs stands in its docstring."""

from pathlib import Path

import pulumi
import pulumi_azure_native as azure_native

from components.aws.backup_instance import BackupInstance, BackupInstanceArgs
from components.aws.backup_origin import BackupOrigin, BackupOriginArgs
from components.aws.failover_dns import FailoverDns, FailoverDnsArgs
from components.aws.provider import aws_provider
from components.azure.access import Access, AccessArgs
from components.azure.app_gateway import AppGateway, AppGatewayArgs
from components.azure.backup_vault import BackupVault, BackupVaultArgs
from components.azure.borrowed import BorrowedFoundation, BorrowedFoundationArgs
from components.azure.foundation import own_foundation
from components.azure.key_vault import KeyVault, KeyVaultArgs
from components.azure.landing_zone import LandingZone, LandingZoneArgs
from components.azure.maintenance_site import MaintenanceSite, MaintenanceSiteArgs
from components.azure.production import Production
from components.azure.standby_control import HOLD_BLOB, HoldSwitch, HoldSwitchArgs, Orders, OrdersArgs
from components.azure.standby_database import StandbyDatabase, StandbyDatabaseArgs
from components.azure.standby_servers import StandbyServers, StandbyServersArgs
from components.guests.bundle import agent_bundle, stored
from components.names import Names
from components.settings import Mode, SettingsError, read_settings

HERE = Path(__file__).parent
try:
    settings = read_settings(pulumi.Config().get)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None  # a message for the operator, without a stack trace
switches, cloud, application = settings.switches, settings.azure, settings.application
names = Names(subscription_id=cloud.subscription_id, stack=pulumi.get_stack(), occasion=settings.occasion)
bundle = agent_bundle(HERE)
azure = azure_native.Provider(
    "azure-native", subscription_id=cloud.subscription_id, tenant_id=cloud.tenant_id
)
in_azure = pulumi.ResourceOptions(providers=[azure])
dr_name: str | None = None

# Always there: who may back up, where backups lie, and the ground that a standby needs.
if settings.aws is not None:
    frozen = switches.frozen_aws
    in_aws = pulumi.ResourceOptions(
        providers=[aws_provider("aws", region=settings.aws.region, frozen=frozen)]
    )
    origin = BackupOrigin(
        "backup-origin", BackupOriginArgs(role_name=names.backup_role, frozen=frozen), in_aws
    )
    landing = LandingZone("landing-zone", LandingZoneArgs(names=names, settings=cloud), in_azure)
    ground = landing.ground
    vault = BackupVault(
        "backup-vault",
        BackupVaultArgs(
            names=names,
            settings=cloud,
            ground=ground,
            backup_address=origin.address,
        ),
        in_azure,
    )
    site = MaintenanceSite(
        "maintenance-site",
        MaintenanceSiteArgs(
            names=names, settings=cloud, ground=ground, agent_file=stored(bundle, HERE / "build")
        ),
        in_azure,
    )
    keys = KeyVault("key-vault", KeyVaultArgs(names=names, settings=cloud, ground=ground), in_azure)
    access = Access(
        "access",
        AccessArgs(
            names=names,
            settings=cloud,
            landing=landing,
            vault=vault,
            site=site,
            secrets=keys.secrets,
            issuer=origin.issuer,
            subject=origin.role_arn,
            aws_writes_control=switches.mode is Mode.FAILBACK,
        ),
        in_azure,
    )
    BackupInstance(
        "backup-instance",
        BackupInstanceArgs(
            settings=settings.aws,
            application=application,
            origin=origin,
            bucket_name=names.bucket,
            bundle=bundle,
            storage=vault.storage,
            tenant_id=cloud.tenant_id,
            client_id=access.backup_client_id,
            frozen=frozen,
        ),
        in_aws,
    )
    dr_name = FailoverDns(
        "failover-dns",
        FailoverDnsArgs(
            settings=settings.aws,
            application=application,
            switches=switches,
            gateway_ip=ground.gateway_ip,
            site_host=site.host,
            hold_path=f"/{HOLD_BLOB}",
        ),
        in_aws,
    ).name_of_tree
    foundation = own_foundation(
        names=names, landing=landing, vault=vault, site=site, keys=keys, access=access
    )
else:
    production_names = Names(subscription_id=cloud.subscription_id, stack=settings.production_stack)
    foundation = BorrowedFoundation(
        "borrowed",
        BorrowedFoundationArgs(
            names=names,
            production=Production(
                names=production_names, subscription_id=cloud.subscription_id, provider=azure
            ),
            purpose=switches.purpose,
            location=cloud.location,
            certificate=cloud.certificate,
        ),
        in_azure,
    ).foundation

# In an emergency: first the door with the maintenance page and the switch that moves users to it ...
if switches.gateway_runs:
    Orders("orders", OrdersArgs(switches=switches, place=foundation.orders_place), in_azure)
    gateway = AppGateway(
        "app-gateway",
        AppGatewayArgs(
            foundation=foundation,
            settings=cloud,
            application=application,
            switches=switches,
            aws_host=settings.aws.alb_name if settings.aws else "",
        ),
        in_azure,
    )
    if switches.holds_traffic:
        HoldSwitch(
            "hold-switch", HoldSwitchArgs(place=foundation.hold_place, set_after=[gateway.gateway]), in_azure
        )

# ... and beside them, without waiting for each other, the database and the servers.
database_host: pulumi.Output[str] | None = None
if switches.servers_run:
    database = StandbyDatabase(
        "standby-database",
        StandbyDatabaseArgs(
            foundation=foundation,
            settings=cloud,
            schemas=application.schemas,
            protected=switches.database_protected,
        ),
        in_azure,
    )
    database_host = database.host
    StandbyServers(
        "standby-servers",
        StandbyServersArgs(
            foundation=foundation,
            settings=cloud,
            application=application,
            database_host=database.host,
            databases=database.schemas,
            agent_sha256=bundle.sha256,
        ),
        in_azure,
    )

pulumi.export("mode", str(switches.mode))
pulumi.export("opened", switches.open)
pulumi.export("dr_name", dr_name)
pulumi.export("gateway_ip", foundation.ground.gateway_ip)
pulumi.export("backup_account", foundation.backup_account)
pulumi.export("backup_endpoint", foundation.storage.endpoint)
pulumi.export("artifacts_account", foundation.artifacts_account)
pulumi.export("site_endpoint", foundation.site_endpoint)
pulumi.export("vault_uri", foundation.secrets.vault_uri)
pulumi.export("resource_group", foundation.ground.resource_group)
pulumi.export("database_host", database_host)
