"""Rule: every subnet has a security group, and no way out that nobody made."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen


def problems(subnet: Seen) -> Iterator[str]:
    """The group's id is unknown in a first preview; that there is one is not."""
    if subnet.get("networkSecurityGroup") is None:
        yield "has no networkSecurityGroup: the whole network could reach it"
    if subnet.differs("defaultOutboundAccess", False):
        yield "defaultOutboundAccess is not false: Azure would give it an address that nobody reserved"


RULE = Rule(
    name="subnets-guarded",
    what="Every subnet has a security group and no default outbound access.",
    why="Azure's defaults let everything inside a network talk, and lend an address that nobody reserved.",
    types=frozenset({tokens.SUBNET}),
    problems=problems,
)
