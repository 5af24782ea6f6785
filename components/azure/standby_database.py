"""The database of the standby: made in an emergency, protected from the moment it serves."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.foundation import Foundation
from components.options import child
from components.settings import AzureSettings

ADMIN = "dradmin"
_PARAMETERS = {
    # Triggers and functions of a dump are created by an account without SUPER (error 1419 otherwise).
    "log_bin_trust_function_creators": "ON",
}


@dataclass(frozen=True, kw_only=True)
class StandbyDatabaseArgs:
    """Inputs of :class:`StandbyDatabase`."""

    foundation: Foundation
    settings: AzureSettings
    schemas: tuple[str, ...]
    protected: bool
    """The engine refuses to delete it; from the opening on."""


class StandbyDatabase(pulumi.ComponentResource):
    """MySQL Flexible Server without a public endpoint, its settings and its empty schemas.

    Cost: about 0.21 USD an hour for D2ds_v4 (East US price times the Korea ratio of virtual machines: an
    estimate, the Korean price of this service is not verified).
    """

    host: pulumi.Output[str]
    schemas: list[azure.dbformysql.Database]

    def __init__(
        self, name: str, args: StandbyDatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("pilotlight:azure:StandbyDatabase", name, None, opts)
        ground = args.foundation.ground
        server = azure.dbformysql.Server(
            f"{name}-server",  # in state: renaming deletes the only copy of what was written in the emergency
            server_name=args.foundation.names.database_server,
            resource_group_name=ground.resource_group,
            location=args.settings.location,
            version="8.0.21",  # Azure's name for its 8.0 line
            administrator_login=ADMIN,
            administrator_login_password=args.foundation.secrets.database_password,
            sku={"name": args.settings.database_sku, "tier": args.settings.database_tier},
            storage={
                "storage_size_gb": args.settings.database_storage_gb,
                "auto_grow": "Enabled",
                "auto_io_scaling": "Enabled",
            },
            backup={"backup_retention_days": 7, "geo_redundant_backup": "Disabled"},
            high_availability={"mode": "Disabled"},
            network={
                "delegated_subnet_resource_id": ground.database_subnet_id,
                "private_dns_zone_resource_id": ground.private_zone_id,
            },
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected),
        )
        before: list[pulumi.Resource] = [server]  # one change at a time: ServerIsBusy otherwise
        for parameter, value in _PARAMETERS.items():
            before = [
                azure.dbformysql.Configuration(
                    f"{name}-{parameter.replace('_', '-')}",
                    configuration_name=parameter,
                    server_name=server.name,
                    resource_group_name=ground.resource_group,
                    value=value,
                    source="user-override",
                    opts=child(self, depends_on=before),
                )
            ]
        self.schemas = []
        for schema in args.schemas:
            database = azure.dbformysql.Database(
                f"{name}-{schema}",
                database_name=schema,
                server_name=server.name,
                resource_group_name=ground.resource_group,
                charset="utf8mb4",
                collation="utf8mb4_0900_ai_ci",
                opts=pulumi.ResourceOptions(parent=self, protect=args.protected, depends_on=before),
            )
            self.schemas.append(database)
            before = [database]
        self.host = server.fully_qualified_domain_name
        self.register_outputs({"host": self.host})
