"""The ground that the standby stands on: always there, nearly free."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.firewall import app_rules, database_rules, gateway_rules, web_rules
from components.names import Names
from components.options import child, durable_child
from components.settings import AzureSettings

ZONES = ["1", "2", "3"]
"""Korea Central has three. A zone-redundant address survives the loss of one."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the standby needs to know about the ground it stands on, whoever made it."""

    resource_group: pulumi.Output[str]
    gateway_subnet_id: pulumi.Output[str]
    web_subnet_id: pulumi.Output[str]
    app_subnet_id: pulumi.Output[str]
    database_subnet_id: pulumi.Output[str]
    private_zone_id: pulumi.Output[str]
    gateway_address_id: pulumi.Output[str]
    gateway_ip: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class LandingZoneArgs:
    """Inputs of :class:`LandingZone`."""

    names: Names
    settings: AzureSettings


class LandingZone(pulumi.ComponentResource):
    """Resource group, virtual network with four guarded subnets, private DNS zone, reserved public address.

    Costs: the Standard static address, 3.65 USD a month (Azure retail price, Korea Central, 2026-07-30); the
    DNS zone is not free either, its price in Korea is not verified. Everything else is free. Made in
    ``normal`` because the address must be known to DNS before an emergency, and subnets, zone and link would
    only lengthen one.
    """

    ground: Ground
    resource_group_id: pulumi.Output[str]

    def __init__(self, name: str, args: LandingZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:azure:LandingZone", name, None, opts)
        names, plan = args.names, args.settings.network
        group = azure.resources.ResourceGroup(
            f"{name}-group",
            resource_group_name=names.resource_group,
            location=args.settings.location,
            tags=names.tags,
            opts=durable_child(self),
        )
        vnet = azure.network.VirtualNetwork(
            f"{name}-vnet",
            virtual_network_name=names.azure("vnet"),
            resource_group_name=group.name,
            location=args.settings.location,
            address_space={"address_prefixes": [str(plan.vnet)]},
            tags=names.tags,
            # Subnets are resources of their own; without this an update of the network would drop them.
            opts=pulumi.ResourceOptions.merge(
                durable_child(self), pulumi.ResourceOptions(ignore_changes=["subnets"])
            ),
        )
        guards = {
            "gateway": gateway_rules(args.settings.operator_addresses),
            "web": web_rules(plan),
            "app": app_rules(plan),
            "database": database_rules(plan),
        }
        cidrs = {"gateway": plan.gateway, "web": plan.web, "app": plan.app, "database": plan.database}
        # Storage and key vault admit subnets, not addresses: calls from the same region carry private ones.
        endpoints = {
            "gateway": ["Microsoft.KeyVault"],
            "app": ["Microsoft.KeyVault", "Microsoft.Storage"],
        }
        subnets: dict[str, azure.network.Subnet] = {}
        before: list[pulumi.Resource] = []  # Azure changes one subnet of a network at a time
        for role, cidr in cidrs.items():
            guard = azure.network.NetworkSecurityGroup(
                f"{name}-{role}-guard",
                network_security_group_name=names.azure("nsg", role),
                resource_group_name=group.name,
                location=args.settings.location,
                security_rules=guards[role],
                tags=names.tags,
                opts=child(self),
            )
            subnets[role] = azure.network.Subnet(
                f"{name}-{role}-subnet",
                subnet_name=role,
                virtual_network_name=vnet.name,
                resource_group_name=group.name,
                address_prefix=str(cidr),
                network_security_group={"id": guard.id},
                service_endpoints=[{"service": service} for service in endpoints.get(role, [])],
                default_outbound_access=False,
                delegations=[{"name": "mysql", "service_name": "Microsoft.DBforMySQL/flexibleServers"}]
                if role == "database"
                else [],
                opts=durable_child(self, depends_on=before),
            )
            before = [subnets[role]]

        zone = azure.privatedns.PrivateZone(
            f"{name}-zone",
            private_zone_name=names.private_zone,
            resource_group_name=group.name,
            location="Global",
            tags=names.tags,
            opts=durable_child(self),
        )
        link = azure.privatedns.VirtualNetworkLink(
            f"{name}-zone-link",
            virtual_network_link_name=names.azure("link"),
            private_zone_name=zone.name,
            resource_group_name=group.name,
            location="Global",
            registration_enabled=False,
            virtual_network={"id": vnet.id},
            tags=names.tags,
            opts=durable_child(self),
        )
        address = azure.network.PublicIPAddress(
            f"{name}-gateway-address",
            public_ip_address_name=names.azure("pip", "gateway"),
            resource_group_name=group.name,
            location=args.settings.location,
            public_ip_allocation_method="Static",
            sku={"name": "Standard"},
            zones=ZONES,
            tags=names.tags,
            opts=durable_child(self),
        )
        self.resource_group_id = group.id
        self.ground = Ground(
            resource_group=group.name,
            gateway_subnet_id=subnets["gateway"].id,
            web_subnet_id=subnets["web"].id,
            app_subnet_id=subnets["app"].id,
            database_subnet_id=subnets["database"].id,
            # The zone counts only once it is linked: VnetNotLinkedToPrivateDnsZone otherwise.
            private_zone_id=pulumi.Output.all(zone.id, link.id).apply(lambda ids: str(ids[0])),
            gateway_address_id=address.id,
            gateway_ip=address.ip_address.apply(lambda known: known or ""),
        )
        self.register_outputs({"gateway_ip": self.ground.gateway_ip})
