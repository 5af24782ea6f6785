"""Rule: no container of the standby is open to strangers."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen


def problems(resource: Seen) -> Iterator[str]:
    """The public pages are served by the static site, which needs none of this."""
    if resource.type == tokens.STORAGE_ACCOUNT:
        if resource.differs("allowBlobPublicAccess", False):
            yield "allowBlobPublicAccess is not false: any container in it could be opened to everybody"
        if resource.differs("allowCrossTenantReplication", False):
            yield "allowCrossTenantReplication is not false: backups could be copied to a stranger's account"
    elif resource.differs("publicAccess", None, "None"):
        yield f"publicAccess is {resource.get('publicAccess')!r}: set it to None"


RULE = Rule(
    name="no-public-storage",
    what="Storage accounts and containers give nothing to anonymous readers or other tenants.",
    why="A dump of the database is the whole database.",
    types=frozenset({tokens.STORAGE_ACCOUNT, tokens.BLOB_CONTAINER}),
    problems=problems,
)
