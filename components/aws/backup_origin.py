"""Who the backup instance is: its role, its federation to Azure and its one address."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.options import aws_child


@dataclass(frozen=True, kw_only=True)
class BackupOriginArgs:
    """Inputs of :class:`BackupOrigin`."""

    role_name: str
    frozen: bool


class BackupOrigin(pulumi.ComponentResource):
    """What Azure is told about the backup instance before it exists: issuer, role and source address.

    Creates: outbound web identity federation (account-wide, free), an IAM role, an elastic IP
    (0.005 USD an hour in use or idle; AWS Price List, ap-northeast-2, 2026-10-01).
    """

    issuer: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    role_name: pulumi.Output[str]
    address: pulumi.Output[str]
    allocation_id: pulumi.Output[str]

    def __init__(self, name: str, args: BackupOriginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:aws:BackupOrigin", name, None, opts)
        options = aws_child(self, frozen=args.frozen)

        # Durable: the switch is one for the whole account; deleting it would cut off its other users.
        federation = aws.iam.OutboundWebIdentityFederation(
            f"{name}-federation", opts=aws_child(self, frozen=args.frozen, durable=True)
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=args.role_name,
            description="Pilot light: sends backups of RDS to Azure",
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "ec2.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            ),
            opts=options,
        )
        # Fixed, because the vault's firewall admits this address only.
        address = aws.ec2.Eip(f"{name}-address", domain="vpc", tags={"Name": args.role_name}, opts=options)

        self.issuer = federation.issuer_identifier
        self.role_arn = role.arn
        self.role_name = role.name
        self.address = address.public_ip
        self.allocation_id = address.allocation_id
        self.register_outputs({"role_arn": self.role_arn, "address": self.address})
