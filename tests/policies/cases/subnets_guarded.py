"""A guarded subnet, and open ones."""

from __future__ import annotations

from policies import tokens
from policies.rules.subnets_guarded import RULE
from tests.policies.case import GONE, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.SUBNET,
            inputs={"networkSecurityGroup": {"id": "/id/guard"}, "defaultOutboundAccess": False},
        ),
        breaks=[
            Break(at={"networkSecurityGroup": GONE}, says="has no networkSecurityGroup"),
            Break(at={"defaultOutboundAccess": GONE}, says="defaultOutboundAccess is not false"),
            Break(at={"defaultOutboundAccess": True}, says="defaultOutboundAccess is not false"),
        ],
    )
]
