"""Rule: for a whole window nobody can change or delete a backup."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.limits import BACKUPS_CONTAINER, RETENTION_DAYS
from policies.rule import Rule, Stack
from policies.seen import Seen

_DAYS = "immutabilityPeriodSinceCreationInDays"


def problems(policy: Seen) -> Iterator[str]:
    """The retention policy itself."""
    days = policy.number(_DAYS) or 0
    if not policy.unknown(_DAYS) and days < RETENTION_DAYS:
        yield f"{_DAYS} is {days:g}: pulumi config set retentionDays {RETENTION_DAYS}, at least"
    for append in ("allowProtectedAppendWrites", "allowProtectedAppendWritesAll"):
        if policy.differs(append, None, False):
            yield f"{append} is not false: no backup is ever added to"


def stack_problems(stack: Stack) -> Iterator[str]:
    """That there is one at all. Its container's name may be unknown in a preview; one is enough."""
    containers = [c for c in stack.of(tokens.BLOB_CONTAINER) if c.text("containerName") == BACKUPS_CONTAINER]
    policies = [
        policy
        for policy in stack.of(tokens.IMMUTABILITY_POLICY)
        if not policy.differs("containerName", BACKUPS_CONTAINER)
    ]
    if containers and not policies:
        yield f"{containers[0].name}: no retention policy: whoever can write can destroy every backup"


RULE = Rule(
    name="backups-immutable",
    what=f"The backups' container has a retention policy of at least {RETENTION_DAYS} days, without appends.",
    why="Ransomware and mistakes reach the backups with the same rights as the agent that writes them.",
    types=frozenset({tokens.IMMUTABILITY_POLICY}),
    problems=problems,
    stack_problems=stack_problems,
)
