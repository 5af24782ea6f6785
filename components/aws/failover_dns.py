"""Where users are sent: a failover pair, a weighted set below it, and the checks that decide."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.options import aws_child
from components.settings import ApplicationSettings, AwsSettings, Switches

TTL_SECONDS = 60
_NEVER = 3
"""More than a calculated check has children here: documented as always unhealthy."""
_INTERVAL, _THRESHOLD = 30, 3
"""Seconds between the requests of one checker, and failures in a row that count. The 10 s interval would cost
5 USD a month more and save a minute of the six that the gateway needs to appear."""


@dataclass(frozen=True, kw_only=True)
class FailoverDnsArgs:
    """Inputs of :class:`FailoverDns`."""

    settings: AwsSettings
    application: ApplicationSettings
    switches: Switches
    gateway_ip: pulumi.Input[str]
    site_host: pulumi.Input[str]
    """Host of the Azure static site, where the hold switch appears."""
    hold_path: str


class FailoverDns(pulumi.ComponentResource):
    """``dr-app.<zone>``: AWS while its origin is healthy and the hold is off, else Azure's reserved address.

    Creates five health checks and four records, the same set in every mode: frozen AWS cannot lose a record
    either. The weighted Azure leaf is therefore always there, with weight 0 outside failback and a check that
    is healthy only while the gateway answers; Route 53 considers weight 0 only when nothing else is healthy
    (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-weighted.html).

    Costs a month: origin 1.00 USD (HTTPS on an AWS endpoint; the check is among the 50 free ones), hold
    2.75 (0.75 and HTTPS 2.00 on another endpoint), gateway 0.75. AWS Price List, 2026-10-01.
    """

    name_of_tree: str
    watched: dict[str, pulumi.Output[str]]
    """Ids of the checks whose failure somebody must hear of."""

    def __init__(self, name: str, args: FailoverDnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:aws:FailoverDns", name, None, opts)
        options = aws_child(self, frozen=args.switches.frozen_aws)
        zone_id = args.settings.zone_id
        tree = f"dr-app.{args.settings.zone_name}"
        mix = f"mix.{tree}"

        origin = aws.route53.HealthCheck(
            f"{name}-origin",
            type="HTTPS",
            fqdn=args.settings.origin_name,
            port=443,
            resource_path=args.application.health_path,
            request_interval=_INTERVAL,
            failure_threshold=_THRESHOLD,
            tags={"Name": "petclinic origin in AWS"},
            opts=options,
        )
        # Inverted: an unreachable site must not move anybody. Only the blob's presence does.
        hold_off = aws.route53.HealthCheck(
            f"{name}-hold-off",
            type="HTTPS",
            fqdn=args.site_host,
            port=443,
            resource_path=args.hold_path,
            request_interval=_INTERVAL,
            failure_threshold=1,  # a decision, not a symptom: nothing to wait for
            invert_healthcheck=True,
            tags={"Name": "petclinic hold is off"},
            opts=options,
        )
        gateway_silent = aws.route53.HealthCheck(
            f"{name}-gateway-silent",
            type="TCP",
            ip_address=args.gateway_ip,
            port=443,
            request_interval=_INTERVAL,
            failure_threshold=_THRESHOLD,
            invert_healthcheck=True,
            tags={"Name": "petclinic gateway in Azure is silent"},
            opts=options,
        )
        primary = aws.route53.HealthCheck(
            f"{name}-primary",
            type="CALCULATED",
            child_healthchecks=[origin.id, hold_off.id],
            child_health_threshold=_NEVER if args.switches.force_failover else 2,
            tags={"Name": "petclinic may be served by AWS"},
            opts=options,
        )
        # "gateway answers OR hold on", written as NOT (gateway silent AND hold off).
        secondary = aws.route53.HealthCheck(
            f"{name}-secondary",
            type="CALCULATED",
            child_healthchecks=[gateway_silent.id, hold_off.id],
            child_health_threshold=2,
            invert_healthcheck=True,
            tags={"Name": "petclinic may be served by Azure"},
            opts=options,
        )

        weight = args.switches.aws_weight if args.switches.aws_serves else 100
        leaves = [
            aws.route53.Record(
                f"{name}-mix-aws",
                zone_id=zone_id,
                name=mix,
                type="A",
                aliases=[
                    {
                        "name": args.settings.alb_name,
                        "zone_id": args.settings.alb_zone_id,
                        # The origin check decides. The balancer's own verdict turns bad with any one of the
                        # target groups on it, other services' too.
                        "evaluate_target_health": False,
                    }
                ],
                health_check_id=origin.id,
                set_identifier="aws",
                weighted_routing_policies=[{"weight": weight}],
                opts=options,
            ),
            aws.route53.Record(
                f"{name}-mix-azure",
                zone_id=zone_id,
                name=mix,
                type="A",
                records=[args.gateway_ip],
                ttl=TTL_SECONDS,
                health_check_id=secondary.id,
                set_identifier="azure",
                weighted_routing_policies=[{"weight": 100 - weight}],
                opts=options,
            ),
        ]
        aws.route53.Record(
            f"{name}-primary-record",
            zone_id=zone_id,
            name=tree,
            type="A",
            aliases=[{"name": mix, "zone_id": zone_id, "evaluate_target_health": True}],
            health_check_id=primary.id,
            set_identifier="primary",
            failover_routing_policies=[{"type": "PRIMARY"}],
            opts=pulumi.ResourceOptions.merge(
                # An alias may only name a record that is there.
                options,
                pulumi.ResourceOptions(depends_on=leaves),
            ),
        )
        aws.route53.Record(
            f"{name}-secondary-record",
            zone_id=zone_id,
            name=tree,
            type="A",
            records=[args.gateway_ip],
            ttl=TTL_SECONDS,
            health_check_id=secondary.id,
            set_identifier="secondary",
            failover_routing_policies=[{"type": "SECONDARY"}],
            opts=options,
        )
        self.name_of_tree = tree
        self.watched = {"origin": origin.id, "hold-off": hold_off.id}
        self.register_outputs({"name": tree})
