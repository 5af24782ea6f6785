"""Rule: a page fetched by mistake cannot read the instance's credentials."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

_HOPS = "metadataOptions.httpPutResponseHopLimit"


def problems(template: Seen) -> Iterator[str]:
    """Absent means that version 1 still answers, in accounts without a default of their own."""
    if template.differs("metadataOptions.httpTokens", "required"):
        yield "metadataOptions.httpTokens is not required: IMDSv1 answers any request"
    hops = template.number(_HOPS)
    if hops is not None and hops > 1:
        yield f"{_HOPS} is {hops:g}: nothing on this machine is a hop away"


RULE = Rule(
    name="imdsv2",
    what="Instances answer metadata requests with a session token only (IMDSv2).",
    why="The role's credentials are one forged request away otherwise.",
    types=frozenset({tokens.LAUNCH_TEMPLATE}),
    problems=problems,
)
