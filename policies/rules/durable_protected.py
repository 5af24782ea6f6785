"""Rule: what holds data, or what data cannot be reached without, is protected."""

from __future__ import annotations

from collections.abc import Iterator

from components.switches import Mode
from policies import tokens
from policies.rule import Rule
from policies.seen import Seen
from policies.situation import switches

ALWAYS = frozenset(
    {
        tokens.STORAGE_ACCOUNT,
        tokens.BLOB_SERVICE,
        tokens.STATIC_WEBSITE,
        tokens.IMMUTABILITY_POLICY,
        tokens.KEY_VAULT,
        tokens.NETWORK,
        tokens.SUBNET,
        tokens.PRIVATE_ZONE,
        tokens.PRIVATE_ZONE_LINK,
        tokens.WEB_IDENTITY_FEDERATION,
    }
)
"""Types that only the production stack makes, and only for what must last."""
IN_PRODUCTION = frozenset({tokens.RESOURCE_GROUP, tokens.BLOB_CONTAINER, tokens.KEY_VAULT_SECRET})
"""A drill makes these as well, and throws its own away."""
IN_NORMAL = frozenset({tokens.PUBLIC_ADDRESS, tokens.RANDOM_PASSWORD})
"""An emergency makes more of these; what is there in ``normal`` is the reserved address and the passwords."""


def problems(resource: Seen) -> Iterator[str]:
    """Looks at options only, so nothing in it can be unknown. ``retainOnDelete`` is not visible to policies;
    the program's own tests hold it."""
    if not resource.protected and _durable(resource.type):
        yield "is durable but not protected: make it with components.options.durable_child"


def _durable(token: str) -> bool:
    if token in ALWAYS:
        return True
    now = switches()
    if now is None or not now.owns_production:
        return False
    return token in IN_PRODUCTION or (token in IN_NORMAL and now.mode is Mode.NORMAL)


RULE = Rule(
    name="durable-protected",
    what="Accounts, containers, vault, passwords, network and reserved address are protected from deletion.",
    why="A renamed argument replaces a resource without a word: here the backups, or the way to them.",
    types=ALWAYS | IN_PRODUCTION | IN_NORMAL,
    problems=problems,
)
