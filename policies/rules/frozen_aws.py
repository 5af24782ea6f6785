"""Rule: in an emergency nothing asks AWS for anything."""

from __future__ import annotations

from collections.abc import Iterator

from components.aws.provider import PLACEHOLDER
from components.options import EVERYTHING
from policies import tokens
from policies.rule import Rule
from policies.seen import Seen
from policies.situation import switches


def problems(resource: Seen) -> Iterator[str]:
    """Resources keep what the state says of them; the provider's credentials open nothing."""
    now = switches()
    if now is None or not now.frozen_aws:
        return
    is_provider = resource.type == tokens.AWS_PROVIDER
    if not is_provider and not resource.type.startswith("aws:"):
        return
    if not now.owns_production:
        yield f"belongs to AWS, and a {now.purpose} stack must work without it: make it in production only"
    elif is_provider:
        if resource.differs("accessKey", PLACEHOLDER) or resource.differs("secretKey", PLACEHOLDER):
            yield "signs in to AWS in an emergency: give the provider frozen=True"
    elif not set(EVERYTHING) <= set(resource.ignored):
        yield "may be changed while AWS is away: make it with components.options.aws_child(frozen=True)"


RULE = Rule(
    name="frozen-aws",
    what="In mode emergency AWS resources ignore every change; their provider has placeholder credentials.",
    why="One call to a region that is down stops the whole update, and with it the failover.",
    problems=problems,
)
