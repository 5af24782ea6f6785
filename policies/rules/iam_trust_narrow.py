"""Rule: the role is EC2's to take, and has no rights from a ready-made policy but Session Manager's."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.documents import everybody, label, statements
from policies.rule import Rule
from policies.seen import Seen

SERVICES = frozenset({"ec2.amazonaws.com"})
ATTACHED = frozenset({"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"})


def problems(resource: Seen) -> Iterator[str]:
    """Roles and what is attached to them."""
    if resource.type == tokens.ROLE_POLICY_ATTACHMENT:
        policy = resource.text("policyArn")
        if policy and policy not in ATTACHED:
            yield f"attaches {policy}: write the rights that are needed into the role's own policy"
        return
    for statement in statements(resource, "assumeRolePolicy"):
        if everybody(statement):
            yield f"{label(statement)} lets everybody take the role"
        for service in set(statement.texts("Principal.Service")) - SERVICES - {"*"}:
            yield f"{label(statement)} lets {service} take the role: {', '.join(sorted(SERVICES))} only"
        for principal in [*statement.texts("Principal.AWS"), *statement.texts("Principal.Federated")]:
            if principal != "*":
                yield f"{label(statement)} lets {principal} take the role"


RULE = Rule(
    name="iam-trust-narrow",
    what="Only EC2 may take the backup role, and only Session Manager's managed policy is attached to it.",
    why="Azure trusts tokens of this role: whoever may take it writes to the vault.",
    types=frozenset({tokens.ROLE, tokens.ROLE_POLICY_ATTACHMENT}),
    problems=problems,
)
