"""Production's AWS side on its origin: the machine that backs up, where users are sent, who is told."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.aws.alarms import Alarms, AlarmsArgs
from components.aws.backup_instance import BackupInstance, BackupInstanceArgs
from components.aws.backup_origin import BackupOrigin
from components.aws.failover_dns import FailoverDns, FailoverDnsArgs
from components.aws.private_endpoints import PrivateEndpoints, PrivateEndpointsArgs
from components.azure.foundation import Foundation
from components.azure.standby_control import HOLD_BLOB
from components.guests.bundle import Bundle
from components.names import Names
from components.settings import AwsSettings, Settings


@dataclass(frozen=True, kw_only=True)
class Azure:
    """What AWS is told about Azure."""

    foundation: Foundation
    client_id: pulumi.Output[str]
    """Of the Azure identity that the backup instance takes on."""


def own_aws(
    names: Names,
    settings: Settings,
    aws: AwsSettings,
    *,
    origin: BackupOrigin,
    azure: Azure,
    bundle: Bundle,
    opts: pulumi.ResourceOptions,
) -> str:
    """Makes it; the same set of resources in every mode, because frozen AWS can lose none.

    Returns:
        The name of the failover tree.
    """
    frozen = settings.switches.frozen_aws
    instance = BackupInstance(
        "backup-instance",
        BackupInstanceArgs(
            settings=aws,
            application=settings.application,
            backups=settings.backups,
            origin=origin,
            bucket_name=names.bucket,
            tags=names.tags,
            bundle=bundle,
            storage=azure.foundation.storage,
            tenant_id=settings.azure.tenant_id,
            client_id=azure.client_id,
            frozen=frozen,
        ),
        opts,
    )
    PrivateEndpoints("private-endpoints", PrivateEndpointsArgs(settings=aws, frozen=frozen), opts)
    dns = FailoverDns(
        "failover-dns",
        FailoverDnsArgs(
            settings=aws,
            application=settings.application,
            switches=settings.switches,
            gateway_ip=azure.foundation.ground.gateway_ip,
            site_host=azure.foundation.site_host,
            hold_path=f"/{HOLD_BLOB}",
        ),
        opts,
    )
    Alarms(
        "alarms",
        AlarmsArgs(
            topic_name=names.alarms,
            emails=settings.alert_emails,
            backups=settings.backups,
            group_name=instance.group_name,
            health_checks=dns.watched,
            frozen=frozen,
        ),
        opts,
    )
    return dns.name_of_tree
