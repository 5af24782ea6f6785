"""Rule: buckets, topics and endpoints are nobody else's."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.documents import everybody, label, statements
from policies.rule import Rule
from policies.seen import Seen


def problems(resource: Seen) -> Iterator[str]:
    """A principal of everybody is usual where a condition binds it to an account, a role or a VPC."""
    for statement in statements(resource, "policy"):
        if everybody(statement) and not statement.get("Condition"):
            yield f"{label(statement)} admits everybody: name principals, or bind it by a condition"


RULE = Rule(
    name="resource-policies-closed",
    what="Policies of buckets, topics and endpoints admit everybody only under a condition.",
    why="A bucket that serves the agent's code, or a topic that wakes people, is worth writing to.",
    types=frozenset({tokens.BUCKET_POLICY, tokens.TOPIC, tokens.TOPIC_POLICY, tokens.VPC_ENDPOINT}),
    problems=problems,
)
