"""The key vault as it is, and five ways to weaken it."""

from __future__ import annotations

from policies import tokens
from policies.rules.key_vault_hardened import RULE
from tests.policies.case import GONE, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.KEY_VAULT,
            inputs={
                "properties": {
                    "enablePurgeProtection": True,
                    "enableSoftDelete": True,
                    "softDeleteRetentionInDays": 90,
                    "enableRbacAuthorization": True,
                    "networkAcls": {"defaultAction": "Deny"},
                }
            },
        ),
        breaks=[
            Break(at={"properties.enablePurgeProtection": GONE}, says="enablePurgeProtection is not true"),
            Break(at={"properties.enableSoftDelete": False}, says="enableSoftDelete is off"),
            Break(at={"properties.softDeleteRetentionInDays": 7}, says="softDeleteRetentionInDays is below"),
            Break(at={"properties.enableRbacAuthorization": False}, says="enableRbacAuthorization is not"),
            Break(at={"properties.networkAcls": GONE}, says="networkAcls.defaultAction is not Deny"),
        ],
    )
]
