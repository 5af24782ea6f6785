"""The one public door of the standby."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import network

from components.azure.firewall import TRY_PORT
from components.azure.foundation import Foundation
from components.azure.landing_zone import ZONES
from components.guests.documents import WEB_PORT
from components.options import child
from components.settings import ApplicationSettings, AzureSettings
from components.switches import Switches

_HTTPS, _HTTP, _TRY = "https", "http", "try"
_PETCLINIC, _AWS, _CLOSED = "petclinic", "aws", "closed"
_PATIENCE = pulumi.CustomTimeouts(create="60m", update="60m")
"""Six minutes is the rule. An hour is for the bad day on which everybody fails over to this region."""


@dataclass(frozen=True, kw_only=True)
class AppGatewayArgs:
    """Inputs of :class:`AppGateway`."""

    foundation: Foundation
    settings: AzureSettings
    application: ApplicationSettings
    switches: Switches
    aws_host: str
    """The AWS load balancer; users go there through this gateway once AWS is the writer again."""


class AppGateway(pulumi.ComponentResource):
    """Application Gateway v2. It waits for neither database nor servers: the maintenance page comes first.

    * 443: PetClinic when open; else a pool without servers, which Azure answers with 502 and the page, at
      every path; in failback the AWS load balancer, from the moment AWS is the writer.
    * 80: moves to 443.
    * 8443: PetClinic for operators before it is open; a security rule admits them only.

    With ``gatewayWaf`` it is of tier WAF_v2 and has a policy: Microsoft's default rules, in prevention mode.

    Cost: 0.246 USD an hour and 0.008 for each capacity unit-hour, ten of them reserved (Standard_v2 East US,
    Microsoft's illustration of 2022; the Korean price is not verified). Takes about 6 minutes to make
    (https://learn.microsoft.com/azure/application-gateway/application-gateway-faq).
    """

    gateway: network.ApplicationGateway

    def __init__(self, name: str, args: AppGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:azure:AppGateway", name, None, opts)
        self._args = args
        foundation, ground = args.foundation, args.foundation.ground
        self._gateway_name = foundation.names.azure("agw")
        certificate = foundation.secrets.url(args.settings.certificate)
        tier = "WAF_v2" if args.settings.gateway_waf else "Standard_v2"
        policy = self._firewall(name) if args.settings.gateway_waf else None
        self.gateway = network.ApplicationGateway(
            f"{name}-gateway",
            application_gateway_name=self._gateway_name,
            resource_group_name=ground.resource_group,
            location=args.settings.location,
            zones=ZONES,
            sku={"name": tier, "tier": tier},
            firewall_policy={"id": policy.id} if policy else None,
            autoscale_configuration={"min_capacity": 1, "max_capacity": 10},
            enable_http2=True,
            identity=network.ManagedServiceIdentityArgs(
                type=network.ResourceIdentityType.USER_ASSIGNED,
                user_assigned_identities=[foundation.gateway_identity_id],
            ),
            ssl_policy={"policy_type": "Predefined", "policy_name": "AppGwSslPolicy20220101S"},
            ssl_certificates=[
                # Without a version: the gateway follows renewals by itself.
                {"name": "public", "key_vault_secret_id": certificate}
            ],
            gateway_ip_configurations=[{"name": "subnet", "subnet": {"id": ground.gateway_subnet_id}}],
            frontend_ip_configurations=[
                {"name": "public", "public_ip_address": {"id": ground.gateway_address_id}}
            ],
            frontend_ports=[
                {"name": _HTTPS, "port": 443},
                {"name": _HTTP, "port": 80},
                {"name": _TRY, "port": TRY_PORT},
            ],
            backend_address_pools=self._pools(),
            backend_http_settings_collection=self._backends(),
            probes=self._probes(),
            http_listeners=[
                self._listener(_HTTPS, certificate=True),
                self._listener(_HTTP, certificate=False),
                self._listener(_TRY, certificate=True),
            ],
            redirect_configurations=[
                network.ApplicationGatewayRedirectConfigurationArgs(
                    name="to-https",
                    redirect_type="Permanent",
                    target_listener=self._part("httpListeners", _HTTPS),
                    include_path=True,
                    include_query_string=True,
                )
            ],
            request_routing_rules=[
                self._rule("public", 100, _HTTPS, self._public_pool),
                network.ApplicationGatewayRequestRoutingRuleArgs(
                    name="to-https",
                    priority=200,
                    rule_type="Basic",
                    http_listener=self._part("httpListeners", _HTTP),
                    redirect_configuration=self._part("redirectConfigurations", "to-https"),
                ),
                self._rule("try", 300, _TRY, _PETCLINIC if args.switches.servers_run else _CLOSED),
            ],
            custom_error_configurations=[
                {"status_code": f"HttpStatus{status}", "custom_error_page_url": foundation.page_url}
                for status in (502, 503, 504)
            ],
            tags=foundation.names.tags,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=list(foundation.gateway_needs), custom_timeouts=_PATIENCE
            ),
        )
        self.register_outputs({})

    def _firewall(self, name: str) -> network.WebApplicationFirewallPolicy:
        names = self._args.foundation.names
        return network.WebApplicationFirewallPolicy(
            f"{name}-firewall",
            policy_name=names.firewall_policy,
            resource_group_name=self._args.foundation.ground.resource_group,
            location=self._args.settings.location,
            policy_settings={
                "state": "Enabled",
                "mode": "Prevention",
                "request_body_check": True,
                "max_request_body_size_in_kb": 128,
            },
            managed_rules={
                "managed_rule_sets": [
                    {"rule_set_type": "Microsoft_DefaultRuleSet", "rule_set_version": "2.1"}
                ]
            },
            tags=names.tags,
            opts=child(self),
        )

    @property
    def _public_pool(self) -> str:
        if self._args.switches.maintenance:
            return _CLOSED
        if self._args.switches.aws_serves:
            return _AWS
        return _PETCLINIC if self._args.switches.open else _CLOSED

    def _part(self, collection: str, part: str) -> network.SubResourceArgs:
        """Reference to a part of this gateway by absolute id, which is why the gateway's name is fixed."""
        group = self._args.foundation.ground.resource_group
        prefix = f"/subscriptions/{self._args.settings.subscription_id}/resourceGroups/"
        kind = "/providers/Microsoft.Network/applicationGateways/"
        return network.SubResourceArgs(
            id=pulumi.Output.concat(prefix, group, kind, f"{self._gateway_name}/{collection}/{part}")
        )

    def _pools(self) -> list[network.ApplicationGatewayBackendAddressPoolArgs]:
        pool, address = (
            network.ApplicationGatewayBackendAddressPoolArgs,
            network.ApplicationGatewayBackendAddressArgs,
        )
        pools = [
            pool(
                name=_PETCLINIC,
                backend_addresses=[address(ip_address=self._args.settings.network.web_server)],
            ),
            pool(name=_CLOSED, backend_addresses=[]),
        ]
        if self._args.switches.aws_serves:
            pools.append(pool(name=_AWS, backend_addresses=[address(fqdn=self._args.aws_host)]))
        return pools

    def _backends(self) -> list[network.ApplicationGatewayBackendHttpSettingsArgs]:
        backends = {_PETCLINIC: ("Http", WEB_PORT)}
        if self._args.switches.aws_serves:
            backends[_AWS] = ("Https", 443)
        return [
            network.ApplicationGatewayBackendHttpSettingsArgs(
                name=backend,
                protocol=protocol,
                port=port,
                # Both ends tell applications apart by the name that users typed.
                host_name=self._args.application.public_name,
                cookie_based_affinity="Disabled",
                request_timeout=60,
                probe=self._part("probes", backend),
            )
            for backend, (protocol, port) in backends.items()
        ]

    def _probes(self) -> list[network.ApplicationGatewayProbeArgs]:
        application = self._args.application
        # PetClinic's health page says UP over an empty database, so the page that is asked reads it; with
        # exactly one owner it answers 302. AWS's own balancer is asked what its health check is asked.
        probes = {_PETCLINIC: ("Http", application.probe_path, ["200", "302"])}
        if self._args.switches.aws_serves:
            probes[_AWS] = ("Https", application.health_path, ["200"])
        return [
            network.ApplicationGatewayProbeArgs(
                name=backend,
                protocol=protocol,
                path=path,
                pick_host_name_from_backend_http_settings=True,
                interval=5,
                timeout=5,
                unhealthy_threshold=3,
                match=network.ApplicationGatewayProbeHealthResponseMatchArgs(status_codes=statuses),
            )
            for backend, (protocol, path, statuses) in probes.items()
        ]

    def _listener(self, port: str, *, certificate: bool) -> network.ApplicationGatewayHttpListenerArgs:
        return network.ApplicationGatewayHttpListenerArgs(
            name=port,
            protocol="Https" if certificate else "Http",
            frontend_ip_configuration=self._part("frontendIPConfigurations", "public"),
            frontend_port=self._part("frontendPorts", port),
            ssl_certificate=self._part("sslCertificates", "public") if certificate else None,
        )

    def _rule(
        self, name: str, priority: int, listener: str, pool: str
    ) -> network.ApplicationGatewayRequestRoutingRuleArgs:
        backend = _PETCLINIC if pool == _CLOSED else pool
        return network.ApplicationGatewayRequestRoutingRuleArgs(
            name=name,
            priority=priority,  # the service refuses rules without one since API 2021-08-01
            rule_type="Basic",
            http_listener=self._part("httpListeners", listener),
            backend_address_pool=self._part("backendAddressPools", pool),
            backend_http_settings=self._part("backendHttpSettingsCollection", backend),
        )
