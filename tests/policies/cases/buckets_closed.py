"""A closed bucket's settings; that each bucket has a block is in test_stack_rules.py."""

from __future__ import annotations

from policies import tokens
from policies.rules.buckets_closed import RULE
from tests.policies.case import GONE, Break, Case, Thing

BLOCK = Thing(
    type=tokens.BUCKET_PUBLIC_ACCESS_BLOCK,
    inputs=dict.fromkeys(
        ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
    ),
)
VERSIONING = Thing(type=tokens.BUCKET_VERSIONING, inputs={"versioningConfiguration": {"status": "Enabled"}})
ENCRYPTION = Thing(
    type=tokens.BUCKET_ENCRYPTION,
    inputs={"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]},
)
CASES = [
    Case(
        rule=RULE,
        good=BLOCK,
        breaks=[
            *(Break(at={block: False}, says=f"{block} is not true") for block in BLOCK.inputs),
            Break(at={"blockPublicAcls": GONE}, says="blockPublicAcls is not true"),
        ],
    ),
    Case(
        rule=RULE,
        good=VERSIONING,
        breaks=[Break(at={"versioningConfiguration.status": "Suspended"}, says="is not Enabled")],
    ),
    Case(
        rule=RULE,
        good=ENCRYPTION,
        breaks=[
            Break(at={"rules.0.applyServerSideEncryptionByDefault.sseAlgorithm": "none"}, says="by 'none'")
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.BUCKET, inputs={"bucket": "petclinic"}),
        breaks=[
            Break(at={"acl": "public-read"}, says="acl is not private"),
            Break(at={"forceDestroy": True}, says="forceDestroy is on"),
        ],
    ),
]
