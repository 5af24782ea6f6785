"""Redundancy over zones, and within one building."""

from __future__ import annotations

from policies import tokens
from policies.rules.storage_zone_redundant import RULE
from tests.policies.case import GONE, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.STORAGE_ACCOUNT, inputs={"sku": {"name": "Standard_ZRS"}}),
        breaks=[
            Break(at={"sku.name": "Standard_LRS"}, says="sku.name is 'Standard_LRS'"),
            Break(at={"sku": GONE}, says="sku.name is None"),
        ],
    )
]
