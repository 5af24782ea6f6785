"""The documents that machines read: pure functions from plain values. The agent's loader is their reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.backup_settings import BackupSettings

RESTORE_ENVIRONMENT = "/run/pilotlight/petclinic.env"
STATE_FOLDER = "/var/lib/pilotlight"
APP_PORT = 8080
_APPLICATION_USER = "petclinic"
"""The account that the agent makes in the standby database."""
WEB_PORT = 8080
METRICS_NAMESPACE = "PilotLight"
"""Of the CloudWatch metrics that the backup instance publishes; the alarms and the policy name it too."""
METRICS_SITE = "aws"
"""Value of their one dimension, ``Site``."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Where the program leaves its orders for running servers."""

    endpoint: str
    container: str


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where backups, signals and control blobs live."""

    endpoint: str
    backups: str
    signals: str
    control: str
    restore_from: str = ""
    """Container to restore from where it is not ``backups`` (a drill reads production's)."""

    def document(self) -> dict[str, str]:
        """The ``storage`` part of agent.json."""
        mine = {"endpoint": self.endpoint, "backups": self.backups}
        mine |= {"signals": self.signals, "control": self.control}
        return mine | ({"restore_from": self.restore_from} if self.restore_from else {})


def aws_agent(
    *,
    host: str,
    port: int,
    user: str,
    secret_arn: str,
    region: str,
    rds_instance: str,
    schemas: list[str],
    application_users: list[str],
    storage: Storage,
    tenant_id: str,
    client_id: str,
    backups: BackupSettings,
) -> dict[str, Any]:
    """agent.json of the backup instance. ``rds_instance`` empty: no snapshot before a failback."""
    budget = {"egress_gb_per_month": backups.egress_gb_per_month} if backups.egress_gb_per_month else {}
    return {
        "site": "aws",
        "database": {
            "host": host,
            "port": port,
            "schemas": schemas,
            "user": user,
            "password": {"aws_secret": secret_arn, "region": region},
            "tls": "required",
            "ca_file": None,
            "application_users": application_users,
        },
        "storage": storage.document(),
        "orders": None,
        "identity": {
            "kind": "aws_web_identity",
            "region": region,
            "tenant_id": tenant_id,
            "client_id": client_id,
        },
        "dump": _dump(backups) | budget,
        "archive": _archive(backups),
        "verify": _verify(backups),
        "metrics": {"cloudwatch_namespace": METRICS_NAMESPACE, "region": region},
        "application": None,
        "rds_snapshot": {"instance": rds_instance, "region": region} if rds_instance else None,
        "state_dir": STATE_FOLDER,
    }


def azure_agent(
    *,
    host: str,
    user: str,
    admin_secret: str,
    application_secret: str,
    schemas: list[str],
    storage: Storage,
    orders: Orders,
    client_id: str,
    backups: BackupSettings,
) -> dict[str, Any]:
    """agent.json of the application server; the secrets are key vault URLs, never values.

    No test restore runs there, because PetClinic needs the machine; and nothing leaves Azure, so there is no
    budget to keep."""
    return {
        "site": "azure",
        "database": {
            "host": host,
            "port": 3306,
            "schemas": schemas,
            "user": user,
            "password": {"azure_secret": admin_secret},
            "tls": "required",
            "ca_file": None,
            "application_users": [_APPLICATION_USER],
        },
        "storage": storage.document(),
        "orders": {"endpoint": orders.endpoint, "container": orders.container},
        "identity": {"kind": "azure_managed_identity", "client_id": client_id},
        # Nothing leaves Azure, so nothing is saved by skipping: the alert on missing backups counts on them.
        "dump": _dump(backups) | {"refresh_seconds": backups.dump_interval_seconds},
        "archive": _archive(backups),
        "verify": None,
        "metrics": None,
        "application": {
            "user": _APPLICATION_USER,
            "password": {"azure_secret": application_secret},
            "environment_file": RESTORE_ENVIRONMENT,
        },
        "rds_snapshot": None,
        "state_dir": STATE_FOLDER,
    }


def _dump(backups: BackupSettings) -> dict[str, Any]:
    return {
        "interval_seconds": backups.dump_interval_seconds,
        "refresh_seconds": backups.dump_refresh_seconds,
    }


def _archive(backups: BackupSettings) -> dict[str, Any] | None:
    if not backups.archives:
        return None
    return {
        "flush_seconds": float(backups.archive_flush_seconds),
        "segment_bytes": backups.archive_segment_bytes,
        "pack_seconds": backups.archive_pack_seconds,
    }


def _verify(backups: BackupSettings) -> dict[str, Any] | None:
    if not backups.verifies:
        return None
    return {
        "interval_seconds": backups.verify_interval_seconds,
        "mode": str(backups.verify_mode),
        "full_up_to_mb": backups.verify_full_up_to_mb,
    }


def aws_install(*, bucket: str, key: str, sha256: str, region: str, allocation_id: str) -> dict[str, Any]:
    """install.json of the backup instance."""
    return {
        "agent": {"source": f"s3://{bucket}/{key}", "sha256": sha256},
        "region": region,
        "elastic_ip": allocation_id,
    }


def azure_install(
    *, artifacts: str, agent: str, agent_sha256: str, jar: str, jar_sha256: str, client_id: str
) -> dict[str, Any]:
    """install.json of the application server. ``artifacts`` is a container's URL, ``agent`` a blob's."""
    return {
        "agent": {"source": agent, "sha256": agent_sha256},
        "jar": {"source": f"{artifacts}/{jar}", "sha256": jar_sha256},
        "client_id": client_id,
    }


def nginx_upstream(app_server: str) -> str:
    """The web server's one variable part."""
    return f"upstream petclinic {{\n    server {app_server}:{APP_PORT};\n    keepalive 16;\n}}\n"
