"""Rule: the backup instance may do what it does, to what it does it to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies import tokens
from policies.documents import label, statements
from policies.rule import Rule
from policies.seen import Seen

EVERY_RESOURCE = {
    "sts:GetWebIdentityToken": "has no resource to name; bound by audience and duration",
    "cloudwatch:PutMetricData": "has no resource to name; bound by namespace",
}
"""Actions that IAM gives no resource; each needs a condition instead."""
RESOURCE_KINDS = {
    "ec2:AssociateAddress": "the interface and the instance exist only after boot; bound by tag and address",
}
"""Actions whose ARN may end in ``/*``: all of a kind, never of a service."""

OWN_SNAPSHOTS = {
    "rds:AddTagsToResource": "names of snapshots end in the epoch, which nobody knows before",
    "rds:CreateDBSnapshot": "the same",
    "rds:DescribeDBSnapshots": "the same",
}
"""Actions on the agent's own snapshots of one database, by the beginning of their names."""
_OWN_SNAPSHOT = re.compile(r"arn:aws[a-z-]*:rds:[a-z0-9-]+:\d{12}:snapshot:[a-z][a-z0-9-]*-before-epoch-\*")


def problems(policy: Seen) -> Iterator[str]:
    """Identity policies. A statement of denial may be as wide as it likes."""
    for statement in statements(policy, "policy"):
        yield from _statement(statement)


def _statement(statement: Seen) -> Iterator[str]:
    name = label(statement)
    actions, resources = statement.texts("Action"), statement.texts("Resource")
    for turned in ("NotAction", "NotResource"):
        if statement.get(turned) is not None:
            yield f"{name} allows by {turned}: name what is allowed"
    for action in actions:
        if "*" in action:
            yield f"{name} allows action {action!r}: name single actions"
    for resource in resources:
        if resource == "*":
            unbound = sorted(set(actions) - set(EVERY_RESOURCE))
            if unbound:
                yield f"{name} allows {', '.join(unbound)} on every resource: name ARNs"
            elif not statement.get("Condition"):
                yield f"{name} allows every resource without a condition"
        elif "*" in resource and not _kind(actions, resource):
            yield f"{name} reaches {resource!r}: name single resources"


def _kind(actions: list[str], resource: str) -> bool:
    """Whether the pattern is one that each of the actions may have; actions not known yet are left alone."""
    if set(actions) <= set(OWN_SNAPSHOTS) and _OWN_SNAPSHOT.fullmatch(resource):
        return True
    return set(actions) <= set(RESOURCE_KINDS) and resource.endswith("/*") and resource.count("*") == 1


RULE = Rule(
    name="iam-no-wildcards",
    what="IAM policies name actions and resources. On every resource (with a condition): "
    f"{', '.join(EVERY_RESOURCE)}; on a kind: {', '.join(RESOURCE_KINDS)}; on the agent's own snapshots: "
    f"{', '.join(OWN_SNAPSHOTS)}.",
    why="The instance has a public address and reads a production database: a thief gets its rights.",
    types=frozenset({tokens.ROLE_POLICY, tokens.MANAGED_POLICY}),
    problems=problems,
)
