"""Rule: each identity has one right on one thing."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

FORBIDDEN = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": "Key Vault Administrator",
}
"""Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""
_MACHINE_SCOPES = ("/containers/", "/secrets/")


def problems(assignment: Seen) -> Iterator[str]:
    """Scope and role may be unknown in a first preview; the update knows them."""
    role = assignment.text("roleDefinitionId").rpartition("/")[2].lower()
    if role in FORBIDDEN:
        yield f"grants {FORBIDDEN[role]}: grant a role that names what is needed"
    scope = assignment.text("scope")
    if scope and "/providers/" not in scope:
        yield f"reaches all of {_place(scope)}: grant it on one resource"
    elif scope and assignment.get("principalType") == "ServicePrincipal" and not _small(scope):
        yield "gives a machine a whole service: grant it on one container or one secret"
    if assignment.get("principalType") is None:
        yield "principalType is not set: Azure looks up a principal that it may not know yet"


def _small(scope: str) -> bool:
    return any(part in scope for part in _MACHINE_SCOPES)


def _place(scope: str) -> str:
    return "a resource group" if "/resourceGroups/" in scope else "a subscription"


RULE = Rule(
    name="role-assignments-narrow",
    what="Machines get rights on single containers and secrets, people on single resources; none is Owner.",
    why="The agent parses what a database sends it; its identity must not reach beyond its containers.",
    types=frozenset({tokens.ROLE_ASSIGNMENT}),
    problems=problems,
)
