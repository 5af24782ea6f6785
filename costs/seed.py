"""The seed document's own cost figures, and what each becomes with sourced prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costs.model import LineItem
from costs.prices import HOURS_PER_MONTH, PriceTable
from costs.ranges import Range, total
from costs.scenarios import Scenarios


@dataclass(frozen=True)
class Claim:
    """One figure of the seed, and the same thing priced here."""

    item: str
    usd: float
    ours: Range
    note: str


OVERVIEW = {"AWS backup EC2": 15.0, "Azure Blob Storage": 10.0, "Route 53": 1.0, "other": 4.0}
"""The picture of the normal state: about 30 USD a month."""
ANALYSIS = {
    "EKS cluster": 73.0,
    "RDS MySQL": 85.0,
    "backup EC2": 15.0,
    "VPC endpoints": 22.0,
    "other, AWS": 10.0,
    "Blob Storage (100 GB)": 10.0,
    "other, Azure": 2.0,
}
"""The cost section's list of the same state: 217 USD a month."""
EMERGENCY = {"two servers": 0.50, "MySQL": 2.00, "Application Gateway": 0.50, "network": 0.30}
"""Four hours of emergency: 3.30 USD."""
PLAN_A_MONTHLY = 355.0
PLAN_A_OVERVIEW = 150.0
EMERGENCY_HOURS = 4
PRODUCTION = ("EKS cluster", "RDS MySQL")
"""Items of the seed's list that exist without disaster recovery."""


def between_the_sums() -> list[tuple[str, float, str]]:
    """The way from 30 to 217 USD, item by item: name, difference, reason. The differences add up to 187."""
    return [
        ("EKS cluster", ANALYSIS["EKS cluster"], "production: paid with and without disaster recovery"),
        ("RDS MySQL", ANALYSIS["RDS MySQL"], "production: paid with and without disaster recovery"),
        ("VPC endpoints", ANALYSIS["VPC endpoints"], "only in the longer list"),
        ("other, AWS", ANALYSIS["other, AWS"], "only in the longer list, unnamed"),
        ("other, Azure", ANALYSIS["other, Azure"], "only in the longer list, unnamed"),
        ("Route 53", -OVERVIEW["Route 53"], "only in the shorter list"),
        ("other", -OVERVIEW["other"], "only in the shorter list, unnamed"),
    ]


def normal_claims(s: Scenarios, prices: PriceTable) -> list[Claim]:
    month = HOURS_PER_MONTH
    lines = s.normal.lines
    endpoint = prices["aws.vpc.interface-endpoint"].amount * month
    return [
        Claim(
            "EKS cluster",
            73,
            prices["aws.eks.cluster"].amount * month,
            "right (0.10 an hour), and not a cost of disaster recovery",
        ),
        Claim(
            "RDS MySQL",
            85,
            prices["aws.rds.db.t3.medium"].amount * month,
            "about a db.t3.medium without its storage; not a cost of disaster recovery",
        ),
        Claim(
            "backup EC2",
            15,
            _sum(lines, "aws.ec2.", "aws.ebs.", "aws.ip."),
            "15.18 is the bare price of a t4g.small; a public address (3.65) and a disk were forgotten. "
            "Ours is a smaller machine with both",
        ),
        Claim(
            "VPC endpoints",
            22,
            _sum(lines, "aws.vpc."),
            "3 x 0.01 x 730 = 21.90 is the price of us-east-1, in one zone. Seoul takes 0.013: "
            f"{endpoint.expected * 3:.2f} in one zone, {endpoint.expected * 6:.2f} in two. The stack has no "
            "interface endpoint: its backups go through the internet anyway",
        ),
        Claim(
            "Azure Blob Storage",
            10,
            _sum(lines, "azure.blob."),
            "100 GB hot are about 2 to 3 USD. Writes, heartbeats and the reads of Route 53's checkers "
            "cost as much as the space and are counted here",
        ),
        Claim(
            "egress",
            0,
            _sum(lines, "aws.egress.", "azure.egress."),
            "missing in the seed. Free in AWS only while the account's 100 GB last, see the table above; "
            "what verification and packing read back leaves Azure",
        ),
        Claim(
            "Route 53",
            1,
            _sum(lines, "aws.route53."),
            "the zone (0.50, exists anyway) and one plain check. HTTPS and a fast interval cost 1 USD each "
            "on AWS endpoints and 2 on others, and checks outside AWS are never free",
        ),
        Claim(
            "other",
            4,
            _sum(
                lines,
                "azure.ip.",
                "azure.dns.",
                "azure.monitor.",
                "azure.keyvault.",
                "aws.s3.",
                "aws.cloudwatch.",
            ),
            "unnamed in the seed; here the reserved Azure address, private DNS, alerts, key vault, artifacts",
        ),
    ]


def emergency_claims(s: Scenarios) -> list[Claim]:
    """The seed's four lines for four hours, beside ours for the same four hours."""
    lines = s.emergency.lines
    hours = EMERGENCY_HOURS / HOURS_PER_MONTH
    return [
        Claim("two servers", 0.50, _sum(lines, "azure.vm.", "azure.disk.") * hours, "agrees"),
        Claim(
            "MySQL",
            2.00,
            _sum(lines, "azure.mysql.") * hours,
            "above our expected figure for a two-CPU server with paid IO, inside its range",
        ),
        Claim(
            "Application Gateway",
            0.50,
            _sum(lines, "azure.gateway.") * hours,
            "too low: Microsoft's own worked example (East US, 2022) makes 0.98 of the fixed price alone",
        ),
        Claim(
            "logs and alerts",
            0,
            _sum(lines, "azure.monitor.") * hours,
            "missing in the seed: access logs, slow queries, metric alerts on gateway, database and servers",
        ),
        Claim("network", 0.30, _sum(lines, "azure.egress.") * hours, "2.5 GB at our rate; ours assumes 2 GB"),
    ]


def _sum(lines: Sequence[LineItem], *prefixes: str) -> Range:
    return total(line.usd for line in lines if line.price_key.startswith(prefixes))
