"""Rule: a stranger can tell whose a resource is, and whether it may go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from policies import tokens
from policies.limits import REQUIRED_TAGS
from policies.rule import Rule
from policies.seen import Seen

TAGGED = frozenset(
    {
        tokens.RESOURCE_GROUP,
        tokens.STORAGE_ACCOUNT,
        tokens.KEY_VAULT,
        tokens.KEY_VAULT_SECRET,
        tokens.NETWORK,
        tokens.NETWORK_SECURITY_GROUP,
        tokens.NETWORK_INTERFACE,
        tokens.NAT_GATEWAY,
        tokens.PUBLIC_ADDRESS,
        tokens.APPLICATION_GATEWAY,
        tokens.FIREWALL_POLICY,
        tokens.PRIVATE_ZONE,
        tokens.PRIVATE_ZONE_LINK,
        tokens.IDENTITY,
        tokens.VIRTUAL_MACHINE,
        tokens.DATABASE_SERVER,
        tokens.LOG_ALERT,
        tokens.METRIC_ALERT,
        tokens.ACTION_GROUP,
        tokens.WORKSPACE,
    }
)
"""Azure's types that take tags. In AWS the provider adds its default tags to all that do."""


def problems(resource: Seen) -> Iterator[str]:
    """A provider's nested inputs arrive as JSON text."""
    of_provider = resource.type == tokens.AWS_PROVIDER
    path = "defaultTags" if of_provider else "tags"
    if resource.unknown(path, f"{path}.tags"):
        return
    tags = resource.get(path)
    if of_provider:
        tags = _inside(tags)
    present = set(tags) if isinstance(tags, Mapping) else set[str]()
    missing = [tag for tag in REQUIRED_TAGS if tag not in present]
    if missing:
        yield f"{path} lack {', '.join(missing)}: pass names.tags"


def _inside(default_tags: object) -> object:
    if isinstance(default_tags, str):
        try:
            default_tags = json.loads(default_tags)
        except json.JSONDecodeError:
            return None
    return default_tags.get("tags") if isinstance(default_tags, Mapping) else None


RULE = Rule(
    name="required-tags",
    what=f"Everything that takes tags has {', '.join(REQUIRED_TAGS)}; in AWS by the provider's default tags.",
    why="A bill names resources, not projects; and what nobody owns is deleted, or never.",
    types=TAGGED | {tokens.AWS_PROVIDER},
    problems=problems,
)
