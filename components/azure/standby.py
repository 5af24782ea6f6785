"""What runs in an emergency: the door first, and beside it, without waiting for it, database and servers."""

from __future__ import annotations

import pulumi

from components.azure.app_gateway import AppGateway, AppGatewayArgs
from components.azure.foundation import Foundation
from components.azure.standby_control import HoldSwitch, HoldSwitchArgs, Orders, OrdersArgs
from components.azure.standby_database import StandbyDatabase, StandbyDatabaseArgs
from components.azure.standby_servers import StandbyServers, StandbyServersArgs
from components.azure.standby_watch import StandbyWatch, StandbyWatchArgs
from components.settings import Settings


def standby(
    settings: Settings, foundation: Foundation, *, agent_sha256: str, opts: pulumi.ResourceOptions
) -> pulumi.Output[str] | None:
    """Makes what the switches ask for.

    Returns:
        The database's host; None while there is no database.
    """
    switches, cloud, application = settings.switches, settings.azure, settings.application
    Orders("orders", OrdersArgs(switches=switches, place=foundation.orders_place), opts)
    gateway = AppGateway(
        "app-gateway",
        AppGatewayArgs(
            foundation=foundation,
            settings=cloud,
            application=application,
            switches=switches,
            aws_host=settings.aws.alb_name if settings.aws else "",
        ),
        opts,
    ).gateway
    if switches.holds_traffic:
        HoldSwitch("hold-switch", HoldSwitchArgs(place=foundation.hold_place, set_after=[gateway]), opts)

    database: StandbyDatabase | None = None
    servers: StandbyServers | None = None
    if switches.servers_run:
        database = StandbyDatabase(
            "standby-database",
            StandbyDatabaseArgs(
                foundation=foundation,
                settings=cloud,
                schemas=application.schemas,
                protected=switches.database_protected,
            ),
            opts,
        )
        servers = StandbyServers(
            "standby-servers",
            StandbyServersArgs(
                foundation=foundation,
                settings=cloud,
                application=application,
                backups=settings.backups,
                database_host=database.host,
                databases=database.schemas,
                agent_sha256=agent_sha256,
            ),
            opts,
        )
    StandbyWatch(
        "standby-watch",
        StandbyWatchArgs(
            foundation=foundation,
            gateway_id=gateway.id,
            database_id=database.server_id if database else None,
            server_ids=servers.server_ids if servers else {},
            # From the cutover on PetClinic here is fenced and its probe fails on purpose.
            open=switches.open and switches.azure_writes,
        ),
        opts,
    )
    return database.host if database else None
