"""Who may talk to whom inside the virtual network. Every rule says why it is there."""

from __future__ import annotations

import pulumi_azure_native as azure

from components.guests.documents import APP_PORT, WEB_PORT
from components.network_plan import NetworkPlan

TRY_PORT = 8443
"""Where operators try PetClinic before users see it."""


def _rule(
    name: str,
    priority: int,
    why: str,
    *,
    source: str = "*",
    sources: list[str] | None = None,
    ports: list[str],
    allow: bool = True,
) -> azure.network.SecurityRuleArgs:
    """One inbound rule; ``sources`` replaces ``source`` where it is given."""
    network = azure.network
    return network.SecurityRuleArgs(
        name=name,
        priority=priority,
        description=why,
        direction=network.SecurityRuleDirection.INBOUND,
        access=network.SecurityRuleAccess.ALLOW if allow else network.SecurityRuleAccess.DENY,
        protocol="*" if ports == ["*"] else "Tcp",
        source_port_range="*",
        source_address_prefix=None if sources else source,
        source_address_prefixes=sources,
        destination_address_prefix="*",
        # Azure takes either one range or a list, and "*" only as one range.
        destination_port_range=ports[0] if len(ports) == 1 else None,
        destination_port_ranges=ports if len(ports) > 1 else None,
    )


def _closed(priority: int = 4000) -> azure.network.SecurityRuleArgs:
    why = "Azure's default would admit the whole network"
    return _rule("deny-network", priority, why, source="VirtualNetwork", ports=["*"], allow=False)


def gateway_rules(operator_addresses: tuple[str, ...]) -> list[azure.network.SecurityRuleArgs]:
    """Of the gateway's subnet. The first two are Azure's own demands:
    https://learn.microsoft.com/azure/application-gateway/configuration-infrastructure#network-security-groups"""
    rules = [
        _rule("gateway-manager", 100, "Azure manages it", source="GatewayManager", ports=["65200-65535"]),
        _rule("load-balancer", 110, "Azure probes it", source="AzureLoadBalancer", ports=["*"]),
        _rule("users", 120, "PetClinic's users", source="Internet", ports=["80", "443"]),
    ]
    if operator_addresses:
        why = "Operators try PetClinic before it is opened"
        sources = list(operator_addresses)
        rules.append(_rule("operators", 130, why, sources=sources, ports=[str(TRY_PORT)]))
    return rules


def web_rules(plan: NetworkPlan) -> list[azure.network.SecurityRuleArgs]:
    """Of the web server's subnet."""
    why = "The gateway forwards here"
    return [_rule("gateway", 100, why, source=str(plan.gateway), ports=[str(WEB_PORT)]), _closed()]


def app_rules(plan: NetworkPlan) -> list[azure.network.SecurityRuleArgs]:
    """Of the application server's subnet."""
    why = "nginx forwards here"
    return [_rule("web", 100, why, source=str(plan.web), ports=[str(APP_PORT)]), _closed()]


def database_rules(plan: NetworkPlan) -> list[azure.network.SecurityRuleArgs]:
    """Of the database's subnet."""
    return [
        _rule("app", 100, "PetClinic and the agent", source=str(plan.app), ports=["3306"]),
        _rule("itself", 110, "The service's own nodes", source=str(plan.database), ports=["*"]),
        _closed(),
    ]
