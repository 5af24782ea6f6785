"""A reserved address, and what would make it change."""

from __future__ import annotations

from policies import tokens
from policies.rules.addresses_static import RULE
from tests.policies.case import GONE, Break, Case, Thing

GOOD = Thing(
    type=tokens.PUBLIC_ADDRESS,
    inputs={"publicIPAllocationMethod": "Static", "sku": {"name": "Standard"}, "zones": ["1", "2", "3"]},
)
CASES = [
    Case(
        rule=RULE,
        good=GOOD,
        breaks=[
            Break(at={"publicIPAllocationMethod": "Dynamic"}, says="not Static"),
            Break(at={"publicIPAllocationMethod": GONE}, says="not Static"),
            Break(at={"sku.name": "Basic"}, says="sku.name is not Standard"),
        ],
    )
]
