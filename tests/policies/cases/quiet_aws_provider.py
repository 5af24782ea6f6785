"""A provider that asks nothing at start, and ones that do."""

from __future__ import annotations

from policies import tokens
from policies.rules.quiet_aws_provider import RULE
from tests.policies.case import GONE, Break, Case, Thing

FLAGS = (
    "skipCredentialsValidation",
    "skipRequestingAccountId",
    "skipMetadataApiCheck",
    "skipRegionValidation",
)
CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.AWS_PROVIDER, inputs=dict.fromkeys(FLAGS, "true")),
        breaks=[
            *(Break(at={flag: GONE}, says=f"{flag} is not true") for flag in FLAGS),
            Break(at={FLAGS[0]: "false"}, says=f"{FLAGS[0]} is not true"),
        ],
    )
]
