"""Rule: the backups' account answers named networks only."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

OPEN = {"maintenance-site-account": "serves the public page and the hold switch"}
"""Logical names of accounts that the internet must reach, each with its reason."""
_WIDEST_PREFIX = 24


def problems(account: Seen) -> Iterator[str]:
    """Addresses may be unknown in a preview; the rest is not."""
    if account.name in OPEN or not account.differs("publicNetworkAccess", "Disabled"):
        return
    if account.differs("networkRuleSet.defaultAction", "Deny"):
        yield "networkRuleSet.defaultAction is not Deny: a stolen token would do from anywhere"
    if account.differs("networkRuleSet.bypass", "AzureServices"):
        yield (
            "networkRuleSet.bypass is not AzureServices: lifecycle management is blocked, and the vault "
            "grows for ever; trusted services still need a role"
        )
    for rule in account.parts("networkRuleSet.ipRules"):
        address = rule.text("iPAddressOrRange")
        if address and _wide(address):
            yield f"admits {address}: name single addresses, at most a /{_WIDEST_PREFIX}"


def _wide(address: str) -> bool:
    try:
        return ipaddress.ip_network(address, strict=False).prefixlen < _WIDEST_PREFIX
    except ValueError:
        return True


RULE = Rule(
    name="storage-network-closed",
    what=f"Storage accounts deny by default and admit named addresses and subnets; open: {', '.join(OPEN)}.",
    why="The firewall is what is left when an identity is stolen.",
    types=frozenset({tokens.STORAGE_ACCOUNT}),
    problems=problems,
)
