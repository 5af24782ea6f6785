"""The program: settings, components, outputs. What each part makes and costs stands in its docstring."""

from pathlib import Path

import pulumi
import pulumi_azure_native as azure_native

from components.aws.backup_instance import BackupInstance, BackupInstanceArgs
from components.aws.backup_origin import BackupOrigin, BackupOriginArgs
from components.aws.failover_dns import FailoverDns, FailoverDnsArgs
from components.aws.provider import aws_provider
from components.azure.app_gateway import AppGateway, AppGatewayArgs
from components.azure.borrowed import BorrowedFoundation, BorrowedFoundationArgs
from components.azure.own import Sender, own_foundation
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

# Always there: who may back up, what Azure keeps for it, the machine that does it, and where users are sent.
if settings.aws is not None:
    frozen = switches.frozen_aws
    aws = aws_provider("aws", region=settings.aws.region, frozen=frozen)
    in_aws = pulumi.ResourceOptions(providers=[aws])
    origin = BackupOrigin(
        "backup-origin", BackupOriginArgs(role_name=names.backup_role, frozen=frozen), in_aws
    )
    foundation, backup_client_id = own_foundation(
        names,
        cloud,
        sender=Sender(
            issuer=origin.issuer,
            role_arn=origin.role_arn,
            address=origin.address,
            writes_control=switches.mode is Mode.FAILBACK,
        ),
        agent_file=stored(bundle, HERE / "build"),
        opts=in_azure,
    )
    BackupInstance(
        "backup-instance",
        BackupInstanceArgs(
            settings=settings.aws,
            application=application,
            origin=origin,
            bucket_name=names.bucket,
            bundle=bundle,
            storage=foundation.storage,
            tenant_id=cloud.tenant_id,
            client_id=backup_client_id,
            frozen=frozen,
        ),
        in_aws,
    )
    dns = FailoverDns(
        "failover-dns",
        FailoverDnsArgs(
            settings=settings.aws,
            application=application,
            switches=switches,
            gateway_ip=foundation.ground.gateway_ip,
            site_host=foundation.site_host,
            hold_path=f"/{HOLD_BLOB}",
        ),
        in_aws,
    )
    dr_name = dns.name_of_tree
# A drill or takeover stands on what production left in Azure, and knows no AWS.
else:
    production = Production(
        names=Names(subscription_id=cloud.subscription_id, stack=settings.production_stack),
        subscription_id=cloud.subscription_id,
        provider=azure,
    )
    foundation = BorrowedFoundation(
        "borrowed",
        BorrowedFoundationArgs(
            names=names,
            production=production,
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

outputs = {
    "mode": str(switches.mode),
    "opened": switches.open,
    "dr_name": dr_name,
    "gateway_ip": foundation.ground.gateway_ip,
    "backup_account": foundation.backup_account,
    "backup_endpoint": foundation.storage.endpoint,
    "artifacts_account": foundation.artifacts_account,
    "site_endpoint": foundation.site_endpoint,
    "vault_uri": foundation.secrets.vault_uri,
    "resource_group": foundation.ground.resource_group,
    "database_host": database_host,
}
for name, value in outputs.items():
    pulumi.export(name, value)
