"""Korea, and elsewhere."""

from __future__ import annotations

from policies import tokens
from policies.rules.regions_allowed import RULE
from tests.policies.case import Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.AWS_PROVIDER, inputs={"region": "ap-northeast-2"}),
        breaks=[Break(at={"region": "us-east-1"}, says="region is us-east-1: ap-northeast-2 only")],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.METRIC_ALARM, inputs={"region": "us-east-1"}),
        breaks=[
            Break(at={"region": "eu-west-1"}, says="region is eu-west-1"),
            Break(but={"type": tokens.BUCKET}, says="region is us-east-1"),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.STORAGE_ACCOUNT, inputs={"location": "Korea Central"}),
        breaks=[Break(at={"location": "japaneast"}, says="location is japaneast")],
    ),
    Case(rule=RULE, good=Thing(type=tokens.PRIVATE_ZONE, inputs={"location": "Global"}), breaks=[]),
    Case(rule=RULE, good=Thing(type=tokens.BLOB_CONTAINER), breaks=[]),
]
