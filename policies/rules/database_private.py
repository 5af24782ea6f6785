"""Rule: the standby database has no public side."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import DATABASE_BACKUP_DAYS
from policies.rule import Rule
from policies.seen import Seen

_DAYS = "backup.backupRetentionDays"


def problems(resource: Seen) -> Iterator[str]:
    """A firewall rule exists for public servers only, so one is wrong in itself."""
    if resource.type == tokens.DATABASE_FIREWALL_RULE:
        yield "opens the database to addresses of the internet: reach it from the application's subnet"
        return
    if resource.get("network.delegatedSubnetResourceId") is None:
        yield "network.delegatedSubnetResourceId is not set: the server would get a public address for good"
    if resource.differs("network.publicNetworkAccess", None, "Disabled"):
        yield "network.publicNetworkAccess is not Disabled"
    if not resource.unknown(_DAYS) and (resource.number(_DAYS) or 0) < DATABASE_BACKUP_DAYS:
        yield f"{_DAYS} is below {DATABASE_BACKUP_DAYS}: the service's own backups are the last resort"


RULE = Rule(
    name="database-private",
    what=f"The database has no public side and keeps {DATABASE_BACKUP_DAYS} days of its own backups.",
    why="It holds every row of the clinic, and public or private is decided once, when it is made.",
    types=frozenset({tokens.DATABASE_SERVER, tokens.DATABASE_FIREWALL_RULE}),
    problems=problems,
)
