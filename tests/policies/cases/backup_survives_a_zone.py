"""A group over two zones, and one in a single one."""

from __future__ import annotations

from policies import tokens
from policies.rules.backup_survives_a_zone import RULE
from tests.policies.case import Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.AUTO_SCALING_GROUP, inputs={"vpcZoneIdentifiers": ["subnet-1", "subnet-2"]}),
        breaks=[
            Break(at={"vpcZoneIdentifiers": ["subnet-1"]}, says="stands in one subnet"),
            Break(at={"vpcZoneIdentifiers.1": "subnet-1"}, says="stands in one subnet"),
        ],
    )
]
