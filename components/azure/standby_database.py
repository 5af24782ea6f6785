"""The database of the standby: made in an emergency, protected from the moment it serves."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.foundation import Foundation
from components.azure.server_parameters import Parameter, before_restore, beside_restore
from components.settings import AzureSettings

ADMIN = "dradmin"
_PATIENCE = pulumi.CustomTimeouts(create="60m")
"""Users report 10 to 16 minutes. An hour is for the bad day on which everybody fails over to this region."""


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

    The schemas, which the application server waits for, come after every parameter that a restore meets; the
    others are set while that server boots. Parameters and schemas go with their server and are not deleted
    one by one.

    Cost: about 0.21 USD an hour for D2ds_v4 (East US price times the Korea ratio of virtual machines: an
    estimate, the Korean price of this service is not verified).
    """

    host: pulumi.Output[str]
    server_id: pulumi.Output[str]
    schemas: list[azure.dbformysql.Database]

    def __init__(
        self, name: str, args: StandbyDatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("pilotlight:azure:StandbyDatabase", name, None, opts)
        self._name, self._args = name, args
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
            tags=args.foundation.names.tags,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected, custom_timeouts=_PATIENCE),
        )
        before = self._configure(server, before_restore(args.settings.database_time_zone), server)
        self.schemas = []
        for schema in args.schemas:
            database = azure.dbformysql.Database(
                f"{name}-{schema}",
                database_name=schema,
                server_name=server.name,
                resource_group_name=ground.resource_group,
                charset="utf8mb4",
                collation="utf8mb4_0900_ai_ci",
                opts=pulumi.ResourceOptions(
                    parent=self, protect=args.protected, depends_on=[before], deleted_with=server
                ),
            )
            self.schemas.append(database)
            before = database
        self._configure(server, beside_restore(), before)
        self.host, self.server_id = server.fully_qualified_domain_name, server.id
        self.register_outputs({"host": self.host})

    def _configure(
        self, server: azure.dbformysql.Server, parameters: list[Parameter], before: pulumi.Resource
    ) -> pulumi.Resource:
        """Sets ``parameters`` one by one (ServerIsBusy otherwise), after ``before``; returns the last one."""
        for parameter in parameters:
            before = azure.dbformysql.Configuration(
                f"{self._name}-{parameter.label}",
                configuration_name=parameter.name,
                server_name=server.name,
                resource_group_name=self._args.foundation.ground.resource_group,
                value=parameter.value,
                source="user-override",
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=[before],
                    deleted_with=server,
                    # A refresh shows where the server went from here; going back would be a step too far.
                    ignore_changes=["value"] if parameter.passing else None,
                ),
            )
        return before
