"""Rule: public addresses stay what DNS, firewalls and people were told."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen


def problems(address: Seen) -> Iterator[str]:
    """Azure's other kinds are lost at a restart, or not accepted by a gateway of version 2."""
    if address.differs("publicIPAllocationMethod", "Static"):
        yield "publicIPAllocationMethod is not Static: it may change while DNS still names it"
    if address.differs("sku.name", "Standard", "StandardV2"):
        yield "sku.name is not Standard, which alone is closed by default and survives a zone"


RULE = Rule(
    name="addresses-static",
    what="Public addresses in Azure are static and of SKU Standard.",
    why="The reserved address is in DNS before an emergency; it must be the same one in it.",
    types=frozenset({tokens.PUBLIC_ADDRESS}),
    problems=problems,
)
