"""Rule: production grants its rights long before an emergency."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen
from policies.situation import switches

HOME = "pilotlight:azure:Access$"
"""The component that the program makes in every mode; a part of the URN of everything in it."""


def problems(resource: Seen) -> Iterator[str]:
    """A drill or takeover grants for itself, and waits."""
    now = switches()
    if now is not None and now.owns_production and HOME not in resource.urn:
        yield "is not made by components/azure/access.py: a right that an emergency makes comes minutes late"


RULE = Rule(
    name="identities-from-normal-on",
    what="Production's identities, federations, roles and assignments exist from mode normal on.",
    why="A new right takes minutes to reach every front end of Azure; an emergency has no such minutes.",
    types=frozenset(
        {tokens.IDENTITY, tokens.FEDERATED_CREDENTIAL, tokens.ROLE_DEFINITION, tokens.ROLE_ASSIGNMENT}
    ),
    problems=problems,
)
