"""The numbers that rules hold the program to, each with its reason. Not the program's own constants: a rule
that read those would compare the program with itself."""

from __future__ import annotations

from typing import Final

BACKUPS_CONTAINER: Final = "mysql-backups"
VERIFIED_PREFIX: Final = f"{BACKUPS_CONTAINER}/weekly/"
"""Where the agents copy a verified chain every week, to be kept for good."""

RETENTION_DAYS: Final = 7
"""Days in which no backup can be changed: a mistake made on a Friday must still be curable on Thursday."""
LIFECYCLE_FACTOR: Final = 3
"""A rule by age may delete at this many retention windows at the earliest: the newest verified chain may be
that old when backups have silently failed, and a rule by age knows no chains."""
SOFT_DELETE_DAYS: Final = 7
DATABASE_BACKUP_DAYS: Final = 7
VAULT_SOFT_DELETE_DAYS: Final = 90
"""The service's longest; a purged certificate or password cannot be made again in an emergency."""

AWS_REGIONS: Final = frozenset({"ap-northeast-2"})
AWS_METRICS_REGION: Final = "us-east-1"
"""The only region that has Route 53's metrics; alarms on health checks and their topics live there."""
AZURE_LOCATIONS: Final = frozenset({"koreacentral"})
AZURE_GLOBAL: Final = "global"
"""Private DNS and alerts have no region."""

DETECTION_SECONDS: Final = 120
"""From the first failed request of a health check to its verdict. With the TTL it is users' whole wait for
DNS, small against the six minutes that the gateway takes to appear."""
TTL_SECONDS: Final = 60
GATEWAY_EJECT_SECONDS: Final = 60
"""From the first failed probe of the gateway to its taking the server out."""

REQUIRED_TAGS: Final = ("project", "stack", "managed-by")

PUBLIC_PORTS: Final = frozenset({80, 443})
"""What the whole internet may reach."""
TLS_POLICIES: Final = frozenset({"AppGwSslPolicy20220101", "AppGwSslPolicy20220101S"})
"""The gateway's predefined policies without TLS 1.0 and 1.1."""
