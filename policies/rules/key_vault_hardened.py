"""Rule: the key vault cannot be emptied, and opens by role from named networks only."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import VAULT_SOFT_DELETE_DAYS
from policies.rule import Rule
from policies.seen import Seen

_DAYS = "properties.softDeleteRetentionInDays"


def problems(vault: Seen) -> Iterator[str]:
    """Five settings; the service's own defaults are weaker for three of them."""
    if vault.differs("properties.enablePurgeProtection", True):
        yield "enablePurgeProtection is not true: a deleted certificate could be purged for good"
    if vault.differs("properties.enableSoftDelete", None, True):
        yield "enableSoftDelete is off"
    if not vault.unknown(_DAYS) and (vault.number(_DAYS) or 90) < VAULT_SOFT_DELETE_DAYS:
        yield f"softDeleteRetentionInDays is below {VAULT_SOFT_DELETE_DAYS}, and cannot be changed later"
    if vault.differs("properties.enableRbacAuthorization", True):
        yield "enableRbacAuthorization is not true: access policies open all secrets at once"
    if vault.differs("properties.networkAcls.defaultAction", "Deny"):
        yield "networkAcls.defaultAction is not Deny"


RULE = Rule(
    name="key-vault-hardened",
    what="The key vault has purge protection, the longest soft delete, access by role and a closed firewall.",
    why="It holds the certificate and the passwords without which no emergency can be served.",
    types=frozenset({tokens.KEY_VAULT}),
    problems=problems,
)
