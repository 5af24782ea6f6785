"""A closed firewall, and open ones."""

from __future__ import annotations

from policies import tokens
from policies.rules.storage_network_closed import RULE
from tests.policies.case import Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.STORAGE_ACCOUNT,
            inputs={
                "networkRuleSet": {
                    "defaultAction": "Deny",
                    "bypass": "AzureServices",
                    "ipRules": [{"iPAddressOrRange": "203.0.113.5", "action": "Allow"}],
                }
            },
        ),
        breaks=[
            Break(at={"networkRuleSet.defaultAction": "Allow"}, says="defaultAction is not Deny"),
            Break(at={"networkRuleSet.bypass": "None"}, says="lifecycle management is blocked"),
            Break(at={"networkRuleSet.bypass": "Logging, Metrics"}, says="lifecycle management is blocked"),
            Break(
                at={"networkRuleSet.ipRules.0.iPAddressOrRange": "203.0.0.0/16"}, says="admits 203.0.0.0/16"
            ),
            Break(at={"networkRuleSet.ipRules.0.iPAddressOrRange": "anything"}, says="admits anything"),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.STORAGE_ACCOUNT, name="maintenance-site-account"),
        breaks=[],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.STORAGE_ACCOUNT, inputs={"publicNetworkAccess": "Disabled"}),
        breaks=[],
    ),
]
