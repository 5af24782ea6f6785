"""The machine in AWS that backs RDS up to Azure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.backup_origin import BackupOrigin
from components.aws.backup_policy import backup_policy
from components.backup_settings import BackupSettings
from components.guests import documents
from components.guests.bundle import Bundle
from components.guests.render import Guest, cloud_init, encoded
from components.options import aws_child
from components.settings import ApplicationSettings, AwsSettings

UBUNTU_ARM64 = (
    "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id"
)
"""Resolved by EC2 at launch, so no look-up runs here: https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/"""
AGENT_KEY = "agent.zip"


@dataclass(frozen=True, kw_only=True)
class BackupInstanceArgs:
    """Inputs of :class:`BackupInstance`."""

    settings: AwsSettings
    application: ApplicationSettings
    backups: BackupSettings
    origin: BackupOrigin
    bucket_name: str
    tags: Mapping[str, str]
    """For instance and volume, which the provider's own tags do not reach."""
    bundle: Bundle
    storage: documents.Storage
    tenant_id: str
    client_id: pulumi.Input[str]
    """Of the Azure identity that the role is federated with."""
    frozen: bool


class BackupInstance(pulumi.ComponentResource):
    """An Auto Scaling group of one over several zones; it replaces a dead instance or zone by itself.

    Creates: bucket with the agent, launch template, group, instance profile, policies, security group and
    the rule that admits it to RDS. Costs t4g.micro 0.0104 USD an hour, gp3 0.0912 USD a GB-month (AWS
    Price List, ap-northeast-2, 2026-10-01). No SSH: operators come in by Session Manager.
    """

    group_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: BackupInstanceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("pilotlight:aws:BackupInstance", name, None, opts)
        self._options = aws_child(self, frozen=args.frozen)
        tag = args.bucket_name.replace("artifacts", "backup")

        bucket = self._bucket(name, args)
        security_group = self._network(name, args)
        profile = self._permissions(name, args, tag)
        template = aws.ec2.LaunchTemplate(
            f"{name}-template",
            name_prefix=f"{tag}-",
            image_id=UBUNTU_ARM64,
            instance_type=args.settings.instance_type,
            update_default_version=True,
            iam_instance_profile={"arn": profile.arn},
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required"},
            block_device_mappings=[
                {
                    "device_name": "/dev/sda1",
                    "ebs": {
                        "volume_size": 8,
                        "volume_type": "gp3",
                        "encrypted": "true",
                        "delete_on_termination": "true",
                    },
                }
            ],
            # A public address of its own until it has taken the elastic one: without it, no way to do so.
            network_interfaces=[
                {
                    "device_index": 0,
                    "associate_public_ip_address": "true",
                    "security_groups": [security_group.id],
                }
            ],
            tag_specifications=[
                {"resource_type": kind, "tags": {**args.tags, "Name": tag}} for kind in ("instance", "volume")
            ],
            user_data=self._user_data(args),
            opts=self._options,
        )
        group = aws.autoscaling.Group(
            f"{name}-group",
            name_prefix=f"{tag}-",
            min_size=1,
            max_size=1,
            desired_capacity=1,
            vpc_zone_identifiers=list(args.settings.subnet_ids),
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            health_check_type="EC2",
            # One at a time: two backup instances would fight for the address.
            instance_refresh={"strategy": "Rolling", "preferences": {"min_healthy_percentage": 0}},
            tags=[
                {"key": key, "value": value, "propagate_at_launch": True}
                for key, value in {**args.tags, "Name": tag}.items()
            ],
            opts=pulumi.ResourceOptions.merge(self._options, pulumi.ResourceOptions(depends_on=[bucket])),
        )
        self.group_name = group.name
        self.register_outputs({"group_name": self.group_name})

    def _bucket(self, name: str, args: BackupInstanceArgs) -> aws.s3.BucketObjectv2:
        bucket = aws.s3.Bucket(f"{name}-artifacts", bucket=args.bucket_name, opts=self._options)
        aws.s3.BucketPublicAccessBlock(
            f"{name}-artifacts-private",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._options,
        )
        # The content itself, not a file: in an emergency the file of an older run need not exist any more.
        return aws.s3.BucketObjectv2(
            f"{name}-agent",
            bucket=bucket.bucket,
            key=AGENT_KEY,
            content_base64=base64.b64encode(args.bundle.content).decode(),
            content_type="application/zip",
            opts=self._options,
        )

    def _network(self, name: str, args: BackupInstanceArgs) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            f"{name}-security-group",
            description="Pilot light backup instance: nothing comes in",
            vpc_id=args.settings.vpc_id,
            opts=self._options,
        )
        outgoing = {"https": (443, "Azure, AWS and Python packages"), "http": (80, "Ubuntu packages")}
        for label, (port, reason) in outgoing.items():
            aws.vpc.SecurityGroupEgressRule(
                f"{name}-to-{label}",
                security_group_id=group.id,
                cidr_ipv4="0.0.0.0/0",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description=reason,
                opts=self._options,
            )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-database",
            security_group_id=group.id,
            referenced_security_group_id=args.settings.rds_security_group_id,
            ip_protocol="tcp",
            from_port=args.settings.rds_port,
            to_port=args.settings.rds_port,
            description="RDS",
            opts=self._options,
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-into-database",
            security_group_id=args.settings.rds_security_group_id,
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=args.settings.rds_port,
            to_port=args.settings.rds_port,
            description="Pilot light backup instance",
            opts=self._options,
        )
        return group

    def _permissions(self, name: str, args: BackupInstanceArgs, tag: str) -> aws.iam.InstanceProfile:
        settings = args.settings
        policy = args.origin.allocation_id.apply(
            lambda allocation_id: backup_policy(
                region=settings.region,
                account_id=settings.account_id,
                allocation_id=allocation_id,
                bucket=args.bucket_name,
                key=AGENT_KEY,
                secret_arn=settings.rds_secret_arn,
                rds_instance=settings.rds_instance_id,
                tag=tag,
            )
        )
        aws.iam.RolePolicy(f"{name}-policy", role=args.origin.role_name, policy=policy, opts=self._options)
        aws.iam.RolePolicyAttachment(
            f"{name}-session-manager",
            role=args.origin.role_name,
            policy_arn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
            opts=self._options,
        )
        return aws.iam.InstanceProfile(f"{name}-profile", role=args.origin.role_name, opts=self._options)

    def _user_data(self, args: BackupInstanceArgs) -> pulumi.Output[str]:
        settings = args.settings

        def render(client_id: str, allocation_id: str) -> str:
            agent = documents.aws_agent(
                host=settings.rds_host,
                port=settings.rds_port,
                user=settings.rds_user,
                secret_arn=settings.rds_secret_arn,
                region=settings.region,
                rds_instance=settings.rds_instance_id,
                schemas=list(args.application.schemas),
                application_users=list(args.application.database_users),
                storage=args.storage,
                tenant_id=args.tenant_id,
                client_id=client_id,
                backups=args.backups,
            )
            install = documents.aws_install(
                bucket=args.bucket_name,
                key=AGENT_KEY,
                sha256=args.bundle.sha256,
                region=settings.region,
                allocation_id=allocation_id,
            )
            return encoded(cloud_init(Guest.BACKUP_INSTANCE, {"agent": agent, "install": install}))

        return pulumi.Output.all(args.client_id, args.origin.allocation_id).apply(
            lambda known: render(known[0], known[1])
        )
