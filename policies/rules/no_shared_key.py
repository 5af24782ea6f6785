"""Rule: no key opens the backups."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

ALLOWED = {"maintenance-site-account": "the provider writes blobs with the key (pulumi-azure-native #2015)"}
"""Logical names of accounts without backups that may have one, each with its reason."""


def problems(account: Seen) -> Iterator[str]:
    """Absent means allowed in Azure."""
    if account.name not in ALLOWED and account.differs("allowSharedKeyAccess", False):
        yield "allowSharedKeyAccess is not false: whoever has the key can delete every backup"


RULE = Rule(
    name="no-shared-key",
    what=f"Storage accounts accept tokens only; named exceptions: {', '.join(sorted(ALLOWED))}.",
    why="A shared key cannot be limited, is not bound to a person and ends up in scripts.",
    types=frozenset({tokens.STORAGE_ACCOUNT}),
    problems=problems,
)
