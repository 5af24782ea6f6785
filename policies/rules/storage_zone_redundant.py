"""Rule: the loss of one zone in Azure takes no backup along."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

SKUS = ("Standard_ZRS", "Standard_GZRS", "Standard_RAGZRS", "Premium_ZRS")


def problems(account: Seen) -> Iterator[str]:
    """By the SKU alone."""
    if account.differs("sku.name", *SKUS):
        yield f"sku.name is {account.get('sku.name')!r}: one of {', '.join(SKUS)} survives a zone"


RULE = Rule(
    name="storage-zone-redundant",
    what="Storage accounts are redundant over zones.",
    why="The standby must not depend on one building, and a moved account is a new one.",
    types=frozenset({tokens.STORAGE_ACCOUNT}),
    problems=problems,
)
