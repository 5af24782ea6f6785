"""The backup instance's way to AWS services without the internet; optional."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.options import aws_child
from components.settings import AwsSettings

SERVICES = ("ec2", "monitoring", "secretsmanager", "ssm", "ssmmessages", "sts")
"""What the instance calls: its address, metrics, the password, Session Manager (two), its token for Azure.

Not ``rds``: called once in a failback, through the internet; an endpoint costs all month."""
_INSIDE = {"10": "10.0.0.0/8", "172": "172.16.0.0/12", "192": "192.168.0.0/16", "100": "100.64.0.0/10"}
"""Private ranges, the last one being what EKS's pods often have (RFC 1918, RFC 6598)."""


@dataclass(frozen=True, kw_only=True)
class PrivateEndpointsArgs:
    """Inputs of :class:`PrivateEndpoints`."""

    settings: AwsSettings
    frozen: bool


class PrivateEndpoints(pulumi.ComponentResource):
    """An S3 gateway endpoint (free) and interface endpoints, each as the settings want it.

    The instance has a public address and needs neither; packages and Azure come through the internet anyway.
    Interface endpoints cost 9.49 USD a month each in every zone (AWS Price List, ap-northeast-2, 2026-10-01),
    which is why they are off. They stand in all of the instance's subnets, because it moves between them.
    With private DNS they serve the whole VPC, so their guard admits private addresses and not only the
    instance's; a VPC that has such an endpoint already refuses a second one.
    """

    def __init__(
        self, name: str, args: PrivateEndpointsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("pilotlight:aws:PrivateEndpoints", name, None, opts)
        options, settings = aws_child(self, frozen=args.frozen), args.settings
        prefix = f"com.amazonaws.{settings.region}"
        if settings.route_table_ids:
            aws.ec2.VpcEndpoint(
                f"{name}-s3",
                vpc_id=settings.vpc_id,
                service_name=f"{prefix}.s3",
                vpc_endpoint_type="Gateway",
                route_table_ids=list(settings.route_table_ids),
                opts=options,
            )
        if settings.interface_endpoints:
            guard = aws.ec2.SecurityGroup(
                f"{name}-guard",
                description="Pilot light private endpoints: private addresses come in",
                vpc_id=settings.vpc_id,
                opts=options,
            )
            for label, cidr in _INSIDE.items():
                aws.vpc.SecurityGroupIngressRule(
                    f"{name}-from-{label}",
                    security_group_id=guard.id,
                    cidr_ipv4=cidr,
                    ip_protocol="tcp",
                    from_port=443,
                    to_port=443,
                    description="Machines of this VPC",
                    opts=options,
                )
            for service in SERVICES:
                aws.ec2.VpcEndpoint(
                    f"{name}-{service}",
                    vpc_id=settings.vpc_id,
                    service_name=f"{prefix}.{service}",
                    vpc_endpoint_type="Interface",
                    subnet_ids=list(settings.subnet_ids),
                    security_group_ids=[guard.id],
                    private_dns_enabled=True,
                    opts=options,
                )
        self.register_outputs({})
