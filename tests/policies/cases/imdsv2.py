"""A launch template with IMDSv2 only, and looser ones."""

from __future__ import annotations

from policies import tokens
from policies.rules.imdsv2 import RULE
from tests.policies.case import GONE, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.LAUNCH_TEMPLATE,
            inputs={"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1}},
        ),
        breaks=[
            Break(at={"metadataOptions.httpTokens": "optional"}, says="IMDSv1 answers"),
            Break(at={"metadataOptions": GONE}, says="IMDSv1 answers"),
            Break(at={"metadataOptions.httpPutResponseHopLimit": 2}, says="HopLimit is 2"),
        ],
    )
]
