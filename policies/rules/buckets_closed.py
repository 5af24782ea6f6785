"""Rule: buckets block public access, and keep versions and encryption where these are set."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule, Stack
from policies.seen import Seen

BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def problems(resource: Seen) -> Iterator[str]:
    """S3 encrypts every new object by itself since 2023; a setting of ours may only choose how."""
    if resource.type == tokens.BUCKET_PUBLIC_ACCESS_BLOCK:
        for block in BLOCKS:
            if resource.differs(block, True):
                yield f"{block} is not true"
    elif resource.type == tokens.BUCKET_VERSIONING:
        if resource.differs("versioningConfiguration.status", "Enabled"):
            yield "versioningConfiguration.status is not Enabled"
    elif resource.type == tokens.BUCKET:
        if resource.differs("acl", None, "private"):
            yield "acl is not private"
        if resource.differs("forceDestroy", None, False):
            yield "forceDestroy is on: a deleted bucket would take its objects along without asking"
    else:
        for rule in resource.parts("rules"):
            algorithm = rule.text("applyServerSideEncryptionByDefault.sseAlgorithm")
            if algorithm not in ("", "AES256", "aws:kms", "aws:kms:dsse"):
                yield f"encrypts by {algorithm!r}"


def stack_problems(stack: Stack) -> Iterator[str]:
    """Every bucket has its block; the name that joins them may be unknown in a preview."""
    blocks = stack.of(tokens.BUCKET_PUBLIC_ACCESS_BLOCK)
    for bucket in stack.of(tokens.BUCKET):
        name = bucket.text("bucket")
        if not any(not name or not block.differs("bucket", name) for block in blocks):
            yield f"{bucket.name}: no BucketPublicAccessBlock: one policy or ACL could open it"


RULE = Rule(
    name="buckets-closed",
    what="Every bucket has a full public access block, no public ACL; versioning and encryption stay on.",
    why="The instance runs what it fetches from there.",
    types=frozenset(
        {
            tokens.BUCKET,
            tokens.BUCKET_PUBLIC_ACCESS_BLOCK,
            tokens.BUCKET_VERSIONING,
            tokens.BUCKET_ENCRYPTION,
        }
    ),
    problems=problems,
    stack_problems=stack_problems,
)
