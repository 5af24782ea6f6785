"""A type with a price, and one that nobody thought of."""

from __future__ import annotations

from policies.rules.priced_types import RULE
from tests.policies.case import Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(type="aws:ec2/eip:Eip"),
        breaks=[
            Break(but={"type": "aws:sqs/queue:Queue"}, says="'aws:sqs/queue:Queue' has no cost function"),
            Break(but={"type": "azure-native:web:WebApp"}, says="costs/azure.py"),
        ],
    ),
    Case(rule=RULE, good=Thing(type="pilotlight:azure:AppGateway"), breaks=[]),
    Case(rule=RULE, good=Thing(type="pulumi:providers:aws"), breaks=[]),
]
