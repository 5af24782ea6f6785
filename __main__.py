"""The program: settings, components, outputs. What each part makes and costs stands in its docstring."""

from pathlib import Path

import pulumi
import pulumi_azure_native as azure_native

from components.aws.backup_origin import BackupOrigin, BackupOriginArgs
from components.aws.own import Azure, own_aws
from components.aws.provider import aws_provider
from components.azure.borrowed import BorrowedFoundation, BorrowedFoundationArgs
from components.azure.own import Sender, own_foundation
from components.azure.production import Production
from components.azure.standby import standby
from components.guests.bundle import agent_bundle, stored
from components.names import Names
from components.settings import Mode, SettingsError, read_settings

HERE = Path(__file__).parent
try:
    settings = read_settings(pulumi.Config().get)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None  # a message for the operator, without a stack trace
switches, cloud = settings.switches, settings.azure
names = Names(subscription_id=cloud.subscription_id, stack=pulumi.get_stack(), occasion=settings.occasion)
bundle = agent_bundle(HERE)
agent_file = stored(bundle, HERE / "build")
azure = azure_native.Provider(
    "azure-native", subscription_id=cloud.subscription_id, tenant_id=cloud.tenant_id
)
in_azure = pulumi.ResourceOptions(providers=[azure])
dr_name: str | None = None

# Always there: who may back up, what Azure keeps for it, the machine that does it, where users are sent, and
# who is told when one of these fails.
if settings.aws is not None:
    frozen = switches.frozen_aws
    aws = aws_provider("aws", region=settings.aws.region, tags=names.tags, frozen=frozen)
    in_aws = pulumi.ResourceOptions(providers=[aws])
    origin = BackupOrigin(
        "backup-origin", BackupOriginArgs(role_name=names.backup_role, frozen=frozen), in_aws
    )
    foundation, backup_client_id = own_foundation(
        names,
        settings,
        sender=Sender(
            issuer=origin.issuer,
            role_arn=origin.role_arn,
            address=origin.address,
            writes_control=switches.mode is Mode.FAILBACK,
        ),
        agent_file=agent_file,
        opts=in_azure,
    )
    dr_name = own_aws(
        names,
        settings,
        settings.aws,
        origin=origin,
        azure=Azure(foundation=foundation, client_id=backup_client_id),
        bundle=bundle,
        opts=in_aws,
    )
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
            agent_file=agent_file,
        ),
        in_azure,
    ).foundation

# In an emergency: the door with the maintenance page and the switch that moves users to it, then the rest.
database_host: pulumi.Output[str] | None = None
if switches.gateway_runs:
    database_host = standby(settings, foundation, agent_sha256=bundle.sha256, opts=in_azure)

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
