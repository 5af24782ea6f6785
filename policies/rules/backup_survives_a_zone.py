"""Rule: the loss of one zone in AWS does not end the backups."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen


def problems(group: Seen) -> Iterator[str]:
    """One subnet is in one zone."""
    subnets = group.get("vpcZoneIdentifiers")
    unknown = group.unknown("vpcZoneIdentifiers")
    if not unknown and isinstance(subnets, list) and len(set(map(str, subnets))) < 2:
        yield "stands in one subnet: name one for each zone in awsSubnetIds"


RULE = Rule(
    name="backup-survives-a-zone",
    what="The backup instance may start in more than one zone.",
    why="RDS moves to another zone by itself, and its backups would stay behind. Advice: a VPC may have "
    "only one public subnet.",
    level=EnforcementLevel.ADVISORY,
    types=frozenset({tokens.AUTO_SCALING_GROUP}),
    problems=problems,
)
