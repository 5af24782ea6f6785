"""A private server, and the ways to a public one."""

from __future__ import annotations

from policies import tokens
from policies.rules.database_private import RULE
from tests.policies.case import GONE, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.DATABASE_SERVER,
            inputs={
                "network": {
                    "delegatedSubnetResourceId": "/id/subnet",
                    "privateDnsZoneResourceId": "/id/zone",
                },
                "backup": {"backupRetentionDays": 7},
            },
        ),
        breaks=[
            Break(at={"network.delegatedSubnetResourceId": GONE}, says="public address for good"),
            Break(at={"network": GONE}, says="public address for good"),
            Break(at={"network.publicNetworkAccess": "Enabled"}, says="publicNetworkAccess is not Disabled"),
            Break(at={"backup.backupRetentionDays": 1}, says="backupRetentionDays is below 7"),
            Break(
                at={"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"},  # noqa: S104
                but={"type": tokens.DATABASE_FIREWALL_RULE},
                says="opens the database to addresses of the internet",
            ),
        ],
    )
]
