"""Deleted blobs and containers that come back, and that do not."""

from __future__ import annotations

from policies import tokens
from policies.rules.storage_soft_delete import RULE
from tests.policies.case import GONE, Break, Case, Thing

KEPT = {"enabled": True, "days": 14}
CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.BLOB_SERVICE,
            inputs={"deleteRetentionPolicy": KEPT, "containerDeleteRetentionPolicy": dict(KEPT)},
        ),
        breaks=[
            Break(at={"deleteRetentionPolicy.enabled": False}, says="deleteRetentionPolicy is not enabled"),
            Break(at={"containerDeleteRetentionPolicy": GONE}, says="containerDeleteRetentionPolicy is not"),
            Break(at={"deleteRetentionPolicy.days": 1}, says="deleteRetentionPolicy keeps 1 days"),
        ],
    )
]
