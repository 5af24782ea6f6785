"""Rule: the AWS provider starts without asking AWS."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

FLAGS = (
    "skipCredentialsValidation",
    "skipRequestingAccountId",
    "skipMetadataApiCheck",
    "skipRegionValidation",
)


def problems(provider: Seen) -> Iterator[str]:
    """Providers take their flags as text."""
    for flag in FLAGS:
        if provider.differs(flag, True, "true"):
            yield f"{flag} is not true: the provider then needs AWS before anything else can be changed"


RULE = Rule(
    name="quiet-aws-provider",
    what="The AWS provider makes no API call when it starts.",
    why="The engine configures every provider of a stack, used or not; an outage of STS would stop a "
    "failover (pulumi-aws issues 1978 and 3971).",
    types=frozenset({tokens.AWS_PROVIDER}),
    problems=problems,
)
